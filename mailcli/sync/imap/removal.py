"""Removing messages on the server for good, and opening the folder they are in. Never CLOSE: it
expunges whatever is \\Deleted, whoever marked it (RFC 9051 §6.4.1)."""

from __future__ import annotations

from collections.abc import Collection

from mailcli.model.flags import DELETED
from mailcli.store.store import Store
from mailcli.store.values import SyncChanges
from mailcli.sync.imap.server import Server, last, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Searched, UidValidity


def select(store: Store, server: Server, folder: int, mailbox: str) -> bool:
    """Select a folder; whether its UIDs still mean what they meant when they were agreed. If not,
    none of them may be used before the folder has been bound anew (`rebind`)."""
    if server.selected != mailbox:
        validity = last(UidValidity, server.ask(imap.Select(mailbox)))
        server.selected, server.validity = mailbox, validity.value if validity else None
    agreed = store.folder_state(folder).uidvalidity
    return agreed is None or server.validity is None or server.validity == agreed


def expunge(server: Server, uids: Collection[int]) -> bool:
    """Remove messages of the selected folder; whether they are gone.

    Without UIDPLUS a plain EXPUNGE removes all that is \\Deleted, so it is given only if all of it
    is ours; otherwise the messages stay there, marked, until somebody's EXPUNGE takes them.
    """
    parts = server.parts(uids)
    server.ask(*(imap.Store(part, "+", frozenset({DELETED})) for part in parts))
    if server.has("UIDPLUS"):
        server.ask(*(imap.Expunge(part) for part in parts))
        return True
    answers = only(Searched, server.ask(imap.Search(("DELETED",))))
    marked = {uid for answer in answers for uid in answer.uids}
    if not answers or not marked <= set(uids):
        return False
    server.ask(imap.Expunge(None))
    return True


def remove(store: Store, server: Server, folder: int, uids: Collection[int]) -> int:
    """Expunge messages of the selected folder that are purged here, or moved, and write down that
    it is done. What cannot be expunged yet stays hidden here. Returns how many are gone."""
    if not uids or not expunge(server, uids):
        return 0
    gone = [t.id for t in store.tombstones(folder) if t.uid in uids]
    store.apply(SyncChanges(expunged=gone))
    return len(gone)
