"""POP3 commands as octets. The lowest place where text could become a second command."""

from __future__ import annotations

from typing import Final

from mailcli.errors import LocalProtocolError, MessageMalformed
from mailcli.wire.pop3.commands import (
    Apop,
    Capa,
    Dele,
    ListSizes,
    Noop,
    Pass,
    Pop3Command,
    Quit,
    Retr,
    Rset,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
    Utf8,
)

MAX_LINE: Final = 255
"""RFC 2449 §4, CRLF included; RFC 5034 §4: a longer initial response waits for its "+"."""

_FIXED: Final[dict[type, bytes]] = {
    Capa: b"CAPA\r\n",
    ListSizes: b"LIST\r\n",
    Noop: b"NOOP\r\n",
    Quit: b"QUIT\r\n",
    Rset: b"RSET\r\n",
    Stat: b"STAT\r\n",
    Stls: b"STLS\r\n",
    Uidl: b"UIDL\r\n",
    Utf8: b"UTF8\r\n",
}


def encode(command: Pop3Command) -> bytes:
    """The octets of a command other than AUTH. Raises MessageMalformed for text that cannot be
    sent, LocalProtocolError for a number that names no message."""
    fixed = _FIXED.get(type(command))
    if fixed:
        return fixed
    if isinstance(command, User):
        return b"USER %s\r\n" % _argument(command.name, "user name")
    if isinstance(command, Pass):
        return b"PASS %s\r\n" % _argument(command.password, "password")
    if isinstance(command, Apop):
        name = _argument(command.name, "user name")
        return b"APOP %s %s\r\n" % (name, _argument(command.digest, "digest"))
    if isinstance(command, (Retr, Dele)):
        return b"%s %d\r\n" % (type(command).__name__.upper().encode(), _number(command.number))
    if isinstance(command, Top):
        if command.lines < 0:
            raise LocalProtocolError(f"TOP of {command.lines} lines")
        return b"TOP %d %d\r\n" % (_number(command.number), command.lines)
    raise LocalProtocolError(f"{type(command).__name__} has no fixed form")


def _argument(text: str, what: str) -> bytes:
    """UTF-8 (RFC 6856 §2). The rest of the line belongs to it, so that spaces are no danger."""
    if not text or "\r" in text or "\n" in text or "\x00" in text:
        raise MessageMalformed(f"the {what} is empty or contains a line break or NUL")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MessageMalformed(f"the {what} contains half a character") from error


def _number(number: int) -> int:
    if number < 1:
        raise LocalProtocolError(f"no message has the number {number}")
    return number
