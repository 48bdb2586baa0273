"""A thread that makes arriving mail durable, in batches, while more arrives.

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
    """Hands batches to `store` on a thread of its own; `weigh` gives an item's octets.

    `store` begins with a batch, and what it returns is called to wait until the batch is durable. Before
    that the next batch is begun, if one is ready: it is written while the one before is committed.

    A failure is kept and raised by the next `put`, or by `finish`, so that the connections stop
    downloading what cannot be stored.
    """

    def __init__(self, store: Callable[[list[T]], Callable[[], None]], weigh: Callable[[T], int]) -> None:
        self._store = store
        self._weigh = weigh
        self._waiting: deque[tuple[T, int]] = deque()
        self._octets = 0
        self._full_batch = min(FIRST_MESSAGES, BATCH_MESSAGES)
        self._since = 0.0  # when the oldest of what waits came
        self._ended = False
        self._failure: BaseException | None = None
        self.idle = 0.0  # seconds spent waiting for something to store, none being stored
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._thread.start()

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
        self._thread.join()

    def _full(self) -> bool:
        return self._octets >= WAITING_OCTETS or len(self._waiting) >= WAITING_MESSAGES

    def _ready(self) -> bool:
        return len(self._waiting) >= self._full_batch or self._octets >= BATCH_OCTETS

    def _run(self) -> None:
        finish: Callable[[], None] | None = None
        try:
            while (batch := self._gathered(wait=finish is None)) or finish is not None:
                before, finish = finish, None
                try:
                    finish = self._store(batch) if batch else None
                finally:
                    if before is not None:
                        before()
        except BaseException as failure:  # handed to the threads that wait, which raise it
            with self._changed:
                self._failure = failure
                self._changed.notify_all()

    def _gathered(self, *, wait: bool) -> list[T]:
        """The next batch; [] at the end, or if none is ready and it is not to be waited for."""
        with self._changed:
            while not self._ended and not self._ready():
                left = self._since + LINGER - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    break
                if not wait:
                    return []
                began = time.monotonic()
                self._changed.wait(left)
                self.idle += time.monotonic() - began
            batch: list[T] = []
            octets = 0
            while self._waiting and len(batch) < self._full_batch:
                item, size = self._waiting[0]
                if batch and octets + size > BATCH_OCTETS:
                    break
                self._waiting.popleft()
                batch.append(item)
                octets += size
            self._octets -= octets
            self._full_batch = min(2 * self._full_batch, BATCH_MESSAGES)
            self._since = time.monotonic()
            self._changed.notify_all()
            return batch
