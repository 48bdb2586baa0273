"""What other programs removed from the Maildir, and what that means for the server.

A file that is gone may have been moved: so every folder of the account is looked at, and then once
more those where something is missing, before anything counts as deleted. A few deletions are done on the
server as the account's policy says; many wait until the user confirms them, since a failing disk or a
wrong `rm` looks just the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from mailcli.errors import NotFound
from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Gone, Missing, SyncChanges
from mailcli.sync import brake
from mailcli.sync.plan import merge_flags
from mailcli.sync.removal import select
from mailcli.sync.server import Server, only
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Fetched
from mailcli.wire.imap.uidset import UidSet

REASON: Final = "removed by another program"

_BATCH_OCTETS: Final = 8 << 20
_BATCH: Final = 100
_WHOLE: Final = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]")


class Removed(NamedTuple):
    """What is missing in one folder. `braked`: too much to be believed."""

    folder: int
    name: str
    held: int
    messages: list[Missing]
    braked: bool


def look(store: Store, account: str) -> list[Removed]:
    """Take notice of all that other programs did in the account's Maildir; gives what they removed.

    Raises LocalIOError if the Maildir is not there (an unmounted disk).
    """
    store.adopt_folders(account)
    for _ in range(2):
        gone: set[str] = set()
        absent: set[int] = set()
        suspicion = False
        for row in store.sync_folders(account):
            if row.unscanned:
                scan = store.scan(row.key)
                gone.update(scan.missing)
                suspicion = suspicion or bool(scan.suspects or scan.missing)
                if scan.absent:
                    absent.add(row.key)
        if not suspicion:
            return []
    by_folder: dict[int, list[Missing]] = {}
    for message in store.missing(account):
        if message.id in gone:  # else it was found in a folder looked at later
            by_folder.setdefault(message.folder, []).append(message)
    names = {row.key: row.name for row in store.sync_folders(account)}
    removed = []
    for key, messages in by_folder.items():
        held = store.count(key)
        braked = key in absent or brake.holds(len(messages), held)
        removed.append(Removed(key, names[key], held, messages, braked))
    return removed


def forget(store: Store, removed: Iterable[Removed]) -> None:
    """Where no server has them any more, they are gone: the rows go, their history stays."""
    for one in removed:
        store.apply(SyncChanges(gone=[Gone(m.id, REASON) for m in one.messages]))


def waiting(account: str, one: Removed) -> str:
    """What to tell about a folder where too much is missing."""
    return (
        f"{len(one.messages)} of {one.held} messages of {one.name} are gone from the disk; nothing was"
        f" deleted on the server: `mailcli fetch {account} --confirm-deletes` deletes them there,"
        f" `mailcli fetch {account} --full` brings them back"
    )


class Deletion:
    """Doing on the server what another program did here. `names` as for `Push`; `delete` is the
    account's policy."""

    def __init__(
        self,
        store: Store,
        server: Server,
        account: str,
        names: Mapping[int, str],
        *,
        tally: Tally,
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self.server = server
        self.account = account
        self.names = names
        self.tally = tally
        self.clock = clock

    def carry_out(self, removed: Removed, delete: str) -> None:
        """Delete these messages there: at once where they go for good, with the next push else."""
        trash = self._trash() if delete == "trash" else None
        nowhere = [m for m in removed.messages if m.uid is None]
        forget(self.store, [removed._replace(messages=nowhere)])
        there = [m for m in removed.messages if m.uid is not None]
        if trash is None or removed.folder == trash:
            self.store.purge([m.id for m in there], reason=REASON)
        else:
            self.store.move(self.bring_back(there), trash)

    def bring_back(self, messages: Iterable[Missing]) -> list[str]:
        """Download them again, to where they were; returns those that the server still had. What it
        moves to Trash has to be there, and keeps its id this way."""
        by_folder: dict[int, list[Missing]] = {}
        for message in messages:
            if message.at_folder is not None and message.at_folder in self.names:
                by_folder.setdefault(message.at_folder, []).append(message)
        back: list[str] = []
        for folder, some in by_folder.items():
            if select(self.store, self.server, folder, self.names[folder]):
                for batch in _batches(some):
                    back += self._fetch(folder, batch)
        return back

    def _fetch(self, folder: int, batch: list[Missing]) -> list[str]:
        wanted = {m.uid: m for m in batch}
        uids = UidSet.of(m.uid for m in batch if m.uid is not None)
        validity = self.store.folder_state(folder).uidvalidity
        arrivals: dict[int, Arrival] = {}
        for event in only(Fetched, self.server.ask(imap.Fetch(uids, _WHOLE))):
            if event.uid not in wanted or not event.sections or event.flags is None:
                continue
            arrivals[event.uid or 0] = Arrival(
                folder,
                event.sections[0].data,
                event.flags,
                event.internaldate if event.internaldate is not None else self.clock(),
                event.uid,
                validity,
                wanted[event.uid].id,
                on_server=True,
                object_id=event.email_id,
            )
        self.store.deliver(list(arrivals.values()))
        for uid, arrival in arrivals.items():
            was = wanted[uid]
            self._flags_again(was, arrival.flags)
            if was.folder != folder:  # moved here before its file went
                self.store.move([was.id], was.folder)
        self.tally.octets += sum(len(a.data) for a in arrivals.values())
        return [wanted[uid].id for uid in arrivals]

    def _flags_again(self, was: Missing, there: Flags) -> None:
        """What was changed here before the file went, and not pushed yet."""
        flags = merge_flags(there if was.base is None else was.base, was.flags, there).flags
        if flags != there:
            self.store.set_flags([was.id], flags - there, there - flags)

    def _trash(self) -> int | None:
        try:
            return self.store.find_folder(self.account, "Trash").key
        except NotFound:
            return None


def _batches(messages: Iterable[Missing]) -> Iterator[list[Missing]]:
    batch: list[Missing] = []
    octets = 0
    for message in messages:
        if batch and (octets + message.size > _BATCH_OCTETS or len(batch) == _BATCH):
            yield batch
            batch, octets = [], 0
        batch.append(message)
        octets += message.size
    if batch:
        yield batch
