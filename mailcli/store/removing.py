"""Deleting folders, directories included. What is in them goes to the recovery area."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.store import changing, folders, index, recovery, scanning
from mailcli.store.site import Site
from mailcli.store.sql import rows

if TYPE_CHECKING:
    import apsw


def delete_folder(site: Site, key: int, reason: str) -> int:
    """See Store.delete_folder."""
    scanning.scan(site, key, force=True)  # what another program put there goes to recovery with the rest
    with site.database.writing() as connection:
        home = folders.home(connection, key)
        ids = [i for (i,) in rows(connection, "SELECT id FROM message WHERE folder = ?", (key,))]
        recovery.take_away(connection, ids, reason, site.clock(), pending=False)
        _forget(connection, key, site.clock())
    recovery.settle(site)
    site.tree.sweep(home.path, float("inf"))
    site.tree.remove_empty(home.path)
    return len(ids)


def _forget(connection: apsw.Connection, key: int, now: float) -> None:
    """The folder is no place any more, here or on the server: what was moved out of it is uploaded again."""
    left = [i for (i,) in rows(connection, "SELECT id FROM message WHERE at_folder = ?", (key,))]
    changing.release(connection, left, now)
    index.mark_dirty(connection, left)
    connection.execute("UPDATE recovery SET pending = 0, at_folder = NULL WHERE at_folder = ?", (key,))
    connection.execute("DELETE FROM operation WHERE folder = ? OR destination = ?", (key, key))
    connection.execute("DELETE FROM folder WHERE key = ?", (key,))
