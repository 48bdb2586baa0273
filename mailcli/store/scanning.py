"""Taking notice of what happened in a folder's directories without us.

Other programs rename files (flags), move them between folders, deliver, remove; a run of ours that was cut
leaves files whose rows were never committed. All of that is read off the names. "Missing" takes two looks,
because a file on its way from one folder to another is for a moment in neither.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.model import flags as flag_words
from mailcli.model.record import NamedTuple
from mailcli.store import location, maildir, unfinished
from mailcli.store.location import Home
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.values import Missing, Scan

if TYPE_CHECKING:
    import apsw

_RACE: Final = 100_000_000
"""ns. A directory changed this recently may change again without its mtime moving (the kernel's clock
ticks every 4 to 10 ms): such an mtime is not noted."""


class _Look(NamedTuple):
    """What comparing names gave. `unknown` are files without a row."""

    unknown: list[str]
    flags: list[str]
    suspects: list[str]
    missing: list[str]


def scan(site: Site, folder: int, *, force: bool) -> Scan:
    """See Store.scan."""
    unfinished.finish(site)
    with site.database.reading() as connection:
        home = location.home(connection, folder)
        location.check_mounted(connection, site.tree, home.account)
        noted = rows(connection, "SELECT cur_mtime, new_mtime FROM folder WHERE key = ?", (folder,))[0]
        suspects = rows(
            connection,
            "SELECT 1 FROM message WHERE folder = ? AND missing_since IS NOT NULL LIMIT 1",
            (folder,),
        )
    # No directories at all are never what was noted last: see `check_mounted`.
    if not force and not suspects and site.tree.mtimes(home.path) == noted != (0, 0):
        return Scan(skipped=True)
    began = time.time_ns()
    mtimes = site.tree.mtimes(home.path)
    site.tree.sweep(home.path, site.clock())
    with site.database.writing() as connection:
        look = _compare(site, connection, home)
        if not look.unknown and max(mtimes) < began - _RACE:
            connection.execute(
                "UPDATE folder SET cur_mtime = ?, new_mtime = ? WHERE key = ?", (*mtimes, folder)
            )
    adopted, flags, moved = _adopt(site, home, look.unknown)
    return Scan(
        adopted,
        (*look.flags, *flags),
        moved,
        tuple(look.suspects),
        tuple(look.missing),
        absent=0 in mtimes,
    )


def _adopt(
    site: Site, home: Home, unknown: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Ids of the messages that files without a row have become: adopted, with other flags, moved."""
    if not unknown:
        return (), (), ()
    from mailcli.store import adoption  # what parses mail: a look that finds nothing needs none of it

    found = adoption.adopt(site, home, unknown)
    return tuple(found.adopted), tuple(found.flags), tuple(found.moved)


def missing(connection: apsw.Connection, account: str) -> list[Missing]:
    """See Store.missing."""
    return [
        Missing(
            id_,
            folder,
            at_folder,
            uid,
            None if base_bits is None else flag_words.from_bits(base_bits, base_words),
            flag_words.from_bits(bits, words),
            size,
        )
        for id_, folder, at_folder, uid, base_bits, base_words, bits, words, size in rows(
            connection,
            "SELECT m.id, m.folder, m.at_folder, m.uid, m.base_bits, m.base_words, m.bits, m.words, m.size"
            " FROM folder f JOIN account a ON a.key = f.account"
            " JOIN message m INDEXED BY message_suspect ON m.folder = f.key AND m.missing_since IS NOT NULL"
            " WHERE a.name = ? ORDER BY m.folder, m.uid",
            (account,),
        )
    ]


def _compare(site: Site, connection: apsw.Connection, home: Home) -> _Look:
    """Names against rows, in the write transaction: no mailcli renames anything meanwhile."""
    known = {
        file
        for (file,) in connection.execute(
            "SELECT file FROM message WHERE folder = ? AND file IS NOT NULL", (home.key,)
        )
    }
    files = site.tree.files(home.path)
    unknown = list(files - known)
    lost = _rows_of(connection, home.key, known - files)
    back = [
        (rid,)
        for rid, file in rows(
            connection,
            "SELECT rid, file FROM message WHERE folder = ? AND missing_since IS NOT NULL",
            (home.key,),
        )
        if file in files
    ]
    if back:
        connection.executemany("UPDATE message SET missing_since = NULL WHERE rid = ?", back)
    flags: list[str] = []
    if unknown and lost:
        unknown = _match(connection, unknown, lost, flags)
    suspects, missing = _note_missing(connection, lost.values(), site.clock())
    return _Look(unknown, flags, suspects, missing)


def _rows_of(connection: apsw.Connection, folder: int, files: set[str]) -> dict[str, tuple[Any, ...]]:
    """{file: (rid, id, bits, words, missing_since)} of these files of a folder."""
    if not files:
        return {}
    return {
        file: tuple(row)
        for file, *row in connection.execute(
            "SELECT file, rid, id, bits, words, missing_since FROM message WHERE folder = ?", (folder,)
        )
        if file in files
    }


def _match(
    connection: apsw.Connection,
    unknown: Sequence[str],
    lost: dict[str, tuple[Any, ...]],
    flags: list[str],
) -> list[str]:
    """Pair files with rows by the unique part, else by the id in the name; returns what is left over.

    Programs keep the unique part on flag changes, and move files from new/ to cur/; aerc strips `,U=`.
    """
    by_base = {maildir.parse_name(file.partition("/")[2]).base: file for file in lost}
    by_id = {row[1]: file for file, row in lost.items()}
    left = []
    for file in unknown:
        name = maildir.parse_name(file.partition("/")[2])
        was = by_base.get(name.base) or (by_id.get(name.id) if name.id else None)
        if was is None or was not in lost:
            left.append(file)
            continue
        rid, identity, bits, _, _ = lost.pop(was)
        now = bits if name.letters is None else flag_words.to_bits(flag_words.from_letters(name.letters))[0]
        connection.execute(
            "UPDATE message SET file = ?, bits = ?, missing_since = NULL WHERE rid = ?", (file, now, rid)
        )
        if now != bits:
            flags.append(identity)
    if flags:
        from mailcli.store import index

        index.mark_dirty(connection, flags)
    return left


def _note_missing(connection: apsw.Connection, lost: Any, now: float) -> tuple[list[str], list[str]]:
    """(missing for the first time, missing again)."""
    suspects, missing = [], []
    for rid, identity, _, _, since in lost:
        if since is None:
            connection.execute("UPDATE message SET missing_since = ? WHERE rid = ?", (now, rid))
            suspects.append(identity)
        else:
            missing.append(identity)
    return suspects, missing
