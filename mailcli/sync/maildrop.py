"""What a POP3 maildrop lists: each message with a name that stays the same from run to run."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from mailcli.errors import RemoteProtocolError, ServerRefused, TryAgain
from mailcli.model.record import NamedTuple
from mailcli.net.pop3 import Pop3Connection
from mailcli.store.values import Pop3Row
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3.events import Completed, Content, Pop3Event, Sizes, UniqueIds

_PASSING: Final = frozenset({"IN-USE", "SYS/TEMP", "LOGIN-DELAY"})
_LONGEST_HEADER: Final = 64 << 20
_SLACK: Final = 1024
"""LIST sizes are approximate on some servers (RFC 1939 §11): a smaller difference says nothing."""


class Listed(NamedTuple):
    """A message of the maildrop: its number in this session, its name, its size by LIST."""

    number: int
    uidl: str
    occurrence: int
    size: int

    @property
    def key(self) -> tuple[str, int]:
        return self.uidl, self.occurrence


def list_maildrop(connection: Pop3Connection, known: Mapping[tuple[str, int], Pop3Row]) -> list[Listed]:
    """Ask for UIDLs and sizes in one flight. Raises ServerRefused or TryAgain when LIST fails.

    Without UIDL a message is named by a hash of its header and its size; without TOP too, it
    cannot be named, and ServerRefused advises to delete after download.
    """
    commands = (pop3.Uidl(), pop3.ListSizes())
    pump = connection.pump
    tags = pump.send(*commands)
    events = [event for batch in pump.events(tags[-1]) for event in batch]
    ends = {e.tag: e for e in events if isinstance(e, Completed)}
    if not ends[tags[1]].ok:
        raise _refused(pump.label, "LIST", ends[tags[1]])
    sizes = {n: size for e in events if isinstance(e, Sizes) for n, size in e.items}
    if not ends[tags[0]].ok:
        return _named_by_header(connection, sizes)
    uidls = [item for e in events if isinstance(e, UniqueIds) for item in e.items]
    listing = _occurrences([(n, uidl, sizes.get(n, 0)) for n, uidl in uidls])
    return _reused(connection, listing, known)


def top_hashes(connection: Pop3Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """SHA-256 of the header of each message, as far as the server gives it (TOP n 0)."""
    if not numbers:
        return {}
    pump = connection.pump
    tags = pump.send(*(pop3.Top(n, 0) for n in numbers))
    by_tag = dict(zip(tags, numbers, strict=True))
    pieces: dict[int, list[bytes]] = {}
    found: dict[int, bytes] = {}
    for events in pump.events(tags[-1]):
        for event in events:
            _gather(event, by_tag, pieces, found)
        if sum(len(piece) for some in pieces.values() for piece in some) > _LONGEST_HEADER:
            raise RemoteProtocolError(f"{pump.label} sends a header without an end")
    return found


def header_hash(data: bytes) -> bytes:
    """SHA-256 of the header block, without line ends: what TOP n 0 gives, however it ends it."""
    head = data.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0]
    return hashlib.sha256(head.strip()).digest()


def _gather(
    event: Pop3Event, by_tag: Mapping[int, int], pieces: dict[int, list[bytes]], found: dict[int, bytes]
) -> None:
    if isinstance(event, Content):
        pieces.setdefault(event.tag, []).append(event.data)
    elif isinstance(event, Completed) and event.ok and event.tag in by_tag:
        found[by_tag[event.tag]] = header_hash(b"".join(pieces.pop(event.tag, ())))


def _occurrences(rows: Collection[tuple[int, str, int]]) -> list[Listed]:
    """Number the messages that share a UIDL (RFC 1939 §7 forbids it; servers do it)."""
    seen: dict[str, int] = {}
    listing = []
    for number, uidl, size in rows:
        seen[uidl] = occurrence = seen.get(uidl, 0) + 1
        listing.append(Listed(number, uidl, occurrence, size))
    return listing


def _reused(
    connection: Pop3Connection, listing: list[Listed], known: Mapping[tuple[str, int], Pop3Row]
) -> list[Listed]:
    """A known UIDL with clearly another size may have been given to another message: then the
    header tells, and the name is made different."""
    doubtful = []
    for message in listing:
        row = known.get(message.key)
        if row is None or not row.size or not row.header_hash:
            continue
        if abs(row.size - message.size) > max(_SLACK, row.size // 20):
            doubtful.append((message, row.header_hash))
    hashes = top_hashes(connection, [m.number for m, _ in doubtful])
    others = {m for m, old in doubtful if hashes.get(m.number, old) != old}
    return [m._replace(uidl=f"{m.uidl} {hashes[m.number].hex()[:16]}") if m in others else m for m in listing]


def _named_by_header(connection: Pop3Connection, sizes: Mapping[int, int]) -> list[Listed]:
    hashes = top_hashes(connection, list(sizes))
    if len(hashes) < len(sizes):
        raise ServerRefused(
            f"{connection.pump.label} has neither UIDL nor TOP: what was downloaded cannot be told apart",
            hint="use another account type, or ask the provider",
        )
    return _occurrences([(n, f"#{hashes[n].hex()[:40]}:{size}", size) for n, size in sizes.items()])


def _refused(label: str, what: str, end: Completed) -> ServerRefused | TryAgain:
    text = f"{label} refused {what}: {end.text}"
    return TryAgain(text, hint="try again later") if end.code in _PASSING else ServerRefused(text)
