"""Bringing one IMAP account and the local mailbox into step, both ways.

The order of a run, each step durable before the next needs it:

1. ask for all folders and their counters (`folders`), make and drop folders accordingly;
2. take notice of what other programs did in the Maildir (`Store.scan`);
3. settle pushes whose outcome is unknown, by looking (`push.settle`);
4. upload what only we have (`push.upload`);
5. for every folder that changed on either side: learn (`delta`), plan (`plan`), write down what
   was learnt, push, download, and at the very end commit the folder's cursor.

Interrupt it anywhere: the next run starts from the cursors, and what was downloaded is known by
its UID.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailcli.model.account import Account
from mailcli.model.folder import INBOX
from mailcli.net.cancel import CancelToken
from mailcli.store.journal import Note
from mailcli.store.store import Store
from mailcli.store.values import (
    Arrival,
    FlagsAgreed,
    FolderState,
    SyncChanges,
    SyncFolder,
)
from mailcli.store.values import Gone as GoneRow
from mailcli.sync import plan as planner
from mailcli.sync import push
from mailcli.sync.delta import Cursor, Delta, learn
from mailcli.sync.download import download
from mailcli.sync.folders import Found, discover, to_server, wanted
from mailcli.sync.rebind import rebind
from mailcli.sync.server import Server
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Fetched


class Options(NamedTuple):
    """What one run is asked to do: only these folders, at most so many downloads (newest first),
    only say what would be done, look at every message whatever the counters say, only push (then
    the cursors stay where they are, and the next run learns the rest)."""

    folders: Sequence[str] = ()
    limit: int | None = None
    dry_run: bool = False
    full: bool = False
    push_only: bool = False


class Progress(NamedTuple):
    """`done` of `total` messages of this folder have arrived; `octets` of the whole run."""

    folder: str
    done: int
    total: int
    octets: int


class Synchroniser:
    """One run over one account, on one connection. `tally` grows with what it has done."""

    def __init__(
        self,
        store: Store,
        account: Account,
        server: Server,
        options: Options,
        *,
        tally: Tally,
        progress: Callable[[Progress], None],
        cancel: CancelToken,
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self.account = account
        self.server = server
        self.options = options
        self.progress = progress
        self.cancel = cancel
        self.clock = clock
        self.tally = tally

    def run(self) -> None:
        """Do all of it. Raises what ends the run; what was done until then is durable."""
        self.store.account_key(self.account.name, "imap")
        found = discover(self.server, self.account.special)
        places = self._agree_on_folders(found)
        names = {key: f.mailbox for key, f in places.items()}
        if not self.options.dry_run:
            for row in self.store.sync_folders(self.account.name):
                if row.unscanned:
                    self.store.scan(row.key)
            push.settle(self.store, self.server, self.account.name, names)
            self.tally.pushed += push.upload(self.store, self.server, self.account.name, names)
        for row in self._changed(places):
            self.cancel.check()
            self._folder(row, places[row.key], names)

    # -- folders -------------------------------------------------------------------------------

    def _agree_on_folders(self, found: list[Found]) -> dict[int, Found]:
        """Make here what the server has and there what only we have; by our folder key."""
        taking = [f for f in found if f.name == INBOX or wanted(f, self.account.folders, ())]
        rows = {row.name: row for row in self.store.sync_folders(self.account.name)}
        places: dict[int, Found] = {}
        for folder in taking:
            row = rows.pop(folder.name, None)
            if row is None or (row.special, row.subscribed) != (folder.special, folder.subscribed):
                if self.options.dry_run and row is None:
                    continue
                key = self.store.ensure_folder(
                    self.account.name,
                    folder.name,
                    special=folder.special,
                    delimiter=folder.delimiter,
                    selectable=folder.selectable,
                    subscribed=folder.subscribed,
                )
            else:
                key = row.key
            places[key] = folder
        if not self.options.dry_run:
            listed = {f.name for f in found}
            for row in rows.values():
                if row.name not in listed and row.selectable:
                    self._only_here(row, found, places)
        return places

    def _only_here(self, row: SyncFolder, found: list[Found], places: dict[int, Found]) -> None:
        """A folder the server did not list: ours is new, or theirs is gone."""
        delimiter = next((f.delimiter for f in found if f.delimiter), "/")
        mailbox = to_server(row.name, delimiter)
        if row.state.uidvalidity is None:
            _, answers = self.server.try_each(imap.Create(mailbox), imap.Subscribe(mailbox))
            text = answers[0].text
            if answers[0].status != "OK" and "exists" not in text.lower():
                self.tally.problems.append(f"{self.server.label} refused to create {row.name}: {text}")
                return
            self.tally.pushed += 1
            places[row.key] = Found(row.name, mailbox, delimiter, row.special, True, True, None)
            return
        # The brake: before anything here is put away, the server is asked a second way.
        _, answers = self.server.try_each(imap.Status(mailbox, ("UIDVALIDITY",)))
        if answers[0].status == "NO":
            note = Note("gone", f"of {row.name}: the folder is gone from the server", by_sync=True)
            self.tally.gone += self.store.delete_folder(
                row.key, reason="folder gone from the server", note=note
            )

    def _changed(self, places: dict[int, Found]) -> list[SyncFolder]:
        """The folders to open: those with something to push first, so that what is moved is known
        in its new folder before that one is looked at."""
        rows = [r for r in self.store.sync_folders(self.account.name) if r.key in places]
        rows = [r for r in rows if wanted(places[r.key], self.account.folders, self.options.folders)]
        if self.options.push_only:
            rows = [r for r in rows if r.dirty]
        rows = [r for r in rows if r.dirty or self.options.full or _differs(r.state, places[r.key])]
        return sorted(rows, key=lambda r: (not r.dirty, r.name != INBOX, r.name))

    # -- one folder ----------------------------------------------------------------------------

    def _folder(self, row: SyncFolder, found: Found, names: dict[int, str]) -> None:
        placed = [planner.Placed(a.id, a.uid, a.base, a.flags, a.folder) for a in self.store.agreed(row.key)]
        purged = [
            planner.Purged(e.id, e.uid, e.base)
            for e in self.store.pending(self.account.name).expunges
            if e.folder == row.key
        ]
        cursor = Cursor(row.state.uidvalidity or 0, row.state.uidnext or 0, row.state.highestmodseq or 0)
        known = {m.uid for m in placed} | {m.uid for m in purged}
        full = self.options.full or any(m.base is None for m in placed)
        delta = learn(self.server, found.mailbox, cursor, known, full=full, examine=self.options.dry_run)
        if delta.rebuilt:
            if not self.options.dry_run:
                self.tally.gone += rebind(self.store, self.server, row.key, delta, purged)
            placed = [
                planner.Placed(a.id, a.uid, a.base, a.flags, a.folder)
                for a in (() if self.options.dry_run else self.store.agreed(row.key))
            ]
            purged = []
        actions = planner.plan(
            row.key, placed, purged, delta.remote, planner.Policy(push=not delta.read_only)
        )
        if self.options.dry_run:
            self._count(actions)
            return
        self._write_down(actions, row, delta)
        self.tally.pushed += push.carry_out(self.store, self.server, row.key, actions, placed, names)
        if self.options.push_only:
            return
        new = [a.uid for a in actions if isinstance(a, planner.Download)]
        if new:
            self._note_validity(row, delta)
        complete = self._download(row, delta, new)
        self._commit_cursor(row, delta, complete=complete)

    def _count(self, actions: Sequence[planner.Action]) -> None:
        self.tally.new += sum(isinstance(a, planner.Download) for a in actions)
        self.tally.changed += sum(isinstance(a, planner.SetFlags) for a in actions)
        self.tally.gone += sum(isinstance(a, planner.Gone) for a in actions)
        self.tally.pushed += sum(
            len(a.ids) for a in actions if isinstance(a, planner.Store | planner.Move | planner.Expunge)
        )

    def _write_down(self, actions: Sequence[planner.Action], row: SyncFolder, delta: Delta) -> None:
        """What the server said, in one transaction. Bodies that went are kept in recovery."""
        changes = SyncChanges()
        for action in actions:
            match action:
                case planner.SetFlags(id, base, add, remove):
                    changes.flags.append(FlagsAgreed(id, base, add, remove))
                    self.tally.changed += bool(add or remove)
                case planner.Gone(id):
                    changes.gone.append(GoneRow(id, "gone from the server"))
                    self.tally.gone += 1
                case planner.Upload(id):
                    changes.unbound.append(id)
                case planner.Forget(id):
                    changes.expunged.append(id)
                case _:
                    pass
        if changes:
            self.store.apply(changes)
        revived = [a for a in actions if isinstance(a, planner.Revive)]
        if revived:
            self.store.restore([a.id for a in revived])
            flags = [FlagsAgreed(a.id, a.flags, a.flags) for a in revived]
            self.store.apply(SyncChanges(flags=flags))
            self.tally.changed += len(revived)

    def _download(self, row: SyncFolder, delta: Delta, uids: list[int]) -> bool:
        """Fetch new messages; whether all there are came."""
        total = len(uids)
        if self.options.limit is not None:
            uids = uids[: max(0, self.options.limit - self.tally.new)]
        if not uids:
            return total == 0
        done = 0

        def deliver(batch: list[Fetched]) -> None:
            nonlocal done
            self.store.deliver([self._arrival(row.key, delta.cursor.uidvalidity, m) for m in batch])
            done += len(batch)
            self.tally.new += len(batch)
            self.tally.octets += sum(len(m.sections[0].data) for m in batch)
            self.progress(Progress(row.name, done, len(uids), self.tally.octets))

        self.progress(Progress(row.name, 0, len(uids), self.tally.octets))
        withheld = download(self.server, uids, delta.sizes, deliver, self.cancel)
        if withheld:
            self.tally.problems.append(
                f"{self.server.label} did not give {len(withheld)} messages of {row.name}"
            )
        return not withheld and len(uids) == total

    def _arrival(self, folder: int, uidvalidity: int, message: Fetched) -> Arrival:
        return Arrival(
            folder=folder,
            data=message.sections[0].data,
            flags=message.flags or frozenset(),
            arrived=message.internaldate if message.internaldate is not None else self.clock(),
            uid=message.uid,
            uidvalidity=uidvalidity,
            on_server=True,
            object_id=message.email_id,
        )

    def _note_validity(self, row: SyncFolder, delta: Delta) -> None:
        """Before the first message comes: a run killed between the files and their rows leaves files
        that are known by their UID only if the folder is known to have this UIDVALIDITY. Without it
        they would count as mail of our own, and be uploaded."""
        if row.state.uidvalidity is None and delta.cursor.uidvalidity:
            state = row.state._replace(uidvalidity=delta.cursor.uidvalidity)
            self.store.apply(SyncChanges(states=[(row.key, state)]))

    def _commit_cursor(self, row: SyncFolder, delta: Delta, *, complete: bool) -> None:
        """Last of all. What we hold is counted, not what the server said: after a download cut
        short (`--limit`) the counters differ, so that the next run opens the folder again."""
        held = len(self.store.agreed(row.key))
        permanent = delta.remote.permanent | (frozenset({"\\*"}) if delta.remote.keywords else frozenset())
        state = row.state._replace(
            uidvalidity=delta.cursor.uidvalidity,
            uidnext=delta.cursor.uidnext if complete else 0,
            highestmodseq=delta.cursor.modseq,
            server_count=held,
            permanent_flags=permanent,
            synced_at=self.clock(),
        )
        self.store.apply(SyncChanges(states=[(row.key, state)]))


def _differs(state: FolderState, found: Found) -> bool:
    """Whether a folder's counters say that something happened since we last agreed. Without
    modification sequences a flag may have changed unseen, so the folder is always opened."""
    status = found.status
    if status is None or state.uidvalidity is None or not status.highestmodseq:
        return True
    return (status.messages, status.uidnext, status.uidvalidity, status.highestmodseq) != (
        state.server_count,
        state.uidnext,
        state.uidvalidity,
        state.highestmodseq,
    )
