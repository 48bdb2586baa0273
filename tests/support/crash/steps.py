"""Cuts at the steps of our own: each write, rename and fsync of the store's, each commit, and each
time something is sent to a server or has come from it."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Callable, Collection

from mailcli.net.stream import Stream
from mailcli.store import disk
from tests.support.crash.cuts import LOCAL_FAILURES, Cut, NotReached, ended_well
from tests.support.crash.trial import Trial

INFALLIBLE = frozenset({"send", "received", "commit", "committed"})
"""Steps that are no system call, or are on the wire."""

Step = Callable[[str, str], None]


def watch(step: Step) -> None:
    """Call `step` before each step of this process, from now on."""
    disk.failpoint = step
    flush, receive = Stream.flush, Stream._receive

    def flushing(self: Stream) -> bool:
        if self._plain:
            step("send", self.label)
        return flush(self)

    def receiving(self: Stream, limit: int) -> bytes | None:
        data = receive(self, limit)
        if data:
            step("received", self.label)
        return data

    Stream.flush, Stream._receive = flushing, receiving  # type: ignore[method-assign]


def counted(trial: Trial) -> list[str]:
    """The steps of a whole run, by name."""

    def count() -> Callable[[], list[str]]:
        names: list[str] = []
        lock = threading.Lock()

        def note(name: str, path: str) -> None:
            with lock:
                names.append(name)

        watch(note)
        return lambda: names

    ended = trial.run(count)
    assert ended.code == 0, ended
    return list(ended.value)


def kill_at(number: int) -> Cut:
    """SIGKILL just before the step of this number."""

    def kill() -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    return Cut(f"kill at step {number}", lambda trial: _cut(trial, number, kill))


def fail_at(number: int, code: int) -> Cut:
    """The step of this number fails, or the next that can: what comes from the network is in other pieces
    in another run."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    def make(trial: Trial) -> str:
        trial.disk_failed = True
        return _cut(trial, number, fail, INFALLIBLE)

    return Cut(f"{errno.errorcode[code]} at step {number}", make)


def _cut(trial: Trial, number: int, act: Callable[[], None], beside: Collection[str] = ()) -> str:
    """Act before the step of this number, or the first after it that has none of these names."""

    def cutting() -> Callable[[], bool]:
        left, fallen = number, False
        lock = threading.Lock()

        def step(name: str, path: str) -> None:
            nonlocal left, fallen
            with lock:
                left -= 1
                now = left <= 0 and not fallen and name not in beside
                fallen = fallen or now
            if now:
                act()

        watch(step)
        return lambda: fallen

    ended = trial.run(cutting)
    if ended.code == 0 and not ended.value:
        raise NotReached
    return ended_well(ended, LOCAL_FAILURES)
