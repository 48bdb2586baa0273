"""Changing one message within a transaction: its flags, its folder, in row and file name."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mailcli.errors import LocalIOError, NotFound
from mailcli.model import flags as flag_words
from mailcli.model import pattern
from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple
from mailcli.store import disk, maildir, recovery
from mailcli.store.renames import Renames
from mailcli.store.sql import chunks, marks, rows

if TYPE_CHECKING:
    import apsw

_PLACE: Final = pattern.compile(r",[VUF]=[0-9a-z]+")
ELSEWHERE: Final = "moved to another account"


class Row(NamedTuple):
    """What a change needs to know of a message; `path` is its folder's."""

    rid: int
    id: str
    folder: int
    path: str
    file: str | None
    bits: int
    words: str
    at_folder: int | None
    missing: bool


def fetch_rows(connection: apsw.Connection, ids: Sequence[str]) -> list[Row]:
    """Rows in the order of the ids, each once. NotFound if one is not there."""
    found = present_rows(connection, ids)
    if len(found) < len(set(ids)):
        lost = next(i for i in ids if i not in {row.id for row in found})
        raise NotFound(f"there is no message {lost}", hint="it may have been purged")
    return found


def present_rows(connection: apsw.Connection, ids: Sequence[str]) -> list[Row]:
    """Rows in the order of the ids, each once, without those that are not there."""
    found: dict[str, Row] = {}
    for some in chunks(ids):
        for row in rows(
            connection,
            "SELECT m.rid, m.id, m.folder, f.path, m.file, m.bits, m.words, m.at_folder,"
            " m.missing_since IS NOT NULL"
            f" FROM message m JOIN folder f ON f.key = m.folder WHERE m.id IN ({marks(some)})",
            some,
        ):
            found[row[1]] = Row(*row)
    return [found[i] for i in dict.fromkeys(ids) if i in found]


# -- flags -------------------------------------------------------------------------------------


def change_flags(connection: apsw.Connection, renames: Renames, row: Row, add: Flags, remove: Flags) -> bool:
    """Change one message's flags, in row and file name. Returns whether there was anything to do."""
    before = flag_words.from_bits(row.bits, row.words)
    after = (before - remove) | add
    if after == before:
        return False
    bits, words = flag_words.to_bits(after)
    file = row.file
    if bits != row.bits and file is not None and not row.missing:
        # A file that another program removed is the next scan's affair.
        with disk.reported("change flags"), suppress(FileNotFoundError):
            file = renames.refile(row.path, file, row.path, flag_words.to_letters(after))
    connection.execute(
        "UPDATE message SET bits = ?, words = ?, file = ? WHERE rid = ?", (bits, words, file, row.rid)
    )
    return True


# -- moving ------------------------------------------------------------------------------------


def relocate(connection: apsw.Connection, renames: Renames, row: Row, path: str, folder: int) -> None:
    """Put a message's file and row into another folder.

    The name loses UIDVALIDITY and UID: they were the old folder's, and should the message come back
    the server will have given it another UID.
    """
    file = row.file
    if file is not None:
        base = _PLACE.sub("", maildir.parse_name(file.partition("/")[2]).base)
        try:
            file = renames.refile(row.path, file, path, None, base)
        except FileNotFoundError as error:
            raise LocalIOError(
                f"the file of {row.id} is gone: {error.filename}",
                hint="mailcli fetch takes notice of what other programs removed",
            ) from error
        except OSError as error:
            raise disk.failure(error, "move the message") from error
    connection.execute("UPDATE message SET folder = ?, file = ? WHERE rid = ?", (folder, file, row.rid))


def unbind(connection: apsw.Connection, identity: str) -> None:
    """No server has it (any more)."""
    connection.execute(
        "UPDATE message SET at_folder = NULL, uid = NULL, base_bits = NULL, base_words = NULL, origin = NULL"
        " WHERE id = ?",
        (identity,),
    )


def release(connection: apsw.Connection, ids: Sequence[str], now: float) -> None:
    """No server has these messages any more, in the caller's transaction; `recovery.settle` after it.

    What is whole here will be uploaded again. Of the others nothing is left but their header: those go
    to the recovery area, as if they had gone from the folder the user has them in.
    """
    lost: list[str] = []
    for row in present_rows(connection, ids):
        if row.file is None:
            lost.append(row.id)
        else:
            unbind(connection, row.id)
    recovery.take_away(connection, lost, "gone from the server", now, pending=False)
