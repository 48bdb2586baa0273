"""What other programs removed from the Maildir.

A file that is gone may have been moved: so every folder of the account is looked at, and then once
more those where something is missing, before anything counts as deleted. A few deletions are done on the
server as the account's policy says; many wait until the user confirms them, since a failing disk or a
wrong `rm` looks just the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailcli.model.record import NamedTuple
from mailcli.store.store import Store
from mailcli.store.values import Gone, Missing, SyncChanges
from mailcli.sync import brake

REASON: Final = "removed by another program"


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
