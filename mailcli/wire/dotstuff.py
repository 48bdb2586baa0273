"""Dot-stuffing: how SMTP and POP3 mark the end of a message (RFC 5321 §4.5.2, RFC 1939 §3).

Where a message ends is a question of safety in both directions. Sending: a server that takes
`LF . LF` for the end would run what follows as commands of our session ("SMTP smuggling"), so that
nothing but whole CRLFs is let out. Receiving: a message that contains something we take for the
end would put its own words in the place of the server's next answers.
"""

from __future__ import annotations

from typing import Final

from mailcli.errors import MessageMalformed
from mailcli.model import pattern

TERMINATOR: Final = b".\r\n"
"""Ends a message; what `stuff` returns always ends in CRLF (or is empty), as this needs."""


def stuff(data: bytes) -> bytes:
    """`data` with a dot doubled at the start of each line, ended by CRLF; without the terminator.

    Lines must end in CRLF (only the last may be without an end). MessageMalformed for a CR or LF
    on its own: making CRLF of it is the composer's work, where it is known whether a signature
    would break.
    """
    pairs = data.count(b"\r\n")
    if data.count(b"\r") != pairs or data.count(b"\n") != pairs:
        raise MessageMalformed("the message has a CR or LF that is not part of a CRLF")
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    if data.startswith(b"."):
        stuffed = b"." + stuffed
    if data and not data.endswith(b"\r\n"):
        stuffed += b"\r\n"
    return stuffed


_END_AFTER_LF: Final = pattern.compile(rb"\n\.\r\n")
_END_IN_LF: Final = pattern.compile(rb"\n\.\r?\n")


class Unstuffer:
    """Takes the multi-line part of a POP3 response piece by piece, and finds its end.

    What ends it: RFC 1939 says CRLF "." CRLF, and where the server writes CRLF nothing else does:
    a bare `LF . LF` or `LF . CRLF` inside a message is text, and a dot behind a bare LF was not
    put there by the server. But some servers send the stored message with its bare LFs as it is
    and know only LF as a line end when they stuff dots. So the first line decides. It is written
    by the server side (a trace field), not by the sender of the message:

    - it ends in CRLF: RFC 1939 to the letter;
    - it ends in LF: lines end at LF; the end is "." CRLF on a line of its own;
    - the status line (`bare_lf`) ended in LF: as before, and "." LF is an end, too.

    Bytes are otherwise passed as they are: NUL, bare CR, lines of any length.
    """

    def __init__(self, *, bare_lf: bool = False) -> None:
        self.ended = False
        self._bare_lf = bare_lf
        self._end_pattern = _END_IN_LF if bare_lf else _END_AFTER_LF
        self._strict = False
        self._at_start = True
        self._in_first_line = True
        self._carry = b""

    def feed(self, data: bytes, start: int = 0) -> tuple[bytes, int]:
        """Take `data` from `start` on; return the content in it and where it stopped reading.

        That is the end of `data`, or, once `ended`, the octet behind the terminator.
        """
        carried = len(self._carry)
        if carried:
            data = self._carry + data[start:]
            self._carry = b""
            content, stop = self._feed(data, 0)
            return content, start + stop - carried
        return self._feed(data, start)

    def _feed(self, data: bytes, start: int) -> tuple[bytes, int]:
        search = start
        if self._at_start:
            if start == len(data):
                return b"", start
            head = data[start : start + 3]
            if head == TERMINATOR or (self._bare_lf and head[:2] == b".\n"):
                self.ended = True
                return b"", start + (3 if head == TERMINATOR else 2)
            if TERMINATOR.startswith(head):
                return self._hold(data, start, len(data) - start)
            self._at_start = False
            if head[:1] == b".":
                start += 1
        if self._in_first_line:
            line_feed = data.find(b"\n", start)
            if line_feed < 0:
                return self._hold(data, start, 1 if data.endswith(b"\r", start) else 0)
            self._in_first_line = False
            in_crlf = line_feed > start and data[line_feed - 1] == 13
            self._strict = in_crlf and not self._bare_lf
            search = line_feed - 1 if in_crlf else line_feed
        return (
            self._strict_lines(data, start, search) if self._strict else self._lf_lines(data, start, search)
        )

    def _strict_lines(self, data: bytes, start: int, search: int) -> tuple[bytes, int]:
        end = data.find(b"\r\n.\r\n", search)
        if end >= 0:
            self.ended = True
            return data[start : end + 2].replace(b"\r\n.", b"\r\n"), end + 5
        tail = data[max(search, len(data) - 4) :]
        held = next((n for n in (4, 3, 2, 1) if tail.endswith(b"\r\n.\r"[:n])), 0)
        content, stop = self._hold(data, start, held)
        return content.replace(b"\r\n.", b"\r\n"), stop

    def _lf_lines(self, data: bytes, start: int, search: int) -> tuple[bytes, int]:
        match = self._end_pattern.search(data, search)
        if match:
            self.ended = True
            return data[start : match.start() + 1].replace(b"\n.", b"\n"), match.end()
        tail = data[max(search, len(data) - 3) :]
        held = next((n for n in (3, 2, 1) if tail.endswith(b"\n.\r"[:n])), 0)
        content, stop = self._hold(data, start, held)
        return content.replace(b"\n.", b"\n"), stop

    def _hold(self, data: bytes, start: int, octets: int) -> tuple[bytes, int]:
        """Keep the last octets for the next piece: they may be the beginning of the end."""
        stop = len(data) - octets
        self._carry = data[stop:]
        return data[start:stop], len(data)
