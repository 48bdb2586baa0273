"""Folders that another program made: a directory in the account's tree with a cur/, and no row."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from mailcli.store import location
from mailcli.store.site import Site
from mailcli.store.sql import rows

if TYPE_CHECKING:
    import apsw


def adopt_folders(site: Site, account: str) -> list[str]:
    """See Store.adopt_folders."""
    with site.database.reading() as connection:
        found = rows(connection, "SELECT key, directory FROM account WHERE name = ?", (account,))
        if not found:
            return []
        ((key, directory),) = found
        fresh = _without_row(connection, key, site.tree.folder_paths(directory))
    made = [path for path in fresh if _is_meant(site, path)]
    if not made:
        return []
    from mailcli.store import folders

    names = []
    with site.database.writing() as connection:
        location.check_mounted(connection, site.tree, key)
        for path in _without_row(connection, key, made):
            identity = folders.read_identity(site.tree, path, account)
            if identity is None:
                continue
            name, tag = identity
            taken = "SELECT 1 FROM folder WHERE tag = ? OR account = ? AND name = ?"
            if not rows(connection, taken, (tag, key, name)):
                connection.execute(
                    "INSERT INTO folder(account, name, path, tag) VALUES(?, ?, ?, ?)", (key, name, path, tag)
                )
                names.append(name)
    for path in made:
        site.tree.make_folder(path)
    return names


def _without_row(connection: apsw.Connection, account: int, paths: list[str]) -> list[str]:
    known: set[str] = set()
    for path, renaming in rows(connection, "SELECT path, renaming FROM folder WHERE account = ?", (account,)):
        known.update((path, renaming))
    return [path for path in paths if path not in known]


def _is_meant(site: Site, path: str) -> bool:
    """Not what a deleted folder left, whose cur/ held something that is no mail and could not go."""
    if site.tree.files(path):
        return True
    with suppress(OSError):
        return not os.listdir(f"{site.tree.directory(path)}/cur")
    return False
