"""The process that strace starts: warm, it forks a child for each run it is asked for.

A line of JSON in, a line of JSON out. strace counts the calls of each thread for itself and cuts the
one with a fixed number, so the child's thread that is to be cut first makes as many calls in vain as
bring its count close to that. Files are written by the thread that delivers, without a pool: a count
means the same call in every run.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mailcli.net.stream import Stream
from mailcli.store import deliver, disk
from mailcli.store.site import Site
from tests.support.crash import children, sends, trial
from tests.support.crash.flows import FLOWS

NUMBERS = {
    "write": 1, "pwrite64": 18, "connect": 42, "sendto": 44, "recvfrom": 45, "fsync": 74, "fdatasync": 75,
    "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "unlink": 87, "syncfs": 306,
}  # fmt: skip
"""System calls of x86-64 by name."""


def serve() -> None:
    children.warm()
    libc = ctypes.CDLL(None)
    flows: dict[str, Callable[[Path], None]] = {flow.name: partial(trial.do, flow) for flow in FLOWS}
    flows |= {name: partial(sends.do, name) for name in sends.COMMANDS}
    disk.Parallel.__init__.__defaults__ = (0,)
    for line in sys.stdin:
        asked = json.loads(line)
        ended = children.run(lambda a=asked: _run(a, flows[a["flow"]], libc))  # type: ignore[misc]
        os.writev(1, [json.dumps(ended).encode() + b"\n"])


def _run(asked: dict[str, Any], flow: Callable[[Path], None], libc: ctypes.CDLL) -> list[list[object]]:
    seen: Counter[str] = Counter()
    threads: list[list[object]] = []

    def begin(name: str) -> None:
        threads.append([threading.get_native_id(), name, seen[name]])
        if asked["thread"] == [name, seen[name]]:
            for _ in range(asked["pad"]):
                libc.syscall(NUMBERS[asked["call"]], -1, 0, 0, 0, 0, 0)
        seen[name] += 1

    run = threading.Thread.run

    def running(self: threading.Thread) -> None:
        begin(self.name)
        run(self)

    threading.Thread.run = running  # type: ignore[method-assign]
    begin("main")
    if "snapshots" in asked:
        seed(asked["bug"])
        _mark(Path(asked["home"]), Path(asked["snapshots"]))
    flow(Path(asked["profile"]))
    return threads


def _mark(home: Path, snapshots: Path) -> None:
    """From now on: keep the server's mailbox each time something has come from it. A mark in the
    trace, a write that fails, says after each sending which snapshot will have its outcome."""
    flush, receive = Stream.flush, Stream._receive
    number, lock = 0, threading.Lock()  # of several connections

    def flushing(self: Stream) -> bool:
        nonlocal number
        if self._plain:
            number += 1
            with contextlib.suppress(OSError):
                os.write(-1, str(number).encode())
        return flush(self)

    def receiving(self: Stream, limit: int) -> bytes | None:
        data = receive(self, limit)
        if data and number:
            with lock:
                _copy(home, snapshots / str(number))
        return data

    Stream.flush, Stream._receive = flushing, receiving  # type: ignore[method-assign]


def _copy(home: Path, to: Path) -> None:
    """Copy a mailbox whose server may be renaming in it."""
    while True:
        shutil.rmtree(to, ignore_errors=True)
        try:
            shutil.copytree(home, to, ignore=shutil.ignore_patterns("*.lock", "dovecot-*.tmp"))
            return
        except (shutil.Error, FileNotFoundError):
            continue


def seed(bug: str) -> None:
    """Take a safety out, for those who watch whether it is missed."""
    if bug == "no file fsync":
        write_new = disk.write_new
        disk.write_new = lambda path, *data, durable=True: write_new(path, *data, durable=False)
    elif bug == "no directory fsync":
        disk.fsync_directory = lambda path: None
    elif bug == "rows before files":
        _commit_early()
    elif bug:
        raise ValueError(bug)


def _commit_early() -> None:
    place, commit = deliver._place, deliver.commit

    def early(site: Site, placings: Any, *rest: Any) -> Any:
        ids = commit(site, placings, *rest)
        place(placings)
        return ids

    deliver._place, deliver.commit = lambda placings: None, early  # type: ignore[assignment]


if __name__ == "__main__":
    serve()
