"""A query back to text: the parsed form, and in words what a search will do."""

from __future__ import annotations

from mailcli.model.query import fields
from mailcli.model.query.ast import (
    Among,
    And,
    Everything,
    InThread,
    Leaf,
    Name,
    Near,
    Node,
    Not,
    Or,
    Own,
    Query,
    Regex,
    Saved,
    Size,
    Text,
    When,
    leaves,
)


def unparse(node: Node, *, full: bool = False) -> str:
    """The query text of a tree: `parse` gives the same tree again. `full`: all parentheses."""
    text = _unparse(node, full=full)
    if isinstance(node, And | Or) and full:
        return text[1:-1]
    return text


def _unparse(node: Node, *, full: bool) -> str:
    match node:
        case Or(children):
            text = " OR ".join(_unparse(child, full=full) for child in children)
            return f"({text})" if full else text
        case And(children):
            text = " AND ".join(_within(child, (Or,), full=full) for child in children)
            return f"({text})" if full else text
        case Not(child):
            return f"NOT {_within(child, (Or, And, Not), full=full)}"
        case InThread(child):
            return f"thread:{{{unparse(child, full=full)}}}"
        case Saved(name):
            return f'query:"{name}"'
        case leaf:
            return _leaf(leaf)


def _within(node: Node, wrapped: tuple[type, ...], *, full: bool) -> str:
    text = _unparse(node, full=full)
    needed = isinstance(node, wrapped) and not (full and isinstance(node, And | Or))
    return f"({text})" if needed else text


def _leaf(leaf: Leaf) -> str:
    match leaf:
        case Everything(field):
            return f"{field}:*" if field else "*"
        case Text(field, text, prefix):
            word = f"{text}*" if prefix else f'"{text}"'
            return f"{field}:{word}" if field else word
        case Near(field, left, right, distance):
            text = f"{_leaf(left)} NEAR/{distance} {_leaf(right)}"
            return f"{field}:({text})" if field else text
        case Regex(field, pattern):
            return f"{field}:/{pattern}/"
        case Own(field):
            return f"{field}:me"
        case Among(text):
            return f"server:{text}"
        case Name(field, text, True):
            return f"{field}:{text}*"
        case Name("is" | "has" as field, text):
            return f"{field}:{text}"
        case When(field, text) | Size(field, text) | Name(field, text):
            return f'{field}:"{text}"' if _needs_quotes(text) else f"{field}:{text}"


def _needs_quotes(text: str) -> bool:
    return not all(c.isalnum() or c in "-_./+@:" for c in text)


def explain(query: Query) -> str:
    """Several lines: the parsed form with all parentheses, where it looks, and the plan."""
    found = list(leaves(query.node))
    lines = [f"query: {unparse(query.node, full=True)}"]
    lines += [f"  {name} = {text}" for name, text in _saved(query.node)]
    lines += [f"  {_leaf(leaf)}: {_bounds(leaf)}" for leaf in found if isinstance(leaf, When | Size)]
    where = "where it says" if query.everywhere else "everywhere but Spam and Trash (in:any: there too)"
    within = f"in the account {query.account}, " if query.account else ""
    lines.append(f"looks: {within}{where}")
    lines.append("plan:")
    steps = (
        ("full-text index", _indexed),
        ("message table", _tabled),
        ("checked on the header fields of what is left", _checked),
        ("read from the files of what is left", _read),
    )
    for title, belongs in steps:
        terms = ", ".join(dict.fromkeys(_leaf(leaf) for leaf in found if belongs(leaf)))
        if terms:
            lines.append(f"  {title}: {terms}")
    lines.append("  newest first, by row id: no sorting")
    return "\n".join(lines)


def _saved(node: Node) -> list[tuple[str, str]]:
    match node:
        case And(children) | Or(children):
            return [pair for child in children for pair in _saved(child)]
        case Not(child) | InThread(child):
            return _saved(child)
        case Saved(name, child):
            return [(f"query:{name}", unparse(child, full=True)), *_saved(child)]
        case _:
            return []


def _bounds(leaf: When | Size) -> str:
    low, high = leaf.low, leaf.high
    show = _stamp if isinstance(leaf, When) else "{} octets".format
    first = f"from {show(low)}" if low is not None else ""
    last = f"to {show(high)}" if high is not None else ""
    return f"{first} {last}".strip()


def _stamp(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _has_word(leaf: Leaf) -> bool:
    texts = [leaf.text] if isinstance(leaf, Text) else []
    if isinstance(leaf, Near):
        texts = [leaf.left.text, leaf.right.text]
    return bool(texts) and all(any(c.isalnum() for c in text) for text in texts)


def _indexed(leaf: Leaf) -> bool:
    if isinstance(leaf, Own):
        return True
    return isinstance(leaf, Text | Near) and fields.kind(leaf.field) != "header" and _has_word(leaf)


def _tabled(leaf: Leaf) -> bool:
    return isinstance(leaf, When | Size | Among) or (isinstance(leaf, Name) and leaf.field != "lang")


def _read(leaf: Leaf) -> bool:
    match leaf:
        case Text(field) | Near(field) | Regex(field) | Everything(field) if fields.kind(field) == "header":
            return True
        case Text(field) | Near(field):
            return field in ("", "body") and not _has_word(leaf)
        case Regex(field):
            return field in ("body", "bcc")
        case Name(field):
            return field == "lang"
        case _:
            return False


def _checked(leaf: Leaf) -> bool:
    match leaf:
        case Regex():
            return not _read(leaf)
        case Text() | Near():
            return not _indexed(leaf) and not _read(leaf)
        case _:
            return False
