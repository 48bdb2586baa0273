"""The files of arriving messages, made durable in tmp/ with little waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from mailcli.mime import lineends
from mailcli.model.record import NamedTuple
from mailcli.store import disk, index
from mailcli.store.location import Home
from mailcli.store.site import Site
from mailcli.store.values import Arrival

_MANY: Final = 32
"""From so many messages on, syncing the file system is cheaper than syncing the files."""


_SLOW: Final = 0.002
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


def write_files(site: Site, items: Sequence[Item]) -> tuple[list[index.Parsed], list[Written]]:
    """The files durable in tmp/, and meanwhile the parsing.

    If they are many, one sync for all of them is what goes on beside the parsing. Threads that write beside
    it would get nowhere: each of their system calls has to wait for the interpreter lock, which a
    parser gives away every 5 ms only.
    """
    if syncs_whole(site, items):
        from mailcli.store import parsing  # with many only

        written = write(items, durable=False)
        syncing = disk.Parallel(lambda count: sync(site, count), [len(items)], at_once=True)
        try:
            filed = [parsing.Filed(item.tmp, len(item.arrival.data)) for item in items]
            site.stored(len(items))
            parsed = parsing.parse(site.worker, filed)
        finally:
            syncing.settle()
        syncing.results()
        return parsed, written
    writing = disk.Parallel(_write_durably, items)
    try:
        parsed = [index.parse(item.arrival.data) for item in items]
    finally:
        writing.settle()
    return parsed, writing.results()


def syncs_whole(site: Site, items: Sequence[Item]) -> bool:
    """Whether the file system is synced once for so many files."""
    return len(items) >= _MANY and site.tree.sync_whole


def write(items: Sequence[Item], *, durable: bool) -> list[Written]:
    """The files in tmp/; not `durable`, a sync has to follow."""
    if durable:
        return disk.Parallel(_write_durably, items).results()
    return [_write_one(item, durable=False) for item in items]


def sync(site: Site, count: int) -> None:
    """Make so many files durable that were just written."""
    began = time.monotonic()
    disk.sync_file_system(site.tree.mail)
    if time.monotonic() - began > _SLOW * count:  # it also writes what other programs have in memory
        site.tree.sync_whole = False


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


def sweep(items: Iterable[Item]) -> None:
    """What has not got its place by now never will: it comes again."""
    for item in items:
        with suppress(OSError):
            os.unlink(item.tmp)
