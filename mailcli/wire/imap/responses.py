"""All responses but FETCH: from values to events (RFC 9051 §7 and the extensions named)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mailcli.model import pattern
from mailcli.wire.imap.events import (
    Appended,
    Code,
    Copied,
    Event,
    HighestModseq,
    Listed,
    MailboxFlags,
    MailboxId,
    NamespaceEntry,
    Namespaces,
    PermanentFlags,
    Quota,
    Searched,
    ServerId,
    StatusOf,
    UidNext,
    UidValidity,
    Vanished,
)
from mailcli.wire.imap.framing import Parts
from mailcli.wire.imap.grammar import (
    MAX_NUMBER64,
    Malformed,
    Value,
    flags_of,
    items,
    number,
    pairs,
    string,
    text,
    values,
)
from mailcli.wire.imap.names import Names
from mailcli.wire.imap.uidset import EMPTY, UidSet, expand

MAX_COPIED: Final = 1 << 20
"""Pairs of one COPYUID; our own sets are far smaller, so more is a lie."""

_STATUS: Final = pattern.compile(
    # A code's arguments end at "]", but not inside a list or a quoted string.
    rb'(?:\[([^\] ]++)(?: (\([^()]*+\)(?=\])|(?:"(?:[^"\\]|\\.)*+"|[^\]"])*+))?\] ?)?(.*)',
    re.DOTALL,
)
_SEARCH: Final = pattern.compile(rb"((?: ++[0-9]{1,10})*+) *+(?:\(MODSEQ ([0-9]{1,20})\))? *+", re.IGNORECASE)


def status_text(raw: bytes) -> tuple[Code | None, str]:
    """`[CODE args] text` of OK, NO, BAD, BYE. Servers send codes without text (Gmail's
    HIGHESTMODSEQ), and text that begins with "[" and is no code."""
    match = _STATUS.fullmatch(raw)
    if match is None:
        return None, raw.decode("utf-8", "replace")
    name, args, said = match.groups()
    code = None if name is None else Code(name.decode("ascii", "replace").upper(), args or b"")
    return code, said.decode("utf-8", "replace")


def code_event(code: Code, mailbox: str) -> Event | None:
    """The fact a response code states, None if it states none of ours. Raises Malformed."""
    read = _CODES.get(code.name)
    return read(code.args, mailbox) if read else None


def capabilities(args: bytes) -> frozenset[str]:
    return frozenset(args.decode("ascii", "replace").upper().split())


# --- response codes ---


def _single(args: bytes, most: int = 2**32 - 1) -> int:
    return number(args.strip(), most)


def _modseq_code(args: bytes, mailbox: str) -> Event:
    return HighestModseq(mailbox, _single(args, MAX_NUMBER64) or None)


def _permanent_flags(args: bytes, mailbox: str) -> Event:
    held = values([args])
    if len(held) != 1:
        raise Malformed("one list expected")
    found = flags_of(held[0])
    return PermanentFlags(mailbox, found - {"\\*"}, "\\*" in found)


def _mailbox_id(args: bytes, mailbox: str) -> Event:
    return MailboxId(mailbox, args.strip().strip(b"()").decode("ascii", "replace"))


def _append_uid(args: bytes, mailbox: str) -> Event:
    validity, uids = _fields(args, 2)
    return Appended(_single(validity), _uid_set(uids))


def _copy_uid(args: bytes, mailbox: str) -> Event:
    validity, source, destination = _fields(args, 3)
    try:
        pair = expand(source, MAX_COPIED), expand(destination, MAX_COPIED)
    except ValueError as error:
        raise Malformed(str(error)) from None
    if len(pair[0]) != len(pair[1]):
        raise Malformed("COPYUID does not pair")
    return Copied(_single(validity), *pair)


def _fields(args: bytes, count: int) -> list[bytes]:
    fields = args.split()
    if len(fields) != count:
        raise Malformed("wrong number of arguments")
    return fields


def _uid_set(raw: bytes) -> UidSet:
    try:
        return UidSet.parse(raw)
    except ValueError as error:
        raise Malformed(str(error)) from None


_CODES: Final[dict[str, Callable[[bytes, str], Event]]] = {
    "UIDVALIDITY": lambda args, mailbox: UidValidity(mailbox, _single(args)),
    "UIDNEXT": lambda args, mailbox: UidNext(mailbox, _single(args)),
    "HIGHESTMODSEQ": _modseq_code,
    "NOMODSEQ": lambda args, mailbox: HighestModseq(mailbox, None),
    "PERMANENTFLAGS": _permanent_flags,
    "MAILBOXID": _mailbox_id,
    "APPENDUID": _append_uid,
    "COPYUID": _copy_uid,
}


# --- data responses: each takes all parts, where its arguments begin, and the names ---


def _listed(parts: Parts, start: int, names: Names, *more: str) -> Event:
    held = values(parts, start)
    if len(held) < 3 or any(not isinstance(extra, list) for extra in held[3:]):
        raise Malformed("LIST has attributes, delimiter and name")
    attributes = {string(a).lstrip(b"\\").decode("ascii", "replace").lower() for a in items(held[0])}
    # RFC 9051 §9: one quoted character or NIL; an empty one means the same as NIL.
    delimiter = None if held[1] is None else text(held[1]) or None
    name = b"NIL" if held[2] is None else string(held[2])
    if b"\0" in name:
        raise Malformed("a name that no command can carry")
    return Listed(names.decode(name), delimiter, frozenset(attributes.union(more)))


def _lsub(parts: Parts, start: int, names: Names) -> Event:
    return _listed(parts, start, names, "subscribed")


def _status(parts: Parts, start: int, names: Names) -> Event:
    held = values(parts, start)
    if len(held) < 2:
        raise Malformed("STATUS has a name and a list")
    # Exchange leaves names with spaces unquoted: `STATUS Deleted Items (…)`.
    name = b" ".join(b"NIL" if word is None else string(word) for word in held[:-1])
    said = {string(key).upper(): value for key, value in pairs(items(held[-1]))}
    ident = said.get(b"MAILBOXID")

    def count(item: bytes, most: int = 2**32 - 1) -> int | None:
        value = said.get(item)
        return None if value is None else number(value, most)

    return StatusOf(
        names.decode(name),
        messages=count(b"MESSAGES"),
        uidnext=count(b"UIDNEXT"),
        uidvalidity=count(b"UIDVALIDITY"),
        highestmodseq=count(b"HIGHESTMODSEQ", MAX_NUMBER64) or None,
        unseen=count(b"UNSEEN"),
        size=count(b"SIZE", MAX_NUMBER64),
        mailbox_id=text(items(ident)[0]) if isinstance(ident, list) and ident else "",
    )


def _namespaces(parts: Parts, start: int, names: Names) -> Event:
    held = values(parts, start)
    if len(held) != 3:
        raise Malformed("NAMESPACE has three groups")
    return Namespaces(*(_namespace(group, names) for group in held))


def _namespace(group: Value, names: Names) -> tuple[NamespaceEntry, ...]:
    if group is None:
        return ()
    found = []
    for entry in map(items, items(group)):
        if len(entry) < 2:
            raise Malformed("a namespace has a prefix and a delimiter")
        delimiter = None if entry[1] is None else text(entry[1]) or None
        found.append(NamespaceEntry(names.decode(string(entry[0])), delimiter))
    return tuple(found)


def _server_id(parts: Parts, start: int, names: Names) -> Event:
    held = values(parts, start)
    if len(held) != 1:
        raise Malformed("ID has one list")
    said = [] if held[0] is None else pairs(items(held[0]))
    return ServerId(tuple((text(k).lower(), text(v)) for k, v in said if v is not None))


def _mailbox_flags(parts: Parts, start: int, mailbox: str) -> Event:
    held = values(parts, start)
    if len(held) != 1:
        raise Malformed("FLAGS has one list")
    return MailboxFlags(mailbox, flags_of(held[0]))


def _searched(parts: Parts, start: int, mailbox: str) -> Event:
    match = _SEARCH.fullmatch(parts[0], start)
    if match is None or len(parts) > 1:
        raise Malformed("SEARCH has numbers")
    modseq = _single(match[2], MAX_NUMBER64) if match[2] else None
    try:
        return Searched(mailbox, UidSet.of(map(int, match[1].split())), modseq=modseq)
    except ValueError as error:
        raise Malformed(str(error)) from None


def _esearched(parts: Parts, start: int, mailbox: str) -> Event:
    """RFC 9051 §7.3.4. Without UID the numbers are sequence numbers: not ours, and never asked."""
    held = values(parts, start)
    if held and isinstance(held[0], list):
        del held[0]  # (TAG "A1")
    by_uid = (
        bool(held) and held[0] is not None and not isinstance(held[0], list) and held[0].upper() == b"UID"
    )
    said = {string(key).upper(): value for key, value in pairs(held[1:] if by_uid else held)}
    if not by_uid and said.keys() & {b"ALL", b"MIN", b"MAX"}:
        raise Malformed("ESEARCH of sequence numbers")

    def count(item: bytes, most: int = 2**32 - 1) -> int | None:
        return number(said[item], most) if item in said else None

    return Searched(
        mailbox,
        _uid_set(string(said[b"ALL"])) if b"ALL" in said else EMPTY,
        count=count(b"COUNT"),
        lowest=count(b"MIN"),
        highest=count(b"MAX"),
        modseq=count(b"MODSEQ", MAX_NUMBER64),
    )


_VANISHED: Final = pattern.compile(rb" ++(\(EARLIER\) ++)?([0-9:,]++) *+", re.IGNORECASE)


def _vanished(parts: Parts, start: int, mailbox: str) -> Event:
    match = _VANISHED.fullmatch(parts[0], start)
    if match is None:
        raise Malformed("VANISHED has a set")
    raw = match[2]
    if raw.startswith(b"0:"):
        raw = b"1:" + raw[2:]  # quirk VANISHED_FROM_ZERO
    return Vanished(mailbox, _uid_set(raw), match[1] is not None)


def quotas(parts: Parts, start: int) -> list[Event]:
    """QUOTA: one event per resource (RFC 9208 §5.1)."""
    held = values(parts, start)
    if len(held) != 2:
        raise Malformed("QUOTA has a root and a list")
    triples = items(held[1])
    if len(triples) % 3:
        raise Malformed("a resource is name, usage, limit")
    root = text(held[0])
    return [
        Quota(
            root,
            text(triples[n]).upper(),
            number(triples[n + 1], MAX_NUMBER64),
            number(triples[n + 2], MAX_NUMBER64),
        )
        for n in range(0, len(triples), 3)
    ]


OF_SESSION: Final[dict[bytes, Callable[[Parts, int, Names], Event]]] = {
    b"LIST": _listed,
    b"LSUB": _lsub,
    b"STATUS": _status,
    b"NAMESPACE": _namespaces,
    b"ID": _server_id,
}
OF_MAILBOX: Final[dict[bytes, Callable[[Parts, int, str], Event]]] = {
    b"FLAGS": _mailbox_flags,
    b"SEARCH": _searched,
    b"ESEARCH": _esearched,
    b"VANISHED": _vanished,
}
