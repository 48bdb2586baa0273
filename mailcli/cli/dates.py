"""Times as machines and as people want them."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from mailcli.cli.memo import Memo

_ZONES: dict[int, timezone] = {0: UTC}
_DAY: Final = 86_400
_EPOCH: Final = 719_163
"""1970-01-01 among the days of `date.toordinal`."""
_FIRST: Final = -62_135_510_400
_LAST: Final = 253_402_214_400
"""A day from where Python's years begin and end, so that any zone's local time has a date."""
_SECONDS: Final = tuple(f":{second:02}" for second in range(60))
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def moment(seconds: float, zone: int | None) -> datetime:
    """Seconds since the epoch at an offset in minutes; without one, in local time."""
    try:
        if zone is None:
            return datetime.fromtimestamp(int(seconds), UTC).astimezone()
        known = _ZONES.get(zone)
        if known is None:
            known = _ZONES[zone] = timezone(timedelta(minutes=zone))
        return datetime.fromtimestamp(int(seconds), known)
    except (OverflowError, ValueError):  # the last day of 9999, and beyond it there
        return datetime.fromtimestamp(int(seconds), UTC)


def iso(seconds: float, zone: int | None) -> str:
    """ISO 8601 with offset, to the second: 2026-11-20T14:05:00+01:00.

    A list has a hundred thousand of them, so that days and offsets are worked out once.
    """
    whole = int(seconds)
    if zone is None:
        ahead = _local[time.tzname, whole // _DAY]
        if ahead is None:
            return moment(whole, None).isoformat()
    else:
        ahead = zone * 60
    if not _FIRST <= whole <= _LAST:
        return moment(whole, zone).isoformat()
    whole += ahead
    return f"{_date[whole // _DAY]}T{_clock[whole % _DAY // 60]}{_SECONDS[whole % 60]}{_ahead[ahead]}"


def _ahead_all_day(zone_and_day: tuple[object, int]) -> int | None:
    """What local time is ahead of UTC, in seconds, on a day of UTC; None if it changes on that day."""
    _, day = zone_and_day
    try:
        first, last = (time.localtime(day * _DAY + second).tm_gmtoff for second in (0, _DAY - 1))
    except (OverflowError, OSError):
        return None
    return first if first == last else None


def _offset(seconds: int) -> str:
    """As `datetime.isoformat` has it: +01:00, and of old local times the seconds too."""
    return datetime(2000, 1, 1, tzinfo=timezone(timedelta(seconds=seconds))).isoformat()[19:]


_date: Final = Memo(lambda day: date.fromordinal(_EPOCH + day).isoformat())
_clock: Final = Memo(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
_local: Final = Memo(_ahead_all_day)
_ahead: Final = Memo(_offset)


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
