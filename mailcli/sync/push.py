"""Telling the server what changed here. Whatever cannot simply be said twice (APPEND, COPY, MOVE)
is written down before it is sent, and if its answer is lost, the outcome is found by looking."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from mailcli.errors import MailcliError, NotFound
from mailcli.model.flags import DELETED, Flags
from mailcli.model.message import Summary
from mailcli.store.store import Store
from mailcli.store.values import (
    Bound,
    FlagsAgreed,
    Operation,
    PendingAppend,
    PendingCopy,
    SyncChanges,
)
from mailcli.sync import plan as planner
from mailcli.sync.server import Server, last, only, refusal
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Appended, Completed, Copied, Fetched, Searched, UidValidity
from mailcli.wire.imap.uidset import UidSet

SET_OCTETS: Final = 2048
"""The longest UID set in one command: Office 365 takes lines below 8 KB."""
APPEND_OCTETS: Final = 8 << 20
APPEND_MESSAGES: Final = 20

MESSAGE_ID: Final = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"


def carry_out(
    store: Store,
    server: Server,
    folder: int,
    actions: Iterable[planner.Action],
    placed: Iterable[planner.Placed],
    names: Mapping[int, str],
) -> int:
    """Do the Store, Move and Expunge actions of a folder; returns how many messages the server was
    told about."""
    if not _select(store, server, folder, names[folder]):
        return 0  # numbered anew since it was looked at
    bases = {m.id: m.base or frozenset() for m in placed}
    bases.update((a.id, a.base) for a in actions if isinstance(a, planner.SetFlags))
    told = 0
    for action in actions:
        if isinstance(action, planner.Store):
            _store(store, server, action, bases)
        elif isinstance(action, planner.Move):
            if action.to not in names:
                continue  # its folder does not take part in this run
            _move(store, server, folder, action, names)
        elif isinstance(action, planner.Expunge):
            expunge(server, action.uids)
            store.apply(SyncChanges(expunged=list(action.ids)))
        else:
            continue
        told += len(action.ids)
    return told


def _store(store: Store, server: Server, action: planner.Store, bases: Mapping[str, Flags]) -> None:
    commands = [
        imap.Store(part, sign, flags)
        for part in UidSet.of(action.uids).chunks(SET_OCTETS)
        for sign, flags in (("+", action.add), ("-", action.remove))
        if flags
    ]
    server.ask(*commands)
    agreed = [FlagsAgreed(i, (bases[i] | action.add) - action.remove) for i in action.ids]
    store.apply(SyncChanges(flags=agreed))


def _move(store: Store, server: Server, folder: int, action: planner.Move, names: Mapping[int, str]) -> None:
    """Move, in as many commands as the set of UIDs needs. If one is refused, those before it are
    done all the same; raises the refusal then."""
    before = store.folder_state(action.to).uidnext or 1
    seqs = store.begin_operations(
        "move", action.ids, folder=folder, destination=action.to, stage="sent", uidnext_before=before
    )
    verb = imap.Move if server.has("MOVE") else imap.Copy
    copied: dict[int, int] = {}
    refused: MailcliError | None = None
    untouched = set(action.uids)
    for part in UidSet.of(action.uids).chunks(SET_OCTETS):
        command = verb(part, names[action.to])
        events, answers = server.try_each(command)
        copied |= _pairs(events)
        if answers[0].status != "OK":
            refused = refusal(command, answers[0], server.label)
            break
        untouched.difference_update(part)
    moved = [m for m in zip(action.ids, action.uids, seqs, strict=True) if m[1] in copied]
    unsure = [s for u, s in zip(action.uids, seqs, strict=True) if u not in copied and u not in untouched]
    ended = [s for s in seqs if s not in unsure]
    if moved and verb is imap.Copy:
        store.set_stage([seq for _, _, seq in moved], "copied")
        expunge(server, [uid for _, uid, _ in moved])
    store.apply(SyncChanges(bound=[Bound(i, action.to, copied[u]) for i, u, _ in moved], ended=ended))
    if unsure:
        _settle_these(store, server, unsure, names)
        _select(store, server, folder, names[folder])
    if refused is not None:
        raise refused


def expunge(server: Server, uids: Sequence[int]) -> None:
    """Remove messages of the selected folder for good.

    Without UIDPLUS a plain EXPUNGE removes all that is \\Deleted, so it is given only if that is
    all ours; otherwise the messages stay marked on the server, and hidden here. Never CLOSE.
    """
    parts = UidSet.of(uids).chunks(SET_OCTETS)
    server.ask(*(imap.Store(part, "+", frozenset({DELETED})) for part in parts))
    if server.has("UIDPLUS"):
        server.ask(*(imap.Expunge(part) for part in parts))
        return
    marked = last(Searched, server.ask(imap.Search(("DELETED",))))
    if marked is not None and set(marked.uids) <= set(uids):
        server.ask(imap.Expunge(None))


def upload(store: Store, server: Server, account: str, names: Mapping[int, str]) -> int:
    """Copy and append what the server has no copy of; returns how many messages."""
    pending = store.pending(account)
    by_source: dict[tuple[int, int], list[PendingCopy]] = {}
    for copy in pending.copies:
        if copy.source in names and copy.destination in names:
            by_source.setdefault((copy.source, copy.destination), []).append(copy)
    for (source, destination), copies in by_source.items():
        _copy(store, server, source, destination, copies, names)
    appends = [a for a in pending.appends if a.folder in names]
    for batch in _batches(store, appends):
        _append(store, server, batch, names)
    return sum(map(len, by_source.values())) + len(appends)


def _copy(
    store: Store,
    server: Server,
    source: int,
    destination: int,
    copies: Sequence[PendingCopy],
    names: Mapping[int, str],
) -> None:
    if not _select(store, server, source, names[source]):
        return  # a later run does it, with the new UIDs
    ids = [c.id for c in copies]
    seqs = store.begin_operations(
        "copy",
        ids,
        folder=source,
        destination=destination,
        stage="sent",
        uidnext_before=store.folder_state(destination).uidnext or 1,
    )
    uids = sorted({c.uid for c in copies})
    copied: dict[int, int] = {}
    for part in UidSet.of(uids).chunks(SET_OCTETS):
        copied |= _pairs(server.ask(imap.Copy(part, names[destination])))
    origins = store.places([c.origin for c in copies])
    # The copy took the original's flags with it; what differs here is stored by a later step.
    flags = {c.uid: p.flags for c, p in zip(copies, origins, strict=True)}
    bound, rest = [], []
    for copy, seq in zip(copies, seqs, strict=True):
        uid = copied.pop(copy.uid, None)
        if uid is None:
            rest.append(seq)
        else:
            bound.append(Bound(copy.id, destination, uid, flags[copy.uid]))
    store.apply(SyncChanges(bound=bound, ended=[s for s in seqs if s not in rest]))
    _settle_these(store, server, rest, names)


def _batches(store: Store, appends: Sequence[PendingAppend]) -> Iterable[list[Summary]]:
    """Messages to append, in flights of bounded size."""
    batch: list[Summary] = []
    octets = 0
    for summary in store.get([a.id for a in appends]):
        if batch and (octets + summary.size > APPEND_OCTETS or len(batch) == APPEND_MESSAGES):
            yield batch
            batch, octets = [], 0
        batch.append(summary)
        octets += summary.size
    if batch:
        yield batch


def _append(store: Store, server: Server, batch: Sequence[Summary], names: Mapping[int, str]) -> None:
    folders = [place.folder for place in store.places([m.id for m in batch])]
    seqs, commands = [], []
    for message, folder in zip(batch, folders, strict=True):
        state = store.folder_state(folder)
        seqs += store.begin_operations(
            "append", [message.id], destination=folder, stage="sent", uidnext_before=state.uidnext or 1
        )
        kept = _keepable(message.flags, state.permanent_flags)
        data = store.open_bytes(message.id)
        commands.append(imap.Append(names[folder], data, kept, message.arrived))
    events, _ = server.try_each(*commands)
    changes = SyncChanges()
    appended: Appended | None = None
    unsure: list[int] = []
    position = 0
    refused = None
    for event in events:
        if isinstance(event, Appended):
            appended = event
        elif isinstance(event, Completed):
            message, command, seq = batch[position], commands[position], seqs[position]
            if event.status != "OK":
                changes.ended.append(seq)
                refused = refused or refusal(command, event, server.label)
            elif appended is not None and len(appended.uids) == 1:
                (uid,) = appended.uids
                changes.bound.append(Bound(message.id, folders[position], uid, command.flags))
                changes.ended.append(seq)
            else:
                unsure.append(seq)
            appended = None
            position += 1
    store.apply(changes)
    if unsure:
        _settle_these(store, server, unsure, names)
    if refused is not None:
        raise refused


def settle(store: Store, server: Server, account: str, names: Mapping[int, str]) -> None:
    """Find out what became of the pushes whose answer was lost, before anything is pushed again."""
    _settle(store, server, store.operations(account), names)


def _settle_these(store: Store, server: Server, seqs: Collection[int], names: Mapping[int, str]) -> None:
    _settle(store, server, [o for o in store.operations() if o.seq in seqs], names)


def _settle(store: Store, server: Server, operations: Sequence[Operation], names: Mapping[int, str]) -> None:
    """Look in the destination for each message. Found: bind it (and finish a move by removing the
    original). Not found: it did not happen, and the next step does it again."""
    by_destination: dict[int, list[Operation]] = {}
    for operation in operations:
        if operation.destination is not None and operation.destination in names:
            by_destination.setdefault(operation.destination, []).append(operation)
    for destination, some in by_destination.items():
        matched = _look(store, server, destination, some, names[destination])
        moved: dict[int, list[int]] = {}
        bound = []
        for operation in some:
            uid = matched.get(operation.seq)
            if uid is None:
                continue
            bound.append(Bound(operation.id, destination, uid))
            if operation.kind == "move" and operation.folder is not None and operation.folder in names:
                (place,) = store.places([operation.id])
                if place.at_folder == operation.folder and place.uid is not None:
                    moved.setdefault(operation.folder, []).append(place.uid)
        for source, uids in moved.items():
            if _select(store, server, source, names[source]):
                expunge(server, uids)
        store.apply(SyncChanges(bound=bound, ended=[o.seq for o in some]))


def _look(
    store: Store, server: Server, destination: int, operations: Sequence[Operation], mailbox: str
) -> dict[int, int]:
    """Match operations with messages that came to the folder since: by size and Message-ID, and
    by content where there is no Message-ID. Gives the UID for each operation found."""
    start = min(o.uidnext_before or 1 for o in operations)
    if not _select(store, server, destination, mailbox):
        start = 1
    known = {a.uid for a in store.agreed(destination)}
    arrived: dict[tuple[int, str], list[int]] = {}
    for event in only(Fetched, server.ask(imap.Fetch(f"{start}:*", ("RFC822.SIZE", MESSAGE_ID)))):
        if event.uid is None or event.uid < start or event.uid in known or event.size is None:
            continue
        header = event.sections[0].data if event.sections else b""
        arrived.setdefault((event.size, message_id(header)), []).append(event.uid)
    matched: dict[int, int] = {}
    for operation in operations:
        try:
            (message,) = store.get([operation.id])
        except NotFound:
            continue  # purged here since: what arrived there is downloaded as a new message
        candidates = arrived.get((message.size, message.message_id), [])
        if candidates and not message.message_id:
            candidates = _same_content(store, server, message.id, candidates)
        if candidates:
            matched[operation.seq] = candidates.pop(0)
    return matched


def _same_content(store: Store, server: Server, message: str, uids: list[int]) -> list[int]:
    """Those of the messages that are this one, by its octets, or by its header where that is all we have."""
    bare = store.get([message])[0].remote_only
    ours = store.header_bytes(message).rstrip() if bare else store.open_bytes(message)
    item = "BODY.PEEK[HEADER]" if bare else "BODY.PEEK[]"
    events = only(Fetched, server.ask(imap.Fetch(UidSet.of(uids), (item,))))
    bodies = [(e.uid, e.sections[0].data) for e in events if e.uid is not None and e.sections]
    return [uid for uid, data in bodies if (data.rstrip() if bare else data) == ours]


def message_id(header: bytes) -> str:
    """The id in the one field that was asked for, without its brackets."""
    _, _, value = header.partition(b":")
    text = b"".join(value.split()).decode("utf-8", "replace")
    return text.removeprefix("<").removesuffix(">")


def _pairs(events: Iterable[object]) -> dict[int, int]:
    """COPYUID as source to destination. A lying one (lengths that differ) counts as none."""
    pairs: dict[int, int] = {}
    for copied in only(Copied, events):
        if len(copied.source) == len(copied.destination):
            pairs.update(zip(copied.source, copied.destination, strict=True))
    return pairs


def _keepable(flags: Flags, permanent: Flags | None) -> Flags:
    if permanent is None or "\\*" in permanent:
        return flags
    return flags & permanent


def _select(store: Store, server: Server, folder: int, mailbox: str) -> bool:
    """Select a folder; whether its UIDs still mean what they meant when they were agreed. If not,
    none of them may be used before the folder has been bound anew (`rebind`)."""
    if server.selected != mailbox:
        validity = last(UidValidity, server.ask(imap.Select(mailbox)))
        server.selected, server.validity = mailbox, validity.value if validity else None
    agreed = store.folder_state(folder).uidvalidity
    return agreed is None or server.validity is None or server.validity == agreed
