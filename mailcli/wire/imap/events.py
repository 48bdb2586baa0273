"""What an IMAP server says, as values.

Events are facts about the mailbox they name, never answers attributed to a command; only
`Completed` names one. Equal-shaped NamedTuples of different types compare equal: compare
`(type(e), e)`. Text is decoded but not filtered: it may hold control characters.
"""

from __future__ import annotations

from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple
from mailcli.wire.imap.uidset import UidSet


class Code(NamedTuple):
    """A response code (RFC 9051 §7.1): `name` in upper case, `args` as they came."""

    name: str
    args: bytes = b""


class Greeting(NamedTuple):
    """`status` is "OK", "PREAUTH" or "BYE"."""

    status: str
    code: Code | None
    text: str


class Completed(NamedTuple):
    """The end of the command `tag`; `status` is "OK", "NO" or "BAD"."""

    tag: int
    status: str
    code: Code | None
    text: str

    @property
    def ok(self) -> bool:
        return self.status == "OK"


class Note(NamedTuple):
    """An untagged OK, NO or BAD that is no other event here. An [ALERT] must be shown."""

    status: str
    code: Code | None
    text: str


class Bye(NamedTuple):
    code: Code | None
    text: str


class Capabilities(NamedTuple):
    """In upper case, without those the account disables."""

    names: frozenset[str]


class Enabled(NamedTuple):
    """RFC 5161; in upper case. Only what was enabled by this one command."""

    names: frozenset[str]


class ServerId(NamedTuple):
    """RFC 2971; fields in lower case, NIL values left out."""

    pairs: tuple[tuple[str, str], ...]


class NamespaceEntry(NamedTuple):
    prefix: str
    delimiter: str | None


class Namespaces(NamedTuple):
    """RFC 2342."""

    personal: tuple[NamespaceEntry, ...]
    other: tuple[NamespaceEntry, ...]
    shared: tuple[NamespaceEntry, ...]


class Quota(NamedTuple):
    """RFC 9208; one event per resource. STORAGE counts units of 1024 octets."""

    root: str
    resource: str
    used: int
    limit: int


class Opened(NamedTuple):
    """The tagged OK of SELECT or EXAMINE."""

    mailbox: str
    read_only: bool


class Exists(NamedTuple):
    mailbox: str
    count: int  # type: ignore[assignment]  # RFC 9051's word; tuple.count is not used


class Expunged(NamedTuple):
    """One message gone; `uid` is None where the engine was never told it."""

    mailbox: str
    uid: int | None


class Vanished(NamedTuple):
    """RFC 7162 §3.2.10; `earlier` means gone before this session, counts are not changed."""

    mailbox: str
    uids: UidSet
    earlier: bool


class MailboxFlags(NamedTuple):
    mailbox: str
    flags: Flags


class PermanentFlags(NamedTuple):
    """`new_keywords`: the server takes keywords it does not know yet (`\\*`)."""

    mailbox: str
    flags: Flags
    new_keywords: bool


class UidValidity(NamedTuple):
    mailbox: str
    value: int


class UidNext(NamedTuple):
    mailbox: str
    value: int


class HighestModseq(NamedTuple):
    """RFC 7162; None for NOMODSEQ and for 0: no CONDSTORE in this mailbox."""

    mailbox: str
    value: int | None


class MailboxId(NamedTuple):
    """RFC 8474."""

    mailbox: str
    value: str


class Section(NamedTuple):
    """Octets of a message: `name` such as `BODY[]` or `BODY[1.MIME]` in upper case, `origin` the
    first octet of a partial FETCH (None: whole)."""

    name: str
    origin: int | None
    data: bytes


Raw = bytes | None | tuple["Raw", ...]
"""A data item as it came: atom or string as bytes, NIL as None, a list as a tuple."""


class Fetched(NamedTuple):
    """Facts about one message; None where the response did not say.

    `uid` is None only for an unsolicited FETCH of a message whose UID was never told. A NIL body
    gives no section. `email_id` and `thread_id` are RFC 8474's, or Gmail's X-GM-MSGID and
    X-GM-THRID. `raw_items` holds (name, value) of all other items, such as ENVELOPE. `internaldate`
    is seconds since the epoch.
    """

    mailbox: str
    uid: int | None
    flags: Flags | None = None
    size: int | None = None
    internaldate: float | None = None
    modseq: int | None = None
    sections: tuple[Section, ...] = ()
    email_id: str = ""
    thread_id: str = ""
    raw_items: tuple[tuple[str, Raw], ...] = ()


class Searched(NamedTuple):
    """SEARCH or ESEARCH. Of ESEARCH only what was asked for is there (`uids` is RETURN ALL)."""

    mailbox: str
    uids: UidSet
    count: int | None = None  # type: ignore[assignment]  # RFC 4731's word
    lowest: int | None = None
    highest: int | None = None
    modseq: int | None = None


class Listed(NamedTuple):
    """LIST or LSUB. `attributes` in lower case without backslash; "subscribed" is among them for
    whatever LSUB names."""

    name: str
    delimiter: str | None
    attributes: frozenset[str]


class StatusOf(NamedTuple):
    """STATUS; None where not said. `highestmodseq` is None for 0 (no CONDSTORE there)."""

    mailbox: str
    messages: int | None = None
    uidnext: int | None = None
    uidvalidity: int | None = None
    highestmodseq: int | None = None
    unseen: int | None = None
    size: int | None = None
    mailbox_id: str = ""


class Appended(NamedTuple):
    """APPENDUID (RFC 4315)."""

    uidvalidity: int
    uids: UidSet


class Copied(NamedTuple):
    """COPYUID (RFC 4315), of COPY and MOVE: `source[i]` became `destination[i]`. `uidvalidity` is
    the destination's."""

    uidvalidity: int
    source: tuple[int, ...]
    destination: tuple[int, ...]


class Idling(NamedTuple):
    """The server has entered IDLE."""


class Cancelled(NamedTuple):
    """We broke a SASL exchange off, because the mechanism would not go on: `reason` and `hint` of
    its AuthenticationFailed. The exchange's Completed follows; an OK there counts for nothing."""

    reason: str
    hint: str


class Unparsed(NamedTuple):
    """A response outside the grammar, literals included, at most its first 4096 octets."""

    raw: bytes


Event = (
    Greeting
    | Completed
    | Note
    | Bye
    | Capabilities
    | Enabled
    | ServerId
    | Namespaces
    | Quota
    | Opened
    | Exists
    | Expunged
    | Vanished
    | MailboxFlags
    | PermanentFlags
    | UidValidity
    | UidNext
    | HighestModseq
    | MailboxId
    | Fetched
    | Searched
    | Listed
    | StatusOf
    | Appended
    | Copied
    | Idling
    | Cancelled
    | Unparsed
)
