"""INTERNALDATE and the date of APPEND (RFC 9051 §9, date-time)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from mailcli.model import pattern

_DATE: Final = pattern.compile(
    rb" ?([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})"
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH: Final = {name.upper().encode(): n for n, name in enumerate(_MONTHS, 1)}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def internaldate(raw: bytes) -> float | None:
    """Seconds since the epoch of `17-Jul-1996 02:44:25 -0700`; None if it is no date."""
    m = _DATE.fullmatch(raw)
    if m is None:
        return None
    day, month, year, hour, minute, second, sign, zone_h, zone_m = m.groups()
    offset = timedelta(minutes=int(zone_h) * 60 + int(zone_m))
    try:
        zone = timezone(-offset if sign == b"-" else offset)
        moment = datetime(
            int(year),
            _MONTH[month.upper()],
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=zone,
        )
        return (moment - _EPOCH).total_seconds()
    except (ValueError, KeyError, OverflowError):
        return None


def date_time(seconds: float) -> bytes:
    """INTERNALDATE in UTC; nothing for a moment no server could keep."""
    try:
        moment = _EPOCH + timedelta(seconds=int(seconds))
    except (OverflowError, ValueError):
        return b""
    day, month = moment.day, _MONTHS[moment.month - 1]
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f'"{day:2}-{month}-{moment.year:04} {clock} +0000" '.encode("ascii")
