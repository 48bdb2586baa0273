"""SMTP commands as octets. The lowest place where text could become a second command.

Whatever is not one harmless word is refused with MessageMalformed; nothing is repaired here.
"""

from __future__ import annotations

from typing import Final

from mailcli.errors import MessageMalformed
from mailcli.model import pattern, printable
from mailcli.wire.smtp.commands import (
    Bdat,
    Data,
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    SmtpCommand,
    StartTls,
)

MAX_LINE: Final = 512
"""RFC 5321 §4.5.3.1.4, CRLF included. RFC 4954 §4: a longer initial response waits for its 334."""

MAX_PATH: Final = 1000
"""More than RFC 5321 §4.5.3.1.3 allows; servers know their own limit and say so."""

_FIXED: Final[dict[type, bytes]] = {
    StartTls: b"STARTTLS\r\n",
    Data: b"DATA\r\n",
    Rset: b"RSET\r\n",
    Noop: b"NOOP\r\n",
    Quit: b"QUIT\r\n",
}
_HOST: Final = pattern.compile(r"[!-;=?-~]+")
_UNSAFE: Final = pattern.compile(r"[\x00-\x20\x7f-\xa0<>\u2028\u2029\ud800-\udfff]")
_QUOTED: Final = pattern.compile(r'"(?:[ !#-[\]-~]|\\[ -~])*"@(?=[^"@]+\Z)')
"""RFC 5321 §4.1.2: in a Quoted-string stand spaces and angle brackets, too."""
_PARAMETER: Final = pattern.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?:=[!-<>-~]+)?")


def encode(command: SmtpCommand, *, smtputf8: bool = False) -> bytes:
    """The octets of a command, without a Body (its engine has it) and without AUTH's responses.

    `smtputf8`: the transaction has the SMTPUTF8 parameter, so that addresses may be other than
    ASCII (RFC 6531 §3.3). Raises MessageMalformed for text that cannot be sent.
    """
    if isinstance(command, (Ehlo, Lhlo, Helo)):
        return b"%s %s\r\n" % (type(command).__name__.upper().encode(), _host(command.name))
    if isinstance(command, Mail):
        return _with_parameters(b"MAIL FROM:" + _path(command.sender, smtputf8), command.parameters)
    if isinstance(command, Rcpt):
        if not command.recipient:
            raise MessageMalformed("a recipient is empty")
        return _with_parameters(b"RCPT TO:" + _path(command.recipient, smtputf8), command.parameters)
    if isinstance(command, Bdat):
        return b"BDAT %d%s\r\n" % (len(command.data), b" LAST" if command.last else b"") + command.data
    return _FIXED[type(command)]


def has_smtputf8(command: Mail) -> bool:
    return any(parameter.upper() == "SMTPUTF8" for parameter in command.parameters)


def _host(name: str) -> bytes:
    if not _HOST.fullmatch(name):
        raise MessageMalformed(f"{printable.line(name)!r} cannot be the host name we greet with")
    return name.encode("ascii")


def _path(address: str, smtputf8: bool) -> bytes:
    quoted = _QUOTED.match(address)
    if _UNSAFE.search(address, quoted.end() if quoted else 0):
        raise MessageMalformed(
            f"the address {_shown(address)} contains a space, an angle bracket or a control character"
        )
    if len(address) > MAX_PATH:
        raise MessageMalformed(f"the address {_shown(address[:60])}… is too long")
    if not address.isascii() and not smtputf8:
        raise MessageMalformed(
            f"the address {_shown(address)} needs SMTPUTF8",
            hint="an address outside ASCII can only be used if the server offers SMTPUTF8",
        )
    return b"<%s>" % address.encode()


def _with_parameters(command: bytes, parameters: tuple[str, ...]) -> bytes:
    for parameter in parameters:
        if not _PARAMETER.fullmatch(parameter):
            raise MessageMalformed(f"{_shown(parameter)} cannot be a parameter of MAIL or RCPT")
    return b" ".join((command, *(parameter.encode("ascii") for parameter in parameters))) + b"\r\n"


def _shown(text: str) -> str:
    return repr(printable.line(text))
