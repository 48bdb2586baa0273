"""Messages that a server lists and does not give (Yahoo answers UNAVAILABLE for some, for ever; Exchange
says OK and leaves them out). They are asked for again, at longer and longer intervals, and do not make
every run fail."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mailcli.model.record import NamedTuple
from mailcli.wire.imap.uidset import EMPTY, UidSet

_HOUR: Final = 3600
WAITS: Final = (0, _HOUR, 4 * _HOUR, 16 * _HOUR, 72 * _HOUR, 168 * _HOUR)
"""Seconds until the next attempt, by how many there were."""
LOUD: Final = 2
"""Attempts whose failure is the run's: what stays so is told, and no fault any more."""


class Withheld(NamedTuple):
    """Of one folder, under its UIDVALIDITY. `tries` are attempts in vain; `due` is when the next is."""

    uids: UidSet = EMPTY
    tries: int = 0
    due: int = 0

    @classmethod
    def read(cls, text: str) -> Withheld:
        """The reverse of `str`."""
        if not text:
            return cls()
        tries, due, uids = text.split()
        return cls(UidSet.parse(uids.encode()), int(tries), int(due))

    def __str__(self) -> str:
        return f"{self.tries} {self.due} {self.uids}" if self.uids else ""

    def quiet(self, now: float) -> UidSet:
        """Those that are not asked for now."""
        return self.uids if now < self.due else EMPTY

    def after(self, refused: Collection[int], now: float) -> Withheld:
        """What to remember of a run at `now` in which these were asked for in vain."""
        quiet = self.quiet(now)
        if not refused:
            return self if quiet else Withheld()
        known = all(uid in self.uids for uid in refused)
        tries = self.tries + 1 if known else 1
        due = int(now) + WAITS[min(tries, len(WAITS)) - 1]
        return Withheld(UidSet.of(refused) | quiet, tries, due)

    def __sub__(self, gone: Collection[int]) -> Withheld:
        """Without those that are not there any more."""
        return self._replace(uids=UidSet.of(uid for uid in self.uids if uid not in gone))
