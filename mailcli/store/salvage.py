"""A database that cannot be read is set aside and made anew; nothing of it or of the mail is deleted.

What is state is taken from the damaged file as far as it can be read, leaping over what is broken. The
rest comes from the tree: ids, UIDs and flags are in the file names. `mailcli.db.damaged` stands from the
moment the damage is seen until all is done, and names the file set aside, so a cut salvage goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import apsw

from mailcli.store import disk, folders, history, index, journal, location, locks, maildir, rebuild, scanning
from mailcli.store.database import Damaged
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.tree import Tree

_TABLES: Final = {
    "account": ("key", "key, name, protocol, directory"),
    "folder": (
        "key",
        "key, account, name, path, tag, renaming, special, delimiter, subscribed, selectable, uidvalidity,"
        " uidnext, highestmodseq, server_count, mailbox_id, permanent_flags, synced_at",
    ),
    "operation": (
        "seq",
        "seq, kind, message, folder, destination, stage, uidnext_before, started, note",
    ),
    "recovery": (
        "id",
        "id, account, folder, at_folder, uid, base_bits, base_words, file, source, moved, size, sha256,"
        " bits, words, arrived, reason, removed_at, expires, pending, after",
    ),
    "pop3_message": (
        "account, uidl, occurrence",
        "account, uidl, occurrence, size, header_hash, sha256, state, first_seen, delivered_at,"
        " missing_since, id",
    ),
    "setting": ("key", "key, value"),
    "outline": ("key", "key, id, data"),
    **{table: ("seq", columns) for table, columns in journal.COLUMNS.items()},
}
_MESSAGE: Final = ", ".join(("rid", "thread", "missing_since", *index.STATE_COLUMNS, *index.DERIVED_COLUMNS))


def needed(site: Site) -> bool:
    """Whether the database is damaged, or knows nothing of a mail tree that is there."""
    path = site.database.path
    if os.path.exists(f"{path}.damaged"):
        return True
    if not _has_mail(site.tree.mail):
        return False
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return True
    try:
        with site.database.reading() as connection:
            return not rows(connection, "SELECT 1 FROM account LIMIT 1")
    except Damaged:
        return True


def _has_mail(mail: str) -> bool:
    try:
        return any(os.path.exists(f"{mail}/{name}/{maildir.MARKER}") for name in os.listdir(mail))
    except OSError:
        return False


def salvage(site: Site, lock: str) -> list[str]:
    """Make the database anew. Returns sentences for the user. Locked while another process does it."""
    with locks.hold(lock, what="the mailbox to repair its database"):
        database = site.database
        if not needed(site):
            return []
        database.close()
        aside = ""
        with disk.reported("set the damaged database aside"):
            if os.path.exists(f"{database.path}.damaged"):
                aside = _set_aside(database.path)
        database.create()
        saved = _copy(site, f"{os.path.dirname(database.path)}/{aside}") if aside else 0
        adopted = _from_tree(site)
        if aside:
            rebuild.rebuild(site, None)  # what was copied has no threads and no index yet
        with disk.reported("finish the repair"):
            disk.unlink(f"{database.path}.damaged")
    if aside:
        return [
            f"the mailbox database was damaged: it was set aside as {aside} and made anew,"
            f" {saved} messages from it and {adopted} more from the mail files"
        ]
    return [f"the mailbox database was missing: it was made anew from {adopted} mail files"]


def _set_aside(path: str) -> str:
    """Move the database and its log out of the way; returns the new name, "" if there was nothing.

    The name is noted first, so that a cut run goes on with the same one. The database moves last, and
    the log before it: beside a new database the log would be taken for that one's.
    """
    marker = f"{path}.damaged"
    with open(marker, encoding="utf-8") as opened:
        name = opened.read().strip()
    if not name:
        if not os.path.exists(path):
            return ""
        name = f"{os.path.basename(path)}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}"
        while os.path.exists(f"{os.path.dirname(path)}/{name}"):
            name += "x"
        disk.unlink(f"{marker}-new")
        disk.write_new(f"{marker}-new", name.encode())
        disk.rename(f"{marker}-new", marker)
        disk.fsync_directory(os.path.dirname(path))
    target = f"{os.path.dirname(path)}/{name}"
    if not os.path.exists(target):
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                disk.rename(path + suffix, target + suffix)
        disk.fsync_directory(os.path.dirname(path))
    return name


# -- from the damaged database -----------------------------------------------------------------


def _copy(site: Site, damaged: str) -> int:
    """Copy the state that can be read. Returns how many messages."""
    try:
        old = apsw.Connection(damaged, flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error:
        return 0
    old.set_busy_timeout(1000)
    old.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    saved = 0
    with site.database.writing() as new:
        for table, (key, columns) in _TABLES.items():
            names = columns.split(", ")
            for row in _both_ends(old, table, key, columns):
                _insert(new, table, names, row)
        _complete_accounts(new)
        for (account,) in rows(new, "SELECT name FROM account WHERE protocol != 'imap'"):
            history.note_unrecorded(new, account)  # a line that could not be read is not missed otherwise
        names = _MESSAGE.split(", ")
        keys = {key for (key,) in new.execute("SELECT key FROM folder")}
        for row in _readable(old, "message", "rid", _MESSAGE):
            if row[names.index("folder")] in keys:
                saved += _insert(new, "message", names, row)
        # Keys of folders that could not be read will be those of others.
        lost = " NOT IN (SELECT key FROM folder)"
        new.execute(
            f"UPDATE message SET at_folder = NULL, uid = NULL, base_bits = NULL WHERE at_folder{lost}"
        )
        new.execute(f"UPDATE recovery SET at_folder = NULL, pending = 0 WHERE at_folder{lost}")
        new.execute(f"DELETE FROM operation WHERE folder{lost} OR destination{lost}")
    with suppress(apsw.Error):
        old.close()
    return saved


def _complete_accounts(new: apsw.Connection) -> None:
    """Accounts that could not be read, from the paths of their folders."""
    for key, path in rows(
        new,
        "SELECT account, min(path) FROM folder WHERE account NOT IN (SELECT key FROM account)"
        " GROUP BY account",
    ):
        directory = path.partition("/")[0]
        row = (key, _account_name(directory), directory)
        _insert(new, "account", ["key", "name", "directory"], row)
    new.execute("DELETE FROM folder WHERE account NOT IN (SELECT key FROM account)")


def _account_name(directory: str) -> str:
    return (maildir.decode_level(directory) or directory).replace("\0", "/")


def _insert(new: apsw.Connection, table: str, names: list[str], row: tuple[Any, ...]) -> int:
    """Insert a row if it is one: garbage fails a constraint, or is there already."""
    before = new.total_changes()
    with suppress(apsw.Error):
        new.execute(
            f"INSERT OR IGNORE INTO {table}({', '.join(names)}) VALUES({', '.join('?' * len(names))})", row
        )
    return new.total_changes() - before


def _both_ends(old: apsw.Connection, table: str, key: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows from the first up to the damage, and from the last down to it."""
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in key.split(", "))
        try:
            yield from old.execute(f"SELECT {columns} FROM {table} ORDER BY {order}")
            return
        except (apsw.Error, UnicodeDecodeError):
            continue


def _readable(old: apsw.Connection, table: str, key: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """All rows that can be read of a table with an integer key (the first column)."""
    statement = f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT 200"
    last = -1
    while True:
        try:
            found = rows(old, statement, (last,))
        except (apsw.Error, UnicodeDecodeError):
            one = _one(old, statement.replace("200", "1"), last)
            if one is not None:
                found = [one]
            elif (beyond := _leap(old, statement.replace("200", "1"), last)) is not None:
                last = beyond
                continue
            else:
                return
        if not found:
            return
        yield from found
        last = found[-1][0]


def _one(old: apsw.Connection, statement: str, last: int) -> tuple[Any, ...] | None:
    try:
        found = rows(old, statement, (last,))
    except (apsw.Error, UnicodeDecodeError):
        return None
    return found[0] if found else None


def _leap(old: apsw.Connection, statement: str, last: int) -> int | None:
    """The nearest key behind `last` from which reading goes on: doubling the step, then halving back."""
    step = 1
    while _one(old, statement, last + step) is None:
        step *= 2
        if last + step >= 1 << 62:
            return None
    low, high = step // 2, step
    while high - low > 1:
        middle = (low + high) // 2
        if _one(old, statement, last + middle) is None:
            low = middle
        else:
            high = middle
    return last + high


# -- from the tree -----------------------------------------------------------------------------


def _from_tree(site: Site) -> int:
    """Rows for accounts and folders that only the tree has, then for all files without one."""
    _adopt_directories(site)
    adopted = 0
    with site.database.reading() as connection:
        keys = sorted(location.homes(connection))
    for key in keys:
        adopted += len(scanning.scan(site, key, force=True).adopted)
    return adopted


def _adopt_directories(site: Site) -> None:
    tree = site.tree
    for directory in sorted(os.listdir(tree.mail)) if os.path.isdir(tree.mail) else ():
        if not tree.has_marker(directory):
            continue
        with site.database.writing() as connection:
            row = rows(connection, "SELECT key, name FROM account WHERE directory = ?", (directory,))
            if row:
                key, account = row[0]
            else:
                account = _account_name(directory)
                connection.execute("INSERT INTO account(name, directory) VALUES(?, ?)", (account, directory))
                key = connection.last_insert_rowid()
            for path in tree.folder_paths(directory):
                _adopt_folder(connection, tree, key, account, path)


def _adopt_folder(
    connection: apsw.Connection, tree: Tree, account: int, account_name: str, path: str
) -> None:
    if rows(connection, "SELECT 1 FROM folder WHERE path = ? OR renaming = ?", (path, path)):
        return
    identity = folders.read_identity(tree, path, account_name)
    if identity is None:
        identity = path.partition("/")[2], maildir.folder_tag(account_name, path, ())
    name, tag = identity
    # Files tell under which UIDVALIDITY they came; the newest is right, or the server will say otherwise.
    names = [maildir.parse_name(file.partition("/")[2]) for file in tree.listing(path)]
    uidvalidity = max(((n.base, n.uidvalidity) for n in names if n.tag == tag), default=("", None))[1]
    with suppress(apsw.ConstraintError):
        connection.execute(
            "INSERT INTO folder(account, name, path, tag, uidvalidity, special) VALUES(?, ?, ?, ?, ?, ?)",
            (account, name, path, tag, uidvalidity, "Inbox" if name == "INBOX" else ""),
        )
