"""mailcli as a contender, and what is checked of what it leaves behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from bench.arena import mailcli
from bench.measure import OURS, Contender

ENVIRON = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
"""So that `python -m mailcli` is this one, wherever the benchmark was started."""


def ours(home: Path, *words: str, **more: object) -> Contender:
    return Contender(OURS, mailcli(home, *words), environ=ENVIRON, **more)  # type: ignore[arg-type]


def files(place: Path) -> int:
    return sum(len(names) for path, _, names in os.walk(place) if path.endswith(("/cur", "/new")))


def expect(place: Path, count: int) -> Callable[[], str]:
    """A check that so many messages lie below `place`."""

    def check() -> str:
        found = files(place)
        return "" if found == count else f"{found} messages, not {count}"

    return check
