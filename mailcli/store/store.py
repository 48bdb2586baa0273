"""The store's one face: everything above it goes through `Store`.

Each method says what it does in terms of mail; the work is in the modules named for it. Ids are the
public eight-character ids, folders are given by their key (`ensure_folder`, `find_folder`), times are
seconds since the epoch, sizes octets on the wire.

Errors: NotFound, AmbiguousId, Locked, LocalIOError (disk, damaged database), CannotCreate, ConfigError
(a newer schema).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from os.path import exists, getsize
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from mailcli.errors import Locked
from mailcli.store.database import Damaged, Database
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.tree import Tree
from mailcli.store.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from apsw import Connection

    from mailcli.model.flags import Flags
    from mailcli.model.folder import Folder
    from mailcli.model.message import Lines, Page, Summary
    from mailcli.model.query.ast import Query
    from mailcli.store.along import Along
    from mailcli.store.deliver import Delivery
    from mailcli.store.editing import Edit, Making
    from mailcli.store.history import Unrecorded
    from mailcli.store.journal import Entry, Note
    from mailcli.store.maildrop import Listing
    from mailcli.store.partial import Filled, Lacking, Outline
    from mailcli.store.places import Place
    from mailcli.store.search import Found
    from mailcli.store.undoing import FolderTurn, Turned
    from mailcli.store.values import (
        Agreed,
        Arrival,
        Changed,
        Fingerprint,
        FolderFacts,
        FolderState,
        IndexStatus,
        Missing,
        Operation,
        Pending,
        Pop3Row,
        Problem,
        RecoveryEntry,
        Scan,
        SyncChanges,
        SyncFolder,
        Tombstone,
        Twin,
    )

__all__ = ["Store", "Writer"]

T = TypeVar("T")


class Store:
    """The mailbox of one profile. Every thread may use it: each gets a connection of its own.

    The modules that only some commands need are imported by the methods: `list` is to start fast.
    """

    notices: list[str]
    """Sentences the user should see: a damaged database was replaced."""

    def __init__(
        self,
        data: str | PathLike[str],
        state: str | PathLike[str],
        *,
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the mailbox below `data` (created by the first change); locks are below `state`.

        A database that cannot be read is set aside and made anew from what can be saved and the mail
        files; `notices` says so.
        """
        self.notices = []
        self._locks = f"{state}/locks"
        self._site = Site(
            Database(f"{data}/mailcli.db", f"{self._locks}/database.lock", read_only=read_only),
            Tree(str(data)),
            clock,
        )
        if not read_only:
            self._repair_if_needed()

    def _repair_if_needed(self) -> None:
        """A database that is there and has an account is fine until a query says otherwise."""
        path, mail = self._site.database.path, self._site.tree.mail
        damaged = exists(f"{path}.damaged")
        try:
            if not damaged and exists(path) and getsize(path):
                with self._site.database.reading() as connection:
                    if connection.execute("SELECT 1 FROM account").get or not exists(mail):
                        return
            elif not damaged and not exists(mail):
                return
        except Damaged:
            pass
        from mailcli.store import salvage

        if salvage.needed(self._site):
            self._site.database.close()
            self.notices += salvage.salvage(self._site, f"{self._locks}/repair.lock")

    def close(self) -> None:
        """Close the connections; after writing, tidy the write-ahead log."""
        self._site.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- accounts and folders ------------------------------------------------------------------

    def accounts(self) -> list[str]:
        """Names of the accounts that have anything here."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.accounts(connection)

    def account_key(self, name: str, protocol: str = "") -> int:
        """The account's row, made when new. `protocol` ("imap", "pop3", "" for none) is noted when given."""
        from mailcli.store import location

        with self._site.database.reading() as connection:
            row = location.account_row(connection, name)
        if row is not None and protocol in ("", row[1]):
            return row[0]
        from mailcli.store import folders

        with self._site.database.writing() as connection:
            return folders.make_account(connection, self._site.tree, name, protocol)

    def remove_account(self, name: str) -> None:
        """Forget an account; its mail tree is set aside in the recovery area, never deleted."""
        from mailcli.store import folders

        folders.remove_account(self._site, name)

    def folders(self, account: str | None = None) -> list[Folder]:
        """Folders with their counts, the inbox first, then by name."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.folders(connection, account)

    def folder(self, account: str, name: str) -> Folder:
        """One folder by its exact name (INBOX in any case). NotFound suggests the nearest."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.folder(connection, account, name)

    def find_folder(self, account: str, text: str) -> Folder:
        """The folder a person means: special use (Trash, Sent …), exact name, any case. Else NotFound."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.find_folder(connection, account, text)

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
        from mailcli.store import folders

        return folders.ensure_folder(self._site, account, name, special, delimiter, selectable, subscribed)

    def ensure_folders(self, account: str, wanted: Iterable[FolderFacts]) -> dict[str, int]:
        """As `ensure_folder` for all that a server lists, in one transaction: the keys by name."""
        from mailcli.store import folders

        return folders.ensure_folders(self._site, account, wanted)

    def rename_folder(self, key: int, name: str, *, note: Note | None = None) -> str:
        """Rename a folder and all below it, directories included (RFC 9051 §6.3.6). Returns the token
        with which the journal has it, "" without a note."""
        from mailcli.store import refoldering

        return refoldering.rename_noted(self._site, key, name, note)

    def delete_folder(self, key: int, *, reason: str = "folder deleted", note: Note | None = None) -> int:
        """Remove a folder; its messages go to the recovery area. Returns how many."""
        from mailcli.store import removing

        return removing.delete_folder(self._site, key, reason, note)[0]

    def discard_folder(self, key: int, note: Note) -> tuple[int, str]:
        """`delete_folder` for a command that says how to undo it: returns the journal's token too."""
        from mailcli.store import removing

        return removing.delete_folder(self._site, key, "folder deleted", note)

    def create_folder(self, account: str, name: str, note: Note) -> tuple[int, str]:
        """Make a folder that is not there yet. Returns its key, and the token ("": it was there)."""
        from mailcli.store import undoing

        return undoing.create_folder(self._site, account, name, note)

    def subscribe_folder(self, account: str, name: str, wanted: bool, note: Note) -> str:
        """Note that a folder is subscribed to, or not any more. Returns the token ("": so it was)."""
        from mailcli.store import undoing

        return undoing.subscribe_folder(self._site, account, name, wanted, note)

    def folder_state(self, key: int) -> FolderState:
        """The sync cursor of one folder."""
        from mailcli.store import cursors

        with self._site.database.reading() as connection:
            return cursors.folder_state(connection, key)

    def set_folder_state(self, key: int, state: FolderState) -> None:
        """Set the sync cursor alone (`apply` sets it along with what it stands for)."""
        from mailcli.store.values import SyncChanges

        self.apply(SyncChanges(states=[(key, state)]))

    def sync_folders(self, account: str) -> list[SyncFolder]:
        """All folders of an account with cursor and dirtiness, in one look."""
        from mailcli.store import cursors

        return cursors.sync_folders(self._site, account)

    def unagreed_folders(self) -> set[int]:
        """Folders with messages whose agreed flags are lost: all of their flags must be asked for."""
        from mailcli.store import cursors

        with self._site.database.reading() as connection:
            return cursors.unagreed_folders(connection)

    # -- arrival -------------------------------------------------------------------------------

    def deliver(
        self, arrivals: Sequence[Arrival], *, also: Callable[[Writer], None] | None = None
    ) -> list[str]:
        """Store messages durably: files, then one transaction of rows and index (with what `also` adds).

        At most 500 at once. Returns the ids in order; when it returns they may be acknowledged to
        the server. On an error nothing is stored and nothing may be acknowledged. A message whose
        (folder, uid) is already here is not stored again: the id of the one that is here is returned.
        """
        from mailcli.store import deliver

        return deliver.deliver(self._site, arrivals, also)

    def begin_delivery(self, arrivals: Sequence[Arrival], along: Along) -> Delivery:
        """As `deliver`, but it may be the worker that stores them, while this process goes on: what it
        was given first it stores first, and nothing more after what it could not store. `finish` of what
        is returned waits for it, returns the ids and raises what `deliver` does; call it for each, in order.
        """
        from mailcli.store import deliver

        return deliver.begin(self._site, arrivals, along)

    def deliver_outlines(
        self, outlines: Sequence[Outline], *, also: Callable[[Writer], None] | None = None
    ) -> list[str]:
        """Store messages of which only the header came, in one transaction; otherwise as `deliver`."""
        from mailcli.store import outlines as work

        return work.store(self._site, outlines, also)

    def fill_bodies(self, bodies: Sequence[tuple[str, bytes]]) -> list[Filled]:
        """Store bodies (whole messages, wire form) of rows that had none; at most 500 at once.

        Ids, flags and UIDs stay, all that is derived is made anew. Says of each what became of it; a row
        that is whole already, or gone, is left alone.
        """
        from mailcli.store import bodies as work

        return work.fill(self._site, bodies)

    def lacking(self, folder: int, *, since: float | None = None, max_size: int = 0) -> list[Lacking]:
        """The messages of a server's folder whose body is not here, newest first: those that arrived
        since then, and have no more octets (0: any number)."""
        from mailcli.store import cursors

        with self._site.database.reading() as connection:
            return cursors.lacking(connection, folder, since, max_size)

    def expect(self, count: int) -> None:
        """So many messages are about to be delivered, in several batches."""
        self._site.expect(count)

    def new_ids(self, count: int) -> list[str]:
        """Ids that nothing has: for an Arrival whose intent is recorded before it is downloaded (POP3).

        A Pop3Row with such an id and the state "fetching" becomes "delivered" when a scan adopts the
        message after a cut.
        """
        from mailcli.store import deliver

        return deliver.new_ids(self._site, count)

    def transact(self, change: Callable[[Writer], None]) -> None:
        """One transaction of its own for what a Writer can do."""
        with self._site.database.writing() as connection:
            change(Writer(connection))

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
        from mailcli.store import listing

        with self._site.database.snapshot() as connection:
            return listing.summaries(
                connection,
                folders=folders,
                unread=unread,
                limit=limit,
                after=after,
                sort=sort,
                reverse=reverse,
                threads=threads,
            )

    def get(self, ids: Iterable[str]) -> list[Summary]:
        """The rows of full ids, in that order. NotFound if one is not there."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.get(connection, ids)

    def ids(self) -> set[str]:
        """The ids of all messages."""
        from mailcli.store import arrivals

        with self._site.database.reading() as connection:
            return arrivals.ids(connection)

    def twins(self, ids: Sequence[str]) -> list[Twin]:
        """For these ids the messages of the same content in other folders, recovery included: where
        they were moved or copied from, or to."""
        from mailcli.store import arrivals

        with self._site.database.reading() as connection:
            return arrivals.twins(connection, ids)

    def by_object(
        self, account: str, objects: Collection[str], *, folder: int | None = None
    ) -> dict[str, tuple[str, int]]:
        """{server object id: (id, octets) of a message of the account that has this body here}; with a
        folder of a message there, with or without a body."""
        from mailcli.store import arrivals

        with self._site.database.reading() as connection:
            return arrivals.by_object(connection, account, objects, folder)

    def objects(self, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
        """{id: (server object id, octets of the message)}, of those that have one."""
        from mailcli.store import arrivals

        with self._site.database.reading() as connection:
            return arrivals.objects(connection, ids)

    def places(self, ids: Iterable[str]) -> list[Place]:
        """Where messages are, here and on the server, in that order. NotFound if one is not there."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.places(connection, ids)

    def resolve(self, text: str) -> list[str]:
        """Ids meant by an id, a unique prefix, `mid:MESSAGE-ID` or `t:THREAD`. AmbiguousId, NotFound."""
        from mailcli.store import naming

        with self._site.database.reading() as connection:
            return naming.resolve(connection, text)

    def shortest(self, ids: Iterable[str]) -> dict[str, str]:
        """For each id its shortest unique prefix of 4 characters or more."""
        from mailcli.store import naming

        with self._site.database.snapshot() as connection:
            return naming.shortest(connection, ids)

    def thread(self, thread: str) -> list[Summary]:
        """All messages of a thread, oldest first."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.thread(connection, thread)

    def count(self, folder: int | None = None, *, unread: bool = False) -> int:
        """How many messages a folder (None: the mailbox) has."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.count(connection, folder, unread)

    def data_version(self) -> int:
        """A number that changes when another connection has changed the mailbox (3 µs)."""
        with self._site.database.reading() as connection:
            version: int = connection.pragma("data_version")
            return version

    def search(
        self,
        query: Query,
        *,
        limit: int | None = None,
        after: str | None = None,
        sort: str = "date",
        reverse: bool = False,
        threads: bool = False,
        own_addresses: Sequence[str] = (),
    ) -> Page:
        """Messages that match a parsed query, newest (or with `sort="relevance"` best) first.

        `own_addresses` are what `to:me` means. With threads, `counts` are the messages of each whole
        thread. QueryError for folders and accounts that are not there.
        """
        from mailcli.model.message import Page
        from mailcli.store import listing

        asked = {"limit": limit, "after": after, "sort": sort, "reverse": reverse, "threads": threads}
        with self._site.database.snapshot() as connection:
            found = self._find(connection, query, listing.COLUMNS, own_addresses=own_addresses, **asked)
            listed = listing.Reader(connection).summaries(found.rows)
            counts = listing.thread_counts(connection, [s.thread for s in listed]) if threads else ()
        return Page(listed, found.next, counts)

    def search_lines(self, query: Query, *, ids: bool = False, **asked: Any) -> Lines:
        """As `search`, for lines of text; with `ids` for those alone."""
        from mailcli.store import listing

        with self._site.database.snapshot() as connection:
            found = self._find(connection, query, listing.IDS if ids else listing.LINE, **asked)
            return listing.Reader(connection).lines(found)

    def _find(self, connection: Connection, query: Query, columns: str, **asked: Any) -> Found:
        from mailcli.store import search

        now, read = self._site.clock(), self.known_bytes
        return search.find(connection, query, columns=columns, now=now, read=read, **asked)

    def count_matches(self, query: Query, *, threads: bool = False, own_addresses: Sequence[str] = ()) -> int:
        """How many messages match a parsed query, or in how many threads."""
        from mailcli.store import search

        with self._site.database.snapshot() as connection:
            return search.count(
                connection, query, threads=threads, own_addresses=own_addresses, read=self.known_bytes
            )

    def open_bytes(self, id: str) -> bytes:
        """The message as it was on the wire. NotFound for a row without body, LocalIOError without file."""
        from mailcli.store import reading

        return reading.wire(self._site, id)

    def known_bytes(self, id: str) -> bytes:
        """The message as far as it is here: whole, or its header with parts that are empty. NotFound."""
        from mailcli.store import outlines

        return outlines.known(self._site, id)

    def header_bytes(self, id: str) -> bytes:
        """The message's header block as it was on the wire. NotFound."""
        from mailcli.store import bodies

        return bodies.header_of(self.known_bytes(id))

    def stored_bytes(self, id: str) -> bytes:
        """The message as its file has it."""
        from mailcli.store import reading

        return reading.stored(self._site, id)[0]

    def path(self, id: str) -> Path:
        """The message's file."""
        from pathlib import Path

        from mailcli.store import reading

        return Path(reading.path(self._site, id))

    # -- changing ------------------------------------------------------------------------------

    def edit(self, work: Callable[[Edit], T], note: Note | None = None) -> tuple[T, str]:
        """Change messages in one transaction, in which the journal gets its line if there is a note.

        Returns what `work` does, and the line's token ("": no note, or nothing was done).
        """
        from mailcli.store import editing

        return editing.edit(self._site, work, note)

    def set_flags(
        self, ids: Sequence[str], add: Flags = frozenset(), remove: Flags = frozenset()
    ) -> list[Changed]:
        """Add and remove flags; returns what really changed, as it was before. Not in the journal."""
        return self.edit(lambda edit: edit.set_flags(ids, add, remove))[0]

    def move(self, ids: Sequence[str], folder: int) -> list[Changed]:
        """Move to a folder (of another account too: uploaded there, then expunged here). Not in the
        journal."""
        return self.edit(lambda edit: edit.move(ids, folder))[0]

    def purge(self, ids: Sequence[str], *, reason: str = "purged") -> list[Changed]:
        """Take messages away: files to the recovery area, and the next push expunges them on the server.
        Not in the journal."""
        return self.edit(lambda edit: edit.purge(ids, reason))[0]

    def copy(self, ids: Sequence[str], folder: int) -> list[str]:
        """Copy to a folder; returns the ids of the copies. Not in the journal."""
        return self.copies([(ids, folder)])[0]

    def copies(
        self, destinations: Sequence[tuple[Sequence[str], int]], note: Note | None = None
    ) -> tuple[list[str], str]:
        """Copy messages to folders; returns the ids of the copies, and the token of the journal."""
        from mailcli.store import editing

        return editing.copy(self._site, destinations, note)

    def making(self, note: Note) -> Making:
        """The journal's line of deliveries that are one command: `making.note(batch)` is their `also`."""
        from mailcli.store import editing

        return editing.Making(note, self._site.clock())

    def changes(self, limit: int | None = None) -> list[Entry]:
        """The journal, newest first."""
        from mailcli.store import journal

        with self._site.database.snapshot() as connection:
            return journal.entries(connection, limit)

    def change(self, token: str) -> Entry:
        """The journal's entry of a token. Raises NotFound."""
        from mailcli.store import journal

        with self._site.database.snapshot() as connection:
            return journal.find(connection, token)

    def next_turn(self, *, back: bool, account: str | None = None) -> Entry | None:
        """What is to be undone next (`back`) or to be done again (of an account); None: nothing."""
        from mailcli.store import journal

        with self._site.database.snapshot() as connection:
            return (journal.to_undo if back else journal.to_redo)(connection, account)

    def folder_turn(self, entry: Entry, *, back: bool) -> FolderTurn | None:
        """What turning an entry would do to a folder on the server, if it can be done."""
        from mailcli.store import undoing

        return undoing.folder_turn(self._site, entry, back=back)

    def turn(self, entry: Entry, *, back: bool) -> Turned:
        """Undo what an entry did, or do it again. Touched is only what still is as it was left.
        NotFound if nothing of it can be brought back any more."""
        from contextlib import ExitStack

        from mailcli.store import undoing

        busy: set[str] = set()
        with ExitStack() as held:
            # Purged mail that comes back must not meet the run that expunges it.
            for account in entry.accounts if entry.kept else ():
                try:
                    held.enter_context(self.lock_account(account))
                except Locked:
                    busy.add(account)
            return undoing.turn(self._site, entry, back=back, busy=frozenset(busy))

    def restore(self, ids: Sequence[str]) -> list[str]:
        """Bring purged messages back to the folders they were in (uploaded again if expunged meanwhile)."""
        from mailcli.store import recovery

        return recovery.restore(self._site, ids)

    def recovery(self) -> list[RecoveryEntry]:
        """What the recovery area has, newest first."""
        from mailcli.store import recovery

        with self._site.database.reading() as connection:
            return recovery.listed(connection)

    def expire(self) -> int:
        """Delete what was 14 days in the recovery area, and tmp files of 36 hours. Returns how many mails."""
        from mailcli.store import expiry

        return expiry.expire(self._site)

    # -- synchronisation -----------------------------------------------------------------------

    def agreed(self, folder: int) -> list[Agreed]:
        """Messages that the server has in this folder, by ascending uid."""
        from mailcli.store import agreement

        with self._site.database.reading() as connection:
            return agreement.agreed(connection, folder)

    def fingerprints(self, folder: int) -> list[Fingerprint]:
        """What the messages agreed in a folder can be recognised by, when UIDVALIDITY changes."""
        from mailcli.store import agreement

        with self._site.database.reading() as connection:
            return agreement.fingerprints(connection, folder)

    def tombstones(self, folder: int) -> list[Tombstone]:
        """Messages of a folder on the server that are gone here, by ascending uid."""
        from mailcli.store import agreement

        with self._site.database.reading() as connection:
            return agreement.tombstones(connection, folder)

    def pending(self, account: str) -> Pending:
        """What an IMAP account's server has yet to be told."""
        from mailcli.store import agreement

        with self._site.database.snapshot() as connection:
            return agreement.pending(connection, account)

    def apply(self, changes: SyncChanges, *, also: Callable[[Writer], None] | None = None) -> None:
        """Write down what a step of synchronisation found out, in one transaction."""
        from mailcli.store import agreement

        agreement.apply(self._site, changes, also)

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
        from mailcli.store import agreement

        return agreement.begin_operations(
            self._site, kind, ids, folder, destination, stage, uidnext_before, note
        )

    def set_stage(self, seqs: Iterable[int], stage: str) -> None:
        """Commit how far operations have come."""
        from mailcli.store import agreement

        agreement.set_stage(self._site, seqs, stage)

    def operations(self, account: str | None = None) -> list[Operation]:
        """Operations whose outcome is unknown, oldest first."""
        from mailcli.store import agreement

        with self._site.database.reading() as connection:
            return agreement.operations(connection, account)

    def unsettled(self, account: str) -> bool:
        """Whether there are operations of an account whose outcome is unknown."""
        from mailcli.store import cursors

        with self._site.database.reading() as connection:
            return cursors.unsettled(connection, account)

    def scan(self, folder: int, *, force: bool = False) -> Scan:
        """Take notice of what other programs (or a crash of ours) did in the folder's directories."""
        from mailcli.store import scanning

        return scanning.scan(self._site, folder, force=force)

    def adopt_folders(self, account: str) -> list[str]:
        """Take over folders that other programs made in the account's tree; gives their names."""
        from mailcli.store import unlisted

        return unlisted.adopt_folders(self._site, account)

    def missing(self, account: str) -> list[Missing]:
        """Messages of an account whose files the last scans did not find."""
        from mailcli.store import scanning

        with self._site.database.reading() as connection:
            return scanning.missing(connection, account)

    # -- POP3 ----------------------------------------------------------------------------------

    def pop3_known(self, account: str) -> dict[tuple[str, int], Pop3Row]:
        """The account's history by (uidl, occurrence)."""
        from mailcli.store import history

        with self._site.database.reading() as connection:
            return history.pop3_known(connection, account)

    def pop3_listing(self, account: str) -> AbstractContextManager[Listing]:
        """A table for what the account's server lists now, to be compared with the history. For this
        thread, and one at a time."""
        from mailcli.store import maildrop

        return maildrop.listing(self._site.database, account)

    def pop3_latest(self, account: str) -> float | None:
        """The latest time in the account's history."""
        from mailcli.store import history

        with self._site.database.reading() as connection:
            return history.latest(connection, account)

    def pop3_settled(self, account: str) -> str:
        """The listing for which there is nothing to do ("": none is known), see Writer.pop3_settle."""
        from mailcli.store import history

        with self._site.database.reading() as connection:
            return history.settled(connection, account)

    def pop3_fetching(self, account: str) -> list[Pop3Row]:
        """Rows of messages that a run was about to fetch when it ended."""
        from mailcli.store import history

        with self._site.database.reading() as connection:
            return history.pop3_fetching(connection, account)

    def pop3_unrecorded(self, account: str) -> list[Unrecorded] | None:
        """Messages that the history does not name: adopted files, or it was lost with its database.
        None: since `Writer.pop3_all_recorded` nothing has come that could be one."""
        from mailcli.store import history

        with self._site.database.reading() as connection:
            return history.pop3_unrecorded(connection, account)

    def pop3_pending_deletes(self, account: str) -> list[Pop3Row]:
        """Messages purged here which the server has yet to delete."""
        from mailcli.store import history

        with self._site.database.reading() as connection:
            return history.pop3_pending_deletes(connection, account)

    # -- settings and locks --------------------------------------------------------------------

    def setting(self, key: str) -> str | None:
        """A value kept under a key."""
        with self._site.database.reading() as connection:
            for (value,) in rows(connection, "SELECT value FROM setting WHERE key = ?", (key,)):
                return str(value)
        return None

    def settings(self, prefix: str) -> dict[str, str]:
        """All values whose key begins so."""
        with self._site.database.reading() as connection:
            return dict(
                rows(
                    connection,
                    "SELECT key, value FROM setting WHERE substr(key, 1, ?) = ? ORDER BY key",
                    (len(prefix), prefix),
                )
            )

    def put_setting(self, key: str, value: str | None) -> None:
        """Keep a value under a key; None removes it."""
        self.transact(lambda writer: writer.put_setting(key, value))

    def lock_account(self, name: str) -> AbstractContextManager[None]:
        """Hold the account's lock (flock), before any other. Locked: another process or thread has it."""
        from mailcli.store import locks, maildir

        return locks.hold(
            f"{self._locks}/account-{maildir.encode_level(name)}.lock", what=f"the account {name}"
        )

    # -- upkeep --------------------------------------------------------------------------------

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> list[Problem]:
        """Parse every file again: envelope fields, threads and index are made anew; state stays.

        `progress(done, total)`. Returns what could not be read. May be interrupted and run again.
        """
        from mailcli.store import rebuild

        return rebuild.rebuild(self._site, progress)

    def index_attachments(
        self, progress: Callable[[int, int], None] | None = None, *, seconds: float | None = None
    ) -> tuple[int, int]:
        """Read the attachments of messages whose attachments were not read yet, newest first, and index
        their text; no new lot is begun after `seconds`. Returns how many had text, how many are left."""
        from mailcli.store import attachments

        return attachments.index_all(self._site, progress, seconds)

    def check(self) -> list[Problem]:
        """Compare rows, files and index, and have SQLite check itself. Changes nothing."""
        from mailcli.store import rebuild

        return rebuild.check(self._site)

    def repair(self) -> list[Problem]:
        """Put right what `check` finds: files without rows are adopted, the index and the threads brought
        in step, rows whose files are gone let go (to be fetched again where a server has the message).
        Returns what `check` found, with whether it is repaired."""
        from mailcli.store import repairing

        return repairing.repair(self._site)

    def status(self) -> IndexStatus:
        """Figures for `index status`."""
        from mailcli.store import rebuild

        return rebuild.status(self._site)
