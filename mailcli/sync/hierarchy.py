"""The folders of both sides brought into step: made, renamed and deleted, here and there."""

from __future__ import annotations

from mailcli.model.account import Account
from mailcli.model.folder import INBOX
from mailcli.store.store import Store
from mailcli.store.values import FolderFacts, SyncFolder
from mailcli.sync.folders import Found, to_server, wanted
from mailcli.sync.server import Server
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap


class Hierarchy:
    """The folders of one account."""

    def __init__(self, store: Store, account: Account, server: Server, tally: Tally) -> None:
        self.store = store
        self.account = account
        self.server = server
        self.tally = tally

    def agree(self, found: list[Found], *, dry_run: bool = False) -> dict[int, Found]:
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
        if changed and not dry_run:
            facts = [
                FolderFacts(f.name, f.special, f.delimiter, f.selectable, f.subscribed)
                for f in changed.values()
            ]
            keys = self.store.ensure_folders(self.account.name, facts)
            places.update((keys[name], folder) for name, folder in changed.items())
        if not dry_run:
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
            self.tally.gone += self.store.delete_folder(row.key, reason="folder gone from the server")
