"""Date headers (RFC 5322 §3.3 and §4.3, and what is met instead) to seconds and zone."""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
# RFC 5322 §4.3; other names are worth -0000 there, but these are met and known.
_ZONES: Final = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 60, "cet": 60, "met": 60, "mez": 60,
    "cest": 120, "mest": 120, "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "ist": 330, "jst": 540,
    "kst": 540, "hst": -600, "akst": -540, "akdt": -480, "est": -300, "edt": -240, "cst": -360,
    "cdt": -300, "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "aest": 600, "aedt": 660,
    "nzst": 720, "nzdt": 780,
}  # fmt: skip
_CLOCK: Final = r"(\d{1,2})\s?[:.]\s?(\d{1,2})(?:\s?[:.]\s?(\d{1,2})(?:[.,]\d{1,9})?)?(?:\s?([AaPp][Mm])\b)?"
_ZONE: Final = r"(?:\s*(?:GMT|UTC)?\s*([+-]\s?\d{1,2}:?\d{2})|\s*\(?([A-Za-z]{1,5})(?:\d[A-Za-z]{3})?\b)?"
_USUAL: Final = pattern.compile(
    r"(\d{1,2})[\s-]{0,9}([A-Za-z]{3,9})[\s.,-]{0,9}(\d{2,5})[\s,]{1,9}" + _CLOCK + _ZONE
)
# Compiled when a date is met that has none of the usual form:
# Fri Sep  3 12:34:56 [zone] 2007  (asctime), September 3, 2007 12:34:56, and ISO 8601
_ASCTIME: Final = r"([A-Za-z]{3,9})\s{1,3}(\d{1,2})\s{1,3}" + _CLOCK + _ZONE + r"\s{1,3}(\d{4})\b"
_ENGLISH: Final = r"([A-Za-z]{3,9})\.?\s{1,3}(\d{1,2}),?\s{1,3}(\d{4}),?\s{1,3}" + _CLOCK + _ZONE
_ISO: Final = r"(\d{4})-(\d{1,2})-(\d{1,2})[T\s]{1,3}" + _CLOCK + _ZONE
_COMMENT: Final = r"\([^()]*\)"
_LENGTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def parse(value: str) -> tuple[float | None, int | None]:
    """Seconds since the epoch and minutes east of UTC; (None, None) if it names no real time.

    The zone is None for -0000, for none, and for one that no clock on earth has; the time is then
    taken as UTC.
    """
    value = value[:200]
    match = _USUAL.search(value)
    if match is None and "(" in value:
        for _ in range(5):  # comments may stand anywhere, in each other (RFC 5322 §3.2.2)
            value = re.sub(_COMMENT, " ", value)
        match = _USUAL.search(value)
    if match:
        day, month, year, hour, minute, second, half, zone, name = match.groups()
        return _when(year, _MONTHS.get(month[:3].lower(), 0), day, (hour, minute, second, half), zone, name)
    match = re.search(_ASCTIME, value)
    if match:
        month, day, hour, minute, second, half, zone, name, year = match.groups()
        return _when(year, _MONTHS.get(month[:3].lower(), 0), day, (hour, minute, second, half), zone, name)
    match = re.search(_ENGLISH, value)
    if match:
        month, day, year, hour, minute, second, half, zone, name = match.groups()
        return _when(year, _MONTHS.get(month[:3].lower(), 0), day, (hour, minute, second, half), zone, name)
    match = re.search(_ISO, value)
    if match:
        year, month, day, hour, minute, second, half, zone, name = match.groups()
        return _when(year, int(month), day, (hour, minute, second, half), zone, name)
    return None, None


def _when(
    year_text: str,
    month: int,
    day_text: str,
    clock: tuple[str, str, str | None, str | None],
    zone_text: str | None,
    zone_name: str | None,
) -> tuple[float | None, int | None]:
    year, day = int(year_text), int(day_text)
    if len(year_text) < 4:
        year += 2000 if len(year_text) == 2 and year < 50 else 1900  # RFC 5322 §4.3
    hour, minute, second = int(clock[0]), int(clock[1]), int(clock[2] or 0)
    if clock[3]:
        hour = hour % 12 + (12 if clock[3] in ("PM", "pm", "Pm", "pM") else 0)
    if not (1 <= month <= 12 and 1 <= day <= _LENGTHS[month - 1] and 1900 <= year <= 9999):
        return None, None
    if month == 2 and day == 29 and (year % 4 or (year % 100 == 0 and year % 400)):
        return None, None
    if hour > 23 or minute > 59 or second > 60:
        return None, None
    zone = _zone(zone_text, zone_name)
    seconds = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    return float(seconds - 60 * (zone or 0)), zone


def _zone(text: str | None, name: str | None) -> int | None:
    if not text:
        return _ZONES.get(name.lower()) if name else None
    digits = text[1:].strip().replace(":", "").zfill(4)
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > 24 * 60 or (minutes == 0 and text[0] == "-"):
        return None
    return -minutes if text[0] == "-" else minutes


def _days(year: int, month: int, day: int) -> int:
    """Days from 1 January 1970, Gregorian."""
    if month < 3:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469
