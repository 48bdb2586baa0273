"""Gmail's All Mail, its archive. Everything is in it once more, so of it only those messages take part
that are here: what left the inbox on this side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mailcli.store.values import FolderState
from mailcli.sync.imap.folders import Found
from mailcli.wire.imap.uidset import UidSet

if TYPE_CHECKING:
    from mailcli.store.store import Store


def among(store: Store, folders: Iterable[int]) -> dict[int, UidSet]:
    """{folder: the UIDs of it that take part}."""
    return {
        key: UidSet.of({m.uid for m in store.agreed(key)} | {t.uid for t in store.tombstones(key)})
        for key in folders
    }


def commit(store: Store, cursors: Iterable[tuple[int, FolderState]], places: Mapping[int, Found]) -> None:
    """With the number of messages that the server says: what is here of them cannot show a change."""
    for key, cursor in cursors:
        status = places[key].status
        if status is not None:
            store.set_folder_state(key, cursor._replace(server_count=status.messages))
