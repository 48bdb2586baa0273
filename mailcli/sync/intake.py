"""Threads that make arriving mail durable, in batches, while more arrives.

Several connections may bring at once. What waits is bounded by octets, so memory does not grow with
the number of messages: whoever brings more has to wait, and TCP slows the server down.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

BATCH_OCTETS: Final = 8 << 20
BATCH_MESSAGES: Final = 500
FIRST_MESSAGES: Final = 100
"""The first batches are small, so that storing begins soon; each may be twice the one before."""
WAITING_OCTETS: Final = 16 << 20
WAITING_MESSAGES: Final = 1000
LINGER: Final = 2.0
"""Seconds a message waits for company at most: on a slow line mail becomes durable as it comes."""


class Intake(Generic[T]):
    """Hands batches to `deliver` on `threads` of its own; `weigh` gives an item's octets.

    With two of them one batch is written while the one before is synced and committed. Batches begin
    in order and may end in another.

    A failure is kept and raised by the next `put`, or by `finish`, so that the connections stop
    downloading what cannot be stored.
    """

    def __init__(
        self, deliver: Callable[[list[T]], None], weigh: Callable[[T], int], *, threads: int = 1
    ) -> None:
        self._deliver = deliver
        self._weigh = weigh
        self._waiting: deque[tuple[T, int]] = deque()
        self._octets = 0
        self._full_batch = min(FIRST_MESSAGES, BATCH_MESSAGES)
        self._since = 0.0  # when the oldest of what waits came
        self._ended = False
        self._failure: BaseException | None = None
        self.idle = 0.0  # seconds spent waiting for something to store, none being stored
        self._storing = 0
        self._changed = threading.Condition()
        self._next_one = threading.Lock()  # a batch is gathered by one thread at a time
        self._threads = [
            threading.Thread(target=self._run, name="intake", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, item: T) -> float:
        """Bring one item; waits while too much waits. Returns the seconds it waited for that.
        Raises what delivering raised."""
        octets = self._weigh(item)
        began = 0.0
        with self._changed:
            while self._failure is None and self._full():
                began = began or time.monotonic()
                self._changed.wait()
            if self._failure is not None:
                raise self._failure
            first = not self._waiting
            if first:
                self._since = time.monotonic()
            self._waiting.append((item, octets))
            self._octets += octets
            if first or self._ready():
                self._changed.notify_all()
        return time.monotonic() - began if began else 0.0

    def finish(self) -> None:
        """Wait until all is durable. Raises what delivering raised."""
        self.abandon()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """Let what was brought become durable, and raise nothing."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _full(self) -> bool:
        return self._octets >= WAITING_OCTETS or len(self._waiting) >= WAITING_MESSAGES

    def _ready(self) -> bool:
        return len(self._waiting) >= self._full_batch or self._octets >= BATCH_OCTETS

    def _run(self) -> None:
        while batch := self._gathered():
            try:
                self._deliver(batch)
            except BaseException as failure:  # handed to the threads that wait, which raise it
                with self._changed:
                    self._failure = self._failure or failure
                    self._changed.notify_all()
                return
            with self._changed:
                self._storing -= 1
                self._changed.notify_all()

    def _gathered(self) -> list[T]:
        """The next batch; [] at the end."""
        with self._next_one, self._changed:
            while not self._ended and self._failure is None and not self._ready():
                left = self._since + LINGER - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    break
                began, idle = time.monotonic(), not self._storing
                self._changed.wait(left)
                self.idle += time.monotonic() - began if idle else 0.0
            if self._failure is not None:
                return []
            batch: list[T] = []
            octets = 0
            while self._waiting and len(batch) < self._full_batch:
                item, size = self._waiting[0]
                if batch and octets + size > BATCH_OCTETS:
                    break
                self._waiting.popleft()
                batch.append(item)
                octets += size
            self._storing += bool(batch)
            self._octets -= octets
            self._full_batch = min(2 * self._full_batch, BATCH_MESSAGES)
            self._since = time.monotonic()
            self._changed.notify_all()
            return batch
