"""How a message arrives, in the order that loses nothing:

    write to tmp/ and fsync | in the transaction: rename into new/ or cur/, fsync the directories, the rows

A few files are fsynced by threads (kernel time in fsync is the limit) while this one parses; many are synced
at once, and where a `Worker` runs it parses them and has the transaction. A run cut before
the commit leaves files that `scan` adopts by their names; cut before the rename it leaves litter in tmp/.
The rename waits for the database's lock: a scan between it and the rows would adopt the file of a run that
is alive, and what came of it (an upload, a move) would be lost with the row that is then written over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mailcli.model import flags as flag_words
from mailcli.model.ids import new_id
from mailcli.model.record import NamedTuple
from mailcli.store import disk, index, location, maildir, tmpfiles
from mailcli.store.location import Home
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks, rows
from mailcli.store.tmpfiles import Item, Written
from mailcli.store.values import Arrival
from mailcli.store.writer import Writer

if TYPE_CHECKING:
    import apsw

    from mailcli.store.along import Along
    from mailcli.store.worker import Storing, Worker

_FUTURE = 2 * 86400
"""An INTERNALDATE later than this from now is a wrong clock: the message counts as arriving now."""


_PORTION = 50
"""Files written before the worker is told to read them."""


class Placing(NamedTuple):
    """A message that lies in tmp/ durably, and is to get name and row. Plain data, for the worker."""

    tmp: str
    target: str
    state: index.State


class Delivery:
    """Messages on their way in; `finish` says when they are stored."""

    def __init__(self, site: Site, arrivals: Sequence[Arrival]) -> None:
        self._site = site
        with site.database.reading() as connection:
            homes = {key: location.home(connection, key) for key in {a.folder for a in arrivals}}
            self._here = _already_here(connection, arrivals)
            for account in {home.account for home in homes.values()}:
                location.check_mounted(connection, site.tree, account)
            fresh = free_ids(connection, sum(1 for a in arrivals if a.id is None))
        self._items = [
            _item(site, arrival, homes[arrival.folder], arrival.id or fresh.pop())
            for number, arrival in enumerate(arrivals)
            if number not in self._here
        ]
        self._worker: Worker | None = None
        self._storing: Storing | None = None
        self._along: Along | None = None
        self._ids: list[str] = []

    def store(self, also: Callable[[Writer], None] | None) -> Delivery:
        """All of it in this process."""
        with disk.reported("store mail"):
            try:
                _make_folders(self._site, self._items)
                parsed, written = tmpfiles.write_files(self._site, self._items)
                placings = list(map(_placing, self._items, written))
                self._ids = commit(self._site, placings, parsed, also, self._here)
            except BaseException:
                tmpfiles.sweep(self._items)
                raise
        return self

    def begin(self, along: Along) -> Delivery:
        """Write the files, and leave the rest to the worker, if there is one."""
        worker = self._site.worker
        if worker is None:
            return self.store(along.write)
        self._worker, self._along = worker, along
        with disk.reported("store mail"):
            try:
                _make_folders(self._site, self._items)
                self._storing = storing = worker.begin()
                sync = tmpfiles.syncs_whole(self._site, self._items)
                placings: list[Placing] = []
                # Threads that fsync each file are started once.
                for items in chunks(self._items, _PORTION if sync else max(1, len(self._items))):
                    placings += map(_placing, items, tmpfiles.write(items, durable=not sync))
                    worker.read(storing, [(p.tmp, p.state.size) for p in placings[-len(items) :]])
                if sync:
                    tmpfiles.sync(self._site, len(self._items))
                worker.store(storing, placings, along)
            except BaseException:
                worker.broken = True
                tmpfiles.sweep(self._items)
                raise
        return self

    def finish(self) -> list[str]:
        """The ids of all arrivals, once they are durable. What the worker could not do is done here."""
        if self._worker is not None and self._storing is not None:
            ids = self._worker.answer(self._storing)
            self._worker = None
            if ids is None:
                self._again()
            else:
                self._ids = _all_ids(self._here, ids)
        return self._ids

    def _again(self) -> None:
        """A worker that died may have committed: then all of it is there. If it is not, another process may
        have adopted some by its name since, and the rest is in tmp/ still."""
        ids = [item.id for item in self._items]
        with self._site.database.reading() as connection:
            there = rows(connection, f"SELECT count(*) FROM message WHERE id IN ({marks(ids)})", ids)[0][0]
        tmpfiles.sweep(self._items)
        if there == len(ids):
            self._ids = _all_ids(self._here, ids)
        else:
            self.store(self._along and self._along.write)


def deliver(
    site: Site, arrivals: Sequence[Arrival], also: Callable[[Writer], None] | None = None
) -> list[str]:
    """See Store.deliver."""
    return Delivery(site, arrivals).store(also).finish()


def begin(site: Site, arrivals: Sequence[Arrival], along: Along) -> Delivery:
    """See Store.begin_delivery."""
    return Delivery(site, arrivals).begin(along)


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


def _make_folders(site: Site, items: Iterable[Item]) -> None:
    for path in {item.home.path for item in items}:
        site.tree.make_folder(path)


def _placing(item: Item, written: Written) -> Placing:
    arrival, home = item.arrival, item.home
    bound = arrival.on_server and arrival.uid is not None
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
    return Placing(item.tmp, item.target, state)


def _place(placings: Iterable[Placing]) -> None:
    """The files under their names, durably. In the transaction: no scan sees one without its row."""
    for placing in placings:
        disk.rename(placing.tmp, placing.target)
    disk.fsync_directories(os.path.dirname(placing.target) for placing in placings)


def commit(
    site: Site,
    placings: Sequence[Placing],
    parsed: Sequence[index.Parsed],
    also: Callable[[Writer], None] | None,
    here: dict[int, str] | None = None,
) -> list[str]:
    """The names and the rows, in one transaction. Returns the ids of all arrivals; `here`: see Delivery.

    After a failed COMMIT it is not certain that the rows are absent: then the files stay, and a scan
    adopts those that have none.
    """
    with site.database.writing() as connection:
        # Ascending row ids: FTS5 flushes its hash at every step back, which doubled its time.
        order = sorted(
            range(len(placings)), key=lambda n: index.sort_time(parsed[n].date, placings[n].state.arrived)
        )
        try:
            _place(placings)
            rids = index.RowIds(connection)
            ids = [""] * len(placings)
            for number in order:
                ids[number] = _row(site, connection, rids, placings[number], parsed[number])
            ids = _all_ids(here or {}, ids)
            if also is not None:
                also(Writer(connection, tuple(ids)))
        except BaseException:  # it is certain that there are no rows, and no scan has come between
            for placing in placings:
                with suppress(OSError):
                    os.unlink(placing.target)
            raise
    return ids


def _all_ids(here: dict[int, str], stored: Sequence[str]) -> list[str]:
    """The ids of what was there and of what was stored, in the order of the arrivals."""
    fresh = iter(stored)
    return [here.get(number) or next(fresh) for number in range(len(here) + len(stored))]


def _row(
    site: Site, connection: apsw.Connection, rids: index.RowIds, placing: Placing, parsed: index.Parsed
) -> str:
    """Insert one row, unless another run was faster; returns the id of the row there is."""
    state = placing.state
    if state.at_folder is not None:
        for (identity,) in rows(
            connection,
            "SELECT id FROM message WHERE at_folder = ? AND uid = ? AND id != ?",
            (state.at_folder, state.uid, state.id),
        ):
            os.unlink(placing.target)
            return str(identity)
    for rid, sha256, file, path in rows(
        connection,
        "SELECT m.rid, m.sha256, m.file, f.path FROM message m JOIN folder f ON f.key = m.folder"
        " WHERE m.id = ?",
        (state.id,),
    ):
        there = site.tree.file(path, file or "")
        if sha256 == state.sha256 and there != placing.target and os.path.isfile(there):
            # A run that was cut has left it, adopted since; or its worker was in its transaction still.
            os.unlink(placing.target)
            return state.id
        index.remove(connection, rid)  # its file was lost: delivered anew
    index.insert(connection, rids, state, parsed)
    return state.id
