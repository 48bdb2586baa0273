"""An invitation (iCalendar, RFC 5545; iTIP, RFC 5546) in a few words: what, when, where, who."""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern

_MAX: Final = 200_000  # characters that are looked at
_LINE: Final = pattern.compile(
    r"^([A-Za-z-]{1,40})((?:;[^:\"\n]*(?:\"[^\"\n]*\"[^:\"\n]*)*)?):(.*)$", re.MULTILINE
)
_ESCAPE: Final = pattern.compile(r"\\([\\;,nN])")
_METHODS: Final = {
    "request": "Invitation",
    "publish": "Event",
    "cancel": "Cancelled",
    "reply": "Answer to an invitation",
    "counter": "Other proposal",
    "declinecounter": "Proposal declined",
    "refresh": "Asked for again",
    "add": "More dates",
}
_ANSWERS: Final = {
    "accepted": "accepts",
    "declined": "declines",
    "tentative": "may come",
    "delegated": "sends somebody else",
    "needs-action": "has not answered",
}
_EVERY: Final = {"daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "hourly": "hour"}
_MOMENT: Final = r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?"
_DURATION: Final = r"P(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:\d{1,4}S)?)?"

Property = tuple[str, str]  # parameters, value


def told(text: str, *, whole: bool = False) -> str:
    """What the first event (or task) of an iCalendar object says, a line each; "" if there is none.

    With `whole` its description follows, for a mail that has no other text.
    """
    text = text[:_MAX].replace("\n ", "").replace("\n\t", "")
    method, event, people = _event(text)
    if not event:
        return ""
    status = event.get("STATUS", ("", ""))[1].lower()
    title = _METHODS["cancel"] if status == "cancelled" else _METHODS.get(method, "Event")
    lines = [f"{title}: {_plain(event, 'SUMMARY') or '(no title)'}"]
    if when := _when(event):
        lines.append(f"When: {when}")
    if where := _plain(event, "LOCATION"):
        lines.append(f"Where: {where}")
    if "ORGANIZER" in event:
        lines.append(f"Organiser: {_person(*event['ORGANIZER'])}")
    if method in ("reply", "counter"):
        lines += [_answer(*person) for person in people[:20]]
        if comment := _plain(event, "COMMENT"):
            lines.append(f"Comment: {comment}")
    elif len(people) > 1:
        shown = ", ".join([_person(*person) for person in people[:10]])
        lines.append(f"With: {shown}" + (f" and {len(people) - 10} more" if len(people) > 10 else ""))
    description = _unescaped(event.get("DESCRIPTION", ("", ""))[1], "\n").strip()
    if whole and description:
        lines += ["", description]
    return "\n".join(lines)


def _event(text: str) -> tuple[str, dict[str, Property], list[Property]]:
    """The method, the properties of the first event, its attendees."""
    method = ""
    event: dict[str, Property] = {}
    people: list[Property] = []
    inside = 0
    for name, parameters, value in _LINE.findall(text):
        key = name.upper()
        if key == "METHOD" and not inside:
            method = value.strip().lower()
        elif key == "BEGIN":
            inside += value.strip().upper() in ("VEVENT", "VTODO") or inside > 0
        elif key == "END" and inside:
            inside -= 1
            if inside == 0:
                break
        elif inside == 1 and key == "ATTENDEE":
            people.append((parameters, value.strip()))
        elif inside == 1:
            event.setdefault(key, (parameters, value.strip()))
    return method, event, people


def _unescaped(value: str, line_end: str = " ") -> str:
    return _ESCAPE.sub(lambda match: line_end if match[1] in "nN" else match[1], value)


def _plain(event: dict[str, Property], key: str) -> str:
    return _unescaped(event.get(key, ("", ""))[1]).strip()


def _when(event: dict[str, Property]) -> str:
    day, clock, zone = _moment(*event.get("DTSTART", ("", "")))
    last, until, other = _moment(*event.get("DTEND", event.get("DUE", ("", ""))))
    text = f"{day} {clock}".strip()
    if clock and until:
        if other != zone:
            text += f" ({zone})" if zone else ""
        text += f" to {until}" if last == day else f" to {last} {until}"
        text += f" ({other})" if other else ""
    else:
        text += f" ({zone})" if zone else ""
        if not clock and last and (last := _day_before(last)) > day:
            text += f" to {last}"  # the day an event ends before (RFC 5545 §3.6.1)
        text += _lasting(event.get("DURATION", ("", ""))[1])
    return text + _repeated(event.get("RRULE", ("", ""))[1]) if text else ""


def _moment(parameters: str, value: str) -> tuple[str, str, str]:
    """Day, time of day and zone; "" for what is not said."""
    match = re.match(_MOMENT, value)
    if not match:
        return value[:60], "", ""
    year, month, day, hour, minute, utc = match.groups()
    if hour is None:
        return f"{year}-{month}-{day}", "", ""
    zone = re.search(r";TZID=\"?([^;:\"]{1,60})", parameters, re.IGNORECASE)
    return f"{year}-{month}-{day}", f"{hour}:{minute}", "UTC" if utc else zone[1] if zone else ""


def _day_before(day: str) -> str:
    from datetime import date, timedelta

    try:
        return (date.fromisoformat(day) - timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return day


def _lasting(value: str) -> str:
    match = re.fullmatch(_DURATION, value)
    if not match:
        return ""
    units = zip(match.groups(), ("week", "day", "hour", "minute"), strict=True)
    said = [f"{n} {unit}{'s' if int(n) > 1 else ''}" for n, unit in units if n and int(n)]
    return f" for {' '.join(said)}" if said else ""


def _repeated(rule: str) -> str:
    found = dict(piece.split("=", 1) for piece in rule.lower().split(";") if "=" in piece)
    unit = _EVERY.get(found.get("freq", ""), "")
    if not unit:
        return ""
    step = found.get("interval", "1")
    return f", every {unit}" if step == "1" or not step.isdigit() else f", every {step[:4]} {unit}s"


def _person(parameters: str, value: str) -> str:
    email = re.sub(r"(?i)^mailto:", "", value)
    name = re.search(r";CN=(?:\"([^\"]{1,200})\"|([^;:\"]{1,200}))", parameters, re.IGNORECASE)
    known = (name[1] or name[2]).strip() if name else ""
    return f"{known} <{email}>" if known and known != email else email


def _answer(parameters: str, value: str) -> str:
    status = re.search(r";PARTSTAT=([A-Za-z-]{1,20})", parameters, re.IGNORECASE)
    said = _ANSWERS.get(status[1].lower() if status else "needs-action", "answers")
    return f"{_person(parameters, value)} {said}"
