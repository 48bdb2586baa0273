"""A view: everything the printers need to know about one kind of result.

One set of fields serves --json, --format, the tab-separated form, and the published schema; a
terminal adds its own layout. A command hands rows and their view to `Output` and knows no form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from mailcli.model import flags as flagging
from mailcli.model import printable
from mailcli.model.address import Address


class Field:
    """One field. `get` takes the row; `kind` says what it gives:

    text, integer, number, boolean; date (an ISO 8601 text with offset); address (an Address or
    None); addresses (a sequence of them); words (a list of str); pairs (of str); error (a
    MailcliError or None); object and objects (one, a sequence of what `of` views). `none`: may be
    None as well.
    """

    def __init__(
        self, kind: str, get: Callable[[Any], Any], of: View | None = None, none: bool = False
    ) -> None:
        self.kind = kind
        self.get = get
        self.of = of
        self.none = none


class Look:
    """How a terminal looks, for layouts: its width in cells, the time now, shortened ids; `show` is
    what a command adds for its own layout."""

    def __init__(
        self, width: int, now: float, short: Mapping[str, str], terminal: bool = True, show: Any = None
    ) -> None:
        self.width = width
        self.now = now
        self.short = short
        self.terminal = terminal
        self.show = show


class Column:
    """A column of a terminal's table, at most `most` cells wide (0: no limit).

    `grow` columns share what the others leave; `style` is a style for the row. When the terminal is
    too narrow, columns are left out, those with the largest `keep` first, those with 0 never.
    """

    def __init__(
        self,
        title: str,
        get: Callable[[Any, Look], str],
        style: Callable[[Any], str] = lambda _: "",
        right: bool = False,
        most: int = 0,
        grow: bool = False,
        keep: int = 9,
    ) -> None:
        self.title = title
        self.get = get
        self.style = style
        self.right = right
        self.most = most
        self.grow = grow
        self.keep = keep


class View:
    """A kind of result.

    `name` names it in the schema; `fields` in their JSON order; `tsv` the fields of the piped form;
    `columns` the terminal's table for these rows. `text` replaces both by a layout of its own
    (it returns printable lines, already filtered); `raw` is for results that are bytes: written as
    they are when piped, filtered on a terminal. `ident` gives what --ids prints.
    """

    def __init__(
        self,
        name: str,
        fields: Mapping[str, Field],
        tsv: Sequence[str] = (),
        columns: Callable[[Sequence[Any], Look], Sequence[Column]] | None = None,
        text: Callable[[Any, Look], str] | None = None,
        ident: Callable[[Any], Sequence[str]] | None = None,
        raw: Callable[[Any], bytes] | None = None,
    ) -> None:
        self.name = name
        self.fields = fields
        self.tsv = tsv
        self.columns = columns
        self.text = text
        self.ident = ident
        self.raw = raw


def plain(field: Field, value: Any) -> str:
    """A field's value as one text: the cell of a line, the value in a template. Not yet filtered."""
    kind = field.kind
    if value is None:
        return ""
    if kind == "text" or kind == "date":
        return str(value)
    if kind == "address":
        return address_text(value)
    if kind == "addresses":
        return ", ".join(map(address_text, value))
    if kind == "words":
        return " ".join(value)
    if kind == "boolean":
        return "yes" if value else "no"
    if kind == "pairs":
        return "; ".join(f"{name}: {text}" for name, text in value)
    if kind == "object":
        assert field.of is not None and field.of.text is not None
        return field.of.text(value, Look(0, 0.0, {}, False)).rstrip("\n")
    if kind == "objects":
        return str(len(value))
    if kind == "error":
        return str(value.message)
    return str(value)


def reader(field: Field) -> Callable[[Any], str]:
    """`plain` of a row's field, chosen once: a list prints a hundred thousand of them."""
    get, kind = field.get, field.kind
    if field.none or kind not in _DIRECT:
        return lambda row: plain(field, get(row))
    if kind == "words":
        return lambda row: " ".join(get(row))
    if kind == "integer":
        return lambda row: str(get(row))
    return get


def as_json(field: Field, value: Any) -> Any:
    """A field's value as JSON has it."""
    if value is None:
        return None
    if field.of is not None:
        return record(field.of, value) if field.kind == "object" else [record(field.of, r) for r in value]
    return _JSON[field.kind](value)


def record(view: View, row: Any) -> dict[str, Any]:
    """A row as its JSON object."""
    return {
        name: field.get(row) if field.kind in _SAME else as_json(field, field.get(row))
        for name, field in view.fields.items()
    }


def error_json(error: Any) -> dict[str, Any]:
    """A MailcliError as errors are told with --json."""
    return {
        "code": error.exit_code,
        "kind": type(error).__name__,
        "message": printable.line(error.message),
        "hint": printable.line(error.hint),
    }


def address_text(address: Address) -> str:
    """`Name <local@domain>`, or the bare address."""
    return f"{address.name} <{address.email}>" if address.name else address.email


@lru_cache(maxsize=1000)
def flag_names(flags: frozenset[str]) -> tuple[str, ...]:
    """A mailbox has few different sets of flags."""
    return tuple(flagging.names(flags))


_DIRECT: Final = frozenset(("text", "date", "words", "integer"))
_SAME: Final = frozenset(("text", "date", "integer", "number", "boolean"))
"""What JSON has as it is."""

_JSON: Final[Mapping[str, Callable[[Any], Any]]] = {
    "address": Address.as_json,
    "addresses": lambda value: [address.as_json() for address in value],
    "words": list,
    "pairs": lambda value: [list(pair) for pair in value],
    "error": error_json,
}
