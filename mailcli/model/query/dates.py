"""Dates and sizes as a query writes them.

Dates are the user's local time, ends included: a date that names a year, a month or a day is all
of it. `zone` is None for the local time of this machine.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

from mailcli.errors import QueryError
from mailcli.model import pattern
from mailcli.model.record import NamedTuple

_RELATIVE: Final = pattern.compile(r"(\d{1,5})(min|mo|h|d|w|y)", re.IGNORECASE | re.ASCII)
_ABSOLUTE: Final = pattern.compile(
    r"(?P<year>\d{4})(?:[-/](?P<month>\d{1,2})(?:[-/](?P<day>\d{1,2})"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?P<zone>Z|[+-]\d{2}:?\d{2})?)?)?)?",
    re.IGNORECASE | re.ASCII,
)
_COMPACT: Final = pattern.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_EPOCH: Final = pattern.compile(r"@(\d{1,11})", re.ASCII)
_SIZE: Final = pattern.compile(r"(\d{1,15}(?:\.\d{1,3})?)([kmgt]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_FACTORS: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAYS: Final = {"today": 0, "yesterday": 1, "tomorrow": -1}
_YEARS: Final = range(1900, 9000)
"""Years that every platform's local time conversion takes."""

DATE_HINT: Final = "write 2024, 2024-05, 2024-05-31, today, yesterday, monday, last_week, or a range a..b"
AGE_HINT: Final = "write a number and min, h, d, w, mo or y: 3w"
SIZE_HINT: Final = "write a number and K, M or G: 10M; or a range 1M..5M"


class Clock(NamedTuple):
    """What "today" means: seconds since the epoch, and the zone to read it in."""

    now: float
    zone: tzinfo | None

    def wall(self) -> datetime:
        """The local time now, without its zone."""
        return datetime.fromtimestamp(self.now, self.zone).replace(tzinfo=None)

    def epoch(self, wall: datetime, zone: tzinfo | None = None) -> float:
        """The instant of a local time."""
        if wall.year not in _YEARS:
            raise ValueError(wall.year)
        return wall.replace(tzinfo=zone or self.zone).timestamp()


Span = tuple[float | None, float | None]


def when(field: str, text: str, clock: Clock, at: int) -> Span:
    """The bounds (both included, None: open) that a date field's value means."""
    try:
        if field in ("newer_than", "older_than"):
            match = _RELATIVE.fullmatch(text)
            if not match:
                raise QueryError(f'"{text}" is no age for {field}:', hint=AGE_HINT, position=at)
            instant = clock.epoch(_ago(clock, match))
            return (instant, None) if field == "newer_than" else (None, instant)
        if field == "date" and ".." in text:
            return _range(text, clock, at)
        low, high = _span(text, clock, at)
    except (ValueError, OverflowError, OSError):
        raise QueryError(f'"{text}" is no date', hint=DATE_HINT, position=at) from None
    if field == "before":
        return None, high
    return (low, None) if field == "after" else (low, high)


def _range(text: str, clock: Clock, at: int) -> Span:
    first, _, last = text.partition("..")
    if not first and not last:
        raise QueryError("a range needs at least one end", hint=DATE_HINT, position=at)
    low = _span(first, clock, at)[0] if first else None
    high = _span(last, clock, at)[1] if last else None
    if low is not None and high is not None and low > high:
        raise QueryError(f'the range "{text}" ends before it begins', hint=DATE_HINT, position=at)
    return low, high


def _span(text: str, clock: Clock, at: int) -> tuple[float, float]:
    """First and last second of what `text` names."""
    word = text.lower()
    if match := _EPOCH.fullmatch(word):
        return float(match[1]), float(match[1])
    if match := _RELATIVE.fullmatch(word):
        return _relative_span(clock, match)
    if match := _COMPACT.fullmatch(word):
        year, month, day = map(int, match.groups())
        return _whole(clock, datetime(year, month, day), timedelta(days=1))
    if match := _ABSOLUTE.fullmatch(text):
        return _absolute_span(clock, match)
    return _named_span(clock, word, at)


def _whole(clock: Clock, first: datetime, length: timedelta) -> tuple[float, float]:
    return clock.epoch(first), clock.epoch(first + length) - 1


def _absolute_span(clock: Clock, match: re.Match[str]) -> tuple[float, float]:
    year, month, day, hour, minute, second = (
        int(match[name]) if match[name] else None
        for name in ("year", "month", "day", "hour", "minute", "second")
    )
    assert year is not None
    if month is None:
        return clock.epoch(datetime(year, 1, 1)), clock.epoch(datetime(year + 1, 1, 1)) - 1
    if day is None:
        return clock.epoch(datetime(year, month, 1)), clock.epoch(_months(datetime(year, month, 1), 1)) - 1
    if hour is None or minute is None:
        return _whole(clock, datetime(year, month, day), timedelta(days=1))
    start = clock.epoch(datetime(year, month, day, hour, minute, second or 0), _zone(match["zone"]))
    return start, start + (59 if second is None else 0)


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in "Zz":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _relative_span(clock: Clock, match: re.Match[str]) -> tuple[float, float]:
    """`3w` as a date is that day; hours and minutes ago are that minute."""
    wall = _ago(clock, match)
    if match[2] in ("h", "min"):
        start = clock.epoch(wall.replace(second=0, microsecond=0))
        return start, start + 59
    return _whole(clock, wall.replace(hour=0, minute=0, second=0, microsecond=0), timedelta(days=1))


def _named_span(clock: Clock, word: str, at: int) -> tuple[float, float]:
    midnight = clock.wall().replace(hour=0, minute=0, second=0, microsecond=0)
    if word == "now":
        return float(int(clock.now)), float(int(clock.now))
    if word in _DAYS:
        return _whole(clock, midnight - timedelta(days=_DAYS[word]), timedelta(days=1))
    if word in _WEEKDAYS:
        back = (midnight.weekday() - _WEEKDAYS.index(word)) % 7
        return _whole(clock, midnight - timedelta(days=back), timedelta(days=1))
    which, unit = re.fullmatch(r"(this|last)[-_ ]?(week|month|year)|.*", word, re.DOTALL).groups()  # type: ignore[union-attr]
    back = 1 if which == "last" else 0
    if unit == "week":
        monday = midnight - timedelta(days=midnight.weekday() + 7 * back)
        return _whole(clock, monday, timedelta(days=7))
    if unit == "month":
        first = _months(midnight.replace(day=1), -back)
        return clock.epoch(first), clock.epoch(_months(first, 1)) - 1
    if unit == "year":
        first = midnight.replace(month=1, day=1, year=midnight.year - back)
        return clock.epoch(first), clock.epoch(first.replace(year=first.year + 1)) - 1
    raise QueryError(f'"{word}" is no date', hint=DATE_HINT, position=at)


def _ago(clock: Clock, match: re.Match[str]) -> datetime:
    """The local time so long before now. Days and more go by the calendar, not by 24 hours."""
    number, unit, wall = int(match[1]), match[2].lower(), clock.wall()
    if unit in ("min", "h"):
        seconds = number * (60 if unit == "min" else 3600)
        return datetime.fromtimestamp(clock.now - seconds, clock.zone).replace(tzinfo=None)
    if unit in ("d", "w"):
        return wall - timedelta(days=number * (7 if unit == "w" else 1))
    return _months(wall, -number * (12 if unit == "y" else 1))


def _months(wall: datetime, count: int) -> datetime:
    """So many months later, on the month's last day where it is shorter."""
    year, month = divmod(wall.year * 12 + wall.month - 1 + count, 12)
    if year not in _YEARS:
        raise ValueError(year)
    return wall.replace(
        year=year, month=month + 1, day=min(wall.day, calendar.monthrange(year, month + 1)[1])
    )


def size(field: str, text: str, at: int) -> tuple[int | None, int | None]:
    """The bounds in octets, both included, of a size field's value.

    `size:10M` is anything that counts as 10 whole megabytes; the ends of a range are exact.
    """
    if field == "size" and ".." in text:
        first, _, last = text.partition("..")
        if not first and not last:
            raise QueryError("a range needs at least one end", hint=SIZE_HINT, position=at)
        low = _octets(first, at)[0] if first else None
        high = _octets(last, at)[0] if last else None
        if low is not None and high is not None and low > high:
            raise QueryError(f'the range "{text}" ends before it begins', hint=SIZE_HINT, position=at)
        return low, high
    octets, unit = _octets(text, at)
    if field == "larger":
        return octets + 1, None
    if field == "smaller":
        return None, octets - 1
    return octets, octets + unit - 1


def _octets(text: str, at: int) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if not match:
        raise QueryError(f'"{text}" is no size', hint=SIZE_HINT, position=at)
    factor = _FACTORS[match[2].lower()]
    return min(int(float(match[1]) * factor), 1 << 62), factor
