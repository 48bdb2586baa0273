"""The worker's side of `worker`: it does what is asked for until there is no more."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Sequence
from typing import Any

from mailcli.mime import lineends
from mailcli.store import deliver, index, pipes
from mailcli.store.along import Along
from mailcli.store.database import Database
from mailcli.store.index import Parsed
from mailcli.store.site import Site
from mailcli.store.tree import Tree


def serve(root: str, database: str, lock: str) -> None:
    """Do what is asked for until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    site = Site(Database(database, lock), Tree(root), time.time)
    read: dict[int, list[Parsed]] = {}
    failed = False
    while (request := pipes.receive(0)) is not None:
        kind, number, *rest = request
        answer: Any = None
        try:
            if kind == "parse":
                answer = [_parsed_or_none(*file) for file in rest[0]]
            elif kind == "read" and not failed:
                read.setdefault(number, []).extend(_parsed(*file) for file in rest[0])
            elif kind == "store" and not failed:
                answer = _stored(site, read.pop(number), *rest)
        except BaseException:  # what it was will show where it is tried again
            failed, answer = True, None
        if kind != "read":
            pipes.send(1, (answer,))
    site.close()


def _parsed_or_none(path: str, size: int) -> tuple[Any, ...] | None:
    try:
        return tuple(_parsed(path, size))
    except OSError:
        return None


def _parsed(path: str, size: int) -> Parsed:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        stored = os.read(file, size)
        while len(more := os.read(file, size)):
            stored += more
    finally:
        os.close(file)
    return index.parse(lineends.to_wire(stored, size))


def _stored(site: Site, parsed: Sequence[Parsed], rows: Sequence[Any], along: Any) -> list[str] | None:
    """The ids; None if the one who asked is gone: the next run may have begun to look."""
    poll = select.poll()
    poll.register(0, 0)
    if poll.poll(0):
        return None
    placings = [deliver.Placing(tmp, target, index.State._make(state)) for tmp, target, state in rows]
    return deliver.commit(site, placings, parsed, Along.of(along).write)
