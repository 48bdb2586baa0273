"""IMAP commands as values (RFC 9051 §6 and the extensions named at each).

A mailbox is the server's own name, decoded, with the server's hierarchy delimiter; the engine
encodes it. UIDs only: sequence numbers never leave the engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple
from mailcli.wire.imap.uidset import UidSet

if TYPE_CHECKING:
    from mailcli.wire.mechanism import Mechanism


class Capability(NamedTuple):
    pass


class Noop(NamedTuple):
    pass


class Logout(NamedTuple):
    pass


class StartTls(NamedTuple):
    """A barrier: nothing is written after it until `start_tls()` was called."""


class Login(NamedTuple):
    """A barrier. Only for servers that offer no SASL mechanism we have."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, password=…)"


class Authenticate(NamedTuple):
    """A barrier. SASL-IR (RFC 4959) is used where offered. After the tagged OK the caller must
    call `mechanism.finish()`: only it knows whether the server proved itself."""

    mechanism: Mechanism


class Enable(NamedTuple):
    """RFC 5161. `names` such as "QRESYNC", "CONDSTORE", "UTF8=ACCEPT"."""

    names: tuple[str, ...]


class Id(NamedTuple):
    """RFC 2971. No pairs: `ID NIL`."""

    pairs: tuple[tuple[str, str], ...] = ()


class Namespace(NamedTuple):
    """RFC 2342."""


class List(NamedTuple):
    """LIST; extended (RFC 5258, RFC 5819 for `status`) as soon as `select`, `returns`, `status` or
    more than one pattern is given. `select` and `returns` are options such as "SUBSCRIBED"."""

    reference: str = ""
    patterns: tuple[str, ...] = ("*",)
    select: tuple[str, ...] = ()
    returns: tuple[str, ...] = ()
    status: tuple[str, ...] = ()


class Lsub(NamedTuple):
    reference: str = ""
    pattern: str = "*"


class Status(NamedTuple):
    """`items` such as "MESSAGES", "UIDNEXT", "HIGHESTMODSEQ" (RFC 7162), "MAILBOXID" (RFC 8474)."""

    mailbox: str
    items: tuple[str, ...]


class QResync(NamedTuple):
    """What is known of a mailbox from the last time (RFC 7162 §3.2.5)."""

    uidvalidity: int
    modseq: int
    known: UidSet | None = None


class Select(NamedTuple):
    """SELECT, or EXAMINE if `read_only`. No barrier."""

    mailbox: str
    read_only: bool = False
    condstore: bool = False
    qresync: QResync | None = None


class Unselect(NamedTuple):
    """RFC 3691. CLOSE does not exist here: it expunges."""


class Create(NamedTuple):
    """`special_use` as the attribute with its backslash, `\\Trash` (RFC 6154 §3), or ""."""

    mailbox: str
    special_use: str = ""


class Delete(NamedTuple):
    mailbox: str


class Rename(NamedTuple):
    mailbox: str
    to: str


class Subscribe(NamedTuple):
    mailbox: str


class Unsubscribe(NamedTuple):
    mailbox: str


class Fetch(NamedTuple):
    """UID FETCH. `uids` may be text such as "100:*"; `items` such as "FLAGS", "BODY.PEEK[]".
    `changed_since` (RFC 7162) is never 0; `vanished` needs it, and QRESYNC enabled."""

    uids: UidSet | str
    items: tuple[str, ...]
    changed_since: int | None = None
    vanished: bool = False


class Store(NamedTuple):
    """UID STORE. `action` is "+", "-" or "=". It waits for the SELECT before it, and is refused
    here, unwritten, if that failed: it must never reach another mailbox."""

    uids: UidSet
    action: str
    flags: Flags
    silent: bool = True
    unchanged_since: int | None = None


class Search(NamedTuple):
    """UID SEARCH. A `str` criterion is written as it is (`UNSEEN`, `(OR`), `bytes` as a string.
    `returns` (RFC 4731): "ALL", "COUNT", "MIN", "MAX"."""

    criteria: tuple[str | bytes, ...]
    returns: tuple[str, ...] = ()
    charset: str | None = None


class Copy(NamedTuple):
    """UID COPY; waits for its SELECT like `Store`."""

    uids: UidSet
    mailbox: str


class Move(NamedTuple):
    """UID MOVE (RFC 6851); waits for its SELECT like `Store`."""

    uids: UidSet
    mailbox: str


class Expunge(NamedTuple):
    """UID EXPUNGE (RFC 4315), or EXPUNGE of all that is \\Deleted if `uids` is None; waits for its
    SELECT like `Store`."""

    uids: UidSet | None


class Append(NamedTuple):
    """`message` as on the wire (CRLF), `date` the INTERNALDATE in seconds since the epoch."""

    mailbox: str
    message: bytes
    flags: Flags = frozenset()
    date: float | None = None


class Idle(NamedTuple):
    """RFC 2177. A barrier until `Done`; `Idling` says that the server has entered it."""


class Done(NamedTuple):
    """Ends IDLE, before anything queued behind it. Completes together with its `Idle`."""


class Notify(NamedTuple):
    """NOTIFY SET (RFC 5465): from now on a STATUS for every personal mailbox in which something
    changes, and a LIST for those made or removed. The selected one speaks as it does without."""


class Compress(NamedTuple):
    """COMPRESS DEFLATE (RFC 4978). A barrier; from its OK on the engine deflates and inflates."""


class GetQuotaRoot(NamedTuple):
    """RFC 9208."""

    mailbox: str


Command = (
    Capability
    | Noop
    | Logout
    | StartTls
    | Login
    | Authenticate
    | Enable
    | Id
    | Namespace
    | List
    | Lsub
    | Status
    | Select
    | Unselect
    | Create
    | Delete
    | Rename
    | Subscribe
    | Unsubscribe
    | Fetch
    | Store
    | Search
    | Copy
    | Move
    | Expunge
    | Append
    | Idle
    | Done
    | Notify
    | Compress
    | GetQuotaRoot
)
