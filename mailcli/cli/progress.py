"""How far a long task is, on stderr: one line redrawn on a terminal, plain lines with -v."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from mailcli.cli import cells
from mailcli.cli.streams import Streams
from mailcli.model import printable

if TYPE_CHECKING:
    from mailcli.app.context import Progress as Step

_INTERVAL: Final = 0.1  # seconds between two drawings
_FIRST: Final = 0.3  # what is done by then needs no progress
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Steps come from several threads, an account each; the line shows all that are under way."""

    def __init__(self, streams: Streams, *, lines: bool) -> None:
        self._streams = streams
        self._lines = lines
        self._lock = threading.Lock()
        self._steps: dict[str, Step] = {}
        self._drawn_at = time.monotonic() + _FIRST - _INTERVAL
        self._drawn = False

    def step(self, step: Step) -> None:
        with self._lock:
            changed = self._steps.get(step.account, step)[:2] != step[:2] or step.account not in self._steps
            self._steps[step.account] = step
            if self._lines:
                if changed:
                    self._streams.say(f"{printable.line(describe(step))}\n")
            elif time.monotonic() - self._drawn_at >= _INTERVAL:
                self._draw()

    def clear(self) -> None:
        with self._lock:
            if self._drawn:
                self._streams.say(_CLEAR)
                self._drawn = False

    def end(self) -> None:
        self.clear()

    def _draw(self) -> None:
        text = printable.line(" · ".join(describe(step) for step in self._steps.values()))
        self._streams.say(_CLEAR + cells.cut(text, self._streams.width - 1))
        self._drawn_at = time.monotonic()
        self._drawn = True


def describe(step: Step) -> str:
    """`work INBOX 120/4000 3.1 MB`."""
    words = [word for word in (step.account, step.phase) if word]
    if step.total:
        words.append(f"{step.done}/{step.total}")
    elif step.done:
        words.append(str(step.done))
    if step.octets:
        words.append(size(step.octets))
    return " ".join(words)


def size(octets: int) -> str:
    """Octets for people: 812 B, 3.1 MB."""
    amount = float(octets)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError
