"""A bounded buffer of lines and octets, shared by the three protocols."""

from __future__ import annotations

from typing import Final

from mailcli.errors import RemoteProtocolError

MAX_LINE: Final = 1 << 20
"""No line of a mail protocol is near 1 MiB; who sends more wants our memory."""


class LineBuffer:
    """Bytes in, lines and counted octets out; every octet is copied a constant number of times,
    however the bytes are split.

    With `bare_lf` a lone LF ends a line too; without, it is part of the line.
    """

    __slots__ = ("_bare_lf", "_data", "_scanned", "_start")

    def __init__(self, *, bare_lf: bool = False) -> None:
        self._data = bytearray()
        self._start = 0  # what is before it was taken
        self._scanned = 0  # no line end lies before it
        self._bare_lf = bare_lf

    def __len__(self) -> int:
        """Octets held and not taken."""
        return len(self._data) - self._start

    def feed(self, data: bytes) -> None:
        """Append what has arrived."""
        if self._start:
            del self._data[: self._start]
            self._scanned -= self._start
            self._start = 0
        self._data += data

    def line(self, most: int = MAX_LINE) -> bytes | None:
        """The next line without its end; None until it is complete.

        Raises RemoteProtocolError if it is longer than `most` octets, complete or not.
        """
        data, start = self._data, self._start
        found = data.find(b"\n" if self._bare_lf else b"\r\n", self._scanned)
        if found < 0:
            # The last octet may be the CR of a line end: no part of the line, and to be seen again.
            self._scanned = end = max(len(data) - 1, start)
        elif self._bare_lf:
            end = found - 1 if found > start and data[found - 1] == 0x0D else found
        else:
            end = found
        if end - start > most:
            raise RemoteProtocolError(f"the server sent a line of more than {most} octets")
        if found < 0:
            return None
        with memoryview(data) as view:
            line = bytes(view[start:end])
        self._start = self._scanned = found + (1 if self._bare_lf else 2)
        return line

    def take(self, count: int) -> bytes | None:
        """The next `count` octets, whatever they are; None until they have arrived."""
        end = self._start + count
        if end > len(self._data):
            return None
        with memoryview(self._data) as view:
            octets = bytes(view[self._start : end])
        self._start = self._scanned = end
        return octets

    def take_all(self) -> bytes:
        """All that is held."""
        octets = bytes(self._data[self._start :])
        self.clear()
        return octets

    def clear(self) -> None:
        self._data.clear()
        self._start = self._scanned = 0

    def startswith(self, prefixes: tuple[bytes, ...]) -> bool:
        """Whether what is held begins with one of these, in any case of letters."""
        longest = max(map(len, prefixes))
        return bytes(self._data[self._start : self._start + longest]).upper().startswith(prefixes)
