"""Messages that were taken away, here or on the server: nothing is deleted before 14 days have passed.

The order: commit that the message is gone and where its file lies (`moved = 0`), then move the file, then
commit that too. A run cut in between is completed by `settle`, which every scan begins with.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import NotFound
from mailcli.mime import lineends
from mailcli.model.ids import new_id
from mailcli.model.record import NamedTuple
from mailcli.store import disk, folders, location, maildir
from mailcli.store.renames import Renames
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks, rows
from mailcli.store.values import LIFETIME, RecoveryEntry

if TYPE_CHECKING:
    import apsw

    from mailcli.store import index

_COLUMNS: Final = (
    "id, account, folder, at_folder, uid, base_bits, base_words, file, source, moved, size, sha256,"
    " bits, words, arrived, reason, removed_at, expires, pending, after"
)


def take_away(
    connection: apsw.Connection, ids: Sequence[str], reason: str, now: float, *, pending: bool
) -> None:
    """Turn messages into recovery entries, in the caller's transaction. `settle` after it.

    With `pending` those that a server has are to be expunged (DELEd) there.
    """
    from mailcli.store import index

    for some in chunks(ids):
        _make_room(connection, some)
        connection.execute(
            f"INSERT INTO recovery({_COLUMNS})"
            " SELECT m.id, a.name, f.name, m.at_folder, m.uid, m.base_bits, m.base_words,"
            " CASE WHEN m.missing_since IS NULL THEN substr(m.file, instr(m.file, '/') + 1) END,"
            " CASE WHEN m.missing_since IS NULL THEN f.path || '/' || m.file END,"
            " m.file IS NULL OR m.missing_since IS NOT NULL,"
            " m.size, m.sha256, m.bits, m.words, m.arrived, ?, ?, ?,"
            " ? AND (m.at_folder IS NOT NULL OR EXISTS(SELECT 1 FROM pop3_message p WHERE p.id = m.id"
            " AND p.account = f.account AND p.state != 'deleted')), NULL"
            " FROM message m JOIN folder f ON f.key = m.folder JOIN account a ON a.key = f.account"
            f" WHERE m.id IN ({marks(some)})",
            (reason, now, now + LIFETIME, int(pending), *some),
        )
        for (rid,) in rows(connection, f"SELECT rid FROM message WHERE id IN ({marks(some)})", some):
            index.remove(connection, rid)


def _make_room(connection: apsw.Connection, ids: Sequence[str]) -> None:
    """An older entry of the same id (its message came back another way) steps aside."""
    for (old,) in rows(connection, f"SELECT id FROM recovery WHERE id IN ({marks(ids)})", ids):
        connection.execute("UPDATE recovery SET id = ? WHERE id = ?", (new_id(), old))


def leave_behind(
    connection: apsw.Connection, identity: str, reason: str, now: float, *, wait: bool = True
) -> None:
    """The message gets another place on a server, maybe another server: what is at the old one is to be
    expunged; with `wait` not before it is at the new one."""
    connection.execute(
        f"INSERT INTO recovery({_COLUMNS})"
        " SELECT ?, a.name, f.name, m.at_folder, m.uid, m.base_bits, m.base_words, NULL, NULL, 1, m.size,"
        " m.sha256, m.bits, m.words, m.arrived, ?, ?, ?, 1, CASE WHEN ? THEN m.id END"
        " FROM message m JOIN folder f ON f.key = m.at_folder JOIN account a ON a.key = f.account"
        " WHERE m.id = ?",
        (new_id(), reason, now, now + LIFETIME, wait, identity),
    )


def reclaim(connection: apsw.Connection, identity: str, account: str) -> None:
    """The message comes back from another account before its old server was told: all is as it was."""
    for entry, at_folder, uid, base_bits, base_words in rows(
        connection,
        "SELECT id, at_folder, uid, base_bits, base_words FROM recovery"
        " WHERE after = ? AND pending = 1 AND account = ?",
        (identity, account),
    ):
        connection.execute(
            "UPDATE OR IGNORE message SET at_folder = ?, uid = ?, base_bits = ?, base_words = ? WHERE id = ?",
            (at_folder, uid, base_bits, base_words, identity),
        )
        connection.execute("DELETE FROM recovery WHERE id = ?", (entry,))


def settle(site: Site) -> None:
    """Move the files of recovery entries that are still in the mail tree."""
    with site.database.reading() as connection:
        waiting = rows(connection, "SELECT id, source, file FROM recovery WHERE moved = 0")
    if not waiting:
        return
    found: list[tuple[str | None, str]] = []
    directories: set[str] = set()
    with disk.reported("move mail to the recovery area"):
        disk.make_directory(site.tree.recovery)
        for identity, source, name in waiting:
            moved = _move_file(site, source, name, directories)
            found.append((name if moved else None, identity))
        disk.fsync_directories({*directories, site.tree.recovery})
    with site.database.writing() as connection:
        connection.executemany("UPDATE recovery SET moved = 1, file = ? WHERE id = ? AND moved = 0", found)


def _move_file(site: Site, source: str, name: str, directories: set[str]) -> bool:
    """Returns whether the file is in the recovery area now."""
    target = f"{site.tree.recovery}/{name}"
    path, subdirectory, _ = source.rsplit("/", 2)
    file: str | None = f"{subdirectory}/{name}"
    for _ in range(2):
        if file is None:
            break
        old = site.tree.file(path, file)
        try:
            disk.rename(old, target)
            directories.add(os.path.dirname(old))
            return True
        except FileNotFoundError:
            file = site.tree.locate(path, name.partition(":")[0])
    return os.path.exists(target)


def listed(connection: apsw.Connection) -> list[RecoveryEntry]:
    """See Store.recovery."""
    return [
        RecoveryEntry(id_, account, folder, reason, removed, expires, size, bool(present), bool(pending))
        for id_, account, folder, reason, removed, expires, size, present, pending in rows(
            connection,
            "SELECT id, account, folder, reason, removed_at, expires, size, file IS NOT NULL, pending"
            " FROM recovery ORDER BY removed_at DESC, id",
        )
    ]


class Kept(NamedTuple):
    """A recovery entry that can be brought back, its message read, or its outline. `parsed` is None where
    there is neither here, but the server still has it."""

    entry: dict[str, Any]
    parsed: index.Parsed | None


def read(site: Site, identity: str) -> Kept | None:
    """An entry to be brought back; None if there is none, or its file is gone."""
    from mailcli.store import index, outlines

    with site.database.reading() as connection:
        found = rows(connection, f"SELECT {_COLUMNS} FROM recovery WHERE id = ?", (identity,))
        outline = outlines.read(connection, identity)
    if not found:
        return None
    entry = dict(zip(_COLUMNS.split(", "), found[0], strict=True))
    if entry["file"] is None:
        parsed = index.parse(outline) if outline is not None else None
        return Kept(entry, parsed) if entry["pending"] else None
    try:
        with open(f"{site.tree.recovery}/{entry['file']}", "rb") as opened:
            data = lineends.to_wire(opened.read(), entry["size"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk.failure(error, "read from the recovery area") from error
    return Kept(entry, index.parse(data))


def restore(site: Site, ids: Sequence[str]) -> list[str]:
    """See Store.restore."""
    settle(site)
    back: list[str] = []
    for identity in ids:
        kept = read(site, identity)
        if kept is None:
            raise _lost(site, identity) or NotFound(
                f"{identity} is not in the recovery area", hint="purged messages are kept there for 14 days"
            )
        entry = kept.entry
        key = folders.ensure_folder(site, entry["account"], entry["folder"], None, None, None, None)
        with site.database.writing() as connection, Renames(site.tree) as renames:
            if bring_back(site, connection, renames, kept, key):
                back.append(identity)
    return back


def _lost(site: Site, identity: str) -> NotFound | None:
    """Why a message of which only the header was here cannot be brought back; None if it is none."""
    from mailcli.store import outlines

    with site.database.reading() as connection:
        if outlines.read(connection, identity) is None:
            return None
    return NotFound(
        f"{identity} cannot be brought back: its body was never here",
        hint="only its header was downloaded, and the server has removed the message",
    )


def bring_back(
    site: Site,
    connection: apsw.Connection,
    renames: Renames,
    kept: Kept,
    folder: int,
    *,
    expunging: bool = False,
) -> bool:
    """Put an entry's message into a folder, in the caller's transaction. Returns whether it is there now:
    without a body here it comes from the server, which is not told to expunge it after all.

    With `expunging` another run may be telling the server this very moment. Then what the server has is
    left to that run, and the message is uploaded again: it must not be bound to a UID that is going.
    """
    from mailcli.store import index

    entry = kept.entry
    if not connection.execute("SELECT 1 FROM recovery WHERE id = ?", (entry["id"],)).get:
        return False  # another run was faster
    # Of what has no file nothing could be uploaded: bound again, it goes with the next look if it went.
    going = expunging and entry["pending"] and entry["uid"] is not None and entry["file"] is not None
    if going:
        connection.execute(
            "UPDATE recovery SET id = ?, file = NULL, source = NULL, moved = 1 WHERE id = ?",
            (new_id(), entry["id"]),
        )
    else:
        connection.execute("DELETE FROM recovery WHERE id = ?", (entry["id"],))
    if kept.parsed is None:
        return False
    file = None
    if entry["file"] is not None:
        file = maildir.place_name(entry["file"].partition(":")[0], maildir.letters_of(entry["bits"]))
    home = location.home(connection, folder)
    at_folder, uid = entry["at_folder"], entry["uid"]
    # Still to be expunged: then the server has it yet, and all is as it was.
    bound = (
        bool(entry["pending"])
        and not going
        and at_folder is not None
        and not rows(connection, "SELECT 1 FROM message WHERE at_folder = ? AND uid = ?", (at_folder, uid))
    )
    site.tree.make_folder(home.path)
    if file is not None:
        with disk.reported("bring the message back"):
            renames.rename(f"{site.tree.recovery}/{entry['file']}", site.tree.file(home.path, file))
    state = index.State(
        id=entry["id"],
        folder=folder,
        at_folder=at_folder if bound else None,
        uid=uid if bound else None,
        base_bits=entry["base_bits"] if bound else None,
        base_words=entry["base_words"] if bound else None,
        origin=None,
        file=file,
        size=entry["size"],
        sha256=entry["sha256"],
        normal=None,
        object_id=None,
        bits=entry["bits"],
        words=entry["words"],
        arrived=entry["arrived"],
        dirty=0,
    )
    index.insert(connection, index.RowIds(connection), state, kept.parsed)
    index.mark_dirty(connection, [entry["id"]])
    return True
