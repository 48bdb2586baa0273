"""What the server last said of each folder: the cursors of synchronisation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import NotFound
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.values import FolderState, SyncFolder

if TYPE_CHECKING:
    import apsw

    from mailcli.store.partial import Lacking

_STATE: Final = (
    "uidvalidity, uidnext, highestmodseq, server_count, mailbox_id, permanent_flags, synced_at, skipped,"
    " withheld"
)
"""In the order of FolderState."""


def _folder_state(row: Sequence[Any]) -> FolderState:
    flags = None if row[5] is None else frozenset(row[5].split())
    return FolderState(row[0], row[1], row[2], row[3], row[4], flags, *row[6:])


def folder_state(connection: apsw.Connection, key: int) -> FolderState:
    """See Store.folder_state."""
    for row in connection.execute(f"SELECT {_STATE} FROM folder WHERE key = ?", (key,)):
        return _folder_state(row)
    raise NotFound(f"there is no folder number {key}")


def set_folder_state(connection: apsw.Connection, key: int, state: FolderState) -> None:
    """In the caller's transaction."""
    flags = None if state.permanent_flags is None else " ".join(sorted(state.permanent_flags))
    columns = ", ".join(f"{column} = ?" for column in _STATE.split(", "))
    connection.execute(f"UPDATE folder SET {columns} WHERE key = ?", (*state[:5], flags, *state[6:], key))


def agreed_count(connection: apsw.Connection, key: int) -> int:
    """How many messages the server has in a folder, as far as is agreed."""
    count: int = connection.execute(
        "SELECT count(*) FROM message WHERE at_folder = ? AND uid IS NOT NULL", (key,)
    ).get
    return count


def agreed_among(connection: apsw.Connection, key: int, ranges: Iterable[tuple[int, int]]) -> int:
    """How many messages of a folder are among these UIDs."""
    query = "SELECT count(*) FROM message WHERE at_folder = ? AND uid BETWEEN ? AND ?"
    return sum(connection.execute(query, (key, first, last)).get for first, last in ranges)


def lacking(connection: apsw.Connection, key: int, since: float | None, max_size: int) -> list[Lacking]:
    """See Store.lacking."""
    found = rows(
        connection,
        # Asked of every folder at every fetch: with another index it would read all of it.
        "SELECT id, uid, size FROM message INDEXED BY message_lacking"
        " WHERE at_folder = ? AND file IS NULL AND uid IS NOT NULL"
        " AND arrived >= ? AND (? = 0 OR size <= ?) ORDER BY uid DESC",
        (key, since or 0, max_size, max_size),
    )
    if not found:
        return []
    from mailcli.store.partial import Lacking

    return [Lacking(*row) for row in found]


def unagreed_folders(connection: apsw.Connection) -> set[int]:
    """See Store.unagreed_folders. Rows without a base are dirty, which keeps this off the others."""
    return {
        key
        for (key,) in connection.execute(
            "SELECT DISTINCT at_folder FROM message INDEXED BY message_leaving"
            " WHERE dirty = 1 AND at_folder IS NOT NULL AND uid IS NOT NULL AND base_bits IS NULL"
        )
    }


def unsettled(connection: apsw.Connection, account: str) -> bool:
    """See Store.unsettled. An operation belongs to the account of its folder or destination."""
    return bool(
        rows(
            connection,
            "SELECT 1 FROM operation o JOIN folder f ON f.key IN (o.folder, o.destination)"
            " JOIN account a ON a.key = f.account WHERE a.name = ? LIMIT 1",
            (account,),
        )
    )


def sync_folders(site: Site, account: str) -> list[SyncFolder]:
    """See Store.sync_folders."""
    with site.database.reading() as connection:
        listed = rows(
            connection,
            "SELECT f.key, f.name, special, delimiter, subscribed, selectable, path, cur_mtime, new_mtime,"
            " EXISTS(SELECT 1 FROM message m WHERE m.folder = f.key AND m.dirty = 1)"
            " OR EXISTS(SELECT 1 FROM recovery r WHERE r.pending = 1 AND r.at_folder = f.key),"
            " EXISTS(SELECT 1 FROM message m WHERE m.folder = f.key AND m.missing_since IS NOT NULL),"
            f" {_STATE} FROM folder f JOIN account a ON a.key = f.account WHERE a.name = ?"
            " ORDER BY f.name != 'INBOX', f.name",
            (account,),
        )
        # A message moved away here still has to leave the folder it is in there.
        leaving = {
            key
            for (key,) in connection.execute(
                "SELECT DISTINCT at_folder FROM message INDEXED BY message_leaving WHERE dirty = 1"
            )
        }
    found = []
    for (
        key,
        name,
        special,
        delimiter,
        subscribed,
        selectable,
        path,
        cur,
        new,
        dirty,
        suspect,
        *state,
    ) in listed:
        found.append(
            SyncFolder(
                key,
                account,
                name,
                special,
                delimiter,
                bool(subscribed),
                bool(selectable),
                _folder_state(state),
                dirty=bool(dirty) or key in leaving,
                unscanned=bool(suspect) or not site.tree.mtimes(path) == (cur, new) != (0, 0),
            )
        )
    return found
