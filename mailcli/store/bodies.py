"""The body of a message whose header came before it.

    write to tmp/ and fsync | in the transaction: rename, fsync the directories, then the rows

The rename waits for the database's lock, since two processes may bring the same body at once: the second
finds the row filled and throws its own copy away. A run cut between the rename and the commit leaves a
file with the row's id, which a scan (`adoption`) or the next attempt takes for what it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mailcli.mime import fields, lineends
from mailcli.model.ids import new_id
from mailcli.model.record import NamedTuple
from mailcli.store import deliver, disk, history, index, location, maildir, outlines, tmpfiles
from mailcli.store.partial import CHANGED, FILLED, GONE, RESIZED, THERE, Filled
from mailcli.store.renames import Renames
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.values import LIFETIME, Arrival

if TYPE_CHECKING:
    import apsw

_COLUMNS: Final = "rid, id, folder, at_folder, uid, file, size, message_id, bits, arrived"


class _Row(NamedTuple):
    rid: int
    id: str
    folder: int
    at_folder: int | None
    uid: int | None
    file: str | None
    size: int
    message_id: str
    bits: int
    arrived: float


def fill(site: Site, bodies: Sequence[tuple[str, bytes]]) -> list[Filled]:
    """See Store.fill_bodies."""
    items = []
    with site.database.reading() as connection:
        for identity, data in dict(bodies).items():
            row = _row(connection, identity)
            if row is not None and row.file is None:
                items.append(_item(site, location.home(connection, row.folder), row, data))
    with disk.reported("store mail"):
        try:
            parsed, written = tmpfiles.write_files(site, items)
            outcomes = _commit(site, items, parsed, written)
        finally:
            _sweep(items)
    with site.database.reading() as connection:
        return [outcomes.get(i) or _missed(connection, i) for i, _ in bodies]


def _row(connection: apsw.Connection, identity: str) -> _Row | None:
    found = rows(connection, f"SELECT {_COLUMNS} FROM message WHERE id = ?", (identity,))
    return _Row(*found[0]) if found else None


def _missed(connection: apsw.Connection, identity: str) -> Filled:
    return Filled(identity, GONE if _row(connection, identity) is None else THERE)


def _item(site: Site, home: location.Home, row: _Row, data: bytes) -> tmpfiles.Item:
    """Its name in tmp/ is like no other: another process may be writing the same body."""
    file = _name(home, row, len(data))
    directory = site.tree.directory(home.path)
    tmp = f"{directory}/{maildir.TMP}/{row.id}.{new_id()}{new_id()}"
    site.tree.make_folder(home.path)
    return tmpfiles.Item(Arrival(home.key, data), home, row.id, row.arrived, file, tmp, "")


def _name(home: location.Home, row: _Row, size: int) -> str:
    at_home = row.at_folder == row.folder
    base = maildir.make_name(
        row.arrived,
        row.id,
        maildir.host_name(),
        size,
        uidvalidity=home.uidvalidity if at_home else None,
        uid=row.uid if at_home else None,
        tag=home.tag,
    )
    return maildir.place_name(base, maildir.letters_of(row.bits))


def _commit(
    site: Site,
    items: Sequence[tmpfiles.Item],
    parsed: Sequence[index.Parsed],
    written: Sequence[tmpfiles.Written],
) -> dict[str, Filled]:
    outcomes: dict[str, Filled] = {}
    with site.database.writing() as connection, Renames(site.tree) as renames:
        rids = index.RowIds(connection)
        for item, content, hashes in zip(items, parsed, written, strict=True):
            row = _row(connection, item.id)
            if row is None or row.file is not None:
                continue  # purged, or another process was faster: `_missed` says which
            data = item.arrival.data
            home = location.home(connection, row.folder)  # it may have been moved meanwhile
            file = _name(home, row, len(data))
            target = site.tree.file(home.path, file)
            site.tree.make_folder(home.path)
            disk.unlink(target)  # of a run that was cut here: no row has it
            renames.rename(item.tmp, target)
            outcomes[row.id] = settle(site, connection, row.id, data, content)
            put(connection, rids, row.id, file, len(data), content, hashes, site.clock())
    return outcomes


def settle(
    site: Site, connection: apsw.Connection, identity: str, data: bytes, content: index.Parsed
) -> Filled:
    """Say whether a body is that of the header we have; if not, the header is kept in the recovery area.

    Servers that only estimate RFC822.SIZE are known (Exchange), so a body under the very same header is
    that message, whatever its size.
    """
    row = _row(connection, identity)
    assert row is not None
    outline = outlines.read(connection, identity)
    message_id = content.derived[index.DERIVED_COLUMNS.index("message_id")]
    same_size = row.size == len(data)
    if outline is not None and header_of(outline) == header_of(data):
        return Filled(identity, FILLED if same_size else RESIZED)
    if same_size and row.message_id == message_id:
        return Filled(identity, FILLED)
    if outline is None:
        return Filled(identity, RESIZED if row.message_id == message_id else CHANGED)
    return Filled(identity, CHANGED, _keep_header(site, connection, row, header_of(outline)))


def header_of(data: bytes) -> bytes:
    """The header block, without the empty line."""
    return data[: fields.block(data, 0, len(data))[0]]


def _keep_header(site: Site, connection: apsw.Connection, row: _Row, header: bytes) -> str:
    """The id of a recovery entry that has the header which was announced for another body."""
    (identity,) = deliver.free_ids(connection, 1)
    home = location.home(connection, row.folder)
    data = header + b"\r\n"
    name = maildir.make_name(
        row.arrived, identity, maildir.host_name(), len(data), uidvalidity=None, uid=None, tag=""
    )
    disk.make_directory(site.tree.recovery)
    disk.write_new(f"{site.tree.recovery}/{name}", lineends.to_store(data)[0])
    disk.fsync_directory(site.tree.recovery)
    now = site.clock()
    connection.execute(
        "INSERT INTO recovery(id, account, folder, file, moved, size, sha256, bits, words, arrived, reason,"
        " removed_at, expires, pending) VALUES(?, ?, ?, ?, 1, ?, ?, ?, '', ?, ?, ?, ?, 0)",
        (
            identity,
            home.account_name,
            home.name,
            name,
            len(data),
            tmpfiles.hashes(data).sha256,
            row.bits,
            row.arrived,
            "header of a changed message",
            now,
            now + LIFETIME,
        ),
    )
    return identity


def put(
    connection: apsw.Connection,
    rids: index.RowIds,
    identity: str,
    file: str,
    size: int,
    content: index.Parsed,
    hashes: tmpfiles.Written,
    now: float,
) -> None:
    """The row of a message that is whole now: its state, and all that is derived, anew."""
    connection.execute(
        "UPDATE message SET file = ?, size = ?, sha256 = ?, normal = ?, missing_since = NULL WHERE id = ?",
        (file, size, hashes.sha256, hashes.normal, identity),
    )
    outlines.forget(connection, identity)
    history.arrived(connection, identity, hashes.sha256, now)
    found: list[tuple[Any, ...]] = rows(
        connection, "SELECT rid, arrived FROM message WHERE id = ?", (identity,)
    )
    index.renew(connection, rids, found[0][0], identity, found[0][1], content)


def _sweep(items: Iterable[tmpfiles.Item]) -> None:
    for item in items:
        with suppress(OSError):
            os.unlink(item.tmp)
