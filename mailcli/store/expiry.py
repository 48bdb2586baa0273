"""What is not kept for ever: mail in the recovery area, the journal of changes, leftovers in tmp/.

Every fetch ends with it, and nearly always nothing is due.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from mailcli.store import disk, location, unfinished
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.values import LIFETIME

MOST: Final = 5000
"""Entries of the journal; a script that changes mail one by one shall not fill the database."""

_STALE: Final = "FROM change WHERE touched < ? OR seq <= (SELECT max(seq) FROM change) - ?"


def expire(site: Site) -> int:
    """See Store.expire."""
    unfinished.settle(site)
    now = site.clock()
    with site.database.reading() as connection:
        # What the server keeps hidden (2) loses its file, and stays known.
        due = rows(
            connection,
            "SELECT id, file FROM recovery WHERE expires < ?"
            " AND (pending = 0 OR pending = 2 AND file IS NOT NULL)",
            (now,),
        )
        paths = [home.path for home in location.homes(connection).values()]
        stale = rows(connection, f"SELECT 1 {_STALE} LIMIT 1", (now - LIFETIME, MOST))
    with disk.reported("clear the recovery area"):
        for _, file in due:
            if file is not None:
                disk.unlink(f"{site.tree.recovery}/{file}")
    if due or stale:
        with site.database.writing() as connection:
            ids = [(i,) for i, _ in due]
            connection.executemany("UPDATE recovery SET file = NULL WHERE id = ? AND pending = 2", ids)
            connection.executemany("DELETE FROM recovery WHERE id = ? AND pending = 0", ids)
            connection.execute(
                "DELETE FROM outline WHERE id NOT IN (SELECT id FROM message)"
                " AND id NOT IN (SELECT id FROM recovery)"
            )
            connection.execute(f"DELETE {_STALE}", (now - LIFETIME, MOST))
            connection.execute("DELETE FROM change_step WHERE change NOT IN (SELECT seq FROM change)")
    for path in paths:
        with suppress(OSError):
            site.tree.sweep(path, now)
    return sum(1 for _, file in due if file is not None)
