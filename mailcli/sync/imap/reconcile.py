"""What follows where a folder differs: learn what changed on the server, plan, write it down, push, and
say what is to be downloaded. A run that finds nothing changed does without any of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailcli.model.account import Account
from mailcli.model.folder import INBOX
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.store.store import Store
from mailcli.store.values import Agreed, FlagsAgreed, FolderState, Pending, SyncChanges, SyncFolder
from mailcli.store.values import Gone as GoneRow
from mailcli.sync import brake
from mailcli.sync.imap import forbidden, recount
from mailcli.sync.imap import plan as planner
from mailcli.sync.imap.delta import Cursor, Delta, Question
from mailcli.sync.imap.download import Incoming
from mailcli.sync.imap.folders import Found
from mailcli.sync.imap.omissions import Omissions
from mailcli.sync.imap.push import Push
from mailcli.sync.imap.rebind import rebind
from mailcli.sync.imap.selection import News, Selection
from mailcli.sync.imap.server import Server
from mailcli.sync.imap.survey import Refused, survey
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap

if TYPE_CHECKING:
    from mailcli.sync.imap.run import Options


class Planned(NamedTuple):
    """What was learnt of one folder, and what follows from it."""

    row: SyncFolder
    delta: Delta
    actions: list[planner.Action]
    placed: list[Agreed]  # of the messages that are pushed

    def of(self, *kinds: type) -> list[planner.Action]:
        return [action for action in self.actions if isinstance(action, kinds)]


_PUSHED = (planner.Store, planner.Move, planner.Expunge)


def _more(row: SyncFolder, found: Found) -> int:
    """By how many messages a folder has grown, as far as its STATUS says."""
    there = found.status.messages if found.status is not None else None
    return max(0, (there or 0) - (row.state.server_count or 0))


class Reconciliation:
    """Of the folders of one account, as `run.Synchroniser` does it and with what that has."""

    def __init__(
        self,
        store: Store,
        account: Account,
        server: Server,
        options: Options,
        *,
        pushing: Push,
        omissions: Omissions,
        tally: Tally,
        cancel: CancelToken,
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self.account = account
        self.server = server
        self.options = options
        self.pushing = pushing
        self.omissions = omissions
        self.selection = Selection(omissions, server)
        self.tally = tally
        self.cancel = cancel
        self.clock = clock

    # -- learning and planning -----------------------------------------------------------------

    def learn(self, rows: Sequence[SyncFolder], places: dict[int, Found]) -> list[Planned]:
        """Ask about all these folders at once and plan each as its answer comes, so that only what is
        to be done is kept in memory."""
        if not rows:
            return []
        if self.options.limit is None and not self.options.dry_run:
            self.store.expect(sum(_more(row, places[row.key]) for row in rows))
        by_key = {row.key: row for row in rows}
        purged = {row.key: [planner.Purged(*t) for t in self.store.tombstones(row.key)] for row in rows}
        unagreed = self.store.unagreed_folders()
        placed: dict[int, list[Agreed]] = {}

        def known(key: int) -> set[int]:
            self.cancel.check()
            placed[key] = self.store.agreed(key)
            held = {m.uid for m in placed[key]} | {m.uid for m in purged[key]}
            return held.union(self.omissions.left_out(by_key[key]))

        questions = [
            self._question(row, places[row.key], full=self.options.full or row.key in unagreed)
            for row in rows
        ]
        planned: list[Planned] = []
        rebuilt: list[tuple[SyncFolder, Delta]] = []
        doubted: list[tuple[SyncFolder, Delta]] = []
        for key, answer in survey(self.server, questions, known):
            row = by_key[key]
            if isinstance(answer, Refused):
                self.tally.problems.append(answer.error.message)
            elif answer.rebuilt:
                rebuilt.append((row, answer))
            elif brake.holds(len(answer.remote.vanished), len(placed[key]) + len(purged[key])):
                doubted.append((row, answer))
            else:
                planned.append(self._plan(row, answer, placed.pop(key), purged[key]))
        for row, delta in [*doubted, *rebuilt]:
            mailbox = places[row.key].mailbox
            try:
                if delta.rebuilt:
                    planned.append(self._rebind(row, delta, mailbox, purged[row.key]))
                    continue
                held = len(placed[row.key]) + len(purged[row.key])
                examine = self.options.dry_run
                recount.believe(self.server, mailbox, delta.remote.vanished, held, examine=examine)
                planned.append(self._plan(row, delta, placed.pop(row.key), purged[row.key]))
            except brake.Contradiction as error:
                self.tally.problems.append(error.message)
        order = {row.key: n for n, row in enumerate(rows)}
        return sorted(planned, key=lambda p: order[p.row.key])

    def _question(self, row: SyncFolder, found: Found, *, full: bool) -> Question:
        state = row.state
        cursor = Cursor(state.uidvalidity or 0, state.uidnext or 0, state.highestmodseq or 0)
        there = (found.status.messages or 0) if found.status else 0
        changed = there if full or not cursor.modseq else max(0, there - (state.server_count or 0))
        return Question(row.key, found.mailbox, cursor, full, self.options.dry_run, changed)

    def _plan(
        self,
        row: SyncFolder,
        delta: Delta,
        placed: Sequence[Agreed],
        purged: Sequence[planner.Purged],
    ) -> Planned:
        if self.options.dry_run:
            delta = _as_selected(row, delta)
        sync = self.account.sync
        policy = planner.Policy(push=sync.pushes and not delta.read_only, expunge=sync.delete != "nothing")
        actions = planner.plan(row.key, placed, purged, delta.remote, policy)
        ids = {i for a in actions if isinstance(a, _PUSHED) for i in a.ids}
        left_out = self.omissions.left_out(row)
        aside = [uid for uid in delta.remote.vanished if uid in left_out] if left_out else []
        delta = delta._replace(remote=delta.remote._replace(flags={}, vanished=aside))  # both can be large
        return Planned(row, delta, actions, [m for m in placed if m.id in ids] if ids else [])

    def _rebind(
        self, row: SyncFolder, delta: Delta, mailbox: str, purged: Sequence[planner.Purged]
    ) -> Planned:
        """A folder that was numbered anew."""
        if self.options.dry_run:
            return self._plan(row, delta, (), ())
        if self.server.selected != mailbox:
            self.server.ask(imap.Select(mailbox))
        self.tally.gone += rebind(self.store, self.server, row.key, mailbox, delta.cursor.uidvalidity, purged)
        return self._plan(row, delta, self.store.agreed(row.key), ())

    def rehearse(self, planned: Sequence[Planned], unmade: Sequence[Found], places: dict[int, Found]) -> None:
        """Count what would be done."""
        from mailcli.sync.imap.rehearsal import rehearse

        actions = {folder.row.name: folder.actions for folder in planned}
        waiting = self.store.pending(self.account.name) if self.account.sync.pushes else Pending()
        news = self.selection.incoming([self._new(folder) for folder in planned], None)
        coming = {i.name: i.total - len(i.bodies) for i in news}
        rehearse(self.tally, actions, coming, unmade, waiting, {k: f.name for k, f in places.items()})

    # -- writing down and pushing --------------------------------------------------------------

    def write_down(self, planned: Sequence[Planned]) -> None:
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
                    case planner.Hide(id):
                        changes.hidden.append(id)
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

    def push(self, folder: Planned) -> None:
        row = folder.row
        if folder.delta.read_only and row.dirty:
            forbidden.tell(self.store, self.tally, row.key, row.name)
        elif not folder.delta.read_only and not any(r.folder == row.key for r in self.pushing.refused):
            forbidden.lift(self.store, row.key)
        if folder.of(*_PUSHED):
            self.cancel.check()
            self.tally.pushed += self.pushing.carry_out(row.key, folder.actions, folder.placed)

    # -- downloading ---------------------------------------------------------------------------

    def incoming(self, planned: Sequence[Planned]) -> list[Incoming]:
        """What is to be downloaded of each folder, the inbox first."""
        order = sorted(planned, key=lambda p: (p.row.name != INBOX, p.row.name))
        news = [self._new(folder) for folder in order]
        return self.selection.incoming(news, self.options.limit)

    def _new(self, folder: Planned) -> News:
        """What only the server has, of a folder whose pushes are done: some of it may be ours by now."""
        new = [a.uid for a in folder.actions if isinstance(a, planner.Download)]
        if new and folder.of(*_PUSHED):
            known = {a.uid for a in self.store.agreed(folder.row.key)}
            new = [uid for uid in new if uid not in known]
        cursor = self._cursor(folder.row, folder.delta)
        return News(folder.row, self.pushing.names[folder.row.key], new, folder.delta, cursor)

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


def _as_selected(row: SyncFolder, delta: Delta) -> Delta:
    """EXAMINE says of every folder that it takes no change; what it took the last time is known."""
    flags = row.state.permanent_flags
    keeps = delta.remote._replace(permanent=flags or frozenset(), keywords=flags is None or "\\*" in flags)
    return delta._replace(remote=keeps, read_only=False)


def _noted_validity(folder: Planned) -> list[tuple[int, FolderState]]:
    """Before the first message comes: a run killed between the files and their rows leaves files
    that are known by their UID only if the folder is known to have this UIDVALIDITY. Without it
    they would count as mail of our own, and be uploaded."""
    state, found = folder.row.state, folder.delta.cursor.uidvalidity
    if state.uidvalidity is not None or not found:
        return []
    return [(folder.row.key, state._replace(uidvalidity=found))]
