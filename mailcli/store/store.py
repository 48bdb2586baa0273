"""The store's one face: everything above it goes through `Store`.

Each method says what it does in terms of mail; the work is in the modules named for it. Ids are the
public eight-character ids, folders are given by their key (`ensure_folder`, `find_folder`), times are
seconds since the epoch, sizes octets on the wire.

Errors: NotFound, AmbiguousId, Locked, LocalIOError (disk, damaged database), CannotCreate, ConfigError
(a newer schema).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from mailcli.model.flags import Flags
from mailcli.model.folder import Folder
from mailcli.model.message import Summary
from mailcli.store.values import (
    Agreed,
    Arrival,
    Changed,
    Fingerprint,
    FolderState,
    IndexStatus,
    Operation,
    Page,
    Pending,
    Place,
    Pop3Row,
    Problem,
    RecoveryEntry,
    Scan,
    SyncChanges,
    SyncFolder,
)


class Writer:
    """What `also=` and `transact` are given: changes that belong into the same transaction."""

    ids: tuple[str, ...] = ()
    """In `deliver`: the ids of the arrivals, in their order."""

    def pop3_record(self, account: str, rows: Iterable[Pop3Row]) -> None:
        """Insert or replace rows of the POP3 history."""
        raise NotImplementedError

    def pop3_forget(self, account: str, keys: Iterable[tuple[str, int]]) -> None:
        """Remove rows (uidl, occurrence) of the POP3 history."""
        raise NotImplementedError

    def put_setting(self, key: str, value: str | None) -> None:
        """Keep a value under a key; None removes it."""
        raise NotImplementedError

    def end_operations(self, seqs: Iterable[int]) -> None:
        """The outcome of these operations is known."""
        raise NotImplementedError


class Store:
    """The mailbox of one profile. Every thread may use it: each gets a connection of its own."""

    notices: list[str]
    """Sentences the user should see: a damaged database was replaced, a rename was completed."""

    def __init__(
        self, data: Path, state: Path, *, read_only: bool = False, clock: Callable[[], float] = time.time
    ) -> None:
        """Open the mailbox below `data` (created by the first change); locks are below `state`."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connections; after writing, tidy the write-ahead log."""
        raise NotImplementedError

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- accounts and folders ------------------------------------------------------------------

    def accounts(self) -> list[str]:
        """Names of the accounts that have anything here."""
        raise NotImplementedError

    def account_key(self, name: str, protocol: str = "") -> int:
        """The account's row, made when new. `protocol` ("imap", "pop3", "" for none) is noted when given."""
        raise NotImplementedError

    def remove_account(self, name: str) -> None:
        """Forget an account; its mail tree is set aside in the recovery area, never deleted."""
        raise NotImplementedError

    def folders(self, account: str | None = None) -> list[Folder]:
        """Folders with their counts, the inbox first, then by name."""
        raise NotImplementedError

    def folder(self, account: str, name: str) -> Folder:
        """One folder by its exact name (INBOX in any case). NotFound suggests the nearest."""
        raise NotImplementedError

    def find_folder(self, account: str, text: str) -> Folder:
        """The folder a person means: special use (Trash, Sent …), exact name, any case. Else NotFound."""
        raise NotImplementedError

    def ensure_folder(
        self,
        account: str,
        name: str,
        *,
        special: str | None = None,
        delimiter: str | None = None,
        selectable: bool | None = None,
        subscribed: bool | None = None,
    ) -> int:
        """The folder's key; made (directories too) when new. What is given as None stays as it is."""
        raise NotImplementedError

    def rename_folder(self, key: int, name: str) -> None:
        """Rename a folder and all below it, directories included (RFC 9051 §6.3.6)."""
        raise NotImplementedError

    def delete_folder(self, key: int, *, reason: str = "folder deleted") -> int:
        """Remove a folder; its messages go to the recovery area. Returns how many."""
        raise NotImplementedError

    def folder_state(self, key: int) -> FolderState:
        """The sync cursor of one folder."""
        raise NotImplementedError

    def set_folder_state(self, key: int, state: FolderState) -> None:
        """Set the sync cursor alone (`apply` sets it along with what it stands for)."""
        raise NotImplementedError

    def sync_folders(self, account: str) -> list[SyncFolder]:
        """All folders of an account with cursor and dirtiness, in one look."""
        raise NotImplementedError

    # -- arrival -------------------------------------------------------------------------------

    def deliver(
        self, arrivals: Sequence[Arrival], *, also: Callable[[Writer], None] | None = None
    ) -> list[str]:
        """Store messages durably: files, then one transaction of rows and index (with what `also` adds).

        At most 500 at once. Returns the ids in order; when it returns they may be acknowledged to
        the server. On an error nothing is stored and nothing may be acknowledged. A message whose
        (folder, uid) is already here is not stored again: the id of the one that is here is returned.
        """
        raise NotImplementedError

    def transact(self, change: Callable[[Writer], None]) -> None:
        """One transaction of its own for what a Writer can do."""
        raise NotImplementedError

    # -- reading -------------------------------------------------------------------------------

    def summaries(
        self,
        *,
        folders: Sequence[int] | None,
        unread: bool = False,
        limit: int | None = None,
        after: str | None = None,
        sort: str = "date",
        reverse: bool = False,
        threads: bool = False,
    ) -> Page:
        """Rows of folders (None: all).

        `sort` is date, from, subject or size: newest, A, A, largest first; `reverse` turns it round.
        """
        raise NotImplementedError

    def get(self, ids: Iterable[str]) -> list[Summary]:
        """The rows of full ids, in that order. NotFound if one is not there."""
        raise NotImplementedError

    def places(self, ids: Iterable[str]) -> list[Place]:
        """Where messages are, here and on the server, in that order. NotFound if one is not there."""
        raise NotImplementedError

    def resolve(self, text: str) -> list[str]:
        """Ids meant by an id, a unique prefix, `mid:MESSAGE-ID` or `t:THREAD`. AmbiguousId, NotFound."""
        raise NotImplementedError

    def shortest(self, ids: Iterable[str]) -> dict[str, str]:
        """For each id its shortest unique prefix of 4 characters or more."""
        raise NotImplementedError

    def thread(self, thread: str) -> list[Summary]:
        """All messages of a thread, oldest first."""
        raise NotImplementedError

    def count(self, folder: int | None = None, *, unread: bool = False) -> int:
        """How many messages a folder (None: the mailbox) has."""
        raise NotImplementedError

    def data_version(self) -> int:
        """A number that changes when another connection has changed the mailbox (3 µs)."""
        raise NotImplementedError

    def search(
        self,
        query: object,
        *,
        limit: int | None = None,
        after: str | None = None,
        sort: str = "date",
        reverse: bool = False,
        threads: bool = False,
    ) -> Page:
        """Messages that match a parsed query (model.query), newest or most relevant first."""
        raise NotImplementedError

    def count_matches(self, query: object) -> int:
        """How many messages match a parsed query."""
        raise NotImplementedError

    def open_bytes(self, id: str) -> bytes:
        """The message as it was on the wire. NotFound for a row without body, LocalIOError without file."""
        raise NotImplementedError

    def stored_bytes(self, id: str) -> bytes:
        """The message as its file has it."""
        raise NotImplementedError

    def path(self, id: str) -> Path:
        """The message's file."""
        raise NotImplementedError

    # -- changing ------------------------------------------------------------------------------

    def set_flags(
        self, ids: Sequence[str], add: Flags = frozenset(), remove: Flags = frozenset()
    ) -> list[Changed]:
        """Add and remove flags; returns what really changed."""
        raise NotImplementedError

    def move(self, ids: Sequence[str], folder: int) -> list[Changed]:
        """Move to a folder (of another account too: uploaded there, then expunged here)."""
        raise NotImplementedError

    def copy(self, ids: Sequence[str], folder: int) -> list[str]:
        """Copy to a folder; returns the ids of the copies."""
        raise NotImplementedError

    def purge(self, ids: Sequence[str], *, reason: str = "purged") -> list[Changed]:
        """Take messages away: files to the recovery area, and the next push expunges them on the server."""
        raise NotImplementedError

    def restore(self, ids: Sequence[str]) -> list[str]:
        """Bring purged messages back to the folders they were in (uploaded again if expunged meanwhile)."""
        raise NotImplementedError

    def recovery(self) -> list[RecoveryEntry]:
        """What the recovery area has, newest first."""
        raise NotImplementedError

    def expire(self) -> int:
        """Delete what was 14 days in the recovery area, and tmp files of 36 hours. Returns how many mails."""
        raise NotImplementedError

    # -- synchronisation -----------------------------------------------------------------------

    def agreed(self, folder: int) -> list[Agreed]:
        """Messages that the server has in this folder, by ascending uid."""
        raise NotImplementedError

    def fingerprints(self, folder: int) -> list[Fingerprint]:
        """What the messages agreed in a folder can be recognised by, when UIDVALIDITY changes."""
        raise NotImplementedError

    def pending(self, account: str) -> Pending:
        """What an IMAP account's server has yet to be told."""
        raise NotImplementedError

    def apply(self, changes: SyncChanges, *, also: Callable[[Writer], None] | None = None) -> None:
        """Write down what a step of synchronisation found out, in one transaction."""
        raise NotImplementedError

    def begin_operations(
        self,
        kind: str,
        ids: Sequence[str],
        *,
        folder: int | None = None,
        destination: int | None = None,
        stage: str = "",
        uidnext_before: int | None = None,
        note: str = "",
    ) -> list[int]:
        """Commit that a push is about to be sent. Returns a number for each id."""
        raise NotImplementedError

    def set_stage(self, seqs: Iterable[int], stage: str) -> None:
        """Commit how far operations have come."""
        raise NotImplementedError

    def operations(self, account: str | None = None) -> list[Operation]:
        """Operations whose outcome is unknown, oldest first."""
        raise NotImplementedError

    def scan(self, folder: int, *, force: bool = False) -> Scan:
        """Take notice of what other programs (or a crash of ours) did in the folder's directories."""
        raise NotImplementedError

    # -- POP3 ----------------------------------------------------------------------------------

    def pop3_known(self, account: str) -> dict[tuple[str, int], Pop3Row]:
        """The account's history by (uidl, occurrence)."""
        raise NotImplementedError

    def pop3_pending_deletes(self, account: str) -> list[Pop3Row]:
        """Messages purged here which the server has yet to delete."""
        raise NotImplementedError

    # -- settings and locks --------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        """A value kept under a key."""
        raise NotImplementedError

    def settings(self, prefix: str) -> dict[str, str]:
        """All values whose key begins so."""
        raise NotImplementedError

    def put_setting(self, key: str, value: str | None) -> None:
        """Keep a value under a key; None removes it."""
        raise NotImplementedError

    def lock_account(self, name: str) -> AbstractContextManager[None]:
        """Hold the account's lock (flock), before any other. Locked: another process or thread has it."""
        raise NotImplementedError

    # -- upkeep --------------------------------------------------------------------------------

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> list[Problem]:
        """Parse every file again: envelope fields, threads and index are made anew; state stays.

        `progress(done, total)`. Returns what could not be read. May be interrupted and run again.
        """
        raise NotImplementedError

    def check(self) -> list[Problem]:
        """Compare rows, files and index, and have SQLite check itself. Changes nothing."""
        raise NotImplementedError

    def status(self) -> IndexStatus:
        """Figures for `index status`."""
        raise NotImplementedError
