"""Messages whose body is on the server only: a row and an outline, no file.

The outline is the header as it was on the wire and behind it the frame of the parts (`mime.frame`). It is
state: nothing on this machine could give it again, so `rebuild` derives the row from it, and it stays with
a purged message until the recovery entry expires.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailcli.errors import NotFound
from mailcli.model import flags as flag_words
from mailcli.store import deliver, index, location, reading
from mailcli.store.location import Home
from mailcli.store.partial import Outline
from mailcli.store.site import Site
from mailcli.store.sql import rows
from mailcli.store.writer import Writer

if TYPE_CHECKING:
    import apsw


def store(site: Site, outlines: Sequence[Outline], also: Callable[[Writer], None] | None = None) -> list[str]:
    """See Store.deliver_outlines. There is no file, so the transaction is all there is to do."""
    parsed = [index.parse(joined(outline)) for outline in outlines]
    with site.database.writing() as connection:
        homes = {key: location.home(connection, key) for key in {o.folder for o in outlines}}
        fresh = deliver.free_ids(connection, sum(1 for o in outlines if o.id is None))
        rids = index.RowIds(connection)
        there: dict[int, str] = {}
        order = sorted(
            range(len(outlines)), key=lambda n: index.sort_time(parsed[n].date, outlines[n].arrived)
        )
        for number in order:
            outline = outlines[number]
            there[number] = _here(connection, outline) or _insert(
                connection,
                rids,
                _state(outline, homes[outline.folder], outline.id or fresh.pop(), site.clock()),
                parsed[number],
                joined(outline),
            )
        ids = [there[number] for number in range(len(outlines))]
        if also is not None:
            also(Writer(connection, tuple(ids)))
    return ids


def joined(outline: Outline) -> bytes:
    """Header and frame as one message; a header that came without its empty line gets one."""
    header = outline.header
    if outline.frame and not header.endswith((b"\n\r\n", b"\n\n")):
        header += b"\r\n" if header.endswith(b"\n") else b"\r\n\r\n"
    return header + outline.frame


def _here(connection: apsw.Connection, outline: Outline) -> str:
    """The id of the message that is here already, whole or not, or ""."""
    if not outline.on_server or outline.uid is None:
        return ""
    found = rows(
        connection, "SELECT id FROM message WHERE at_folder = ? AND uid = ?", (outline.folder, outline.uid)
    )
    return str(found[0][0]) if found else ""


def _state(outline: Outline, home: Home, identity: str, now: float) -> index.State:
    bound = outline.on_server and outline.uid is not None
    bits, words = flag_words.to_bits(outline.flags)
    return index.State(
        id=identity,
        folder=home.key,
        at_folder=home.key if bound else None,
        uid=outline.uid if bound else None,
        base_bits=bits if bound else None,
        base_words=words if bound else None,
        origin=None,
        file=None,
        size=outline.size,
        sha256=None,
        normal=None,
        object_id=outline.object_id or None,
        bits=bits,
        words=words,
        arrived=deliver.arrival_time(outline.arrived, now),
        dirty=0,
    )


def _insert(
    connection: apsw.Connection, rids: index.RowIds, state: index.State, parsed: index.Parsed, data: bytes
) -> str:
    index.insert(connection, rids, state, parsed)
    connection.execute(
        "INSERT OR REPLACE INTO outline(id, data) VALUES(?, ?)", (state.id, zlib.compress(data))
    )
    return state.id


def read(connection: apsw.Connection, identity: str) -> bytes | None:
    """The outline of a message, as a message whose parts are empty. None if there is none (any more)."""
    for (data,) in rows(connection, "SELECT data FROM outline WHERE id = ?", (identity,)):
        return zlib.decompress(data)
    return None


def known(site: Site, identity: str) -> bytes:
    """See Store.known_bytes."""
    try:
        return reading.wire(site, identity)
    except NotFound:
        with site.database.reading() as connection:
            outline = read(connection, identity)
        if outline is None:
            raise
        return outline


def forget(connection: apsw.Connection, identity: str) -> None:
    """The body is here now."""
    connection.execute("DELETE FROM outline WHERE id = ?", (identity,))
