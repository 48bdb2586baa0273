"""Work in a forked child: warm, since everything is imported already, and free to be killed."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import mailcli.accounts
import mailcli.app
import mailcli.mime
import mailcli.net
import mailcli.store
import mailcli.sync
from mailcli.errors import told

LIMIT = 40.0
"""Seconds after which a run counts as hung."""
BUG = 70


class Hung(AssertionError):
    """A run did not end."""


class Ended(NamedTuple):
    """How a child ended: its exit code (negative: the signal), the error it would tell, what its
    work gave (JSON values)."""

    code: int
    message: str = ""
    value: Any = None

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


def warm() -> None:
    """Import what any flow imports, so that no child has to."""
    for layer in (mailcli.accounts, mailcli.app, mailcli.mime, mailcli.net, mailcli.store, mailcli.sync):
        for module in pkgutil.walk_packages(layer.__path__, layer.__name__ + "."):
            importlib.import_module(module.name)


class Child:
    """A process that does `work`; `ending` is a descriptor that becomes readable when it ends."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._reading, writing = os.pipe()
        gc.collect()
        gc.freeze()  # what is not looked at stays shared
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._reading)
            _child(work, writing)
        os.close(writing)
        self.ending = os.pidfd_open(self._pid)

    def ended(self, limit: float = LIMIT) -> Ended:
        """Wait for its end. Raises Hung after so many seconds; it is killed then."""
        try:
            said = _all(self._reading, self._pid, limit)
        finally:
            os.close(self.ending)
            os.close(self._reading)
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return Ended(code) if code < 0 or not said else Ended(*json.loads(said))


def run(work: Callable[[], object], meanwhile: Callable[[int], object] | None = None) -> Ended:
    """Do `work` in a child. `meanwhile` is called with its `ending`, and returns then. Raises Hung."""
    child = Child(work)
    if meanwhile is not None:
        meanwhile(child.ending)
    return child.ended()


def _child(work: Callable[[], object], writing: int) -> None:
    ended = Ended(BUG, "no end")
    try:
        try:
            ended = Ended(0, "", work())
        except BaseException as error:  # a fork must never return into the tests
            failure = told(error) if isinstance(error, Exception) else None
            code = failure.exit_code if failure else BUG
            ended = Ended(code, f"{type(error).__name__}: {failure.message if failure else error}")
            if code == BUG:
                import traceback

                ended = ended._replace(message="".join(traceback.format_exception(error)))
        with contextlib.suppress(BrokenPipeError):
            data = memoryview(json.dumps(ended).encode())
            while data:
                data = data[os.writev(writing, [data]) :]  # not a call that strace is told to cut
    finally:
        os._exit(0)


def _all(reading: int, pid: int, limit: float) -> bytes:
    data, end = b"", time.monotonic() + limit
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while True:
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise Hung(f"still running after {limit:g} s")
        some = os.read(reading, 1 << 16)
        if not some:
            return data
        data += some
