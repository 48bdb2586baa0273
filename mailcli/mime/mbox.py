"""Files of many messages (RFC 4155, and the dialects mboxo, mboxrd, mboxcl, mboxcl2).

Reading: memory is that of the largest message. A `From ` line begins a message only if it looks
like one and what follows looks like a header, because many programs do not quote such lines in
bodies. Writing: mboxrd, the one dialect that loses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from mailcli.model import pattern

_CHUNK: Final = 1 << 20
_AHEAD: Final = 4096  # octets looked at behind a line that may begin a message
_MAX_LENGTH: Final = 1 << 28  # of a Content-Length that is believed

_LINE: Final = pattern.compile(
    rb"From (?:[^\r\n]{0,500}\s)?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s+[^\r\n]{0,30}?\d{1,2}:\d\d"
    rb"[^\r\n]{0,40}\r?\n"
    rb"|From [^\r\n]{0,500}\s\d{4}-\d\d-\d\d[ T]\d\d:\d\d[^\r\n]{0,40}\r?\n"
    rb"|From -?[ \t]*\r?\n"
)
# RFC 4155's own form may stand above an empty header.
_STRICT: Final = pattern.compile(
    rb"From [^\s@]+@\S+ +(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z][a-z] [ \d]\d \d\d:\d\d:\d\d \d{4}"
    rb"(?: [+-]\d{4})?\r?\n(?:\r?\n|\Z)"
)
# `git format-patch` begins patches like this; attached to a mail they are no message of the file.
_PATCH: Final = pattern.compile(rb"From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\r?\n")
_HEADER: Final = pattern.compile(rb"(?:[!-9;-~]{1,100}[ \t]*:|>From )")
_COMMON: Final = pattern.compile(
    rb"(?:return-path|received|delivered-to|x-[\w-]+|message-id|date|from|to|subject|mime-version|status)"
    rb"[ \t]*:",
    re.IGNORECASE,
)
_BLANK: Final = pattern.compile(rb"\n\r?\n")
_LENGTH: Final = pattern.compile(
    rb"^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE
)
_QUOTED: Final = pattern.compile(rb"^>(>*From )", re.MULTILINE)
_TO_QUOTE: Final = pattern.compile(rb"^(>*From )", re.MULTILINE)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def split(file: BinaryIO) -> Iterator[bytes]:
    """The messages of an mbox, without their `From ` lines, quoted lines unquoted.

    Line ends stay as they are. A file that does not begin with a `From ` line is one message.
    """
    return _Splitter(file).messages()


def opens(head: bytes) -> bool:
    """Whether a file that begins so is an mbox: all that follows its `From ` lines are messages then."""
    return _LINE.match(head.lstrip(b"\r\n")) is not None


class _Splitter:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.data = bytearray()  # from the beginning of the message being read
        self.ended = False
        self.patches = False  # the file is itself one of `git format-patch`

    def need(self, octets: int) -> bool:
        """Read until so many octets are there; false if the file ends before."""
        while len(self.data) < octets and not self.ended:
            piece = self.file.read(max(_CHUNK, octets - len(self.data)))
            self.data += piece
            self.ended = not piece
        return len(self.data) >= octets

    def messages(self) -> Iterator[bytes]:
        self.need(_AHEAD)
        while self.data.startswith((b"\n", b"\r\n")):
            del self.data[: self.data.index(b"\n") + 1]
            self.need(_AHEAD)
        if not self.data.startswith(b"From "):
            whole = bytes(self.data) + self.file.read()
            if whole:
                yield whole
            return
        self.patches = _PATCH.match(self.data) is not None
        while self.data:
            begin = self.data.find(b"\n") + 1
            while not begin and self.need(len(self.data) + 1):
                begin = self.data.find(b"\n") + 1
            if not begin:
                return
            end, exact = self.by_length(begin)
            if end < 0:
                end = self.next_line(begin)
            message = bytes(self.data[begin:end])
            del self.data[:end]
            yield message if exact else _QUOTED.sub(rb"\1", _without_blank(message))
            while self.data.startswith((b"\n", b"\r\n")):
                del self.data[: self.data.index(b"\n") + 1]
                self.need(_AHEAD)

    def by_length(self, begin: int) -> tuple[int, bool]:
        """The message's end by its Content-Length (mboxcl), if a message or the file's end is there."""
        self.need(begin + 65536)
        blank = _BLANK.search(self.data, begin - 1)
        if not blank:
            return -1, False
        found = _LENGTH.search(self.data, begin, blank.start() + 1)
        if not found or int(found[1]) > _MAX_LENGTH:
            return -1, False
        end = blank.end() + int(found[1])
        self.need(end + _AHEAD)
        if end > len(self.data):
            return -1, False
        rest = bytes(self.data[end : end + _AHEAD])
        after = rest.lstrip(b"\r\n")
        if (self.ended and not after) or (
            _LINE.match(after) and (len(rest) > len(after) or self.data[end - 1] == 10)
        ):
            if rest[: len(rest) - len(after)] in (b"\n", b"\r\n", b""):
                return end, True
            # More than the one blank line: a body that is counted without the end of its last line, or one
            # that was quoted after it was counted.
            if not _QUOTED.search(self.data, blank.end(), end):
                return end + (self.data[end - 1] != 10 and rest[:1] == b"\n"), True
        return -1, False

    def next_line(self, begin: int) -> int:
        """Where the next message's `From ` line begins, or the end of the file."""
        position = begin - 1
        while True:
            found = self.data.find(b"\nFrom ", position)
            if found < 0:
                position = max(begin - 1, len(self.data) - 5)
                if not self.need(len(self.data) + 1):
                    return len(self.data)
                continue
            self.need(found + _AHEAD)
            if self.begins(found + 1):
                return found + 1
            position = found + 1

    def begins(self, place: int) -> bool:
        """Whether the `From ` line at `place` begins a message."""
        line = _LINE.match(self.data, place)
        if not line or (not self.patches and _PATCH.match(self.data, place)):
            return False
        before = bytes(self.data[max(0, place - 3) : place])
        blank = before.endswith((b"\n\n", b"\n\r\n"))
        if blank and _STRICT.match(self.data, place):
            return True
        return (_HEADER if blank else _COMMON).match(self.data, line.end()) is not None


def _without_blank(message: bytes) -> bytes:
    """Without the blank line that separates it from the next."""
    if message.endswith(b"\n\n"):
        return message[:-1]
    if message.endswith(b"\n\r\n"):
        return message[:-2]
    return message


def write(file: BinaryIO, data: bytes, *, sender: str = "", when: float = 0.0) -> None:
    """Append one message: LF line ends, `From ` lines quoted (mboxrd), a blank line behind it.

    `sender` is the envelope's address for the `From ` line, `when` seconds since the epoch.
    """
    file.write(entry(data, sender=sender, when=when))


def entry(data: bytes, *, sender: str = "", when: float = 0.0) -> bytes:
    """What `write` writes."""
    import time

    try:
        moment = time.gmtime(int(when))
    except (OverflowError, ValueError, OSError):
        moment = time.gmtime(0)
    name = re.sub(r"[^!-~]", "", sender)[:200] or "MAILER-DAEMON"
    line = (
        f"From {name} {_DAYS[moment.tm_wday]} {_MONTHS[moment.tm_mon - 1]} {moment.tm_mday:2} "
        f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} {moment.tm_year:04}\n"
    )
    body = _TO_QUOTE.sub(rb">\1", data.replace(b"\r\n", b"\n"))
    if not body.endswith(b"\n"):
        body += b"\n"
    return line.encode("ascii") + body + b"\n"
