"""Accounts and folders: their rows and their directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import NotFound
from mailcli.model.folder import INBOX, SPECIAL_USES, Folder
from mailcli.store import disk, maildir
from mailcli.store.location import account_row, check_mounted
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.tree import Tree

if TYPE_CHECKING:
    import apsw

    from mailcli.store.values import FolderFacts


def canonical(name: str) -> str:
    """INBOX is INBOX in any case (RFC 9051 §5.1), at the first level only."""
    head, slash, rest = name.partition("/")
    return f"{INBOX}{slash}{rest}" if head.upper() == INBOX else name


# -- accounts ----------------------------------------------------------------------------------


def accounts(connection: apsw.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM account ORDER BY name")]


def make_account(connection: apsw.Connection, tree: Tree, name: str, protocol: str) -> int:
    """See Store.account_key; in the caller's transaction."""
    row = account_row(connection, name)
    if row is None:
        taken: dict[str, str] = dict(connection.execute("SELECT name, directory FROM account"))
        directory = "/".join(maildir.directory_levels(name.replace("/", "\0"), taken))
        tree.make_account(directory)
        connection.execute(
            "INSERT INTO account(name, protocol, directory) VALUES(?, ?, ?)", (name, protocol, directory)
        )
        return connection.last_insert_rowid()
    if protocol and protocol != row[1]:
        from mailcli.store import index

        connection.execute("UPDATE account SET protocol = ? WHERE key = ?", (protocol, row[0]))
        for (key,) in rows(connection, "SELECT key FROM folder WHERE account = ?", (row[0],)):
            index.mark_folder_dirty(connection, key)
    return row[0]


def remove_account(site: Site, name: str) -> None:
    """See Store.remove_account."""
    from mailcli.store import history, index

    with site.database.writing() as connection:
        row = account_row(connection, name)
        if row is None:
            raise NotFound(f"there is no account {name} in the mailbox")
        key, _, directory = row
        for (rid,) in rows(
            connection,
            "SELECT rid FROM message WHERE folder IN (SELECT key FROM folder WHERE account = ?)",
            (key,),
        ):
            index.remove(connection, rid)
        connection.execute("DELETE FROM folder WHERE account = ?", (key,))
        connection.execute("DELETE FROM pop3_message WHERE account = ?", (key,))
        history.forget(connection, name)
        connection.execute("DELETE FROM account WHERE key = ?", (key,))
        tree = f"{site.tree.mail}/{directory}"
        if os.path.isdir(tree):
            with disk.reported("set the account's mail aside"):
                disk.make_directory(site.tree.recovery)
                disk.rename(tree, f"{site.tree.recovery}/{directory}-{int(site.clock())}")


# -- reading folders ---------------------------------------------------------------------------

_FOLDER: Final = (
    "SELECT f.key, a.name, f.name, f.special,"
    " (SELECT count(*) FROM message m WHERE m.folder = f.key),"
    " (SELECT count(*) FROM message m WHERE m.folder = f.key AND m.bits & 1 = 0),"
    " f.subscribed, f.selectable FROM folder f JOIN account a ON a.key = f.account"
)


def _folder(row: Sequence[Any]) -> Folder:
    key, account, name, special, total, unread, subscribed, selectable = row
    return Folder(key, account, name, special, total, unread, bool(subscribed), bool(selectable))


def folders(connection: apsw.Connection, account: str | None) -> list[Folder]:
    """See Store.folders."""
    where = "" if account is None else " WHERE a.name = ?"
    found = rows(
        connection,
        f"{_FOLDER}{where} ORDER BY a.name, f.name != 'INBOX', f.name COLLATE NOCASE, f.name",
        () if account is None else (account,),
    )
    return [_folder(row) for row in found]


def folder(connection: apsw.Connection, account: str, name: str) -> Folder:
    """See Store.folder."""
    for row in connection.execute(f"{_FOLDER} WHERE a.name = ? AND f.name = ?", (account, canonical(name))):
        return _folder(row)
    raise _missing(connection, account, name)


def find_folder(connection: apsw.Connection, account: str, text: str) -> Folder:
    """See Store.find_folder."""
    special = next((s for s in SPECIAL_USES if s.lower() == text.lower()), "")
    if special == "Inbox":
        text = INBOX
    elif special:
        for (key,) in connection.execute(
            "SELECT f.key FROM folder f JOIN account a ON a.key = f.account"
            " WHERE a.name = ? AND f.special = ? ORDER BY f.name LIMIT 1",
            (account, special),
        ):
            return _by_key(connection, key)
    names = rows(
        connection,
        "SELECT f.key, f.name FROM folder f JOIN account a ON a.key = f.account WHERE a.name = ?",
        (account,),
    )
    for key, name in names:
        if name == canonical(text):
            return _by_key(connection, key)
    alike = [key for key, name in names if name.casefold() == text.casefold()]
    if len(alike) == 1:
        return _by_key(connection, alike[0])
    raise _missing(connection, account, text)


def _by_key(connection: apsw.Connection, key: int) -> Folder:
    (row,) = connection.execute(f"{_FOLDER} WHERE f.key = ?", (key,)).fetchall()
    return _folder(row)


def _missing(connection: apsw.Connection, account: str, name: str) -> NotFound:
    """NotFound with the nearest name there is."""
    from difflib import get_close_matches

    names = [
        n
        for (n,) in connection.execute(
            "SELECT f.name FROM folder f JOIN account a ON a.key = f.account WHERE a.name = ?", (account,)
        )
    ]
    folded = {n.casefold(): n for n in names}
    near = get_close_matches(name.casefold(), list(folded), 1)
    if near:
        hint = f"did you mean {folded[near[0]]}?"
    elif names:
        hint = "see mailcli folder list"
    else:
        hint = f"nothing was fetched for it yet: mailcli fetch {account}"
    return NotFound(f"{account} has no folder {name}", hint=hint)


# -- changing folders --------------------------------------------------------------------------


def ensure_folder(
    site: Site,
    account: str,
    name: str,
    special: str | None,
    delimiter: str | None,
    selectable: bool | None,
    subscribed: bool | None,
    also: Callable[[apsw.Connection], None] | None = None,
) -> int:
    """See Store.ensure_folder. `also` is called in the transaction that makes or changes it, if one is
    needed."""
    name = canonical(name)
    if special is None and name == INBOX:
        special = "Inbox"
    given = {"special": special, "delimiter": delimiter, "selectable": selectable, "subscribed": subscribed}
    wanted = {column: value for column, value in given.items() if value is not None}
    with site.database.reading() as connection:
        if (key := _key_if_so(connection, account, name, wanted)) is not None:
            return key
    with site.database.writing() as connection:
        owner = make_account(connection, site.tree, account, "")
        key = _ensure(connection, site.tree, owner, account, name, wanted)
        if also is not None:
            also(connection)
        return key


def _key_if_so(
    connection: apsw.Connection, account: str, name: str, wanted: dict[str, str | bool]
) -> int | None:
    """The key of a folder that is there and already as it should be: no write is needed."""
    columns = ", ".join(f"f.{column}" for column in wanted)
    for row in connection.execute(
        f"SELECT f.key{', ' if columns else ''}{columns} FROM folder f JOIN account a ON a.key = f.account"
        " WHERE a.name = ? AND f.name = ?",
        (account, name),
    ):
        if list(row[1:]) == list(wanted.values()):
            key: int = row[0]
            return key
    return None


def ensure_folders(site: Site, account: str, wanted: Iterable[FolderFacts]) -> dict[str, int]:
    """See Store.ensure_folders."""
    given = {fact.name: fact._replace(name=canonical(fact.name)) for fact in wanted}
    facts = given.values()
    with site.database.writing() as connection:
        owner = make_account(connection, site.tree, account, "")
        here: dict[str, int] = dict(
            connection.execute("SELECT name, key FROM folder WHERE account = ?", (owner,))
        )
        new = [fact.name for fact in facts if fact.name not in here]
        if new:
            here |= _make_folders(connection, site.tree, owner, account, dict.fromkeys(new))
        connection.executemany(
            "UPDATE folder SET special = ?, delimiter = ?, selectable = ?, subscribed = ? WHERE key = ?",
            [(f.special, f.delimiter, f.selectable, f.subscribed, here[f.name]) for f in facts],
        )
    return {name: here[fact.name] for name, fact in given.items()}


def _make_folders(
    connection: apsw.Connection, tree: Tree, owner: int, account: str, names: Iterable[str]
) -> dict[str, int]:
    """New folders, directories and rows, in the caller's transaction; by name. The directories are
    durable before it is committed: each is fsynced once, and all of them side by side."""
    check_mounted(connection, tree, owner)
    directory: str = connection.execute("SELECT directory FROM account WHERE key = ?", (owner,)).get
    directories = maildir.Directories(_taken(connection, owner, directory))
    tags = {tag for (tag,) in connection.execute("SELECT tag FROM folder")}
    paths: dict[str, str] = {}
    for name in names:
        levels = directories.levels(name)
        directories.add(name, "/".join(levels))
        paths[name] = "/".join((directory, *levels))
    tree.make_folders(paths.values())
    keys: dict[str, int] = {}
    marked: list[str] = []
    for name, path in paths.items():
        tag = maildir.folder_tag(account, name, tags)
        tags.add(tag)
        connection.execute(
            "INSERT INTO folder(account, name, path, tag) VALUES(?, ?, ?, ?)", (owner, name, path, tag)
        )
        keys[name] = connection.last_insert_rowid()
        with disk.reported("note the folder's name"):
            if _write_identity(tree, path, name, tag, account):
                marked.append(tree.directory(path))
    with disk.reported("note the folder's name"):
        disk.fsync_directories(marked)
    return keys


def _ensure(
    connection: apsw.Connection,
    tree: Tree,
    owner: int,
    account: str,
    name: str,
    wanted: dict[str, str | bool],
) -> int:
    key: int | None = connection.execute(
        "SELECT key FROM folder WHERE account = ? AND name = ?", (owner, name)
    ).get
    if key is None:
        key = _make_folders(connection, tree, owner, account, [name])[name]
    for column, value in wanted.items():
        connection.execute(f"UPDATE folder SET {column} = ? WHERE key = ?", (value, key))
    return key


def new_path(connection: apsw.Connection, account: int, name: str, without: str = "") -> str:
    """A directory for a folder's name that none of the account's other folders has.

    Folders called `without` or below it are left out of account (they are about to move).
    """
    directory: str = connection.execute("SELECT directory FROM account WHERE key = ?", (account,)).get
    taken = {
        other: path
        for other, path in _taken(connection, account, directory).items()
        if not (without and (other == without or other.startswith(f"{without}/")))
    }
    return "/".join((directory, *maildir.directory_levels(name, taken)))


def _taken(connection: apsw.Connection, account: int, directory: str) -> dict[str, str]:
    """The account's folders with their paths below its directory."""
    return {
        name: path[len(directory) + 1 :]
        for name, path in rows(
            connection, "SELECT name, coalesce(renaming, path) FROM folder WHERE account = ?", (account,)
        )
    }


def note_identity(tree: Tree, path: str, name: str, tag: str, account: str) -> None:
    """Write name and tag into the folder's directory when they cannot be told from its path."""
    with disk.reported("note the folder's name"):
        _write_identity(tree, path, name, tag, account)
        disk.fsync_directory(tree.directory(path))


def _write_identity(tree: Tree, path: str, name: str, tag: str, account: str) -> bool:
    """Whether the directory's names changed and have to be made durable."""
    levels = [maildir.decode_level(level) for level in path.split("/")[1:]]
    file = f"{tree.directory(path)}/{maildir.MARKER}"
    told = None not in levels and "/".join(level or "" for level in levels) == name
    needed = not (told and tag == maildir.folder_tag(account, name, ()))
    there = os.path.lexists(file)
    if there:
        disk.unlink(file)
    if needed:
        disk.write_new(file, f"{tag}\n{name}".encode("utf-8", "surrogatepass"))
    return needed or there


def read_identity(tree: Tree, path: str, account: str) -> tuple[str, str] | None:
    """(name, tag) of a folder directory found in the tree; None if it tells no name."""
    try:
        with open(f"{tree.directory(path)}/{maildir.MARKER}", "rb") as file:
            tag, _, name = file.read(65536).decode("utf-8", "surrogatepass").partition("\n")
            if name:
                return name, tag
    except (OSError, UnicodeDecodeError):
        pass
    levels = [maildir.decode_level(level) for level in path.split("/")[1:]]
    if None in levels:
        return None
    name = "/".join(level or "" for level in levels)
    return name, maildir.folder_tag(account, name, ())
