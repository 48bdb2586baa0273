"""Deleting folders, directories included. What is in them goes to the recovery area."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mailcli.model.flags import from_bits
from mailcli.store import changing, index, journal, location, recovery, scanning
from mailcli.store.journal import Note, Step
from mailcli.store.site import Site
from mailcli.store.sql import rows

if TYPE_CHECKING:
    import apsw


def delete_folder(
    site: Site,
    key: int,
    reason: str,
    note: Note | None = None,
    also: Callable[[apsw.Connection], None] | None = None,
) -> tuple[int, str]:
    """See Store.delete_folder. `also` is called in the transaction. Returns how many, and the token."""
    scanning.scan(site, key, force=True)  # what another program put there goes to recovery with the rest
    with site.database.writing() as connection:
        home = location.home(connection, key)
        steps = _steps(connection, home)
        ids = [step.message for step in steps if step.message]
        recovery.take_away(connection, ids, reason, site.clock(), pending=False)
        _forget(connection, key, site.clock())
        token = journal.write(connection, note, steps, site.clock()) if note is not None else ""
        if also is not None:
            also(connection)
    recovery.settle(site)
    site.tree.sweep(home.path, float("inf"))
    site.tree.remove_empty(home.path)
    return len(ids), token


def _steps(connection: apsw.Connection, home: location.Home) -> list[Step]:
    """The folder with its special use, and what is in it."""
    (special,) = rows(connection, "SELECT special FROM folder WHERE key = ?", (home.key,))[0]
    found = rows(connection, "SELECT id, bits, words FROM message WHERE folder = ?", (home.key,))
    return [
        Step("delete", home.account_name, home.name, added=special),
        *(
            Step("gone", home.account_name, home.name, i, added=" ".join(sorted(from_bits(bits, words))))
            for i, bits, words in found
        ),
    ]


def _forget(connection: apsw.Connection, key: int, now: float) -> None:
    """The folder is no place any more, here or on the server: what was moved out of it is uploaded again."""
    left = [i for (i,) in rows(connection, "SELECT id FROM message WHERE at_folder = ?", (key,))]
    changing.release(connection, left, now)
    index.mark_dirty(connection, left)
    connection.execute("UPDATE recovery SET pending = 0, at_folder = NULL WHERE at_folder = ?", (key,))
    connection.execute("DELETE FROM operation WHERE folder = ? OR destination = ?", (key, key))
    connection.execute("DELETE FROM folder WHERE key = ?", (key,))
