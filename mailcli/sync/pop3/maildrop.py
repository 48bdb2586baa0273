"""What a POP3 maildrop lists: its messages, with what their server calls them."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Collection, Sequence
from typing import Final

from mailcli.errors import RemoteProtocolError, ServerRefused, TryAgain
from mailcli.model.record import NamedTuple
from mailcli.net.pop3 import Pop3Connection
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3.events import Completed, Content, Sizes, UniqueIds
from mailcli.wire.pop3.quirks import is_temporary

_LONGEST_HEADER: Final = 64 << 20
TOPS: Final = 200
"""TOPs asked for in one flight: the answers are bounded, and each waits for no other."""


class Listed(NamedTuple):
    """A message of the maildrop: its number in this session, its name, its size by LIST."""

    number: int
    uidl: str
    occurrence: int
    size: int

    @property
    def key(self) -> tuple[str, int]:
        return self.uidl, self.occurrence


class Maildrop(NamedTuple):
    """All messages of it. `unnamed`: the server has neither UIDL nor TOP, so that a message is only
    known once it is here; its `uidl` is "" and its occurrence the number."""

    messages: list[Listed]
    unnamed: bool = False


class Tables(NamedTuple):
    """What UIDL and LIST answered: (number, UIDL) pairs, None without UIDL, and sizes by number.
    `seal` is the same for the same answers."""

    uidls: list[tuple[int, str]] | None
    sizes: dict[int, int]
    seal: str


def ask(connection: Pop3Connection) -> Tables:
    """UIDL and LIST in one flight. Raises ServerRefused or TryAgain when LIST fails."""
    pump = connection.pump
    tags = pump.send(pop3.Uidl(), pop3.ListSizes())
    events = [event for batch in pump.events(tags[-1]) for event in batch]
    ends = {e.tag: e for e in events if isinstance(e, Completed)}
    if not ends[tags[1]].ok:
        raise _refused(pump.label, "LIST", ends[tags[1]])
    if not ends[tags[0]].ok and connection.greeted.offers("UIDL"):
        # Other names for the same messages would bring all of them again.
        raise TryAgain(
            f"{pump.label} offers UIDL, and refused it: {ends[tags[0]].text}", hint="try again later"
        )
    uidls = [item for e in events if isinstance(e, UniqueIds) for item in e.items]
    sizes = [item for e in events if isinstance(e, Sizes) for item in e.items]
    # Version 2 writes equal values alike, wherever they came from.
    seal = hashlib.sha256(marshal.dumps((uidls, sizes), 2)).hexdigest()
    return Tables(uidls if ends[tags[0]].ok else None, dict(sizes), seal)


def named(connection: Pop3Connection, tables: Tables) -> Maildrop:
    """The messages with their names. Without UIDL it is a hash of the header and the size."""
    if tables.uidls is None:
        return _without_uidl(connection, tables.sizes)
    sizes = tables.sizes
    return Maildrop(_occurrences([(n, uidl, sizes.get(n, 0)) for n, uidl in tables.uidls]))


def headers(connection: Pop3Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """The header of each message, as far as the server gives it (TOP n 0)."""
    found: dict[int, bytes] = {}
    for start in range(0, len(numbers), TOPS):
        if start and not found:
            break  # it has no TOP
        found.update(_tops(connection, numbers[start : start + TOPS]))
    return found


def _tops(connection: Pop3Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    pump = connection.pump
    tags = pump.send(*(pop3.Top(n, 0) for n in numbers))
    by_tag = dict(zip(tags, numbers, strict=True))
    pieces: dict[int, list[bytes]] = {}
    found: dict[int, bytes] = {}
    for events in pump.events(tags[-1]):
        for event in events:
            if isinstance(event, Content):
                pieces.setdefault(event.tag, []).append(event.data)
            elif isinstance(event, Completed) and event.ok and event.tag in by_tag:
                found[by_tag[event.tag]] = b"".join(pieces.pop(event.tag, ()))
        if sum(len(piece) for some in pieces.values() for piece in some) > _LONGEST_HEADER:
            raise RemoteProtocolError(f"{pump.label} sends a header without an end")
    return found


def top_hashes(connection: Pop3Connection, numbers: Sequence[int]) -> dict[int, bytes]:
    """SHA-256 of the header of each message, as far as the server gives it."""
    return {number: header_hash(header) for number, header in headers(connection, numbers).items()}


def header_hash(data: bytes) -> bytes:
    """SHA-256 of the header block, without line ends: what TOP n 0 gives, however it ends it."""
    return hashlib.sha256(header_of(data).replace(b"\r\n", b"\n").strip()).digest()


def header_of(data: bytes) -> bytes:
    """The header block of a message."""
    ends = [end for end in (data.find(b"\r\n\r\n"), data.find(b"\n\n")) if end >= 0]
    return data[: min(ends)] if ends else data


def _occurrences(rows: Collection[tuple[int, str, int]]) -> list[Listed]:
    """Number the messages that share a UIDL (RFC 1939 §7 forbids it; servers do it)."""
    seen: dict[str, int] = {}
    listing = []
    for number, uidl, size in rows:
        seen[uidl] = occurrence = seen.get(uidl, 0) + 1
        listing.append(Listed(number, uidl, occurrence, size))
    return listing


def _without_uidl(connection: Pop3Connection, sizes: dict[int, int]) -> Maildrop:
    hashes = top_hashes(connection, list(sizes))
    if len(hashes) < len(sizes):
        return Maildrop([Listed(n, "", n, size) for n, size in sizes.items()], unnamed=True)
    return Maildrop(_occurrences([(n, f"#{hashes[n].hex()[:40]}:{s}", s) for n, s in sizes.items()]))


def _refused(label: str, what: str, end: Completed) -> ServerRefused | TryAgain:
    text = f"{label} refused {what}: {end.text}"
    return TryAgain(text, hint="try again later") if is_temporary(end.code, end.text) else ServerRefused(text)
