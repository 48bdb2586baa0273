"""Bringing bodies over: newest first, in chunks by size, two chunks in flight, while a thread
makes the chunk before durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from mailcli.net.cancel import CancelToken
from mailcli.sync.deliverer import Deliverer
from mailcli.sync.server import Server, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Event, Fetched, Section
from mailcli.wire.imap.uidset import UidSet

CHUNK_OCTETS: Final = 8 << 20
CHUNK_MESSAGES: Final = 200
PIECE: Final = 8 << 20
"""A message larger than this is asked for in pieces (BODY.PEEK[]<offset.length>), so that no
answer is larger than the engine allows a literal to be."""
IN_FLIGHT: Final = 2

_META: Final = ("FLAGS", "INTERNALDATE", "RFC822.SIZE")
_WHOLE: Final = (*_META, "BODY.PEEK[]")


def chunks(uids: Sequence[int], sizes: Mapping[int, int]) -> Iterator[list[int]]:
    """Cut `uids` (in the order wanted) into chunks of at most CHUNK_OCTETS or CHUNK_MESSAGES;
    a larger message is a chunk of its own."""
    chunk: list[int] = []
    octets = 0
    for uid in uids:
        size = sizes.get(uid, 0)
        if chunk and (octets + size > CHUNK_OCTETS or len(chunk) == CHUNK_MESSAGES):
            yield chunk
            chunk, octets = [], 0
        chunk.append(uid)
        octets += size
    if chunk:
        yield chunk


def download(
    server: Server,
    uids: Sequence[int],
    sizes: dict[int, int],
    deliver: Callable[[list[Fetched]], None],
    cancel: CancelToken,
) -> set[int]:
    """Fetch the messages of the selected folder, in the order given, and hand them to `deliver`
    batch by batch. Returns the UIDs the server would not give, though asked twice.

    Raises whatever the connection or `deliver` raises; what was handed over before is durable.
    """
    lacking = [uid for uid in uids if uid not in sizes]
    if lacking:
        for event in only(Fetched, server.ask(imap.Fetch(UidSet.of(lacking), ("RFC822.SIZE",)))):
            if event.uid is not None and event.size is not None:
                sizes[event.uid] = event.size
    deliverer: Deliverer[Fetched] = Deliverer(deliver)
    try:
        missing = _pass(server, uids, sizes, deliverer, cancel)
        if missing:
            missing = _pass(server, [u for u in uids if u in missing], sizes, deliverer, cancel)
    except BaseException:
        deliverer.abandon()
        raise
    deliverer.finish()
    return missing


def _pass(
    server: Server,
    uids: Sequence[int],
    sizes: Mapping[int, int],
    deliverer: Deliverer[Fetched],
    cancel: CancelToken,
) -> set[int]:
    small = [uid for uid in uids if sizes.get(uid, 0) <= PIECE]
    wanted = set(small)
    missing: set[int] = set()
    arrived: list[Fetched] = []
    octets = 0
    try:
        for batch, asked in _answers(server, small, sizes):
            for event in only(Fetched, batch):
                # Only what was asked for: a server that sends other bodies has them ignored.
                if event.uid in wanted and event.sections and event.sections[0].name == "BODY[]":
                    wanted.remove(event.uid)
                    arrived.append(event)
                    octets += len(event.sections[0].data)
            # Not the completion is waited for: Dovecot puts that off while another command waits.
            if len(arrived) >= CHUNK_MESSAGES or octets >= CHUNK_OCTETS:
                deliverer.put(arrived)
                arrived, octets = [], 0
            missing.update(wanted.intersection(asked))
            cancel.check()
    finally:
        # Even if the line broke: one that always breaks within a chunk must bring something, too.
        if arrived:
            deliverer.put(arrived)
    for uid in uids:
        if sizes.get(uid, 0) > PIECE:
            whole = _in_pieces(server, uid, sizes[uid], cancel)
            if whole is None:
                missing.add(uid)
            else:
                deliverer.put([whole])
    return missing


def _answers(
    server: Server, uids: Sequence[int], sizes: Mapping[int, int]
) -> Iterator[tuple[list[Event], Sequence[int]]]:
    """What the server says, batch by batch, with the UIDs of the chunk that is now complete (mostly
    none)."""
    waiting = deque(chunks(uids, sizes))
    flying: deque[tuple[int, list[int]]] = deque()
    while waiting or flying:
        while waiting and len(flying) < IN_FLIGHT:
            chunk = waiting.popleft()
            (tag,) = server.pump.send(imap.Fetch(UidSet.of(chunk), _WHOLE))
            flying.append((tag, chunk))
        tag, chunk = flying.popleft()
        for batch in server.pump.events(tag):
            yield batch, ()
        yield [], chunk


def _in_pieces(server: Server, uid: int, size: int, cancel: CancelToken) -> Fetched | None:
    """One large message, piece by piece; two pieces in flight."""
    one = UidSet.of([uid])
    meta: Fetched | None = None
    pieces: dict[int, bytes] = {}
    for start in range(0, size, IN_FLIGHT * PIECE):
        offsets = range(start, min(size, start + IN_FLIGHT * PIECE), PIECE)
        items = _META if meta is None else ()
        flight = [imap.Fetch(one, (*items, f"BODY.PEEK[]<{o}.{PIECE}>")) for o in offsets]
        for event in only(Fetched, server.ask(*flight)):
            if event.uid != uid:
                continue
            if event.internaldate is not None and meta is None:
                meta = event
            pieces.update((s.origin or 0, s.data) for s in event.sections if s.name == "BODY[]")
        cancel.check()
    data = b"".join(pieces[start] for start in sorted(pieces))
    if meta is None or len(data) < size:
        return None
    return meta._replace(sections=(Section("BODY[]", None, data),))
