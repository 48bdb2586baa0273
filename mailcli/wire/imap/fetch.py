"""FETCH responses: the hot path of every synchronisation (RFC 9051 §7.5.2)."""

from __future__ import annotations

import re
from typing import Any, Final

from mailcli.model import pattern
from mailcli.wire.imap.events import Fetched, Section
from mailcli.wire.imap.framing import Parts
from mailcli.wire.imap.grammar import (
    MAX_NUMBER,
    MAX_NUMBER64,
    Malformed,
    Value,
    flags,
    flags_of,
    frozen,
    items,
    number,
    pairs,
    string,
    values,
)
from mailcli.wire.imap.mailbox import Selected

# The items a synchronisation asks for, in whatever order the server likes, at most one of them a
# literal and that the last. Everything else takes the general way below.
_USUAL: Final = pattern.compile(
    rb"\* ([0-9]{1,10}) FETCH \("
    rb"(?:(?:UID ([0-9]{1,10})"
    rb"|FLAGS \(([^()]*+)\)"
    rb'|INTERNALDATE "([^"\\]*+)"'
    rb"|RFC822\.SIZE ([0-9]{1,18})"
    rb"|MODSEQ \(([0-9]{1,18})\)"
    rb"|X-GM-MSGID ([1-9][0-9]{0,18})"
    rb"|EMAILID \(([A-Za-z0-9_-]{1,255})\))(?: |(?=\))))*+"
    rb'(?:(BODY\[[^\]"{(]*+\])(?:<([0-9]{1,10})>)? \{[0-9]++\}|\))'
)
_SECTION: Final = pattern.compile(rb"((?:BODY|BINARY)\[.*\])(?:<([0-9]{1,10})>)?", re.IGNORECASE | re.DOTALL)
_OBJECT_ID: Final = pattern.compile(rb"[A-Za-z0-9_-]{1,255}")
_OLD_SECTIONS: Final = (b"RFC822", b"RFC822.HEADER", b"RFC822.TEXT")
_CLOSED: Final = b")"


def fetched(parts: Parts, seq: int, start: int, box: Selected) -> Fetched:
    """The facts of one FETCH; `start` is where its list begins. Raises Malformed."""
    usual = _USUAL.fullmatch(parts[0])
    if usual is None or (len(parts) > 1 and (len(parts) != 3 or parts[2] != _CLOSED)):
        return _general(parts, seq, start, box)
    _, uid_text, flag_text, date, size, modseq, gmail, email, name, origin = usual.groups()
    if uid_text is None:
        uid = box.uid(seq)
    else:
        uid = int(uid_text)
        if not 0 < uid <= MAX_NUMBER:
            raise Malformed("no such UID")
        box.learn(seq, uid)
    return Fetched(
        box.name,
        uid,
        None if flag_text is None else flags(flag_text),
        None if size is None else int(size),
        None if date is None else _moment(date),
        None if modseq is None else int(modseq),
        ()
        if name is None
        else (Section(name.decode("ascii", "replace").upper(), int(origin) if origin else None, parts[1]),),
        (email or gmail or b"").decode(),
    )


def _general(parts: Parts, seq: int, start: int, box: Selected) -> Fetched:
    top = values(parts, start)
    if len(top) != 1:
        raise Malformed("FETCH has one list")
    facts: dict[str, Any] = {}
    sections: list[Section] = []
    others: list[tuple[str, Any]] = []
    for key, value in pairs(items(top[0])):
        name = string(key).upper()
        if name in _FACTS:
            field, read = _FACTS[name]
            facts[field] = read(value)
        elif name in _OLD_SECTIONS or _SECTION.fullmatch(name):
            if value is not None:
                sections.append(_section(name, value))
        else:
            others.append((name.decode("ascii", "replace"), frozen(value)))
    for gmail, standard in (("gmail_id", "email_id"), ("gmail_thread", "thread_id")):
        found = facts.pop(gmail, "")
        facts[standard] = facts.get(standard) or found
    uid = facts.pop("uid", None)
    if uid is None:
        uid = box.uid(seq)
    else:
        box.learn(seq, uid)
    return Fetched(box.name, uid, sections=tuple(sections), raw_items=tuple(others), **facts)


def _section(name: bytes, value: Value) -> Section:
    match = _SECTION.fullmatch(name)
    if match is None:
        return Section(name.decode("ascii", "replace"), None, bytes(string(value)))
    origin = int(match[2]) if match[2] else None
    return Section(match[1].decode("ascii", "replace"), origin, bytes(string(value)))


def _moment(raw: bytes) -> float | None:
    from mailcli.wire.imap.dates import internaldate  # most runs see no date

    return internaldate(raw)


def _uid(value: Value) -> int:
    uid = number(value)
    if uid == 0:
        raise Malformed("no such UID")
    return uid


def _modseq(value: Value) -> int:
    return number(_only(value), MAX_NUMBER64)


def _object_id(value: Value) -> str:
    """`(M6d99ac3275bb4e)` or NIL (RFC 8474 §5.1, §5.2). What is none by §4 counts as none: it will be
    searched for."""
    name = b"" if value is None else string(_only(value))
    return name.decode() if _OBJECT_ID.fullmatch(name) else ""


def _only(value: Value) -> Value:
    held = items(value)
    if len(held) != 1:
        raise Malformed("one value expected")
    return held[0]


_FACTS: Final[dict[bytes, tuple[str, Any]]] = {
    b"UID": ("uid", _uid),
    b"FLAGS": ("flags", flags_of),
    b"RFC822.SIZE": ("size", lambda v: number(v, MAX_NUMBER64)),
    b"INTERNALDATE": ("internaldate", lambda v: _moment(string(v))),
    b"MODSEQ": ("modseq", _modseq),
    b"EMAILID": ("email_id", _object_id),
    b"THREADID": ("thread_id", _object_id),
    b"X-GM-MSGID": ("gmail_id", lambda v: str(number(v, 2**64 - 1))),
    b"X-GM-THRID": ("gmail_thread", lambda v: str(number(v, 2**64 - 1))),
}
