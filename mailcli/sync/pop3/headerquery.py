"""Queries that a message's header and size can answer, asked of them in memory.

The language is that of `search`, as far as it goes. Words are compared as the index does: without case
and accents, at their beginnings and ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from mailcli.errors import QueryError
from mailcli.mime import dates, fields, words
from mailcli.model.query.ast import (
    And,
    Everything,
    Node,
    Not,
    Or,
    Own,
    Query,
    Regex,
    Size,
    Text,
    When,
    leaves,
)
from mailcli.model.query.fields import HEADER
from mailcli.store.tokens import folded

_NAMED: Final[dict[str, tuple[str, ...]]] = {
    "from": ("from",),
    "to": ("to",),
    "cc": ("cc",),
    "subject": ("subject",),
    "list": ("list-id",),
    "": ("from", "to", "cc", "subject", "list-id"),
}
_WORD: Final = re.compile(r"\w+")


def check(query: Query) -> None:
    """Raises QueryError for a term that a header and a size cannot answer."""
    for leaf in leaves(query.node):
        field = getattr(leaf, "field", "")
        known = field in _NAMED or field.startswith(HEADER)
        fits = (isinstance(leaf, Text | Regex | Own | Everything) and known) or isinstance(leaf, Size | When)
        if not fits:
            raise QueryError(
                f"{field or type(leaf).__name__.lower()}: cannot be known before the download",
                hint="from, to, cc, subject, list, header.NAME, larger, smaller and dates can",
                position=getattr(leaf, "at", 0),
            )


class Header:
    """One message's header, decoded once."""

    def __init__(self, header: bytes, size: int, own: Sequence[str]) -> None:
        self._size = size
        self._own = own
        self._fields: dict[str, list[str]] = {}
        for name, raw in fields.every(header, 0, fields.block(header, 0, len(header))[0]):
            self._fields.setdefault(name.lower(), []).append(words.text(raw))

    def holds(self, node: Node) -> bool:
        match node:
            case And(children):
                return all(map(self.holds, children))
            case Or(children):
                return any(map(self.holds, children))
            case Not(child):
                return not self.holds(child)
            case Size(_, _, low, high):
                return (low is None or self._size >= low) and (high is None or self._size <= high)
            case When(_, _, low, high):
                return self._dated(low, high)
            case Everything(field):
                return not field or bool(self._texts(field))
            case Own(field):
                texts = "\n".join(self._texts(field)).casefold()
                return any(re.search(rf"(?<![^\s<,]){re.escape(a)}(?![^\s>,])", texts) for a in self._own)
            case Regex(field, pattern):
                return re.search(pattern, "\n".join(self._texts(field)), re.I | re.M) is not None
            case Text(field, text, prefix):
                return any(_stands(text, prefix=prefix, within=one) for one in self._texts(field))
            case _:
                return False

    def _texts(self, field: str) -> list[str]:
        names = (field.removeprefix(HEADER).lower(),) if field.startswith(HEADER) else _NAMED[field]
        return [text for name in names for text in self._fields.get(name, ())]

    def _dated(self, low: float | None, high: float | None) -> bool:
        for text in self._fields.get("date", ()):
            when, _ = dates.parse(text)
            return when is not None and (low is None or when >= low) and (high is None or when <= high)
        return False


def _stands(text: str, *, prefix: bool, within: str) -> bool:
    """Whether the words of a text stand one after the other in another; signs alone count as they are."""
    wanted, there = _words(text), _words(within)
    if not wanted:
        return text.casefold() in within.casefold()
    count = len(wanted)
    fits: Callable[[str, str], bool] = str.startswith if prefix else str.__eq__
    return any(
        there[n : n + count - 1] == wanted[:-1] and fits(there[n + count - 1], wanted[-1])
        for n in range(len(there) - count + 1)
    )


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", folded(text).casefold())
    return _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)).replace("_", " "))
