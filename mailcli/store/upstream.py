"""What servers gave and were told, as `Store` keeps it: arrival, synchronisation, the POP3 history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailcli.store.along import Along
    from mailcli.store.deliver import Delivery
    from mailcli.store.history import Unrecorded
    from mailcli.store.maildrop import Listing
    from mailcli.store.partial import Filled, Lacking, Outline
    from mailcli.store.site import Site
    from mailcli.store.values import (
        Agreed,
        Arrival,
        Fingerprint,
        FolderState,
        Missing,
        Operation,
        Pending,
        Pop3Row,
        Scan,
        SyncChanges,
        SyncFolder,
        Tombstone,
    )
    from mailcli.store.writer import Writer


class Upstream:
    """The part of `Store` that `sync` works on."""

    _site: Site

    # -- arrival ---------------------------------------------------------------------------------

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
        from mailcli.store.writer import Writer

        with self._site.database.writing() as connection:
            change(Writer(connection))

    # -- synchronisation -------------------------------------------------------------------------

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

    # -- POP3 ------------------------------------------------------------------------------------

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
