"""How much of a folder's mail is downloaded: whole messages, or only their headers."""

from __future__ import annotations

import re
from typing import Final

from mailcli.errors import QueryError
from mailcli.model import pattern
from mailcli.model.record import NamedTuple

MODES: Final = ("full", "headers", "recent")
OLDER: Final = ("headers", "skip")
RECENT: Final = "90d"
"""What `recent` means where no `since` is given."""

_AGE: Final = pattern.compile(r"(\d{1,5})\s*(d|day|w|week|mo|month|y|year)s?", re.IGNORECASE | re.ASCII)
_SHORT: Final = {"day": "d", "week": "w", "month": "mo", "year": "y"}
_SIZE: Final = pattern.compile(r"(\d{1,12})\s*([kmg]?)(?:i?b)?", re.IGNORECASE | re.ASCII)


class Extent(NamedTuple):
    """`mode` is full, headers or recent: whole from `since` on (a date, or an age such as 90d), and of
    what is `older` the headers, or nothing ("skip"). Of messages larger than `max_size` octets (0: no
    limit) only the header comes.
    """

    mode: str = "full"
    since: str = RECENT
    max_size: int = 0
    older: str = "headers"

    def cutoff(self, now: float) -> float | None:
        """The time of arrival (s since the epoch) before which a message is old; None: none is."""
        return earliest(self.since, now) if self.mode == "recent" else None


class BodyPolicy(NamedTuple):
    """The extent of an account's folders: `usual`, and those of single ones by shell pattern. `keep`: a
    body fetched to be read stays here.
    """

    usual: Extent = Extent()
    folders: tuple[tuple[str, Extent], ...] = ()
    keep: bool = True

    def of(self, folder: str) -> Extent:
        """A folder's extent: that of its own name, else of the first pattern that fits.

        A bracket is one: `[Gmail]/*` are folders of Gmail.
        """
        if not self.folders:
            return self.usual
        from fnmatch import fnmatchcase

        named = dict(self.folders).get(folder)
        if named is not None:
            return named
        for shell, extent in self.folders:
            if fnmatchcase(folder, shell.replace("[", "[[]")):
                return extent
        return self.usual


def earliest(text: str, now: float) -> float:
    """The first moment of what `since` says: `2024-05-01`, `90d`, `3 months`. Raises QueryError."""
    from mailcli.model.query.dates import Clock, when

    age = _AGE.fullmatch(text.strip())
    if age is not None:
        unit = age[2].lower()
        text = f"{age[1]}{_SHORT.get(unit, unit)}"
    first, _ = when("after", text.strip(), Clock(now, None), 0)
    if first is None or first > now:
        raise QueryError(f'"{text}" is not in the past')
    return first


def octets(text: str) -> int | None:
    """`10M` in octets; None if it is no size."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    return int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[found[2].lower()]
