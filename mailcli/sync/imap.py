"""Bringing one IMAP account and the local mailbox into step, both ways.

A run goes by stages over all folders at once, so that forty of them take the round trips of one; each
is durable before the next needs it:

1. ask for all folders and their counters (`folders`), make and drop folders accordingly;
2. take notice of what other programs did in the Maildir (`Store.scan`);
3. settle pushes whose outcome is unknown, by looking (`push.settle`); upload what only we have
   (`push.upload`);
4. learn what changed in every folder that changed on either side (`survey`), and plan (`plan`);
5. write down what was learnt;
6. push: what moves is known in its new folder before that one's messages are downloaded;
7. download (`downloading`); a folder's cursor is committed as soon as all of it is durable.

Interrupt it anywhere: the next run starts from the cursors, and what was downloaded is known by
its UID.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailcli.model.account import Account
from mailcli.model.folder import INBOX
from mailcli.net.cancel import CancelToken
from mailcli.net.imap import ImapConnection
from mailcli.store.journal import Note
from mailcli.store.store import Store
from mailcli.store.values import FlagsAgreed, FolderFacts, FolderState, SyncChanges, SyncFolder
from mailcli.store.values import Gone as GoneRow
from mailcli.sync import plan as planner
from mailcli.sync import push
from mailcli.sync.compression import Line
from mailcli.sync.delta import Cursor, Delta, Question
from mailcli.sync.download import Incoming
from mailcli.sync.downloading import Downloading, Progress
from mailcli.sync.folders import Found, discover, to_server, wanted
from mailcli.sync.rebind import rebind
from mailcli.sync.selection import News, Selection
from mailcli.sync.server import Server
from mailcli.sync.survey import Refused, survey
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap

__all__ = ["Options", "Progress", "Synchroniser"]


class Options(NamedTuple):
    """What one run is asked to do: only these folders, at most so many downloads (newest first),
    only say what would be done, look at every message whatever the counters say, only push (then
    the cursors stay where they are, and the next run learns the rest)."""

    folders: Sequence[str] = ()
    limit: int | None = None
    dry_run: bool = False
    full: bool = False
    push_only: bool = False


class Planned(NamedTuple):
    """What was learnt of one folder, and what follows from it."""

    row: SyncFolder
    delta: Delta
    actions: list[planner.Action]
    placed: list[planner.Placed]  # of the messages that are pushed

    def of(self, *kinds: type) -> list[planner.Action]:
        return [action for action in self.actions if isinstance(action, kinds)]


_PUSHED = (planner.Store, planner.Move, planner.Expunge)


class Synchroniser:
    """One run over one account. `server` is its first connection; `connect` opens more of them, each
    to end with the given token. `tally` grows with what the run has done."""

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
        connect: Callable[[CancelToken], ImapConnection] | None = None,
    ) -> None:
        self.store = store
        self.account = account
        self.server = server
        self.options = options
        self.progress = progress
        self.cancel = cancel
        self.clock = clock
        self.connect = connect
        self.tally = tally
        self.selection = Selection(store, server, account.bodies, clock())

    def run(self) -> None:
        """Do all of it. Raises what ends the run; what was done until then is durable."""
        self.store.account_key(self.account.name, "imap")
        endpoint = self.account.incoming
        if endpoint is not None and endpoint.compress == "always":
            Line(self.store, endpoint).compress(self.server)
        places = self._concerned() if self.options.push_only else None
        if places is None:
            places = self._agree_on_folders(discover(self.server, self.account.special))
        names = {key: f.mailbox for key, f in places.items()}
        if not self.options.dry_run:
            for row in self.store.sync_folders(self.account.name):
                if row.unscanned:
                    self.store.scan(row.key)
            push.settle(self.store, self.server, self.account.name, names)
            self.tally.pushed += push.upload(self.store, self.server, self.account.name, names)
        planned = self._learn(self._changed(places), places)
        if self.options.dry_run:
            self._count(planned, names)
            return
        self._write_down(planned)
        for folder in planned:
            self._push(folder, names)
        if self.options.push_only:
            return
        incoming = self._incoming(planned, names)
        del planned  # what follows takes long, and needs no more of it
        Downloading(
            self.store,
            self.account,
            self.server,
            tally=self.tally,
            progress=self.progress,
            cancel=self.cancel,
            clock=self.clock,
            connect=self.connect,
        ).run(incoming)

    # -- folders -------------------------------------------------------------------------------

    def _concerned(self) -> dict[int, Found] | None:
        """The folders that a push is about, as the server listed them last: nobody waits for a list of
        all. None if one of them is not known to be there."""
        rows = self.store.sync_folders(self.account.name)
        keys = {row.key for row in rows if row.dirty}
        keys.update(copy.source for copy in self.store.pending(self.account.name).copies)
        for operation in self.store.operations(self.account.name):
            keys.update(k for k in (operation.folder, operation.destination) if k is not None)
        places: dict[int, Found] = {}
        for row in rows:
            if row.key not in keys:
                continue
            if row.state.uidvalidity is None or not row.selectable:
                return None
            mailbox = to_server(row.name, row.delimiter)
            found = Found(row.name, mailbox, row.delimiter, row.special, True, row.subscribed, None)
            if row.name == INBOX or wanted(found, self.account.folders, ()):
                places[row.key] = found
        return places

    def _agree_on_folders(self, found: list[Found]) -> dict[int, Found]:
        """Make here what the server has and there what only we have; by our folder key."""
        taking = [f for f in found if f.name == INBOX or wanted(f, self.account.folders, ())]
        rows = {row.name: row for row in self.store.sync_folders(self.account.name)}
        places: dict[int, Found] = {}
        changed: dict[str, Found] = {}
        for folder in taking:
            row = rows.pop(folder.name, None)
            if row is not None:
                places[row.key] = folder
            if row is None or (row.special, row.subscribed) != (folder.special, folder.subscribed):
                changed[folder.name] = folder
        if changed and not self.options.dry_run:
            facts = [
                FolderFacts(f.name, f.special, f.delimiter, f.selectable, f.subscribed)
                for f in changed.values()
            ]
            keys = self.store.ensure_folders(self.account.name, facts)
            places.update((keys[name], folder) for name, folder in changed.items())
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
        """The folders to open, the inbox first; those with something to push last, since the last
        one learnt is still open when the pushing begins."""
        rows = [r for r in self.store.sync_folders(self.account.name) if r.key in places]
        rows = [r for r in rows if wanted(places[r.key], self.account.folders, self.options.folders)]
        if self.options.push_only:
            rows = [r for r in rows if r.dirty]
        full, more = self.options.full, self.selection.wants_more
        rows = [r for r in rows if r.dirty or full or _differs(r.state, places[r.key]) or more(r)]
        return sorted(rows, key=lambda r: (r.dirty, r.name != INBOX, r.name))

    # -- learning and planning -----------------------------------------------------------------

    def _learn(self, rows: Sequence[SyncFolder], places: dict[int, Found]) -> list[Planned]:
        """Ask about all these folders at once and plan each as its answer comes, so that only what is
        to be done is kept in memory."""
        if not rows:
            return []
        by_key = {row.key: row for row in rows}
        pending = self.store.pending(self.account.name)
        purged: dict[int, list[planner.Purged]] = {}
        for entry in pending.expunges:
            purged.setdefault(entry.folder, []).append(planner.Purged(entry.id, entry.uid, entry.base))
        unagreed = self.store.unagreed_folders()
        placed: dict[int, list[planner.Placed]] = {}

        def known(key: int) -> set[int]:
            self.cancel.check()
            placed[key] = self._placed(key)
            held = {m.uid for m in placed[key]} | {m.uid for m in purged.get(key, ())}
            return held.union(self.selection.skipped(by_key[key]))

        questions = [
            self._question(row, places[row.key], full=self.options.full or row.key in unagreed)
            for row in rows
        ]
        planned: list[Planned] = []
        rebuilt: list[tuple[SyncFolder, Delta]] = []
        for key, answer in survey(self.server, questions, known):
            row = by_key[key]
            if isinstance(answer, Refused):
                self.tally.problems.append(answer.error.message)
            elif answer.rebuilt:
                rebuilt.append((row, answer))
            else:
                planned.append(self._plan(row, answer, placed.pop(key), purged.get(key, ())))
        for row, delta in rebuilt:
            planned.append(self._rebind(row, delta, places[row.key].mailbox, purged.get(row.key, ())))
        order = {row.key: n for n, row in enumerate(rows)}
        return sorted(planned, key=lambda p: order[p.row.key])

    def _question(self, row: SyncFolder, found: Found, *, full: bool) -> Question:
        state = row.state
        cursor = Cursor(state.uidvalidity or 0, state.uidnext or 0, state.highestmodseq or 0)
        there = (found.status.messages or 0) if found.status else 0
        changed = there if full or not cursor.modseq else max(0, there - (state.server_count or 0))
        return Question(row.key, found.mailbox, cursor, full, self.options.dry_run, changed)

    def _placed(self, folder: int) -> list[planner.Placed]:
        return [planner.Placed(a.id, a.uid, a.base, a.flags, a.folder) for a in self.store.agreed(folder)]

    def _plan(
        self,
        row: SyncFolder,
        delta: Delta,
        placed: Sequence[planner.Placed],
        purged: Sequence[planner.Purged],
    ) -> Planned:
        policy = planner.Policy(push=not delta.read_only)
        actions = planner.plan(row.key, placed, purged, delta.remote, policy)
        ids = {i for a in actions if isinstance(a, _PUSHED) for i in a.ids}
        delta = delta._replace(remote=delta.remote._replace(flags={}, vanished=()))  # both can be large
        return Planned(row, delta, actions, [m for m in placed if m.id in ids] if ids else [])

    def _rebind(
        self, row: SyncFolder, delta: Delta, mailbox: str, purged: Sequence[planner.Purged]
    ) -> Planned:
        """A folder that was numbered anew."""
        if self.options.dry_run:
            return self._plan(row, delta, (), ())
        if self.server.selected != mailbox:
            self.server.ask(imap.Select(mailbox))
        self.tally.gone += rebind(self.store, self.server, row.key, delta, purged)
        return self._plan(row, delta, self._placed(row.key), ())

    def _count(self, planned: Sequence[Planned], names: dict[int, str]) -> None:
        """What a dry run tells."""
        incoming = self.selection.incoming([self._new(folder, names) for folder in planned], None)
        self.tally.new += sum(i.total - len(i.bodies) for i in incoming)
        for folder in planned:
            self.tally.changed += len(folder.of(planner.SetFlags))
            self.tally.gone += len(folder.of(planner.Gone))
            self.tally.pushed += sum(len(a.ids) for a in folder.actions if isinstance(a, _PUSHED))

    # -- writing down and pushing --------------------------------------------------------------

    def _write_down(self, planned: Sequence[Planned]) -> None:
        """What the server said of all folders, in one transaction. Bodies that went are kept in
        recovery."""
        changes = SyncChanges()
        revived: list[planner.Revive] = []
        for folder in planned:
            for action in folder.actions:
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
                    case planner.Revive():
                        revived.append(action)
                    case _:
                        pass
            if not self.options.push_only and folder.of(planner.Download):
                changes.states += _noted_validity(folder)
        if changes:
            self.store.apply(changes)
        if revived:
            self.store.restore([a.id for a in revived])
            flags = [FlagsAgreed(a.id, a.flags, a.flags) for a in revived]
            self.store.apply(SyncChanges(flags=flags))
            self.tally.changed += len(revived)

    def _push(self, folder: Planned, names: dict[int, str]) -> None:
        if folder.of(*_PUSHED):
            self.cancel.check()
            self.tally.pushed += push.carry_out(
                self.store, self.server, folder.row.key, folder.actions, folder.placed, names
            )

    # -- downloading ---------------------------------------------------------------------------

    def _incoming(self, planned: Sequence[Planned], names: dict[int, str]) -> list[Incoming]:
        """What is to be downloaded of each folder, the inbox first."""
        order = sorted(planned, key=lambda p: (p.row.name != INBOX, p.row.name))
        news = [self._new(folder, names) for folder in order]
        return self.selection.incoming(news, self.options.limit)

    def _new(self, folder: Planned, names: dict[int, str]) -> News:
        """What only the server has, of a folder whose pushes are done: some of it may be ours by now."""
        new = [a.uid for a in folder.actions if isinstance(a, planner.Download)]
        if new and folder.of(*_PUSHED):
            known = {a.uid for a in self.store.agreed(folder.row.key)}
            new = [uid for uid in new if uid not in known]
        cursor = self._cursor(folder.row, folder.delta)
        return News(folder.row, names[folder.row.key], new, folder.delta, cursor)

    def _cursor(self, row: SyncFolder, delta: Delta) -> FolderState:
        """Where the folder stands once all that was learnt is durable."""
        permanent = delta.remote.permanent | (frozenset({"\\*"}) if delta.remote.keywords else frozenset())
        return row.state._replace(
            uidvalidity=delta.cursor.uidvalidity,
            uidnext=delta.cursor.uidnext,
            highestmodseq=delta.cursor.modseq,
            permanent_flags=permanent,
            synced_at=self.clock(),
        )


def _noted_validity(folder: Planned) -> list[tuple[int, FolderState]]:
    """Before the first message comes: a run killed between the files and their rows leaves files
    that are known by their UID only if the folder is known to have this UIDVALIDITY. Without it
    they would count as mail of our own, and be uploaded."""
    state, found = folder.row.state, folder.delta.cursor.uidvalidity
    if state.uidvalidity is not None or not found:
        return []
    return [(folder.row.key, state._replace(uidvalidity=found))]


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
