"""How long to wait before a server is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable


class Backoff:
    """Pauses that double from `first` to `most` seconds, each cut by up to half at random, so that
    the clients of a server that comes back do not come back all at once."""

    def __init__(
        self, first: float = 1.0, most: float = 300.0, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._most = most
        self._chance = chance
        self._next = first

    def pause(self) -> float:
        """The next pause, in seconds."""
        pause = self._next * (0.5 + self._chance() / 2)
        self._next = min(self._next * 2, self._most)
        return pause

    def reset(self) -> None:
        """It worked: begin at the beginning the next time."""
        self._next = self._first


def spread(seconds: float) -> float:
    """An interval cut by up to a tenth at random, so that many clients do not ask in step."""
    return seconds * (0.9 + random.random() / 10)  # noqa: S311 - nothing secret
