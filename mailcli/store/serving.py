"""The worker's side of `worker`: it does what is asked for until there is no more."""

from __future__ import annotations

import select
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mailcli.errors import Interrupted
from mailcli.store import deliver, index, pipes
from mailcli.store.along import Along
from mailcli.store.database import Database
from mailcli.store.index import Parsed
from mailcli.store.parsing import parse_file
from mailcli.store.site import Site
from mailcli.store.tree import Tree

if TYPE_CHECKING:
    import apsw


def serve(root: str, database: str, lock: str) -> None:
    """Do what is asked for until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    site = Site(_Database(database, lock), Tree(root), time.time)
    read: dict[int, list[Parsed]] = {}
    failed = False
    while (request := pipes.receive(0)) is not None:
        kind, number, *rest = request
        answer: Any = None
        try:
            if kind == "parse":
                answer = [_parsed_or_none(*file) for file in rest[0]]
            elif kind == "read" and not failed:
                read.setdefault(number, []).extend(parse_file(*file) for file in rest[0])
            elif kind == "store" and not failed:
                answer = _stored(site, read.pop(number), *rest)
        except BaseException:  # what it was will show where it is tried again
            failed, answer = True, None
        if kind != "read":
            pipes.send(1, (answer,))
    site.close()


def _parsed_or_none(path: str, size: int) -> tuple[Any, ...] | None:
    try:
        return tuple(parse_file(path, size))
    except OSError:
        return None


class _Database(Database):
    """Not written to once the one who asked is gone. That is looked at when the lock is ours, which may have
    taken a while: the next run writes down what it will download before it does, and so has not begun."""

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        with super().writing() as connection:
            poll = select.poll()
            poll.register(0, 0)
            if poll.poll(0):
                raise Interrupted("interrupted")
            yield connection


def _stored(site: Site, parsed: Sequence[Parsed], rows: Sequence[Any], along: Any) -> list[str]:
    placings = [deliver.Placing(tmp, target, index.State._make(state)) for tmp, target, state in rows]
    return deliver.commit(site, placings, parsed, Along.of(along).write)
