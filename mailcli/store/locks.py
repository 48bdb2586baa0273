"""Advisory locks between processes and threads: flock on small files that stay.

The order is account, outbox, database. None is held across a question to the user. A lock dies with its
process, so there is nothing to clean up after a crash.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mailcli.errors import Locked
from mailcli.store import disk


def _open(path: str) -> int:
    with disk.reported("open the lock file"):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            disk.make_directory(os.path.dirname(path))
            return os.open(path, flags, 0o600)


@contextmanager
def hold(path: str, *, what: str, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock for the length of a block; Locked after `wait` seconds without it.

    Every call opens the file anew, so two threads of one process exclude each other as well.
    """
    fd = _open(path)
    try:
        _take(fd, what, wait)
        yield
    finally:
        os.close(fd)


def _take(fd: int, what: str, wait: float) -> None:
    end = time.monotonic() + wait
    pause = 0.0005
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= end:
                raise Locked(
                    f"another mailcli{_holder(fd)} is using {what}", hint="try again in a moment"
                ) from None
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
    if wait == 0.0:  # the long-held kind: leave a name for whoever finds it taken
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)


def _holder(fd: int) -> str:
    number = os.pread(fd, 16, 0).decode("ascii", "replace").strip()
    return f" (process {number})" if number.isdigit() else ""
