"""How far a long task is, on stderr: one line redrawn on a terminal, plain lines with -v."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mailcli.cli import cells
from mailcli.cli.streams import Streams
from mailcli.model import printable

if TYPE_CHECKING:
    from mailcli.app.context import Progress as Step

_INTERVAL: Final = 0.1  # seconds between two drawings
_FIRST: Final = 0.3  # what is done by then needs no progress
_CLEAR: Final = "\r\x1b[K"
_WINDOW: Final = 5.0  # seconds that a rate is taken over
_TELLING: Final = 0.5  # what was done in less says nothing of the rate
_WANTED: Final = ("", "left", "octets", "rate")
"""What a line shows besides the count, most wanted first."""


class Progress:
    """Steps come from several threads, an account each; the line shows all that are under way."""

    def __init__(self, streams: Streams, *, lines: bool) -> None:
        self._streams = streams
        self._lines = lines
        self._lock = threading.Lock()
        self._steps: dict[str, Step] = {}
        self._paces: dict[str, Pace] = {}
        self._drawn_at = time.monotonic() + _FIRST - _INTERVAL
        self._drawn = False

    def step(self, step: Step) -> None:
        with self._lock:
            changed = self._steps.get(step.account, step)[:2] != step[:2] or step.account not in self._steps
            self._steps[step.account] = step
            self._paces.setdefault(step.account, Pace()).note(step.octets, time.monotonic())
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
        rates = [(step, self._paces[name].rate) for name, step in self._steps.items()]
        text = line(rates, self._width() - 1)
        self._streams.say(_CLEAR + text)
        self._drawn_at = time.monotonic()
        self._drawn = True

    def _width(self) -> int:
        """The terminal's width now: people resize it while they wait."""
        if "COLUMNS" not in self._streams.environ:
            try:
                return os.get_terminal_size(self._streams.stderr.fileno()).columns
            except (OSError, ValueError):
                pass
        return self._streams.width


class Pace:
    """Octets a second over the last seconds; 0 while it is too early to tell."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def note(self, octets: int, now: float) -> None:
        marks = self._marks
        if marks and octets < marks[-1][1]:
            marks.clear()  # another task
        if not marks or octets > marks[-1][1]:
            marks.append((now, octets))
        while len(marks) > 2 and marks[1][0] < now - _WINDOW:
            marks.popleft()

    @property
    def rate(self) -> float:
        if not self._marks:
            return 0.0
        (began, before), (ended, after) = self._marks[0], self._marks[-1]
        return (after - before) / (ended - began) if ended - began >= _TELLING else 0.0


def line(steps: Sequence[tuple[Step, float]], width: int) -> str:
    """All steps with their rates on one line: what is least wanted is left out where it is narrow."""
    several = len(steps) > 1
    for left_out in range(len(_WANTED)):
        shown = _WANTED[: len(_WANTED) - left_out]
        told = (describe(step, rate, shown=shown, account=several) for step, rate in steps)
        text = printable.line(" · ".join(told))
        if cells.width(text) <= width:
            return text
    return cells.cut(text, width)


def describe(step: Step, rate: float = 0.0, *, shown: Sequence[str] = _WANTED, account: bool = True) -> str:
    """`work INBOX 1,234/10,000  45 MB  8.1 MB/s  0:42 left`."""
    count = f"{step.done:,}/{step.total:,}" if step.total else f"{step.done:,}" if step.done else ""
    name = step.account if account or not step.phase else ""
    words = [" ".join(filter(None, (name, step.phase, count)))]
    if step.octets and "octets" in shown:
        words.append(size(step.octets))
    if rate and "rate" in shown:
        words.append(f"{size(int(rate))}/s")
    if rate and step.of_octets > step.octets and "left" in shown:
        words.append(f"{duration((step.of_octets - step.octets) / rate)} left")
    return "  ".join(words)


def duration(seconds: float) -> str:
    """0:42, 12:03, 1:07:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(octets: int) -> str:
    """Octets for people: 812 B, 3.1 MB."""
    amount = float(octets)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError
