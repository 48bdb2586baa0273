"""New mail, told from the local mailbox: whoever brought it, each message once.

New is a message whose id was not there before, in a folder where mail arrives. One that was only
moved or copied from another folder is not new, though the server gives it a new UID and we give it
a new id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from mailcli.errors import NotFound
from mailcli.model.folder import INBOX
from mailcli.model.message import Summary
from mailcli.store.store import Store

_NOT_FOR_MAIL: Final = frozenset({"Drafts", "Sent", "Spam", "Trash"})


class Arrivals:
    """Counts from the moment it is made, with what was put off for this `account`. One thread uses it."""

    def __init__(self, store: Store, account: str = "") -> None:
        self._store = store
        self._known = store.ids()
        if account:
            self._known.difference_update(_put_off(store, account))

    def new(
        self, accounts: Collection[str], *, counts: Callable[[Summary], bool] = lambda _: True
    ) -> list[Summary]:
        """What came to these accounts since the last call, oldest first; what does not count is
        known from now on as well. What came to other accounts stays for a later call."""
        fresh = self._present(self._store.ids() - self._known)
        mine = [row for row in fresh if row.account in accounts]
        if not mine:
            return []
        before = self._known
        self._known = before | {row.id for row in mine}
        incoming = self._incoming(accounts)
        taking = {r.id: r for r in mine if (r.account, r.folder) in incoming and counts(r)}
        twins: dict[str, list[str]] = {}
        for twin in self._store.twins(list(taking)):
            twins.setdefault(twin.id, []).append(twin.other)
        told: set[str] = set()
        result = []
        for row in sorted(taking.values(), key=lambda r: (r.folder != INBOX, r.arrived, r.rid)):
            others = twins.get(row.id, ())
            if not any(other in before or other in told for other in others):
                told.add(row.id)
                result.append(row)
        return sorted(result, key=lambda r: (r.arrived, r.rid))

    def told(self, account: str) -> None:
        """What was put off for it has been told."""
        if self._store.setting(_key(account)) is not None:
            self._store.put_setting(_key(account), None)

    def _present(self, ids: Collection[str]) -> list[Summary]:
        try:
            return self._store.get(ids) if ids else []
        except NotFound:  # one went again between the two looks
            return self._store.get(set(ids) & self._store.ids())

    def _incoming(self, accounts: Collection[str]) -> set[tuple[str, str]]:
        return {
            (folder.account, folder.name)
            for account in accounts
            for folder in self._store.folders(account)
            if folder.special not in _NOT_FOR_MAIL
        }


def put_off(store: Store, account: str, ids: Collection[str]) -> None:
    """These came by the way, as a search found them; whoever fetches next tells of them."""
    if ids:
        store.put_setting(_key(account), " ".join([*_put_off(store, account), *ids]))


def _put_off(store: Store, account: str) -> list[str]:
    return (store.setting(_key(account)) or "").split()


def _key(account: str) -> str:
    return f"untold {account}"
