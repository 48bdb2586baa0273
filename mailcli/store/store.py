"""The store's one face: everything above it goes through `Store`.

Each method says what it does in terms of mail; the work is in the modules named for it. Ids are the
public eight-character ids, folders are given by their key (`ensure_folder`, `find_folder`), times are
seconds since the epoch, sizes octets on the wire.

Errors: NotFound, AmbiguousId, Locked, LocalIOError (disk, damaged database), CannotCreate, ConfigError
(a newer schema).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from os.path import exists, getsize
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from mailcli.errors import Locked
from mailcli.store.database import Damaged, Database
from mailcli.store.mailbox import Mailbox
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.tree import Tree
from mailcli.store.upstream import Upstream

if TYPE_CHECKING:
    from mailcli.model.flags import Flags
    from mailcli.store.editing import Edit, Making
    from mailcli.store.journal import Entry, Note
    from mailcli.store.undoing import FolderTurn, Turned
    from mailcli.store.values import (
        Changed,
        IndexStatus,
        Problem,
        RecoveryEntry,
    )

T = TypeVar("T")


class Store(Mailbox, Upstream):
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

    # -- changing --------------------------------------------------------------------------------

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

    # -- settings and locks ----------------------------------------------------------------------

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

    # -- upkeep ----------------------------------------------------------------------------------

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
