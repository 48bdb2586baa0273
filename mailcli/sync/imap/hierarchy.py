"""The folders of both sides brought into step: made, renamed and deleted, here and there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mailcli.errors import CannotCreate, TryAgain
from mailcli.model.account import Account
from mailcli.model.folder import INBOX, all_mail
from mailcli.store.store import Store
from mailcli.store.values import FolderFacts, SyncFolder
from mailcli.sync.imap.folders import Found, naming, special_use, to_server, wanted
from mailcli.sync.imap.server import Server, only
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import Completed, Listed

_ABSENT: Final = frozenset({"", "NONEXISTENT", "TRYCREATE"})
"""Codes of a NO to STATUS that may mean that there is no such folder. Any other ([UNAVAILABLE],
[NOPERM], [INUSE] …; RFC 5530) says why we cannot see it now."""


class Hierarchy:
    """The folders of one account."""

    def __init__(self, store: Store, account: Account, server: Server, tally: Tally) -> None:
        self.store = store
        self.account = account
        self.server = server
        self.tally = tally
        self.unmade: list[Found] = []
        """In a dry run, the server's folders that are not here yet."""

    def agree(self, found: list[Found], *, dry_run: bool = False) -> dict[int, Found]:
        """Make here what the server has and there what only we have; gives what takes part, by our
        folder key. Raises TryAgain if the server lists nothing at all."""
        rows = self.store.sync_folders(self.account.name)
        if not dry_run and self._respell(rows, found):
            rows = self.store.sync_folders(self.account.name)
        if not found and any(row.state.uidvalidity is not None for row in rows):
            raise TryAgain(
                f"{self.server.label} lists no folder, not even the inbox; nothing was removed here"
            )
        if not dry_run:
            self._note_all_mail(found)
        listed = {f.name for f in found}
        unlisted = [r for r in rows if r.name not in listed and r.selectable and r.name != INBOX]
        taking = [f for f in found if f.name == INBOX or wanted(f, self.account.folders, ())]
        if unlisted and not dry_run:
            gone = self._gone([r for r in unlisted if r.state.uidvalidity is not None], found)
            gone = self._renamed(gone, [f for f in taking if f.name not in {r.name for r in rows}])
            for row in gone:
                self._drop(row)
            rows = self.store.sync_folders(self.account.name)
        places = self._mirror({row.name: row for row in rows}, taking, dry_run=dry_run)
        if not dry_run and self.account.sync.pushes:
            for row in rows:
                if row.name not in listed and row.selectable and row.state.uidvalidity is None:
                    self._create(row, naming(found), places)
        return places

    def _drop(self, row: SyncFolder) -> None:
        """A folder that is gone from the server."""
        from mailcli.store.journal import Note

        note = Note("gone", f"of {row.name}: the folder is gone from the server", by_sync=True)
        self.tally.gone += self.store.delete_folder(row.key, reason="folder gone from the server", note=note)

    def concerned(self) -> dict[int, Found] | None:
        """The folders that a push is about, as the server listed them last: nobody waits for a list of
        all. None if one of them is not known to be there."""
        rows = self.store.sync_folders(self.account.name)
        keys = {row.key for row in rows if row.dirty}
        keys.update(copy.source for copy in self.store.pending(self.account.name).copies)
        for operation in self.store.operations(self.account.name):
            keys.update(k for k in (operation.folder, operation.destination) if k is not None)
        labelled = self.store.setting(all_mail(self.account.name))
        places: dict[int, Found] = {}
        for row in rows:
            if row.key not in keys:
                continue
            if row.state.uidvalidity is None or not row.selectable:
                return None
            mailbox = to_server(row.name, row.delimiter)
            found = Found(row.name, mailbox, row.delimiter, row.special, True, row.subscribed, None)
            found = found._replace(all_mail=row.name == labelled)
            if row.name == INBOX or wanted(found, self.account.folders, ()):
                places[row.key] = found
        return places

    def _note_all_mail(self, found: Sequence[Found]) -> None:
        """What is pushed and archived without a list of all folders has to know it, too."""
        key, name = all_mail(self.account.name), next((f.name for f in found if f.all_mail), None)
        if name != self.store.setting(key):
            self.store.put_setting(key, name)

    def _mirror(
        self, rows: dict[str, SyncFolder], taking: Sequence[Found], *, dry_run: bool
    ) -> dict[int, Found]:
        """Make the folders here, and note what the server says of them."""
        places: dict[int, Found] = {}
        changed: list[FolderFacts] = []
        for f in taking:
            row = rows.get(f.name)
            if row is not None:
                places[row.key] = f
            facts = FolderFacts(f.name, f.special, f.delimiter, f.selectable, f.subscribed)
            if row is None or facts[1:] != (row.special, row.delimiter, row.selectable, row.subscribed):
                changed.append(facts)
        if dry_run:
            self.unmade = [f for f in taking if f.name not in rows]
            return places
        if changed:
            keys = self.store.ensure_folders(self.account.name, changed)
            by_name = {f.name: f for f in taking}
            places.update((keys[facts.name], by_name[facts.name]) for facts in changed)
        for key, f in places.items():
            identity = f.status.mailbox_id if f.status else ""
            row = rows.get(f.name)
            if identity and (row is None or row.state.mailbox_id != identity):
                state = self.store.folder_state(key)
                self.store.set_folder_state(key, state._replace(mailbox_id=identity))
        return places

    def _create(self, row: SyncFolder, delimiter: str, places: dict[int, Found]) -> None:
        """A folder that was made here."""
        mailbox = to_server(row.name, delimiter)
        use = special_use(row.special) if self.server.has("CREATE-SPECIAL-USE") else ""
        commands: list[Command] = [imap.Create(mailbox, use), imap.Subscribe(mailbox)]
        _, answers = self.server.try_each(*commands)
        if use and answers[0].status != "OK" and _code(answers[0]) != "ALREADYEXISTS":
            _, answers = self.server.try_each(imap.Create(mailbox), imap.Subscribe(mailbox))
        text = answers[0].text
        if answers[0].status != "OK" and "exists" not in text.lower():
            self.tally.problems.append(f"{self.server.label} refused to create {row.name}: {text}")
            return
        self.tally.pushed += 1
        places[row.key] = Found(row.name, mailbox, delimiter, row.special, True, True, None)

    def _respell(self, rows: Sequence[SyncFolder], found: Sequence[Found]) -> bool:
        """The same mailbox has another name for the user: the server tells of its namespaces now."""
        taken, by_mailbox = {row.name for row in rows}, {f.mailbox: f for f in found}
        done = False
        for row in rows:
            f = by_mailbox.get(to_server(row.name, row.delimiter))
            if f is not None and f.name != row.name and f.name not in taken:
                self.store.rename_folder(row.key, f.name)
                done = True
        return done

    # -- gone, or called otherwise ---------------------------------------------------------------

    def _gone(self, rows: Sequence[SyncFolder], found: Sequence[Found]) -> list[SyncFolder]:
        """Those that the server does not have, asked two more ways: by name, and for their counters."""
        if not rows:
            return []
        known = {f.name: f.delimiter for f in found}
        mailboxes = [to_server(row.name, _delimiter(row, known, naming(found))) for row in rows]
        commands: list[Command] = []
        for mailbox in mailboxes:
            commands += imap.List(patterns=(mailbox,)), imap.Status(mailbox, ("UIDVALIDITY",))
        events, answers = self.server.try_each(*commands)
        listed = {f.name for f in only(Listed, events) if not f.attributes & {"noselect", "nonexistent"}}
        gone = []
        for place, (row, mailbox) in enumerate(zip(rows, mailboxes, strict=True)):
            by_name, status = answers[2 * place], answers[2 * place + 1]
            if by_name.status != "OK" or mailbox in listed or status.status != "NO":
                continue
            if _code(status) in _ABSENT:
                gone.append(row)
            else:
                self.tally.problems.append(
                    f"{self.server.label} does not list {row.name} now ({status.text}); nothing was removed"
                )
        return gone

    def _renamed(self, gone: Sequence[SyncFolder], appeared: Sequence[Found]) -> list[SyncFolder]:
        """Give folders that have another name there the same name here; returns those that are left."""
        left = []
        by_row = {row.key: _identities(row) for row in gone}
        for row in gone:
            alike = [f for f in appeared if _same(row, f)]
            rivals = [r for r in gone if alike and by_row[r.key] & by_row[row.key]]
            if len(alike) != 1 or len(rivals) != 1:
                left.append(row)
                continue
            try:
                self.store.rename_folder(row.key, alike[0].name)
            except CannotCreate as error:
                self.tally.problems.append(error.message)
        return left


def _identities(row: SyncFolder) -> set[tuple[object, ...]]:
    """What two folders must not have in common, for a rename to be recognised by it."""
    state = row.state
    return {("id", state.mailbox_id or row.key), ("n", state.uidvalidity, state.uidnext, state.server_count)}


def _same(row: SyncFolder, found: Found) -> bool:
    """Whether it is the folder `row` under another name: by MAILBOXID (RFC 8474 §4), else by numbers
    that no other folder will have by chance. An empty folder is not worth guessing."""
    state, status = row.state, found.status
    if status is None:
        return False
    if state.mailbox_id and status.mailbox_id:
        return state.mailbox_id == status.mailbox_id
    return (state.uidvalidity, state.uidnext, state.server_count) == (
        status.uidvalidity,
        status.uidnext,
        status.messages,
    ) and bool(status.messages)


def _delimiter(row: SyncFolder, known: dict[str, str], usual: str) -> str:
    """How the server wrote a folder that it does not list any more."""
    above = row.name.rpartition("/")[0]
    return row.delimiter or known.get(above) or usual


def _code(answer: Completed) -> str:
    return answer.code.name if answer.code else ""
