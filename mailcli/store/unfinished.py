"""What a run that was cut left half done: mail on its way to the recovery area, and folders on their way
to another name. Nearly always there is none, and to look for it takes no more than this."""

from __future__ import annotations

from mailcli.store.site import Site
from mailcli.store.sql import rows


def finish(site: Site) -> None:
    """Complete both."""
    settle(site)
    with site.database.reading() as connection:
        renaming = rows(connection, "SELECT 1 FROM folder WHERE renaming IS NOT NULL LIMIT 1")
    if renaming:
        from mailcli.store import refoldering

        refoldering.finish(site)


def settle(site: Site) -> None:
    """Move the files of recovery entries that are still in the mail tree."""
    with site.database.reading() as connection:
        waiting = rows(connection, "SELECT 1 FROM recovery WHERE moved = 0 LIMIT 1")
    if waiting:
        from mailcli.store import recovery

        recovery.settle(site)
