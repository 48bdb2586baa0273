"""The tree of a query. Leaves carry `at`, their offset in the text.

`And` and `Or` have two or more children and never one of their own kind; use `conjunction` and
`disjunction` to build them. The depth is bounded by `parse`, so that walking it may recurse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from mailcli.model.record import NamedTuple


class Everything(NamedTuple):
    """`*`: every message of the scope; as a header's value, every message that has the header."""

    field: str = ""


class Text(NamedTuple):
    """A word or phrase. `field` is "" (anywhere), a text field or `header.name` in lower case."""

    field: str
    text: str
    prefix: bool = False
    at: int = 0


class Near(NamedTuple):
    """Two texts of one field with at most `distance` words between them, in either order."""

    field: str
    left: Text
    right: Text
    distance: int
    at: int = 0


class Regex(NamedTuple):
    """A regular expression (Python's, case ignored) over a field's whole decoded text."""

    field: str
    pattern: str
    at: int = 0


class When(NamedTuple):
    """The Date header between `low` and `high`, both included, seconds since the epoch."""

    field: str
    text: str
    low: float | None
    high: float | None
    at: int = 0


class Size(NamedTuple):
    """The wire size between `low` and `high` octets, both included."""

    field: str
    text: str
    low: int | None
    high: int | None
    at: int = 0


class Name(NamedTuple):
    """A value that names something: fields is, has, in, tag, account, id, thread, mime, lang."""

    field: str
    text: str
    prefix: bool = False
    at: int = 0


class Own(NamedTuple):
    """`from:me`: one of the user's own addresses stands in the field."""

    field: str
    at: int = 0


class Among(NamedTuple):
    """One of these messages. Never written by a user: it stands for what a server's search found.
    `text` is the term that was asked."""

    text: str
    ids: frozenset[str]
    at: int = 0


class InThread(NamedTuple):
    """`thread:{…}`: some message of the same thread, wherever it is, matches."""

    child: Node


class Saved(NamedTuple):
    """`query:NAME`, and what it stands for."""

    name: str
    child: Node


class Not(NamedTuple):
    child: Node


class And(NamedTuple):
    children: tuple[Node, ...]


class Or(NamedTuple):
    children: tuple[Node, ...]


Leaf: TypeAlias = Everything | Text | Near | Regex | When | Size | Name | Own | Among
Node: TypeAlias = Leaf | InThread | Saved | Not | And | Or


class Query(NamedTuple):
    """A parsed query, within one account if `account` is not "".

    `everywhere`: it names its own place, so Spam and Trash are not left out.
    """

    text: str
    node: Node
    account: str = ""

    @property
    def everywhere(self) -> bool:
        return _names_place(self.node, negated=False)


def conjunction(children: Iterable[Node]) -> Node:
    """All of them; one child stands for itself."""
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, And) else (child,))
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(children: Iterable[Node]) -> Node:
    """Any of them; one child stands for itself."""
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, Or) else (child,))
    return flat[0] if len(flat) == 1 else Or(tuple(flat))


def leaves(node: Node) -> Iterator[Leaf]:
    """Every leaf from left to right, those of sub-queries included."""
    match node:
        case And(children) | Or(children):
            for child in children:
                yield from leaves(child)
        case Not(child) | InThread(child) | Saved(_, child):
            yield from leaves(child)
        case leaf:
            yield leaf


def replaced(node: Node, by: Callable[[Leaf], Node]) -> Node:
    """The same tree with every leaf replaced; the children of `thread:{…}` and `query:` too."""
    match node:
        case And(children):
            return conjunction(replaced(child, by) for child in children)
        case Or(children):
            return disjunction(replaced(child, by) for child in children)
        case Not(child):
            return Not(replaced(child, by))
        case InThread(child):
            return InThread(replaced(child, by))
        case Saved(name, child):
            return Saved(name, replaced(child, by))
        case leaf:
            return by(leaf)


def _names_place(node: Node, *, negated: bool) -> bool:
    # `-in:INBOX` still leaves out the Trash; what a thread's other messages are in says nothing.
    match node:
        case Name("in" | "id"):
            return not negated
        case And(children) | Or(children):
            return any(_names_place(child, negated=negated) for child in children)
        case Not(child):
            return _names_place(child, negated=not negated)
        case Saved(_, child):
            return _names_place(child, negated=negated)
        case _:
            return False
