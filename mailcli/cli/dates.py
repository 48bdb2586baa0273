"""Times as machines and as people want them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_ZONES: dict[int, timezone] = {0: UTC}
_DAY: Final = 86_400
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def moment(seconds: float, zone: int | None) -> datetime:
    """Seconds since the epoch at an offset in minutes; without one, in local time."""
    if zone is None:
        return datetime.fromtimestamp(int(seconds), UTC).astimezone()
    known = _ZONES.get(zone)
    if known is None:
        known = _ZONES[zone] = timezone(timedelta(minutes=zone))
    return datetime.fromtimestamp(int(seconds), known)


def iso(seconds: float, zone: int | None) -> str:
    """ISO 8601 with offset, to the second: 2026-11-20T14:05:00+01:00."""
    return moment(seconds, zone).isoformat()


def short(seconds: float, now: float) -> str:
    """For a narrow column, in local time: 14:05 today, Tue 14:05 within six days, 12 Mar this
    year, else 2024-03-12. The reader's eye compares; scripts get ISO."""
    try:
        then, today = time.localtime(seconds), time.localtime(now)
    except (OverflowError, ValueError, OSError):
        return "?"
    clock = f"{then.tm_hour:02}:{then.tm_min:02}"
    if then[:3] == today[:3]:
        return clock
    if 0 <= now - seconds < 6 * _DAY:
        return f"{_DAYS[then.tm_wday]} {clock}"
    if 0 <= now - seconds < 300 * _DAY:
        return f"{then.tm_mday:2} {_MONTHS[then.tm_mon - 1]}"
    return f"{then.tm_year}-{then.tm_mon:02}-{then.tm_mday:02}"


def long(seconds: float, zone: int | None) -> str:
    """For the head of a message: Fri 20 Nov 2026 14:05 +0100."""
    then = moment(seconds, zone)
    return (
        f"{_DAYS[then.weekday()]} {then.day} {_MONTHS[then.month - 1]} {then.year} "
        f"{then.hour:02}:{then.minute:02} {then.strftime('%z')}"
    )
