"""Doing on the server what another program did to the Maildir, and undoing it here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from mailcli.errors import NotFound
from mailcli.model.flags import Flags
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Missing
from mailcli.sync.imap import objects
from mailcli.sync.imap.plan import merge_flags
from mailcli.sync.imap.removal import select
from mailcli.sync.imap.server import Server, only
from mailcli.sync.removed import REASON, Removed, forget
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Fetched
from mailcli.wire.imap.uidset import UidSet

_BATCH_OCTETS: Final = 8 << 20
_BATCH: Final = 100
_WHOLE: Final = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]")


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
        for event in only(Fetched, self.server.ask(imap.Fetch(uids, (*objects.item(self.server), *_WHOLE)))):
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
