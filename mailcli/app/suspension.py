"""Noticing that the machine slept: its connections are then most likely gone, without a word."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_JUMP: Final = 10.0
"""Seconds by which a clock that runs on has to get ahead; an NTP step is smaller, and costs but a
reconnection."""


def _with_sleep() -> float:
    """Linux counts the time asleep in a clock of its own; elsewhere the wall clock has to do."""
    clock: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time() if clock is None else time.clock_gettime(clock)


class Suspension:
    """Compares a clock that stands still while the machine sleeps with clocks that run on. The wall
    clock is one of them: a virtual machine that was stopped shows it there alone."""

    def __init__(
        self,
        awake: Callable[[], float] = time.monotonic,
        running: tuple[Callable[[], float], ...] = (_with_sleep, time.time),
    ) -> None:
        self._awake = awake
        self._running = running
        self._last = self._ahead()

    def over(self) -> bool:
        """Whether the machine slept since the last call."""
        before, self._last = self._last, self._ahead()
        return any(now - then > _JUMP for now, then in zip(self._last, before, strict=True))

    def _ahead(self) -> list[float]:
        awake = self._awake()
        return [clock() - awake for clock in self._running]
