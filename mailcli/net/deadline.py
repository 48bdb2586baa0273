"""How long each phase of a connection may take, and how slow a peer may be.

A silent peer is one thing, a slow one another: the first is measured by the time since it last did
something useful, the second by octets over a window, so that a server that drips one octet a
second cannot hold a run for ever.
"""

from __future__ import annotations

import time
from typing import Final

from mailcli.errors import TimedOut
from mailcli.model.record import NamedTuple

LEAST_RATE: Final = 64
"""Octets a second below which a transfer is given up (averaged over `Deadlines.content`)."""


class Deadlines(NamedTuple):
    """Seconds per phase. `overall` is a `time.monotonic` value: the end of the whole run.

    `reply` is the silence allowed while an answer is due. `content` is the silence allowed after
    the final dot of a message (RFC 5321 §4.5.3.2.6 asks for ten minutes), and the window over
    which an exchange must reach LEAST_RATE.
    """

    connect: float = 30
    tls: float = 30
    greeting: float = 60
    reply: float = 120
    content: float = 600
    overall: float | None = None

    def within(self, seconds: float) -> Deadlines:
        """These deadlines, with an end of the whole run `seconds` from now (`--deadline`)."""
        return self._replace(overall=time.monotonic() + seconds)

    def until(self, seconds: float) -> float:
        """The monotonic end of a phase that begins now: its own limit or the run's, the earlier."""
        end = time.monotonic() + seconds
        return end if self.overall is None else min(end, self.overall)

    def expired(self, label: str, phase: str, seconds: float, *, hint: str = "") -> TimedOut:
        """The error for a phase that took too long: names the server, the phase and the limit."""
        if self.overall is not None and time.monotonic() >= self.overall:
            hint = hint or "try again later, or allow it more time"
            return TimedOut(f"{label}: the deadline of this run passed ({phase})", hint=hint)
        hint = hint or "try again later"
        return TimedOut(f"{label}: {phase} took longer than {seconds:g} seconds", hint=hint)
