"""POP3 commands as values (RFC 1939, 2449, 2595, 5034, 6856)."""

from __future__ import annotations

from mailcli.model.record import NamedTuple
from mailcli.wire.mechanism import Mechanism


class Capa(NamedTuple):
    """RFC 2449: gives Capabilities. What it says of PIPELINING opens the engine's window."""


class Stls(NamedTuple):
    """RFC 2595. Nothing behind it is written before `Pop3Engine.start_tls`."""


class Authenticate(NamedTuple):
    """RFC 5034: AUTH, with the initial response in the command where it fits. `run_on`: with that all is
    said, and what is queued behind it is written without waiting."""

    mechanism: Mechanism
    run_on: bool = False


class User(NamedTuple):
    name: str


class Pass(NamedTuple):
    """Its repr hides the password: it must never reach a log or a traceback. `run_on` as in Authenticate."""

    password: str
    run_on: bool = False

    def __repr__(self) -> str:
        return "Pass(…)"


class Apop(NamedTuple):
    """`digest` is the hexadecimal MD5 of the greeting's timestamp and the password."""

    name: str
    digest: str

    def __repr__(self) -> str:
        return f"Apop({self.name!r}, …)"


class Stat(NamedTuple):
    """Gives Statistics."""


class ListSizes(NamedTuple):
    """LIST without an argument: gives Sizes."""


class Uidl(NamedTuple):
    """UIDL without an argument: gives UniqueIds."""


class Retr(NamedTuple):
    """Gives Content, in pieces."""

    number: int


class Top(NamedTuple):
    """The header and the first lines of the body: gives Content, in pieces."""

    number: int
    lines: int


class Dele(NamedTuple):
    """Marks a message; it goes at a QUIT that is answered +OK."""

    number: int


class Rset(NamedTuple):
    """Unmarks all messages."""


class Noop(NamedTuple):
    """Is the server there?"""


class Utf8(NamedTuple):
    """RFC 6856: legal only before signing in."""


class Quit(NamedTuple):
    """The last command."""


Pop3Command = (
    Capa
    | Stls
    | Authenticate
    | User
    | Pass
    | Apop
    | Stat
    | ListSizes
    | Uidl
    | Retr
    | Top
    | Dele
    | Rset
    | Noop
    | Utf8
    | Quit
)
