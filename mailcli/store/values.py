"""The values that go in and out of the store. None of them holds a connection or a file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple


class Arrival(NamedTuple):
    """A message to be stored in a folder.

    `data` is the message as it was on the wire, `arrived` the INTERNALDATE or the time of download
    (seconds since the epoch). With `on_server` the server has it in that folder, as `uid` with these
    `flags` (for POP3, which has no uid, `on_server` stays false). `id` is given only when the message
    had one before; `origin` is the id of the message this is a copy of. `object_id` is the server's own
    name for the content (EMAILID, X-GM-MSGID). `sha256` is that of `data`, where the caller has it already.
    """

    folder: int
    data: bytes
    flags: Flags = frozenset()
    arrived: float = 0.0
    uid: int | None = None
    uidvalidity: int | None = None
    id: str | None = None
    on_server: bool = False
    origin: str = ""
    object_id: str = ""
    sha256: bytes = b""


class FolderFacts(NamedTuple):
    """A folder as the server lists it; `name` is the user's."""

    name: str
    special: str
    delimiter: str
    selectable: bool
    subscribed: bool


class FolderState(NamedTuple):
    """What the server last said of a folder; None: it has not said. It moves only by `apply`.

    `permanent_flags` holds the names of PERMANENTFLAGS, `\\*` among them if new keywords may be made;
    `skipped` the UIDs that are left on the server and `withheld` those that it does not give, as the
    synchroniser notes them.
    """

    uidvalidity: int | None = None
    uidnext: int | None = None
    highestmodseq: int | None = None
    server_count: int | None = None
    mailbox_id: str = ""
    permanent_flags: Flags | None = None
    synced_at: float | None = None
    skipped: str = ""
    withheld: str = ""


class SyncFolder(NamedTuple):
    """A folder with all that a run over an account needs to decide whether to open it.

    `dirty`: something here differs from the server. `unscanned`: a directory changed since the last
    scan, so another program may have been there.
    """

    key: int
    account: str
    name: str
    special: str
    delimiter: str
    subscribed: bool
    selectable: bool
    state: FolderState
    dirty: bool
    unscanned: bool


class Agreed(NamedTuple):
    """A message that the server has in a folder.

    `base` are the flags last agreed (None: never, or lost with a damaged database: merge by union),
    `flags` those here now; `folder` is where the user has it now (another one: moved here).
    """

    id: str
    uid: int
    base: Flags | None
    flags: Flags
    folder: int
    file_present: bool = True


class Fingerprint(NamedTuple):
    """What a message can be recognised by when the server numbers its folder anew."""

    id: str
    uid: int | None
    size: int
    message_id: str
    object_id: str
    sha256: bytes


class PendingMove(NamedTuple):
    """The server has it as `uid` in `source`; it belongs in `destination`."""

    id: str
    source: int
    uid: int
    destination: int


class PendingCopy(NamedTuple):
    """No copy on the server yet, but the message it was copied from is there: COPY will do."""

    id: str
    origin: str
    source: int
    uid: int
    destination: int


class PendingAppend(NamedTuple):
    """Only here: to be uploaded to `folder`."""

    id: str
    folder: int


class PendingStore(NamedTuple):
    """Flags that differ from those last agreed; `folder` and `uid` say where the server has it."""

    id: str
    folder: int
    uid: int
    add: Flags
    remove: Flags


class PendingExpunge(NamedTuple):
    """Purged here, to be expunged there. `id` names the recovery entry, `base` its flags last agreed
    (if that was lost: the flags it had here).
    """

    id: str
    folder: int
    uid: int
    base: Flags = frozenset()


class Tombstone(NamedTuple):
    """A message that is gone here and that the server has as `uid`: to be expunged there, or if `hidden`
    to be left unseen. `id` names the recovery entry, `base` are its flags last agreed."""

    id: str
    uid: int
    base: Flags
    hidden: bool


class Pending(NamedTuple):
    """What an account's server has yet to be told: the difference, worked out from the state."""

    moves: tuple[PendingMove, ...] = ()
    copies: tuple[PendingCopy, ...] = ()
    appends: tuple[PendingAppend, ...] = ()
    stores: tuple[PendingStore, ...] = ()
    expunges: tuple[PendingExpunge, ...] = ()
    unagreed: tuple[PendingStore, ...] = ()  # base lost: ask for the server's flags, then unite

    def __bool__(self) -> bool:
        return any(tuple(self))


class FlagsAgreed(NamedTuple):
    """The server has `base` now. `add` and `remove` are applied to the flags here.

    A difference and not a value: what the user changed while the run was under way stays changed.
    """

    id: str
    base: Flags
    add: Flags = frozenset()
    remove: Flags = frozenset()


class Bound(NamedTuple):
    """The server has the message as `uid` in `at_folder` (after APPEND, COPY, MOVE, renumbering).

    `base`: the flags it has there; None leaves the ones agreed before.
    """

    id: str
    at_folder: int
    uid: int
    base: Flags | None = None


class Gone(NamedTuple):
    """The server no longer has it: the file goes to the recovery area. `reason` is one word or two."""

    id: str
    reason: str = "gone"


class SyncChanges:
    """What a step of synchronisation found out; `Store.apply` does it all in one transaction.

    The order is that of the attributes. The cursors (`states`) come last and are durable only
    together with all that they stand for. (No dataclass: its import costs `list` 5 ms.)
    """

    def __init__(
        self,
        *,
        unbound: Iterable[str] = (),
        left: Iterable[str] = (),
        bound: Iterable[Bound] = (),
        relocated: Iterable[tuple[str, int]] = (),
        flags: Iterable[FlagsAgreed] = (),
        gone: Iterable[Gone] = (),
        expunged: Iterable[str] = (),
        hidden: Iterable[str] = (),
        ended: Iterable[int] = (),
        states: Iterable[tuple[int, FolderState]] = (),
    ) -> None:
        self.unbound = list(unbound)  # not on the server any more, stays here: upload again
        self.left = list(left)  # copied there, about to be bound: the original is still to be expunged
        self.bound = list(bound)
        self.relocated = list(relocated)  # (id, folder): moved on the server
        self.flags = list(flags)
        self.gone = list(gone)
        self.expunged = list(expunged)  # recovery entries whose EXPUNGE or DELE is done
        self.hidden = list(hidden)  # recovery entries that the server keeps for good
        self.ended = list(ended)  # operations that are over
        self.states = list(states)

    def __bool__(self) -> bool:
        return any(vars(self).values())


class Operation(NamedTuple):
    """A push whose outcome is not known yet. After a cut it is resolved by looking at the server.

    `kind` is append, copy, move, store or expunge; `uidnext_before` the destination's UIDNEXT before it.
    """

    seq: int
    kind: str
    id: str
    folder: int | None
    destination: int | None
    stage: str
    uidnext_before: int | None
    started: float
    note: str


class Scan(NamedTuple):
    """What a look at a folder's files found, already written down (but `missing`).

    `adopted`: files that had no row. `flags`: ids whose flags another program changed. `moved`: ids that
    it moved here. `suspects`: files not seen for the first time; `missing`: not seen at two looks, the
    caller decides (purge, or fetch again). `skipped`: the directories had not changed; `absent`: new/ or
    cur/ is not there."""

    adopted: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    skipped: bool = False
    absent: bool = False


class Missing(NamedTuple):
    """A message whose file is not where it was: in `folder`. `at_folder` and `uid` are where the server
    has it (None: nowhere), `base` and `flags` as in `Agreed`; `size` in octets."""

    id: str
    folder: int
    at_folder: int | None
    uid: int | None
    base: Flags | None
    flags: Flags
    size: int


class Changed(NamedTuple):
    """What a local change did to one message: the flags and folder before it, for `undo`."""

    id: str
    folder: int
    flags: Flags


class Pop3Row(NamedTuple):
    """What is known of one message on a POP3 server; `(uidl, occurrence)` is its key in an account.

    `state` is "fetching" (its id is drawn), "delivered", "outlined" (its header is: `deliver_outlines`; with
    its body it becomes "delivered"), "deleted" (DELE confirmed by QUIT), "failed", "skipped" or "discarded";
    `id` is the message it became, or "". Hashes are b"" when unknown; times are seconds since the epoch.
    """

    uidl: str
    occurrence: int
    size: int
    state: str
    header_hash: bytes = b""
    sha256: bytes = b""
    first_seen: float = 0.0
    delivered_at: float | None = None
    missing_since: float | None = None
    id: str = ""


LIFETIME: Final = 14 * 86400
"""Seconds that what was taken away, and the journal's entry of it, can be brought back."""


class RecoveryEntry(NamedTuple):
    """A message that was purged here or vanished there, kept until `expires`."""

    id: str
    account: str
    folder: str
    reason: str
    removed_at: float
    expires: float
    size: int
    file_present: bool
    pending: bool


class Problem(NamedTuple):
    """One fault that `check` found, put right or not. `kind` is a word for scripts, `text` a sentence."""

    kind: str
    text: str
    id: str = ""
    path: str = ""
    repaired: bool = False


class IndexStatus(NamedTuple):
    """Figures for `index status`; sizes in octets. `hidden` are messages that were deleted here and stay on
    the server: they are not shown, and do not come back."""

    messages: int
    indexed: int
    remote_only: int
    folders: int
    threads: int
    pending: int
    hidden: int
    recovery: int
    database_size: int
    mail_size: int
    schema: int
    complete: bool
    path: str


class Place(NamedTuple):
    """Where one copy of a message is: `folder` here, `at_folder`/`uid` on the server as last agreed."""

    id: str
    account: str
    folder: int
    at_folder: int | None
    uid: int | None
    flags: Flags
    file_present: bool


class Twin(NamedTuple):
    """Two messages with the same content in different folders of one account; `other` may be one
    that was put into recovery."""

    id: str
    other: str
