"""Gmail's All Mail, its archive. Everything is in it once more, so of it only those messages take part
that are here: what left the inbox on this side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mailcli.model.account import FolderPolicy
from mailcli.model.folder import all_mail
from mailcli.store.values import FolderState, SyncFolder
from mailcli.sync.imap.folders import Found, partial
from mailcli.wire.imap.uidset import UidSet

if TYPE_CHECKING:
    from mailcli.store.store import Store


def note(store: Store, account: str, found: Iterable[Found]) -> None:
    """Keep its name: `archive` needs it without a server."""
    name = next((f.name for f in found if f.all_mail), None)
    if name != store.setting(all_mail(account)):
        store.put_setting(all_mail(account), name)


def among(
    store: Store, rows: Iterable[SyncFolder], places: Mapping[int, Found], policy: FolderPolicy
) -> dict[int, UidSet]:
    """{folder of which only a part takes part: the UIDs that do}."""
    return {
        row.key: UidSet.of(
            {m.uid for m in store.agreed(row.key)} | {t.uid for t in store.tombstones(row.key)}
        )
        for row in rows
        if partial(places[row.key], policy)
    }


def commit(store: Store, cursors: Iterable[tuple[int, FolderState]], places: Mapping[int, Found]) -> None:
    """With the number of messages that the server says: what is here of them cannot show a change."""
    for key, cursor in cursors:
        status = places[key].status
        if status is not None:
            store.set_folder_state(key, cursor._replace(server_count=status.messages))
