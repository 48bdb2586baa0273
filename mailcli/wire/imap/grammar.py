"""The grammar all responses share: atoms, strings, literals, parenthesised lists (RFC 9051 §4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from mailcli.model import pattern
from mailcli.model.flags import Flags, canonical
from mailcli.wire.imap.framing import Parts

MAX_DEPTH: Final = 64
MAX_NUMBER: Final = 2**32 - 1
MAX_NUMBER64: Final = 2**63 - 1
"""RFC 7162 §7, RFC 9051 §9: `number64` has 63 bits, as SQLite's integers have."""


class Malformed(ValueError):
    """A response is outside the grammar. Never leaves the engine: it becomes `Unparsed`."""


class Atom(bytes):
    """Distinguishes `NIL` from `"NIL"` and `12` from `"12"`."""

    __slots__ = ()


Value: TypeAlias = bytes | list["Value"] | None
"""An `Atom`, a string (plain bytes), NIL, or a list."""

# An atom may hold a section: BODY[HEADER.FIELDS (TO CC)]<0>. Everywhere else brackets are ordinary
# characters. All repetitions are possessive, and a section ends at the next "[" too: no input makes
# matching slower than linear.
_TOKEN: Final = pattern.compile(
    rb" *+(?:(\()|(\))"
    rb'|"((?:[^"\\]++|\\.)*+)"'
    rb"|(~?\{[0-9]++\+?\}\Z)"
    rb'|((?i:BODY|BINARY)\[[^\[\]]*+\](?:<[0-9]++>)?|[^ ()"{\x00]++)'
    rb"|(\Z))",
    re.DOTALL,
)
_ESCAPED: Final = pattern.compile(rb"\\(.)", re.DOTALL)
_OPEN, _CLOSE, _STRING, _LITERAL, _ATOM, _END = range(1, 7)


def values(parts: Parts, start: int = 0) -> list[Value]:
    """All values of a response from octet `start` of its first text on. Raises Malformed."""
    top: list[Value] = []
    stack: list[list[Value]] = []
    current = top
    for n in range(0, len(parts), 2):
        text, at = parts[n], start if n == 0 else 0
        while True:
            token = _TOKEN.match(text, at)
            if token is None:
                raise Malformed("no token")
            at = token.end()
            kind = token.lastindex
            if kind == _ATOM:
                atom = token[_ATOM]
                current.append(None if len(atom) == 3 and atom.upper() == b"NIL" else Atom(atom))
            elif kind == _STRING:
                current.append(unquoted(token[_STRING]))
            elif kind == _OPEN:
                if len(stack) >= MAX_DEPTH:
                    raise Malformed("nested too deeply")
                stack.append(current)
                inner: list[Value] = []
                current.append(inner)
                current = inner
            elif kind == _CLOSE:
                if not stack:
                    raise Malformed("a parenthesis too many")
                current = stack.pop()
            elif kind == _LITERAL and n + 1 < len(parts):
                current.append(parts[n + 1])
                break
            elif kind == _END and n == len(parts) - 1:
                break
            else:
                raise Malformed("a literal marker out of place")
    if stack:
        raise Malformed("a parenthesis is missing")
    return top


def unquoted(text: bytes) -> bytes:
    """The content of a quoted string."""
    return _ESCAPED.sub(rb"\1", text) if b"\\" in text else text


def number(value: Value, most: int = MAX_NUMBER) -> int:
    """A number as an atom; some servers quote it. Raises Malformed."""
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > 20:
        raise Malformed("not a number")
    n = int(value)
    if n > most:
        raise Malformed("a number too large")
    return n


def string(value: Value) -> bytes:
    """An astring. Raises Malformed for NIL and lists."""
    if not isinstance(value, bytes):
        raise Malformed("not a string")
    return value


def text(value: Value) -> str:
    return string(value).decode("utf-8", "replace")


def items(value: Value) -> list[Value]:
    """A parenthesised list. Raises Malformed for anything else."""
    if not isinstance(value, list):
        raise Malformed("not a list")
    return value


@lru_cache(maxsize=4096)
def flags(raw: bytes) -> Flags:
    """What stands between the parentheses of a flag list, canonical. \\Recent is a property of the
    session (RFC 3501 §2.3.2), not of the message: it is left out."""
    found = (canonical(f) for f in raw.decode("utf-8", "replace").split())
    return frozenset(f for f in found if f.lower() != "\\recent")


def flags_of(value: Value) -> Flags:
    return flags(b" ".join(map(string, items(value))))


def frozen(value: Value) -> bytes | tuple[object, ...] | None:
    """A value as events carry it: plain bytes, None, tuples."""
    if isinstance(value, list):
        return tuple(frozen(v) for v in value)
    return bytes(value) if isinstance(value, Atom) else value


def pairs(flat: Sequence[Value]) -> list[tuple[Value, Value]]:
    """`name value name value …`. Raises Malformed if one is missing."""
    if len(flat) % 2:
        raise Malformed("a value is missing")
    return list(zip(flat[::2], flat[1::2], strict=True))
