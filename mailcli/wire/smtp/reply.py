"""Reading SMTP replies: lines in, Reply values out (RFC 5321 §4.2, RFC 2034, RFC 3463)."""

from __future__ import annotations

import re
from typing import Final

from mailcli.errors import RemoteProtocolError
from mailcli.model import pattern, printable
from mailcli.wire.smtp.events import Extensions, Reply

MAX_KEPT: Final = 1_000
"""Lines of one reply that are kept; EHLO answers have some 20, HELP some 50."""
MAX_OCTETS: Final = 256 * 1024
"""Octets of one reply after which its lines are not kept either."""
MAX_LINES: Final = 10_000
"""Lines after which a reply is taken for endless."""

_LINE: Final = pattern.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_ENHANCED: Final = pattern.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:[ \t]+|$)")
_KEYWORD: Final = pattern.compile(r"[A-Z0-9][A-Z0-9-]*")


class ReplyReader:
    """Puts the lines of a reply together. Holds at most one unfinished reply."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._count = 0
        self._octets = 0

    def line(self, line: bytes) -> Reply | None:
        """Take one line without its end; the Reply if it is the last one.

        If the codes of the lines differ, the last one counts: it is the one a server cannot have
        written before it knew. Raises RemoteProtocolError for what is no reply.
        """
        match = _LINE.fullmatch(line)
        if not match:
            shown = printable.line(line[:80].decode("utf-8", "replace"))
            raise RemoteProtocolError(f"the server answered with something that is not SMTP: {shown!r}")
        code, mark, text = match.groups()
        self._count += 1
        if self._count > MAX_LINES:
            raise RemoteProtocolError(f"the server's reply has more than {MAX_LINES:,} lines")
        if self._count == 1 or (self._count <= MAX_KEPT and self._octets < MAX_OCTETS):
            self._lines.append(text or b"")
        self._octets += len(line)
        if mark == b"-":
            return None
        lines = tuple(line.decode("utf-8", "replace") for line in self._lines)
        self._lines, self._count, self._octets = [], 0, 0
        return Reply(int(code), "", lines)


def with_status(reply: Reply) -> Reply:
    """The reply with its enhanced status taken off the lines.

    RFC 2034 §4: on every line of a 2xx, 4xx or 5xx reply; many servers write it on the first
    only. One whose class contradicts the code is text like any other.
    """
    first = _ENHANCED.match(reply.lines[0])
    if not first or first[1][0] != str(reply.code)[0]:
        return reply
    status = first[1]
    lines = (
        line[match.end() :] if (match := _ENHANCED.match(line)) and match[1] == status else line
        for line in reply.lines
    )
    return Reply(reply.code, status, tuple(lines))


def extensions(reply: Reply, disabled: frozenset[str]) -> Extensions:
    """What the reply to EHLO offers; its first line is the server's name and greeting.

    Lines that are no keyword are skipped (a "250-" without text, prose of old appliances).
    """
    names: list[tuple[str, tuple[str, ...]]] = []
    for line in reply.lines[1:]:
        words = line.split()
        if not words:
            continue
        keyword, *parameters = words
        keyword = keyword.upper()
        if keyword.startswith("AUTH="):  # quirk: see quirks.AUTH_EQUALS
            keyword, parameters = "AUTH", [keyword[5:], *parameters]
        if _KEYWORD.fullmatch(keyword) and keyword not in disabled:
            names.append((keyword, tuple(parameters)))
    return Extensions(tuple(names))
