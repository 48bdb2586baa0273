"""Delivery reports (RFC 3464) and receipts (RFC 8098) in a few words."""

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
