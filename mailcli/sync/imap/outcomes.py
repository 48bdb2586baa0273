"""What became of pushes whose answer was lost: found by looking, never by trying again blindly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from mailcli.errors import NotFound
from mailcli.model.message import Summary
from mailcli.store.store import Store
from mailcli.store.values import Bound, Operation, SyncChanges
from mailcli.sync import brake
from mailcli.sync.imap import objects
from mailcli.sync.imap.identity import MESSAGE_ID, content, message_id
from mailcli.sync.imap.plan import Purged
from mailcli.sync.imap.rebind import rebind
from mailcli.sync.imap.removal import remove, select
from mailcli.sync.imap.server import Server, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Completed, Fetched, Searched
from mailcli.wire.imap.quirks import Quirk
from mailcli.wire.imap.uidset import UidSet

COMPARED: Final = 20
"""Messages read in full to find one of ours among them; more are no likely candidates."""


def settle(store: Store, server: Server, account: str, names: Mapping[int, str]) -> int:
    """Find out what became of all that is unknown, before anything is pushed again. Returns how many
    messages were found gone on the way, in folders that were numbered anew."""
    return _settle(store, server, store.operations(account), names)


def settle_these(store: Store, server: Server, seqs: Collection[int], names: Mapping[int, str]) -> int:
    """The same for these operations."""
    return _settle(store, server, [o for o in store.operations() if o.seq in seqs], names)


def _settle(store: Store, server: Server, operations: Sequence[Operation], names: Mapping[int, str]) -> int:
    """Look in the destination for each message. Found: bind it (and finish a move by removing the
    original). Not found: it did not happen, and the next step does it again."""
    by_destination: dict[int, list[Operation]] = {}
    for operation in operations:
        if operation.destination is not None and operation.destination in names:
            by_destination.setdefault(operation.destination, []).append(operation)
    gone = 0
    for destination, some in by_destination.items():
        try:
            gone += _number(store, server, destination, names[destination])
        except brake.Contradiction:
            continue  # it stays unknown, and a later run looks
        matched = _look(store, server, destination, some, names[destination])
        moved: dict[int, list[int]] = {}
        changes = SyncChanges(ended=[o.seq for o in some])
        for operation in some:
            uid = matched.get(operation.seq)
            if uid is None:
                continue
            changes.bound.append(Bound(operation.id, destination, uid))
            if operation.kind == "move" and operation.folder is not None and operation.folder in names:
                (place,) = store.places([operation.id])
                if place.at_folder == operation.folder and place.uid is not None:
                    changes.left.append(operation.id)
                    moved.setdefault(operation.folder, []).append(place.uid)
        store.apply(changes)
        for source, uids in moved.items():
            if select(store, server, source, names[source]):
                remove(store, server, source, uids)
    return gone


def _number(store: Store, server: Server, folder: int, mailbox: str) -> int:
    """Select the folder; if it was numbered anew, bind it anew first: what arrived there could not be
    told from what was there before. Returns how many messages are gone then. Raises Contradiction."""
    server.selected = None  # Courier shows what APPEND brought to the open folder at the next SELECT
    if not select(store, server, folder, mailbox) and server.validity is not None:
        purged = [Purged(*t) for t in store.tombstones(folder)]
        return rebind(store, server, folder, mailbox, server.validity, purged)
    return 0


def _look(
    store: Store, server: Server, destination: int, operations: Sequence[Operation], mailbox: str
) -> dict[int, int]:
    """Match operations with messages that came to the folder since: by the server's own name, else by
    size and Message-ID, else by content. Gives the UID for each operation found."""
    start = min(o.uidnext_before or 1 for o in operations)
    if not store.folder_state(destination).uidnext:
        start = 1  # it was numbered anew since
    known = {a.uid for a in store.agreed(destination)}
    names = store.objects([o.id for o in operations]) if objects.item(server) else {}
    matched = _by_name(server, {o.seq: names[o.id][0] for o in operations if o.id in names}, start, known)
    nameless = [o for o in operations if o.id not in names]
    if not nameless:
        return matched
    arrived: dict[int, tuple[int, str]] = {}
    for event in only(Fetched, server.ask(imap.Fetch(f"{start}:*", ("RFC822.SIZE", MESSAGE_ID)))):
        if event.uid is None or event.uid < start or event.uid in known or event.size is None:
            continue
        header = event.sections[0].data if event.sections else b""
        arrived[event.uid] = event.size, message_id(header)
    for operation in nameless:
        try:
            (message,) = store.get([operation.id])
        except NotFound:
            continue  # purged here since: what arrived there is downloaded as a new message
        uid = _match(store, server, message, arrived)
        if uid is not None:
            matched[operation.seq] = uid
            del arrived[uid]
    return matched


def _by_name(server: Server, names: Mapping[int, str], start: int, known: Collection[int]) -> dict[int, int]:
    """The UIDs of messages by the server's own names for them, as the selected folder has them. What is
    moved on Gmail may have been there before, under another label."""
    labels = Quirk.LABELS in server.quirks
    (item,) = objects.item(server) or ("",)
    events = server.ask(*(imap.Search((item, name)) for name in names.values())) if names else []
    waiting = iter(names)
    found: list[int] = []
    matched: dict[int, int] = {}
    for event in events:
        if isinstance(event, Searched):
            found += [u for u in event.uids if labels or (u >= start and u not in known)]
        elif isinstance(event, Completed):
            seq = next(waiting)
            if found:
                matched[seq] = found[0]
            found = []
    return matched


def _match(
    store: Store, server: Server, message: Summary, arrived: Mapping[int, tuple[int, str]]
) -> int | None:
    """Size and Message-ID are enough; either alone makes a candidate whose content is compared: a
    server may have other line ends, and not every mail has an id that all read alike."""
    sure = (message.size, message.message_id)
    if message.message_id:
        for uid, facts in arrived.items():
            if facts == sure:
                return uid
    likely = [u for u, (size, id) in arrived.items() if size == sure[0] or (id and id == sure[1])]
    if not likely:
        return None
    bare = message.remote_only  # its header is all there is to compare
    wanted = content(store.header_bytes(message.id) if bare else store.open_bytes(message.id))
    item = "BODY.PEEK[HEADER]" if bare else "BODY.PEEK[]"
    for event in only(Fetched, server.ask(imap.Fetch(UidSet.of(likely[:COMPARED]), (item,)))):
        if event.uid in likely and event.sections and content(event.sections[0].data) == wanted:
            return event.uid
    return None
