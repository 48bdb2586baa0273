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
from typing import TYPE_CHECKING

from mailcli.errors import NotFound
from mailcli.model.folder import INBOX
from mailcli.model.record import NamedTuple
from mailcli.sync import removed
from mailcli.sync.imap import quota
from mailcli.sync.imap.folders import differs, discover, partial, wanted
from mailcli.sync.imap.hierarchy import Hierarchy
from mailcli.sync.imap.omissions import Omissions

if TYPE_CHECKING:
    from mailcli.model.account import Account
    from mailcli.net.cancel import CancelToken
    from mailcli.net.imap import ImapConnection
    from mailcli.store.store import Store
    from mailcli.store.values import SyncFolder
    from mailcli.sync.imap.downloading import Progress
    from mailcli.sync.imap.folders import Found
    from mailcli.sync.imap.push import Push
    from mailcli.sync.imap.reconcile import Reconciliation
    from mailcli.sync.imap.server import Server
    from mailcli.sync.tally import Tally
    from mailcli.wire.imap.uidset import UidSet


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
        self.omissions = Omissions(store, account.bodies, clock(), patient=not options.full)
        self._names: dict[int, str] = {}  # the server's mailboxes by our keys
        self._push: Push | None = None
        self._among: dict[int, UidSet] = {}  # of folders of which only these take part

    def run(self) -> None:
        """Do all of it. Raises what ends the run; what was done until then is durable."""
        self.store.account_key(self.account.name, "imap")
        self._compress()
        gone = self._look()
        hierarchy = Hierarchy(self.store, self.account, self.server, self.tally)
        places = hierarchy.concerned() if self.options.push_only else None
        if places is None:
            if not self.options.dry_run:
                quota.ask(self.server)
            found = discover(self.server, self.account.special)
            quota.note(self.store, self.account.name, self.server, self.clock(), self.tally)
            places = hierarchy.agree(found, dry_run=self.options.dry_run)
        self._names = {key: f.mailbox for key, f in places.items()}
        rows = self.store.sync_folders(self.account.name)
        if not self.options.dry_run:
            rows = self._settle(rows)
            rows = self._delete(gone, rows)
        changed = self._changed(rows, places)
        if self.options.dry_run:
            reconciliation = self._reconciliation()
            planned = reconciliation.learn(changed, places)
            policy, only = self.account.folders, self.options.folders
            unmade = [f for f in hierarchy.unmade if wanted(f, policy, only) and not partial(f, policy)]
            reconciliation.rehearse(planned, unmade, places)
            return
        if changed:
            self._reconcile(changed, places)
        if self._push is not None:
            self._tell_refusals(self._push)

    def _compress(self) -> None:
        endpoint = self.account.incoming
        if endpoint is not None and endpoint.compress == "always":
            from mailcli.sync.imap.compression import Line

            Line(self.store, endpoint).compress(self.server)

    @property
    def push(self) -> Push:
        """What tells the server; made when there is something to tell."""
        if self._push is None:
            from mailcli.sync.imap.push import Push

            self._push = Push(self.store, self.server, self._names)
        return self._push

    def _settle(self, rows: list[SyncFolder]) -> list[SyncFolder]:
        """Look for what became of pushes that were cut, and upload what only we have."""
        if not self.account.sync.pushes:
            return rows
        unsettled = self.store.unsettled(self.account.name)
        if unsettled:
            from mailcli.sync.imap.outcomes import settle

            self.tally.gone += settle(self.store, self.server, self.account.name, self._names)
        if not unsettled and not any(row.dirty for row in rows):
            return rows
        self.tally.pushed += self.push.upload(self.account.name)
        return self.store.sync_folders(self.account.name)

    def _reconciliation(self) -> Reconciliation:
        from mailcli.sync.imap.reconcile import Reconciliation

        return Reconciliation(
            self.store,
            self.account,
            self.server,
            self.options,
            pushing=self.push,
            omissions=self.omissions,
            among=self._among,
            tally=self.tally,
            cancel=self.cancel,
            clock=self.clock,
        )

    def _reconcile(self, rows: Sequence[SyncFolder], places: dict[int, Found]) -> None:
        """Learn, write down, push and download what is different in these folders."""
        reconciliation = self._reconciliation()
        planned = reconciliation.learn(rows, places)
        reconciliation.write_down(planned)
        for folder in planned:
            reconciliation.push(folder)
        if self.options.push_only:
            return
        incoming = reconciliation.incoming(planned, places)
        del planned  # what follows takes long, and needs no more of it
        from mailcli.sync.imap.downloading import Downloading

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
        self.tally.new += reconciliation.shared.place()

    def _tell_refusals(self, push: Push) -> None:
        """What the server would not take did not stop the rest; raises the first that may change."""
        self.tally.gone += push.gone
        if not push.refused:
            return
        from mailcli.sync.imap import forbidden

        names = {row.key: row.name for row in self.store.sync_folders(self.account.name)}
        for folder, _, _ in (r for r in push.refused if r.forbidden):
            forbidden.tell(self.store, self.tally, folder, names[folder])
        for refused in push.refused:
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

    def _delete(self, gone: list[removed.Removed], rows: list[SyncFolder]) -> list[SyncFolder]:
        """Do it on the server, or undo it here; gives the folders as they are then."""
        if not gone:
            return rows
        from mailcli.sync.imap.deletion import Deletion

        deletion = Deletion(
            self.store, self.server, self.account.name, self._names, tally=self.tally, clock=self.clock
        )
        sync = self.account.sync
        for one in gone:
            if not one.braked or self.options.confirm_deletes:
                deletion.carry_out(one, sync.delete if sync.pushes else "nothing")
            elif self.options.full:
                self.tally.changed += len(deletion.bring_back(one.messages))
            else:
                self.tally.notices.append(removed.waiting(self.account.name, one))
        return self.store.sync_folders(self.account.name)

    def _changed(self, rows: Sequence[SyncFolder], places: dict[int, Found]) -> list[SyncFolder]:
        """The folders to open, the inbox first; those with something to push last, since the last
        one learnt is still open when the pushing begins."""
        rows = [r for r in rows if r.key in places]
        rows = [r for r in rows if wanted(places[r.key], self.account.folders, self.options.folders)]
        if not self.account.sync.pushes:
            rows = [r._replace(dirty=False) for r in rows]
        if self.options.push_only:
            rows = [r for r in rows if r.dirty]
        partly = [r.key for r in rows if partial(places[r.key], self.account.folders)]
        if partly:
            from mailcli.sync.imap import allmail

            self._among = allmail.among(self.store, partly)
            rows = [r for r in rows if self._among.get(r.key, True)]
        full, more = self.options.full, self.omissions.wants_more
        rows = [r for r in rows if r.dirty or full or differs(r.state, places[r.key]) or more(r)]
        return sorted(rows, key=lambda r: (r.dirty, r.name != INBOX, r.name))
