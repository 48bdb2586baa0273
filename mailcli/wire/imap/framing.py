"""Where a response ends, which needs no more grammar than what a literal is (RFC 9051 §4.3)."""

from __future__ import annotations

import re
from typing import Final

from mailcli.errors import RemoteProtocolError
from mailcli.model import pattern
from mailcli.wire.lines import MAX_LINE, LineBuffer

MAX_LITERAL: Final = 128 << 20
"""Octets of all literals of one response. Larger messages are asked for in pieces."""

MAX_LIST: Final = 16 << 20
"""A mere list of numbers may be longer than a line: SEARCH without ESEARCH in a mailbox of a
million messages answers with 8 MB."""

_NUMBERS: Final = (b"* SEARCH ", b"* ESEARCH ", b"* VANISHED ", b"* SORT ")

# Human text may end in what looks like a literal: `* OK see {12}`. Tagged responses and
# continuation requests are such text as well.
_TEXT: Final = pattern.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)(?: |\Z)|[^*]", re.IGNORECASE)
_MARKER: Final = pattern.compile(rb"~?\{([0-9]+)\+?\}")
_QUOTED: Final = pattern.compile(rb'"(?:[^"\\]|\\.)*+"')

Parts = list[bytes]
"""One response: text, literal, text, literal, …, text. A text before a literal ends in its marker."""


class Framer:
    """Cuts the stream into responses."""

    __slots__ = ("_buffer", "_literals", "_need", "_parts", "_texts")

    def __init__(self) -> None:
        self._buffer = LineBuffer(bare_lf=True)
        self._parts: Parts = []
        self._need = -1  # octets of the literal being read, -1: a line is
        self._texts = 0
        self._literals = 0

    def __len__(self) -> int:
        """Octets held that belong to no complete response."""
        return len(self._buffer) + self._texts + self._literals

    def feed(self, data: bytes) -> None:
        self._buffer.feed(data)

    def next(self) -> Parts | None:
        """The next complete response. Raises RemoteProtocolError at a limit."""
        while True:
            if self._need >= 0:
                literal = self._buffer.take(self._need)
                if literal is None:
                    return None
                self._parts.append(literal)
                self._need = -1
            line = self._buffer.line(self._most())
            if line is None:
                return None
            if line[-1:] == b"}" and self._literal_follows(line):
                self._parts.append(line)
                continue
            if not self._parts:
                return [line]
            parts = self._parts
            parts.append(line)
            self._parts = []
            self._texts = self._literals = 0
            return parts

    def rest(self) -> bytes:
        """Give up all that is held after the last response (what follows is another stream)."""
        return self._buffer.take_all()

    def _most(self) -> int:
        if self._parts:
            return MAX_LINE - self._texts
        if len(self._buffer) > MAX_LINE and self._buffer.startswith(_NUMBERS):
            return MAX_LIST
        return MAX_LINE

    def _literal_follows(self, line: bytes) -> bool:
        at = line.rfind(b"{")
        if at and line[at - 1 : at] == b"~":
            at -= 1
        marker = _MARKER.fullmatch(line, at) if at >= 0 else None
        # RFC 9051 §9: whatever may be a literal stands behind a space or a parenthesis.
        if marker is None or line[at - 1 : at] not in (b" ", b"("):
            return False
        if not self._parts and _TEXT.match(line):
            return False
        if b'"' in line and b'"' in _QUOTED.sub(b"", line):
            return False  # inside a quoted string that does not end: malformed, not a literal
        digits = marker[1].lstrip(b"0") or b"0"
        if len(digits) > 10 or self._literals + int(digits) > MAX_LITERAL:
            raise RemoteProtocolError(f"the server announced a literal of {digits[:20].decode()} octets")
        self._need = int(digits)
        self._literals += self._need
        self._texts += len(line)
        return True
