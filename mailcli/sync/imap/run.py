"""Bringing one IMAP account and the local mailbox into step, both ways.

A run goes by stages over all folders at once, so that forty of them take the round trips of one; each
is durable before the next needs it:

1. take notice of what other programs did in the Maildir (`removed.look`);
2. ask for all folders and their counters (`folders`), make and drop folders accordingly (`hierarchy`);
3. settle pushes whose outcome is unknown, by looking (`outcomes`); upload what only we have (`push`),
   and delete what other programs deleted here (`removed`);
4. learn what changed in every folder that changed on either side (`survey`), and plan (`plan`);
5. write down what was learnt;
6. push: what moves is known in its new folder before that one's messages are downloaded;
7. download (`downloading`); a folder's cursor is committed as soon as all of it is durable.

Interrupt it anywhere: the next run starts from the cursors, and what was downloaded is known by
its UID.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailcli.errors import NotFound
from mailcli.model.account import Account
from mailcli.model.folder import INBOX
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.imap import ImapConnection
from mailcli.store.store import Store
from mailcli.store.values import Agreed, Bound, FlagsAgreed, FolderState, Pending, SyncChanges, SyncFolder
from mailcli.store.values import Gone as GoneRow
from mailcli.sync import brake, removed
from mailcli.sync.imap import allmail, forbidden, objects, quota, recount
from mailcli.sync.imap import plan as planner
from mailcli.sync.imap.compression import Line
from mailcli.sync.imap.deletion import Deletion
from mailcli.sync.imap.delta import Cursor, Delta, Question, as_selected
from mailcli.sync.imap.download import Incoming
from mailcli.sync.imap.downloading import Downloading, Progress
from mailcli.sync.imap.folders import Found, differs, discover, wanted
from mailcli.sync.imap.hierarchy import Hierarchy
from mailcli.sync.imap.outcomes import settle
from mailcli.sync.imap.push import Push
from mailcli.sync.imap.rebind import rebind
from mailcli.sync.imap.rehearsal import rehearse
from mailcli.sync.imap.selection import News, Selection
from mailcli.sync.imap.server import Server
from mailcli.sync.imap.survey import Refused, survey
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.uidset import UidSet

__all__ = ["Options", "Progress", "Synchroniser"]


class Options(NamedTuple):
    """What one run is asked to do: only these folders, at most so many downloads (newest first),
    only say what would be done, look at every message whatever the counters say, only push (then
    the cursors stay where they are, and the next run learns the rest), do on the server even a mass
    deletion by another program."""

    folders: Sequence[str] = ()
    limit: int | None = None
    dry_run: bool = False
    full: bool = False
    push_only: bool = False
    confirm_deletes: bool = False


class Planned(NamedTuple):
    """What was learnt of one folder, and what follows from it."""

    row: SyncFolder
    delta: Delta
    actions: list[planner.Action]
    placed: list[Agreed]  # of the messages that are pushed

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
        self.among: dict[int, UidSet] = {}
        self.shared = objects.Shared(store, account.name)
        self.selection = Selection(store, server, account.bodies, clock(), patient=not options.full)

    def run(self) -> None:
        """Do all of it. Raises what ends the run; what was done until then is durable."""
        self.store.account_key(self.account.name, "imap")
        endpoint = self.account.incoming
        if endpoint is not None and endpoint.compress == "always":
            Line(self.store, endpoint).compress(self.server)
        gone = self._look()
        hierarchy = Hierarchy(self.store, self.account, self.server, self.tally)
        places = hierarchy.concerned() if self.options.push_only else None
        if places is None:
            if not self.options.dry_run:
                quota.ask(self.server)
            found = discover(self.server, self.account.special)
            quota.note(self.store, self.account.name, self.server, self.clock(), self.tally)
            places = hierarchy.agree(found, dry_run=self.options.dry_run)
        self.push = Push(self.store, self.server, {key: f.mailbox for key, f in places.items()})
        if not self.options.dry_run and self.account.sync.pushes:
            self.tally.gone += settle(self.store, self.server, self.account.name, self.push.names)
            self.tally.pushed += self.push.upload(self.account.name)
        self._delete(gone)
        planned = self._learn(self._changed(places), places)
        objects.follow(self.store, planned)
        if self.options.dry_run:
            actions = {folder.row.name: folder.actions for folder in planned}
            waiting = self.store.pending(self.account.name) if self.account.sync.pushes else Pending()
            unmade = [f for f in hierarchy.unmade if wanted(f, self.account.folders, self.options.folders)]
            news = self.selection.incoming([self._new(folder) for folder in planned], None)
            coming = {i.name: i.total - len(i.bodies) for i in news}
            rehearse(self.tally, actions, coming, unmade, waiting, {k: f.name for k, f in places.items()})
            return
        self._write_down(planned)
        for folder in planned:
            self._push(folder)
        if self.options.push_only:
            self._tell_refusals()
            return
        cursors = [(p.row.key, self._cursor(p.row, p.delta)) for p in planned if p.row.key in self.among]
        allmail.commit(self.store, cursors, places)
        incoming = self._incoming(planned)
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
        self.tally.new += self.shared.place()
        self._tell_refusals()

    def _tell_refusals(self) -> None:
        """What the server would not take did not stop the rest; raises the first that may change."""
        self.tally.gone += self.push.gone
        names = {row.key: row.name for row in self.store.sync_folders(self.account.name)}
        for folder, _, _ in (r for r in self.push.refused if r.forbidden):
            forbidden.tell(self.store, self.tally, folder, names[folder])
        for refused in self.push.refused:
            if not refused.forbidden:
                raise refused.error

    # -- other programs ------------------------------------------------------------------------

    def _look(self) -> list[removed.Removed]:
        """Take notice of what they did here, and what of it is to be done on the server."""
        if self.options.dry_run:
            return []
        gone = removed.look(self.store, self.account.name)
        if self.options.push_only:
            return []
        if gone and self.account.sync.delete == "trash":
            try:
                self.store.find_folder(self.account.name, "Trash")
            except NotFound:
                self.store.ensure_folder(self.account.name, "Trash", special="Trash")
        return gone

    def _delete(self, gone: list[removed.Removed]) -> None:
        deletion = Deletion(
            self.store, self.server, self.account.name, self.push.names, tally=self.tally, clock=self.clock
        )
        sync = self.account.sync
        for one in gone:
            if not one.braked or self.options.confirm_deletes:
                deletion.carry_out(one, sync.delete if sync.pushes else "nothing")
            elif self.options.full:
                self.tally.changed += len(deletion.bring_back(one.messages))
            else:
                self.tally.notices.append(removed.waiting(self.account.name, one))

    def _changed(self, places: dict[int, Found]) -> list[SyncFolder]:
        """The folders to open, the inbox first; those with something to push last, since the last
        one learnt is still open when the pushing begins."""
        rows = [r for r in self.store.sync_folders(self.account.name) if r.key in places]
        rows = [r for r in rows if wanted(places[r.key], self.account.folders, self.options.folders)]
        if not self.account.sync.pushes:
            rows = [r._replace(dirty=False) for r in rows]
        if self.options.push_only:
            rows = [r for r in rows if r.dirty]
        self.among = allmail.among(self.store, rows, places, self.account.folders)
        rows = [r for r in rows if self.among.get(r.key, True)]
        full, more = self.options.full, self.selection.wants_more
        rows = [r for r in rows if r.dirty or full or differs(r.state, places[r.key]) or more(r)]
        return sorted(rows, key=lambda r: (r.dirty, r.name != INBOX, r.name))

    # -- learning and planning -----------------------------------------------------------------

    def _learn(self, rows: Sequence[SyncFolder], places: dict[int, Found]) -> list[Planned]:
        """Ask about all these folders at once and plan each as its answer comes, so that only what is
        to be done is kept in memory."""
        if not rows:
            return []
        by_key = {row.key: row for row in rows}
        purged = {row.key: [planner.Purged(*t) for t in self.store.tombstones(row.key)] for row in rows}
        unagreed = self.store.unagreed_folders()
        placed: dict[int, list[Agreed]] = {}

        def known(key: int) -> set[int]:
            self.cancel.check()
            placed[key] = self.store.agreed(key)
            held = {m.uid for m in placed[key]} | {m.uid for m in purged[key]}
            return held.union(self.selection.left_out(by_key[key]))

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
        among = self.among.get(row.key)
        return Question(row.key, found.mailbox, cursor, full, self.options.dry_run, changed, among)

    def _plan(
        self,
        row: SyncFolder,
        delta: Delta,
        placed: Sequence[Agreed],
        purged: Sequence[planner.Purged],
    ) -> Planned:
        if self.options.dry_run:
            delta = as_selected(delta, row.state.permanent_flags)
        sync = self.account.sync
        policy = planner.Policy(push=sync.pushes and not delta.read_only, expunge=sync.delete != "nothing")
        actions = planner.plan(row.key, placed, purged, delta.remote, policy)
        flags, ids = objects.wanted(self.server, delta, actions)
        ids |= {i for a in actions if isinstance(a, _PUSHED) for i in a.ids}
        left_out = self.selection.left_out(row)
        aside = [uid for uid in delta.remote.vanished if uid in left_out] if left_out else []
        delta = delta._replace(remote=delta.remote._replace(flags=flags, vanished=aside))  # both can be large
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
                    case planner.Hide(id):
                        changes.hidden.append(id)
                    case planner.Revive():
                        revived.append(action)
                    case planner.Follow(id, uid, base, add, remove, relocate):
                        changes.bound.append(Bound(id, folder.row.key, uid))
                        changes.relocated += [(id, folder.row.key)] if relocate else []
                        changes.flags.append(FlagsAgreed(id, base, add, remove))
                        self.tally.changed += 1
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

    def _push(self, folder: Planned) -> None:
        row = folder.row
        if folder.delta.read_only and row.dirty:
            forbidden.tell(self.store, self.tally, row.key, row.name)
        elif not folder.delta.read_only and not any(r.folder == row.key for r in self.push.refused):
            forbidden.lift(self.store, row.key)
        if folder.of(*_PUSHED):
            self.cancel.check()
            self.tally.pushed += self.push.carry_out(row.key, folder.actions, folder.placed)

    # -- downloading ---------------------------------------------------------------------------

    def _incoming(self, planned: Sequence[Planned]) -> list[Incoming]:
        """What is to be downloaded of each folder, the inbox first."""
        order = sorted(planned, key=lambda p: (p.row.name != INBOX, p.row.name))
        order = [p for p in order if p.row.key not in self.among]
        news = [self._new(folder) for folder in order]
        coming = self.selection.incoming(news, self.options.limit)
        self.shared.set_apart(coming, news)
        return coming

    def _new(self, folder: Planned) -> News:
        """What only the server has, of a folder whose pushes are done: some of it may be ours by now."""
        new = [a.uid for a in folder.actions if isinstance(a, planner.Download)]
        if new and folder.of(*_PUSHED):
            known = {a.uid for a in self.store.agreed(folder.row.key)}
            new = [uid for uid in new if uid not in known]
        cursor = self._cursor(folder.row, folder.delta)
        return News(folder.row, self.push.names[folder.row.key], new, folder.delta, cursor)

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
