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
from mailcli.wire.imap.events import Fetched, Section
from mailcli.wire.imap.uidset import UidSet

CHUNK_OCTETS: Final = 8 << 20
CHUNK_MESSAGES: Final = 200
PIECE: Final = 8 << 20
"""A message larger than this is asked for in pieces (BODY.PEEK[]<offset.length>), so that no
answer is larger than the engine allows a literal to be."""
IN_FLIGHT: Final = 2
HELD_OCTETS: Final = 4 * CHUNK_OCTETS
"""Bodies held while their chunk is not complete. The sizes that cut the chunks are the server's word;
when more comes than it said, it is made durable at once instead of filling the memory."""

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
    waiting = deque(chunks(small, sizes))
    flying: deque[tuple[int, list[int]]] = deque()
    wanted = set(small)
    arrived: dict[int, Fetched] = {}
    missing: set[int] = set()
    octets = 0
    while waiting or flying:
        while waiting and len(flying) < IN_FLIGHT:
            chunk = waiting.popleft()
            (tag,) = server.pump.send(imap.Fetch(UidSet.of(chunk), _WHOLE))
            flying.append((tag, chunk))
        tag, chunk = flying.popleft()
        for batch in server.pump.events(tag):
            for event in only(Fetched, batch):
                # Only what was asked for: a server that sends other bodies has them ignored.
                if event.uid in wanted and event.sections and event.sections[0].name == "BODY[]":
                    wanted.discard(event.uid)
                    arrived[event.uid] = event
                    octets += len(event.sections[0].data)
            if octets > HELD_OCTETS:
                deliverer.put(list(arrived.values()))
                arrived.clear()
                octets = 0
        cancel.check()
        ready = [arrived.pop(uid) for uid in chunk if uid in arrived]
        octets -= sum(len(event.sections[0].data) for event in ready)
        missing.update(chunk[n] for n in range(len(chunk)) if chunk[n] in wanted)
        if ready:
            deliverer.put(ready)
    for uid in uids:
        if sizes.get(uid, 0) > PIECE:
            whole = _in_pieces(server, uid, sizes[uid], cancel)
            if whole is None:
                missing.add(uid)
            else:
                deliverer.put([whole])
    return missing


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
