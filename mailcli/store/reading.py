"""The bytes of a message, wherever another program put its file meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from mailcli.errors import LocalIOError, NotFound
from mailcli.mime import lineends
from mailcli.model.record import NamedTuple
from mailcli.store import disk, maildir
from mailcli.store.site import Site
from mailcli.store.sql import rows

if TYPE_CHECKING:
    import apsw


_PAUSES: Final = (0, 0, 0.005, 0.02, 0.1, 0.5)
"""s. A writer is between names and rows for as long as the disk takes to sync a few directories."""


class Where(NamedTuple):
    """A message's file as its row has it; `paths` has two entries while its folder is being renamed."""

    paths: tuple[str, ...]
    file: str
    size: int


def where(connection: apsw.Connection, identity: str) -> Where:
    """Raises NotFound for an unknown id and for a row without body."""
    for path, renaming, file, size in rows(
        connection,
        "SELECT f.path, f.renaming, m.file, m.size FROM message m JOIN folder f ON f.key = m.folder"
        " WHERE m.id = ?",
        (identity,),
    ):
        if file is None:
            raise not_here(identity)
        return Where((path, renaming) if renaming else (path,), file, size)
    raise NotFound(f"there is no message {identity}", hint="it may have been purged")


def not_here(identity: str) -> NotFound:
    """The error of a row without body."""
    return NotFound(
        f"the body of {identity} was not downloaded", hint="read it while the server can be reached"
    )


def stored(site: Site, identity: str) -> tuple[bytes, int]:
    """(bytes as the file has them, size on the wire).

    The row may be older than the file's name: another program renames on flag changes, another mailcli
    moves, and commits the rows once the names are durable. So look by the unique part, then at the row
    again, before it counts as gone.
    """
    last = ""
    for pause in _PAUSES:
        time.sleep(pause)
        with site.database.reading() as connection:
            found = where(connection, identity)
        for path in found.paths:
            for file in _names(site, path, found.file):
                last = site.tree.file(path, file)
                try:
                    with open(last, "rb") as opened:
                        return opened.read(), found.size
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise disk.failure(error, "read the message") from error
    raise LocalIOError(
        f"the file of {identity} is gone: {last}",
        hint="mailcli fetch takes notice of what other programs removed",
    )


def wire(site: Site, identity: str) -> bytes:
    """The message as it was on the wire."""
    data, size = stored(site, identity)
    return lineends.to_wire(data, size)


def path(site: Site, identity: str) -> str:
    """Where the file is now; as the row has it if it cannot be found."""
    with site.database.reading() as connection:
        found = where(connection, identity)
    for path in found.paths:
        for file in _names(site, path, found.file):
            if os.path.exists(known := site.tree.file(path, file)):
                return known
    return site.tree.file(found.paths[0], found.file)


def _names(site: Site, path: str, file: str) -> Iterator[str]:
    """The name in the row, and then, should that fail, what the file is called by now."""
    yield file
    if now := site.tree.locate(path, maildir.parse_name(file.partition("/")[2]).base):
        yield now
