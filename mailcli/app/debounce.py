"""Waiting until a burst of news is over."""

from __future__ import annotations

_NEVER = float("inf")


class Debounce:
    """What was noticed is due after `quiet` seconds without more of it, but at the latest `longest`
    seconds after the first of it. Times are of any clock, in seconds."""

    def __init__(self, quiet: float, longest: float) -> None:
        self._quiet = quiet
        self._longest = longest
        self._first = self._last = _NEVER

    def note(self, now: float) -> None:
        """Something was noticed."""
        self._first = min(self._first, now)
        self._last = now

    @property
    def due(self) -> float:
        """When to act; infinite as long as nothing was noticed."""
        return min(self._last + self._quiet, self._first + self._longest)
