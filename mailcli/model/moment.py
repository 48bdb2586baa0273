"""A moment to come, as people write it: `--at 'tomorrow 9am'`.

2026-05-31T08:00+02:00, 2026-05-31 08:00, 2026-05-31     ISO 8601, local time without an offset
08:00, 9am, 9:30 pm                                      the next time the clock shows it
tomorrow, tomorrow 9am, monday 8:00                      without a time: 8 in the morning
+2h, +90min, +3d, +1w                                    from now
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from typing import Final

from mailcli.errors import UsageError

_HINT: Final = "write 2026-05-31T08:00, 08:00, tomorrow 9am, monday 8:00 or +2h"
_MORNING: Final = (8, 0)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def moment(text: str, now: float, zone: tzinfo | None = None) -> float:
    """Seconds since the epoch of a moment after `now`; `zone` None is the local time here.

    Raises UsageError for what is none, or is past.
    """
    try:
        found = _read(" ".join(text.lower().split()), now, zone)
    except (ValueError, OverflowError, OSError):
        found = None
    if found is None:
        raise UsageError(f"{text!r} is no time to come", hint=_HINT)
    if found <= now:
        raise UsageError(f"{text!r} is past", hint=_HINT)
    return found


def _read(text: str, now: float, zone: tzinfo | None) -> float | None:
    here = datetime.fromtimestamp(now, zone).replace(tzinfo=None)
    if match := re.fullmatch(r"\+ ?(\d{1,5}) ?(min|m|h|d|w)[a-z]*", text):
        unit = {"min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}[match[2]]
        return now + int(match[1]) * unit
    if re.match(r"\d{4}-", text):
        given = datetime.fromisoformat(text.upper())
        if re.fullmatch(r"[\d-]+", text):
            given = given.replace(hour=_MORNING[0], minute=_MORNING[1])
        return given.timestamp() if given.tzinfo else given.replace(tzinfo=zone).timestamp()
    day, _, rest = text.partition(" ")
    days = _days(day, here)
    if days is None:
        clock = _clock(text)
        if clock is None:
            return None
        at = here.replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
        # "at 8:00" means the next one; over a change of clocks as well.
        at = at if at > here else at + timedelta(days=1)
        return at.replace(tzinfo=zone).timestamp()
    clock = _clock(rest.removeprefix("at ")) if rest else _MORNING
    if clock is None:
        return None
    at = (here + timedelta(days=days)).replace(hour=clock[0], minute=clock[1], second=0, microsecond=0)
    if at <= here and day in {name[: len(day)] for name in _WEEKDAYS}:
        at += timedelta(days=7)
    return at.replace(tzinfo=zone).timestamp()


def _days(word: str, here: datetime) -> int | None:
    """How many days from today a word names: today, tomorrow, a weekday (mon … or in full)."""
    if word in ("today", "tomorrow"):
        return ("today", "tomorrow").index(word)
    if len(word) < 3:
        return None
    for number, name in enumerate(_WEEKDAYS):
        if name.startswith(word):
            return (number - here.weekday()) % 7
    return None


def _clock(text: str) -> tuple[int, int] | None:
    """Hour and minute of `8:00`, `9am`, `9:30 pm`, `noon`."""
    if text in ("noon", "midday"):
        return 12, 0
    match = re.fullmatch(r"(\d{1,2})(?::(\d{2}))? ?(am|pm)?", text)
    if match is None or not (match[2] or match[3]):
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    return (hour, minute) if hour < 24 and minute < 60 else None
