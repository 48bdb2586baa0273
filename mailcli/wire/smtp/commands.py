"""SMTP commands as values (RFC 5321 and extensions). Text is refused by the encoder, not here."""

from __future__ import annotations

from mailcli.model.record import NamedTuple
from mailcli.wire.mechanism import Mechanism


class Ehlo(NamedTuple):
    """RFC 5321 §4.1.1.1. `name` is our host name or an address literal."""

    name: str


class Lhlo(NamedTuple):
    """RFC 2033 §4.1. From here on the engine speaks LMTP."""

    name: str


class Helo(NamedTuple):
    """For servers that refuse EHLO."""

    name: str


class StartTls(NamedTuple):
    """RFC 3207. Nothing behind it is written before `SmtpEngine.start_tls`."""


class Authenticate(NamedTuple):
    """RFC 4954: AUTH, with the initial response in the command where it fits."""

    mechanism: Mechanism


class Mail(NamedTuple):
    """`sender` without angle brackets; "" is the null sender. Parameters as `SIZE=1234`."""

    sender: str
    parameters: tuple[str, ...] = ()


class Rcpt(NamedTuple):
    """`recipient` without angle brackets. Parameters as `NOTIFY=FAILURE`."""

    recipient: str
    parameters: tuple[str, ...] = ()


class Data(NamedTuple):
    """Must be followed by Body, unless the server refuses it."""


class Body(NamedTuple):
    """The message behind DATA: CRLF line ends, not dot-stuffed.

    Written only after the 354 to its Data; if Data is refused, this completes with the same reply
    and nothing of it is written. A message may come in pieces: those with `last=False` must end
    in CRLF, are `done` as soon as they were handed out by `outgoing`, and get no Completed of
    their own, since the server has no answer for them. The final dot goes out with `last=True`.
    """

    data: bytes
    last: bool = True


class Bdat(NamedTuple):
    """One chunk of RFC 3030 CHUNKING, octets as they are."""

    data: bytes
    last: bool = True


class Rset(NamedTuple):
    """Forget the transaction."""


class Noop(NamedTuple):
    """Is the server there?"""


class Quit(NamedTuple):
    """The last command. May be queued right behind Body."""


SmtpCommand = (
    Ehlo | Lhlo | Helo | StartTls | Authenticate | Mail | Rcpt | Data | Body | Bdat | Rset | Noop | Quit
)
