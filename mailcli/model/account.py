"""Accounts and endpoints as the configuration describes them."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final

from mailcli.model.address import Address
from mailcli.model.extent import BodyPolicy
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    StrPath = str | PathLike[str]


class Tls(Enum):
    """How a connection is protected. NONE is only for loopback, unless `allow_cleartext`."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


class Protocol(Enum):
    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"


DEFAULT_PORTS: Final = {
    (Protocol.IMAP, Tls.IMPLICIT): 993,
    (Protocol.IMAP, Tls.STARTTLS): 143,
    (Protocol.IMAP, Tls.NONE): 143,
    (Protocol.POP3, Tls.IMPLICIT): 995,
    (Protocol.POP3, Tls.STARTTLS): 110,
    (Protocol.POP3, Tls.NONE): 110,
    (Protocol.SMTP, Tls.IMPLICIT): 465,
    (Protocol.SMTP, Tls.STARTTLS): 587,
    (Protocol.SMTP, Tls.NONE): 587,
}
"""RFC 8314 §7; a submission server without TLS is still a submission server."""


class SecretSpec(NamedTuple):
    """Where a password is kept: `kind` is keyring, command, file, env or credential."""

    kind: str
    value: str = ""


class Password(NamedTuple):
    """A secret in hand. Its repr hides it: it must never reach a log or a traceback."""

    text: str

    def __repr__(self) -> str:
        return "Password(…)"


class BearerToken(NamedTuple):
    """An OAuth 2.0 access token (RFC 6750)."""

    text: str

    def __repr__(self) -> str:
        return "BearerToken(…)"


class Certificate(NamedTuple):
    """Our own certificate, shown in TLS: nothing is said but that it counts (SASL EXTERNAL)."""

    text: str = ""


Secret = Password | BearerToken | Certificate


class Proxy(NamedTuple):
    """A proxy on the way to a server: `kind` is "socks5" or "http" (CONNECT). It looks up the server's
    name. `password` is the secret in hand, `secret` where it is kept; without `user` there is none."""

    kind: str
    host: str
    port: int
    user: str = ""
    secret: SecretSpec | None = None
    password: Password | None = None

    @property
    def label(self) -> str:
        return f"the proxy {self.host}:{self.port}"


class Endpoint(NamedTuple):
    """One server of an account.

    `auth` is "auto", "scram" or a SASL mechanism name in lower case; `pins` are `sha256:HEX` of the
    leaf certificate; `disabled` names protocol extensions not to use; `connections` is the most
    to open at once, `compress` is "auto", "always" or "never" (both IMAP). `guarded`: without TLS, no
    sign-in that shows the password: an earlier one did without.

    `socket` (a Unix socket) or `command` (a shell command that speaks the protocol on its stdin and
    stdout) stand in place of host and port. `client_cert` and `client_key` are PEM files. `lmtp` and
    `chunking` are for SMTP: to speak LMTP, to send a message along with its envelope.
    """

    protocol: Protocol
    host: str
    port: int
    tls: Tls
    user: str
    auth: str = "auto"
    secret: SecretSpec | None = None
    ca_file: StrPath | None = None
    pins: tuple[str, ...] = ()
    allow_cleartext: bool = False
    disabled: frozenset[str] = frozenset()
    connections: int = 2
    compress: str = "auto"
    guarded: bool = False
    socket: StrPath | None = None
    command: str = ""
    proxy: Proxy | None = None
    client_cert: StrPath | None = None
    client_key: StrPath | None = None
    lmtp: bool = False
    chunking: bool = False

    @property
    def own_channel(self) -> bool:
        """Whether nobody is between: a socket or a command of the user's own machine."""
        return self.socket is not None or bool(self.command)

    @property
    def private(self) -> bool:
        """Whether signing in happens under verified TLS, or where it needs none."""
        return self.tls is not Tls.NONE or self.own_channel

    @property
    def label(self) -> str:
        """`imap.example.org:993`, as error messages name it."""
        if self.socket is not None:
            return str(self.socket)
        return f"`{self.command}`" if self.command else f"{self.host}:{self.port}"


class FolderPolicy(NamedTuple):
    """Which server folders take part: shell patterns over the user's folder names; with `subscribed`
    only those subscribed to."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()
    subscribed: bool = False


class SyncPolicy(NamedTuple):
    """What of this side's changes an IMAP server is told. `direction` "both", or "pull": nothing.
    `delete` is what deleting here does there: "trash" moves, "expunge" removes, "nothing"."""

    direction: str = "both"
    delete: str = "trash"

    @property
    def pushes(self) -> bool:
        return self.direction != "pull"


class Pop3Policy(NamedTuple):
    """What a POP3 download leaves on the server.

    `leave` is "keep", "delete" or "days"; `days` counts from the delivery. Of messages larger than
    `max_size` octets (0: any size) only the header comes, or nothing (`large` is "headers" or "skip");
    `session_size` is the most downloads of one session (0: any).
    `skip` and `discard` are queries over the header ("": none): leave the message on the server, delete
    it there. `deliver` is `folder:NAME`, `maildir:PATH`, `mbox:PATH`, `pipe:COMMAND`, or "": the inbox.
    """

    leave: str = "keep"
    days: int = 0
    max_size: int = 0
    large: str = "headers"
    session_size: int = 0
    skip: str = ""
    discard: str = ""
    deliver: str = ""


class Hooks(NamedTuple):
    """Shell commands that are run for what happens; "": none."""

    new_mail: str = ""
    after_fetch: str = ""


class Composing(NamedTuple):
    """How what is written is made. `signature` is its text or, if a file, where that is; `above` puts it
    between the text and the quotation. `flowed`: format=flowed (RFC 3676). `send_to` are shell patterns
    of recipients who are written to by this account."""

    signature: str | Path = ""
    above: bool = False
    flowed: bool = False
    send_to: tuple[str, ...] = ()


class Account(NamedTuple):
    """One account: at most one incoming endpoint and one for sending."""

    name: str
    email: str
    full_name: str
    aliases: tuple[str, ...]
    incoming: Endpoint | None
    sending: Endpoint | None
    folders: FolderPolicy = FolderPolicy()
    sync: SyncPolicy = SyncPolicy()
    pop3: Pop3Policy = Pop3Policy()
    push: str = "auto"  # or "manual"
    save_sent: bool = True
    bodies: BodyPolicy = BodyPolicy()
    special: tuple[tuple[str, str], ...] = ()  # ("Trash", "Deleted Items"): the user's own choice
    hooks: Hooks = Hooks()
    composing: Composing = Composing()
    watch_interval: float = 300.0  # seconds between two looks at what does not tell by itself

    @property
    def sender(self) -> Address:
        return Address(self.full_name, self.email)


LOCAL: Final = "local"
"""The built-in account that has no server: imports go there when there is no other."""
