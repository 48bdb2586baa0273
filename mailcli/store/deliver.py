"""How a message arrives, in the order that loses nothing:

    write to tmp/ and fsync | in the transaction: rename into new/ or cur/, fsync the directories, the rows

Files are written by threads (kernel time in fsync is the limit) while this one parses. A run cut before
the commit leaves files that `scan` adopts by their names; cut before the rename it leaves litter in tmp/.
The rename waits for the database's lock: a scan between it and the rows would adopt the file of a run that
is alive, and what came of it (an upload, a move) would be lost with the row that is then written over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mailcli.mime import lineends
from mailcli.model import flags as flag_words
from mailcli.model.ids import new_id
from mailcli.model.record import NamedTuple
from mailcli.store import disk, index, location, maildir, parsing
from mailcli.store.location import Home
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks, rows
from mailcli.store.values import Arrival
from mailcli.store.writer import Writer

if TYPE_CHECKING:
    import apsw

_FUTURE = 2 * 86400
"""An INTERNALDATE later than this from now is a wrong clock: the message counts as arriving now."""


_MANY = 32
"""From so many messages on, syncing the file system is cheaper than syncing the files."""


_SLOW = 0.002
"""s a message: what fsyncs take where nothing else is written."""


class Item(NamedTuple):
    """One message on its way in. `tmp` and `target` are paths, `file` is `target` within its folder."""

    arrival: Arrival
    home: Home
    id: str
    arrived: float
    file: str
    tmp: str
    target: str


class Written(NamedTuple):
    """Hashes of a file that is durable in tmp/."""

    sha256: bytes
    normal: bytes | None


def deliver(
    site: Site, arrivals: Sequence[Arrival], also: Callable[[Writer], None] | None = None
) -> list[str]:
    """See Store.deliver."""
    with site.database.reading() as connection:
        homes = {key: location.home(connection, key) for key in {a.folder for a in arrivals}}
        here = _already_here(connection, arrivals)
        for account in {home.account for home in homes.values()}:
            location.check_mounted(connection, site.tree, account)
        fresh = free_ids(connection, sum(1 for a in arrivals if a.id is None))
    items = [
        _item(site, arrival, homes[arrival.folder], arrival.id or fresh.pop())
        for number, arrival in enumerate(arrivals)
        if number not in here
    ]
    with disk.reported("store mail"):
        try:
            parsed, written = _write(site, items)
            return _commit(site, items, parsed, written, arrivals, here, also)
        except BaseException:
            _sweep(items)
            raise


def new_ids(site: Site, count: int) -> list[str]:
    """See Store.new_ids."""
    with site.database.reading() as connection:
        return free_ids(connection, count)


def free_ids(connection: apsw.Connection, count: int) -> list[str]:
    """Ids that no message and no recovery entry has."""
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        fresh = [i for i in (new_id() for _ in range(min(500, count - len(drawn)))) if i not in drawn]
        taken = {
            i
            for (i,) in connection.execute(
                f"SELECT id FROM message WHERE id IN ({marks(fresh)})"
                f" UNION SELECT id FROM recovery WHERE id IN ({marks(fresh)})",
                (*fresh, *fresh),
            )
        }
        drawn.update((i, None) for i in fresh if i not in taken)
    return list(drawn)


def _already_here(connection: apsw.Connection, arrivals: Sequence[Arrival]) -> dict[int, str]:
    """{position: id} of arrivals whose place on the server is already bound to a message."""
    wanted: dict[tuple[int, int], int] = {}
    here: dict[int, str] = {}
    for number, arrival in enumerate(arrivals):
        if arrival.on_server and arrival.uid is not None:
            wanted[arrival.folder, arrival.uid] = number
    for folder in {folder for folder, _ in wanted}:
        for some in chunks([uid for key, uid in wanted if key == folder]):
            for uid, identity in connection.execute(
                f"SELECT uid, id FROM message WHERE at_folder = ? AND uid IN ({marks(some)})", (folder, *some)
            ):
                number = wanted[folder, uid]
                if arrivals[number].id != identity:  # the same: its file was lost, and here it is again
                    here[number] = identity
    return here


def arrival_time(arrived: float, now: float) -> float:
    """INTERNALDATE or time of download, unless it is absurd."""
    return arrived if 0 < arrived <= now + _FUTURE else now


def _item(site: Site, arrival: Arrival, home: Home, identity: str) -> Item:
    arrived = arrival_time(arrival.arrived, site.clock())
    base = maildir.make_name(
        arrived,
        identity,
        maildir.host_name(),
        len(arrival.data),
        uidvalidity=arrival.uidvalidity if arrival.uidvalidity is not None else home.uidvalidity,
        uid=arrival.uid if arrival.on_server else None,
        tag=home.tag,
    )
    file = maildir.place_name(base, flag_words.to_letters(arrival.flags))
    directory = site.tree.directory(home.path)
    return Item(
        arrival, home, identity, arrived, file, f"{directory}/{maildir.TMP}/{base}", f"{directory}/{file}"
    )


def _write(site: Site, items: Sequence[Item]) -> tuple[list[index.Parsed], list[Written]]:
    for home in {item.home for item in items}:
        site.tree.make_folder(home.path)
    return write_files(site, items)


def write_files(site: Site, items: Sequence[Item]) -> tuple[list[index.Parsed], list[Written]]:
    """The files durable in tmp/, and meanwhile the parsing."""
    if len(items) >= _MANY and site.tree.sync_whole:
        return _write_many(site, items)
    writing = disk.Parallel(_write_durably, items)
    try:
        parsed = [index.parse(item.arrival.data) for item in items]
    finally:
        writing.settle()
    return parsed, writing.results()


def _write_many(site: Site, items: Sequence[Item]) -> tuple[list[index.Parsed], list[Written]]:
    """One syncfs for all of them, in a thread beside the parsing.

    Threads that write beside it would get nowhere: each of their system calls has to wait for the
    interpreter lock, which a parser gives away every 5 ms only.
    """
    letters = [parsing.Letter(item.arrival.data, item.tmp) for item in items]
    written = []
    syncing: disk.Parallel[str, float] | None = None
    try:
        with site.parser.begin(letters) as batch:
            for item in items:
                written.append(_write_one(item, durable=False))
                batch.wrote(len(written))
            syncing = disk.Parallel(_timed_sync, [site.tree.mail], at_once=True)
            parsed = batch.parsed()
    finally:  # the parser is free for the next batch meanwhile
        if syncing is not None:
            syncing.settle()
    (seconds,) = syncing.results()
    if seconds > _SLOW * len(items):  # it also writes what other programs have in memory
        site.tree.sync_whole = False
    return parsed, written


def _timed_sync(directory: str) -> float:
    began = time.monotonic()
    disk.sync_file_system(directory)
    return time.monotonic() - began


def _write_durably(item: Item) -> Written:
    return _write_one(item, durable=True)


def _write_one(item: Item, *, durable: bool) -> Written:
    data = item.arrival.data
    stored, _ = lineends.to_store(data)
    try:
        disk.write_new(item.tmp, stored, durable=durable)
    except FileExistsError:
        if item.arrival.id is None:
            raise
        disk.unlink(item.tmp)  # the same message in the same second, in a run that was killed
        disk.write_new(item.tmp, stored, durable=durable)
    return hashes(data, item.arrival.sha256)


def hashes(data: bytes, sha256: bytes = b"") -> Written:
    """Hashes of a message in its wire form; `sha256` is its own, if that is known."""
    import hashlib

    sha256 = sha256 or hashlib.sha256(data).digest()
    plain = index.without_inserted(data)
    return Written(sha256, None if plain is data else hashlib.sha256(plain).digest())


def _sweep(items: Iterable[Item]) -> None:
    """What has not got its place by now never will: it comes again."""
    for item in items:
        with suppress(OSError):
            os.unlink(item.tmp)


def _place(items: Iterable[Item]) -> None:
    """The files under their names, durably. In the transaction: no scan sees one without its row."""
    for item in items:
        disk.rename(item.tmp, item.target)
    disk.fsync_directories(os.path.dirname(item.target) for item in items)


def _commit(
    site: Site,
    items: Sequence[Item],
    parsed: Sequence[index.Parsed],
    written: Sequence[Written],
    arrivals: Sequence[Arrival],
    here: dict[int, str],
    also: Callable[[Writer], None] | None,
) -> list[str]:
    """The names and the rows, in one transaction. Returns the ids of all arrivals.

    After a failed COMMIT it is not certain that the rows are absent: then the files stay, and a scan
    adopts those that have none.
    """
    with site.database.writing() as connection:
        fresh = [number for number in range(len(arrivals)) if number not in here]
        stored = sorted(
            zip(fresh, items, parsed, written, strict=True),
            # Ascending row ids: FTS5 flushes its hash at every step back, which doubled its time.
            key=lambda row: index.sort_time(row[2].date, row[1].arrival.arrived),
        )
        try:
            _place(items)
            rids = index.RowIds(connection)
            there = dict(here)
            for number, item, content, file in stored:
                there[number] = _row(site, connection, rids, item, content, file)
            ids = [there[number] for number in range(len(arrivals))]
            if also is not None:
                also(Writer(connection, tuple(ids)))
        except BaseException:  # it is certain that there are no rows, and no scan has come between
            for item in items:
                with suppress(OSError):
                    os.unlink(item.target)
            raise
    return ids


def _row(
    site: Site,
    connection: apsw.Connection,
    rids: index.RowIds,
    item: Item,
    parsed: index.Parsed,
    written: Written,
) -> str:
    """Insert one row, unless another run was faster; returns the id of the row there is."""
    arrival, home = item.arrival, item.home
    bound = arrival.on_server and arrival.uid is not None
    if bound:
        for (identity,) in rows(
            connection,
            "SELECT id FROM message WHERE at_folder = ? AND uid = ? AND id != ?",
            (home.key, arrival.uid, item.id),
        ):
            os.unlink(item.target)
            return str(identity)
    # Delivered anew: its file was lost, or has been left by a run that was cut and adopted since.
    for (rid,) in rows(connection, "SELECT rid FROM message WHERE id = ?", (item.id,)):
        index.remove(connection, rid)
    bits, words = flag_words.to_bits(arrival.flags)
    state = index.State(
        id=item.id,
        folder=home.key,
        at_folder=home.key if bound else None,
        uid=arrival.uid if bound else None,
        base_bits=bits if bound else None,
        base_words=words if bound else None,
        origin=arrival.origin or None,
        file=item.file,
        size=len(arrival.data),
        sha256=written.sha256,
        normal=written.normal,
        object_id=arrival.object_id or None,
        bits=bits,
        words=words,
        arrived=item.arrived,
        dirty=int(home.protocol == "imap" and not bound),
    )
    index.insert(connection, rids, state, parsed)
    return item.id
