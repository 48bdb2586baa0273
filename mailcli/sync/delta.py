"""What changed in one folder on the server since we last agreed, asked in the cheapest way the
server knows: QRESYNC, CONDSTORE (both RFC 7162), or by looking at every message's flags."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from mailcli.model.flags import Flags
from mailcli.sync.plan import Remote
from mailcli.sync.server import Server, last, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import (
    Event,
    Exists,
    Fetched,
    HighestModseq,
    Opened,
    PermanentFlags,
    Searched,
    UidNext,
    UidValidity,
    Vanished,
)
from mailcli.wire.imap.uidset import UidSet


class Cursor(NamedTuple):
    """How far we have agreed with the server on a folder; 0 where nothing is known."""

    uidvalidity: int = 0
    uidnext: int = 0
    modseq: int = 0


class Delta(NamedTuple):
    """What changed. `cursor` may be committed once all of it is durable. `sizes` are RFC822.SIZE
    of new messages as far as they are known. `rebuilt` is true when UIDVALIDITY changed: then the
    delta is the whole folder and the UIDs known before mean nothing."""

    remote: Remote
    sizes: dict[int, int]
    cursor: Cursor
    read_only: bool
    rebuilt: bool


def learn(
    server: Server,
    mailbox: str,
    cursor: Cursor,
    known: Collection[int],
    *,
    full: bool = False,
    examine: bool = False,
) -> Delta:
    """Select the folder and learn what changed, in one flight where nothing is out of step.

    `known` are the UIDs we hold (also those purged here and not expunged yet). `full` looks at
    every message whatever the server can do; `examine` selects read-only, for a dry run.
    """
    events = server.ask(*_questions(server, mailbox, cursor, full, examine))
    validity = last(UidValidity, events)
    server.selected = None if examine else mailbox
    server.validity = validity.value if validity else None
    found_validity = validity.value if validity else 0
    rebuilt = cursor.uidvalidity not in (0, found_validity)
    whole = full or not cursor.uidvalidity or not cursor.modseq or not _modseq(server)
    if rebuilt:
        known = ()
        if not whole:
            events += server.ask(imap.Fetch("1:*", ("FLAGS", "RFC822.SIZE")))
            whole = True

    flags, sizes = _flags_and_sizes(events)
    vanished = {uid for event in only(Vanished, events) for uid in known if uid in event.uids}
    if whole:
        vanished |= set(known) - flags.keys()
    exists = last(Exists, events)
    held = set(known) - vanished | flags.keys()
    if exists is not None and len(held) != exists.count:
        flags, vanished = _reconcile(server, set(known), flags)

    permanent = last(PermanentFlags, events)
    opened = last(Opened, events)
    highest = last(HighestModseq, events)
    following = last(UidNext, events)
    remote = Remote(
        flags,
        vanished,
        permanent.flags if permanent else frozenset(),
        permanent is None or permanent.new_keywords,
    )
    return Delta(
        remote=remote,
        sizes=sizes,
        cursor=Cursor(
            found_validity,
            following.value if following else max(held, default=0) + 1,
            (highest.value or 0) if highest else 0,
        ),
        read_only=bool(opened and opened.read_only),
        rebuilt=rebuilt,
    )


def _modseq(server: Server) -> bool:
    return server.has("CONDSTORE") or server.has("QRESYNC")


def _questions(server: Server, mailbox: str, cursor: Cursor, full: bool, examine: bool) -> list[Command]:
    news = f"{max(cursor.uidnext, 1)}:*"
    if full or not cursor.uidvalidity or not cursor.modseq or not _modseq(server):
        # RFC 7162 §3.1: naming CONDSTORE is harmless where it is there, and an error elsewhere.
        select = imap.Select(mailbox, examine, condstore=_modseq(server))
        return [select, imap.Fetch("1:*", ("FLAGS", "RFC822.SIZE"))]
    if "QRESYNC" in server.enabled:
        select = imap.Select(mailbox, examine, qresync=imap.QResync(cursor.uidvalidity, cursor.modseq, None))
        return [select, imap.Fetch(news, ("FLAGS", "RFC822.SIZE"))]
    changed = imap.Fetch("1:*", ("FLAGS",), changed_since=cursor.modseq)
    return [
        imap.Select(mailbox, examine, condstore=True),
        changed,
        imap.Fetch(news, ("FLAGS", "RFC822.SIZE")),
    ]


def _flags_and_sizes(events: Iterable[Event]) -> tuple[dict[int, Flags], dict[int, int]]:
    """What FETCH said; `n:*` also names the last message there is, which does no harm here: its
    flags are facts like any other's."""
    flags: dict[int, Flags] = {}
    sizes: dict[int, int] = {}
    for event in only(Fetched, events):
        if event.uid is None:
            continue
        if event.flags is not None:
            flags[event.uid] = event.flags
        if event.size is not None:
            sizes[event.uid] = event.size
    return flags, sizes


def _reconcile(server: Server, known: set[int], flags: dict[int, Flags]) -> tuple[dict[int, Flags], set[int]]:
    """The counts disagree: ask which UIDs there are, and for the flags of those we missed."""
    returns = ("ALL",) if server.has("ESEARCH") else ()
    there: set[int] = set()
    for answer in only(Searched, server.ask(imap.Search(("ALL",), returns=returns))):
        there.update(answer.uids)
    missing = there - known - flags.keys()
    flags = {uid: f for uid, f in flags.items() if uid in there}
    if missing:
        more, _ = _flags_and_sizes(server.ask(imap.Fetch(UidSet.of(missing), ("FLAGS",))))
        flags.update(more)
    return flags, known - there
