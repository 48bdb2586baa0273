"""The bytes of a message, wherever another program put its file meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mailcli.errors import LocalIOError, NotFound
from mailcli.store import disk, maildir
from mailcli.store.site import Site, rows

if TYPE_CHECKING:
    import apsw


class Where(NamedTuple):
    """A message's file as its row has it."""

    path: str
    file: str
    size: int


def where(connection: apsw.Connection, identity: str) -> Where:
    """Raises NotFound for an unknown id and for a row without body."""
    for path, file, size in rows(
        connection,
        "SELECT f.path, m.file, m.size FROM message m JOIN folder f ON f.key = m.folder WHERE m.id = ?",
        (identity,),
    ):
        if file is None:
            raise NotFound(
                f"the body of {identity} was not downloaded", hint="read it while the server can be reached"
            )
        return Where(path, file, size)
    raise NotFound(f"there is no message {identity}", hint="it may have been purged")


def stored(site: Site, identity: str) -> tuple[bytes, int]:
    """(bytes as the file has them, size on the wire).

    The row may be older than the file's name: another program renames on flag changes, another mailcli
    moves. So look by the unique part, then at the row again, before it counts as gone.
    """
    last = ""
    for _ in range(5):
        with site.database.reading() as connection:
            found = where(connection, identity)
        file = found.file
        for _ in range(2):
            last = site.tree.file(found.path, file)
            try:
                with disk.reported("read the message"), open(last, "rb") as opened:
                    return opened.read(), found.size
            except LocalIOError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
            base = file.partition("/")[2].partition(":")[0]
            file = site.tree.locate(found.path, base) or ""
            if not file:
                break
    raise LocalIOError(
        f"the file of {identity} is gone: {last}",
        hint="mailcli fetch takes notice of what other programs removed",
    )


def path(site: Site, identity: str) -> str:
    """Where the file is now; as the row has it if it cannot be found."""
    import os

    with site.database.reading() as connection:
        found = where(connection, identity)
    known = site.tree.file(found.path, found.file)
    if os.path.exists(known):
        return known
    base = maildir.parse_name(found.file.partition("/")[2]).base
    file = site.tree.locate(found.path, base)
    return site.tree.file(found.path, file) if file else known
