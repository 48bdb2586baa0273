"""One thread that makes batches of mail durable, in order, while the next ones still arrive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import queue

T = TypeVar("T")


class Deliverer(Generic[T]):
    """Hands batches to `deliver` on a thread of its own.

    A failure is kept and raised by the next `put`, or by `finish`, so that the connection stops
    downloading what cannot be stored. At most two batches wait: memory stays bounded.
    """

    def __init__(self, deliver: Callable[[list[T]], None]) -> None:
        import queue  # a run that finds nothing new delivers nothing

        self._deliver = deliver
        self._batches: queue.Queue[list[T] | None] = queue.Queue(maxsize=2)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="deliver", daemon=True)
        self._thread.start()

    def put(self, batch: list[T]) -> None:
        """Hand over a batch; waits while two are waiting. Raises what delivering raised."""
        if self._failure is not None:
            raise self._failure
        self._batches.put(batch)

    def finish(self) -> None:
        """Wait until all is durable. Raises what delivering raised."""
        self.abandon()
        if self._failure is not None:
            raise self._failure

    def abandon(self) -> None:
        """Let what was handed over become durable, and raise nothing."""
        self._batches.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._batches.get()) is not None:
            if self._failure is not None:
                continue
            try:
                self._deliver(batch)
            except BaseException as failure:  # handed to the thread that waits, which raises it
                self._failure = failure
