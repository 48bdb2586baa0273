"""Renaming folders, directories included.

A rename is first committed as an intention (`folder.renaming` is the new path), then done, then committed
as done; `finish` completes one that was cut.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mailcli.errors import CannotCreate
from mailcli.model.folder import INBOX
from mailcli.store import disk, folders, journal, location, maildir
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.tree import Tree

if TYPE_CHECKING:
    import apsw


def rename_folder(
    site: Site, key: int, name: str, also: Callable[[apsw.Connection, location.Home], None] | None = None
) -> None:
    """See Store.rename_folder. The inbox is renamed without what is below it (RFC 9051 §6.3.6).

    `also` is called in the transaction, with the folder as it was."""
    finish(site)
    name = folders.canonical(name)
    with site.database.writing() as connection:
        home = location.home(connection, key)
        if home.name == name:
            return
        taken = {n for (n,) in rows(connection, "SELECT name FROM folder WHERE account = ?", (home.account,))}
        moving = [(key, home.name)]
        if home.name != INBOX:
            moving += rows(
                connection,
                "SELECT key, name FROM folder WHERE account = ? AND substr(name, 1, ?) = ? ORDER BY name",
                (home.account, len(home.name) + 1, f"{home.name}/"),
            )
        for one, old in moving:
            new = name + old[len(home.name) :]
            if new in taken:
                raise CannotCreate(f"{home.account_name} has a folder {new} already")
            path = folders.new_path(connection, home.account, new, without=home.name)
            connection.execute("UPDATE folder SET name = ?, renaming = ? WHERE key = ?", (new, path, one))
            journal.renamed(connection, home.account_name, old, new)
        if also is not None:
            also(connection, home)
    finish(site)


def rename_noted(site: Site, key: int, name: str, note: journal.Note | None) -> str:
    """See Store.rename_folder."""
    token = ""

    def write(connection: apsw.Connection, home: location.Home) -> None:
        nonlocal token
        if note is not None:
            account = home.account_name
            step = journal.Step(
                "rename", account, home.name, to_account=account, to_folder=folders.canonical(name)
            )
            token = journal.write(connection, note, [step], site.clock())

    rename_folder(site, key, name, write)
    return token


def finish(site: Site) -> None:
    """Move the directories of folders whose rename was committed."""
    with site.database.reading() as connection:
        waiting = rows(
            connection,
            "SELECT f.key, f.name, f.path, f.renaming, f.tag, a.name FROM folder f"
            " JOIN account a ON a.key = f.account WHERE f.renaming IS NOT NULL ORDER BY f.path",
        )
    if not waiting:
        return
    for _, name, old, new, tag, account in waiting:
        if old != new:
            _move_directories(site.tree, old, new)
        folders.note_identity(site.tree, new, name, tag, account)
    for _, _, old, new, _, _ in reversed(waiting):
        if old != new:
            site.tree.remove_empty(old)
    with site.database.writing() as connection:
        for key, _, _, new, _, _ in waiting:
            connection.execute(
                "UPDATE folder SET path = ?, renaming = NULL WHERE key = ? AND renaming = ?", (new, key, new)
            )


def _move_directories(tree: Tree, old: str, new: str) -> None:
    disk.make_directory(tree.directory(new))
    with disk.reported("rename the folder"):
        for subdirectory in maildir.SUBDIRECTORIES:
            source, target = f"{tree.directory(old)}/{subdirectory}", f"{tree.directory(new)}/{subdirectory}"
            if os.path.isdir(source):
                with suppress(FileNotFoundError):
                    os.rmdir(target)  # empty, or it is not ours to replace
                disk.rename(source, target)
        if os.path.isdir(tree.directory(old)):
            disk.fsync_directory(tree.directory(old))
        disk.fsync_directory(tree.directory(new))
    tree.make_folder(new)
