"""Delivery reports (RFC 3464), receipts (RFC 8098) and invitations (RFC 5545) in a few words."""

from __future__ import annotations

import re
from typing import Final

from mailcli.mime import transfer, tree, words
from mailcli.mime.tree import Entity
from mailcli.model import pattern

_FIELD: Final = pattern.compile(rb"^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)", re.MULTILINE)
_GROUPS: Final = pattern.compile(rb"\n[ \t]*\r?\n")
_TYPE: Final = pattern.compile(r"^[\w.-]{1,20}\s?;\s*")
_VERBS: Final = {
    "failed": "could not be delivered to {}",
    "delayed": "is delayed on its way to {}",
    "delivered": "was delivered to {}",
    "relayed": "was relayed to a system that sends no confirmation: {}",
    "expanded": "was delivered to the members of {}",
}
_MEANINGS: Final = {
    "1.1": "there is no such mailbox",
    "1.2": "there is no such host",
    "1.10": "the domain takes no mail",
    "2.1": "the mailbox is disabled",
    "2.2": "the mailbox is full",
    "3.4": "the message is too big",
    "4.1": "the host does not answer",
    "4.7": "the time for delivery has passed",
    "7.1": "the server does not allow it",
}
_CALENDAR_FIELD: Final = pattern.compile(
    r"^([A-Za-z-]{1,40})((?:;[^:\"\n]*(?:\"[^\"\n]*\"[^:\"\n]*)*)?):(.*)$", re.MULTILINE
)
_CALENDAR_ESCAPE: Final = pattern.compile(r"\\([\\;,nN])")
_METHODS: Final = {
    "request": "Invitation",
    "publish": "Event",
    "cancel": "Cancelled",
    "reply": "Answer to an invitation",
    "counter": "Other proposal",
}


def summary(data: bytes, children: list[Entity]) -> str:
    """One line per recipient of a multipart/report, "" if it says nothing about any."""
    lines = []
    for child in children:
        if child.type in tree.STATUS:
            lines.append(_delivery(_body(data, child)))
        elif child.type == "message/disposition-notification":
            lines.append(_receipt(_body(data, child)))
    return "\n".join([line for line in lines if line])


def _body(data: bytes, entity: Entity) -> bytes:
    return transfer.decode(data[entity.start : entity.end][:200_000], entity.encoding)


def _group(raw: bytes) -> dict[str, str]:
    return {name.decode().lower(): words.text(value) for name, value in reversed(_FIELD.findall(raw))}


def _value(text: str) -> str:
    """The value of a typed field: `rfc822;a@b` is a@b."""
    return _TYPE.sub("", text).strip()


def _delivery(raw: bytes) -> str:
    lines = []
    for piece in _GROUPS.split(raw)[:200]:
        group = _group(piece)
        recipient = _value(group.get("original-recipient") or group.get("final-recipient") or "")
        recipient = recipient or _value(group.get("final-recipient", ""))
        if not recipient:
            continue
        verb = _VERBS.get(group.get("action", "").lower().partition(" ")[0], "has an unclear fate at {}")
        line = verb.format(recipient)
        reason = _value(group.get("diagnostic-code", "")) or _status(group.get("status", ""))
        if reason and not verb.startswith(("was delivered", "was relayed")):
            line += f" because: {' '.join(reason.split())}"
        lines.append(f"[The message {line}]")
    return "\n".join(lines)


def _status(code: str) -> str:
    """RFC 3463's most frequent codes in words."""
    code = code.partition(" ")[0] if "(" not in code else code
    meaning = _MEANINGS.get(code.partition(".")[2])
    return f"{meaning} ({code})" if meaning else code


def _receipt(raw: bytes) -> str:
    group = _group(raw)
    recipient = _value(group.get("final-recipient", "")) or "the recipient"
    fate = group.get("disposition", "").partition(";")[2].partition("/")[0].strip().lower()
    words_of = {"displayed": "shown to", "deleted": "deleted unread by", "processed": "processed by"}
    return f"[The message was {words_of.get(fate, fate or 'received by')} {recipient}]"


def invitation(text: str) -> str:
    """What, when, where and who of the first event of an iCalendar object."""
    text = text[:200_000].replace("\n ", "").replace("\n\t", "")
    method = ""
    event: dict[str, tuple[str, str]] = {}
    inside = 0
    for name, parameters, value in _CALENDAR_FIELD.findall(text):
        key = name.upper()
        if key == "METHOD" and not inside:
            method = value.strip().lower()
        elif key == "BEGIN":
            inside += value.strip().upper() in ("VEVENT", "VTODO") or inside > 0
        elif key == "END" and inside:
            inside -= 1
            if inside == 0:
                break
        elif inside == 1:
            event.setdefault(key, (parameters, _unescaped(value.strip())))
    if not event:
        return ""
    lines = [f"{_METHODS.get(method, 'Event')}: {event.get('SUMMARY', ('', '(no title)'))[1]}"]
    start, end = _moment(event, "DTSTART"), _moment(event, "DTEND")
    if start:
        lines.append(f"When: {start}" + (f" to {end}" if end else ""))
    if event.get("LOCATION", ("", ""))[1]:
        lines.append(f"Where: {event['LOCATION'][1]}")
    if "ORGANIZER" in event:
        lines.append(f"Organiser: {_person(*event['ORGANIZER'])}")
    return "\n".join(lines)


def _unescaped(value: str) -> str:
    return _CALENDAR_ESCAPE.sub(lambda match: " " if match[1] in "nN" else match[1], value)


def _moment(event: dict[str, tuple[str, str]], key: str) -> str:
    parameters, value = event.get(key, ("", ""))
    match = re.match(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?", value)
    if not match:
        return value
    year, month, day, hour, minute, utc = match.groups()
    if hour is None:
        return f"{year}-{month}-{day}"
    zone = re.search(r";TZID=\"?([^;:\"]{1,60})", parameters, re.IGNORECASE)
    where = " UTC" if utc else f" ({zone[1]})" if zone else ""
    return f"{year}-{month}-{day} {hour}:{minute}{where}"


def _person(parameters: str, value: str) -> str:
    email = re.sub(r"(?i)^mailto:", "", value)
    name = re.search(r";CN=(?:\"([^\"]{1,200})\"|([^;:\"]{1,200}))", parameters, re.IGNORECASE)
    return f"{name[1] or name[2]} <{email}>" if name else email
