"""What a POP3 maildrop lists: its messages, with what their server calls them."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from mailcli.errors import RemoteProtocolError, ServerRefused, TryAgain
from mailcli.model.record import NamedTuple
from mailcli.net.pop3 import Pop3Connection
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3 import listing
from mailcli.wire.pop3.events import Completed, Content, Sizes, Statistics, UniqueIds
from mailcli.wire.pop3.quirks import is_temporary

TABLES: Final = (pop3.Uidl(), pop3.ListSizes())
"""What `ask` wants to know, and may ask right behind the login. Where that is refused they are bad commands,
and Dovecot hangs up at the third."""

_LONGEST_HEADER: Final = 64 << 20
_KEPT_HEADERS: Final = 8 << 20
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
    """(number, UIDL, size) of all messages of it, to be taken once. `unnamed`: the server has neither UIDL
    nor TOP, so that a message is only known once it is here; its UIDL is ""."""

    messages: Iterable[tuple[int, str, int]]
    unnamed: bool = False


class _Lines:
    """Lines of a table, deflated: 200,000 messages may be listed, and mostly nobody wants to read them."""

    _PIECE: Final = 1 << 16

    def __init__(self) -> None:
        self._deflated: list[bytes] = []
        self._last = bytearray()

    def add(self, lines: bytes) -> None:
        self._last += lines
        if len(self._last) >= self._PIECE:
            self._deflated.append(zlib.compress(self._last, 1))
            self._last.clear()

    def __iter__(self) -> Iterator[bytes]:
        """Whole lines, in pieces."""
        yield from map(zlib.decompress, self._deflated)
        yield bytes(self._last)


class Tables(NamedTuple):
    """What UIDL (None where the server does not know it) and LIST answered; `seal` is the same for the
    same answers, and "" without UIDL: sizes alone do not tell messages apart. `counted` is STAT's
    number, or 0 where it was not asked."""

    uidls: Iterable[bytes] | None
    sizes: Iterable[bytes]
    seal: str
    counted: int = 0


def ask(connection: Pop3Connection) -> Tables:
    """STAT, UIDL and LIST in one flight, unless the last two went behind the login; once for a connection.
    Raises ServerRefused or TryAgain when LIST fails."""
    pump, greeted = connection.pump, connection.greeted
    last = greeted.ran_on or pump.send(pop3.Stat(), *TABLES)[-1]
    uidls, sizes = _Lines(), _Lines()
    hashes = hashlib.sha256(), hashlib.sha256()
    ends: list[Completed] = []
    count = 0
    for event in chain(greeted.early, chain.from_iterable(pump.events(last))):
        if isinstance(event, UniqueIds):
            uidls.add(event.lines)
            hashes[0].update(event.lines)
        elif isinstance(event, Sizes):
            sizes.add(event.lines)
            hashes[1].update(event.lines)
        elif isinstance(event, Statistics):
            count = event.messages
        elif isinstance(event, Completed):
            ends.append(event)
    named, listed = ends[-2:]
    if not listed.ok:
        raise _refused(pump.label, "LIST", listed)
    if not named.ok and greeted.offers("UIDL"):
        # Other names for the same messages would bring all of them again.
        raise TryAgain(f"{pump.label} offers UIDL, and refused it: {named.text}", hint="try again later")
    if not named.ok:
        return Tables(None, sizes, "", count)
    seal = hashlib.sha256(b"".join(one.digest() for one in hashes)).hexdigest()
    return Tables(uidls, sizes, seal, count)


def named(tops: Tops, tables: Tables) -> Maildrop:
    """The messages with their names. Without UIDL it is a hash of the header and the size."""
    sizes = map(listing.sizes, tables.sizes)
    if tables.uidls is not None:
        return Maildrop(_sized(tops, tables.uidls, sizes))
    all_sizes = dict(chain.from_iterable(sizes))
    messages = list(_hashed(tops, all_sizes))
    if len(messages) < len(all_sizes):
        return Maildrop([(n, "", size) for n, size in all_sizes.items()], unnamed=True)
    return Maildrop(messages)


def _sized(
    tops: Tops, uidls: Iterable[bytes], sizes: Iterator[list[tuple[int, int]]]
) -> Iterator[tuple[int, str, int]]:
    """Both tables as one. As they are in the same order, little of the second is held at a time. What UIDL
    leaves out, though LIST has it, gets the other name."""
    ahead: dict[int, int] = {}
    for lines in uidls:
        for number, uidl in listing.unique_ids(lines):
            while number not in ahead and (more := next(sizes, None)) is not None:
                ahead.update(more)
            yield number, uidl, ahead.pop(number, 0)
    ahead.update(chain.from_iterable(sizes))
    yield from _hashed(tops, ahead)


def _hashed(tops: Tops, sizes: Mapping[int, int]) -> Iterator[tuple[int, str, int]]:
    """Messages named by a hash of the header and the size, as far as the server gives the header."""
    for number, found in tops.hashes(list(sizes)).items():
        yield number, f"#{found.hex()[:40]}:{sizes[number]}", sizes[number]


class Tops:
    """The headers of a session's messages, by TOP n 0. What several want is asked for once, as long as
    little is kept for that."""

    def __init__(self, connection: Pop3Connection) -> None:
        self._pump = connection.pump
        self.label = connection.pump.label
        self._kept: dict[int, bytes] = {}
        self._room = _KEPT_HEADERS

    def headers(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """The header of each message, as far as the server gives it."""
        found = {n: self._kept[n] for n in numbers if n in self._kept}
        wanted = [n for n in numbers if n not in found]
        came: dict[int, bytes] = {}
        for start in range(0, len(wanted), TOPS):
            if start and not came:
                break  # it has no TOP
            came.update(self._asked(wanted[start : start + TOPS]))
        for number, header in came.items():
            self._room -= len(header)
            if self._room >= 0:
                self._kept[number] = header
        return found | came

    def hashes(self, numbers: Sequence[int]) -> dict[int, bytes]:
        """SHA-256 of the header of each message, as far as the server gives it."""
        return {number: header_hash(header) for number, header in self.headers(numbers).items()}

    def _asked(self, numbers: Sequence[int]) -> dict[int, bytes]:
        tags = self._pump.send(*(pop3.Top(n, 0) for n in numbers))
        by_tag = dict(zip(tags, numbers, strict=True))
        pieces: dict[int, list[bytes]] = {}
        found: dict[int, bytes] = {}
        for events in self._pump.events(tags[-1]):
            for event in events:
                if isinstance(event, Content):
                    pieces.setdefault(event.tag, []).append(event.data)
                elif isinstance(event, Completed) and event.ok and event.tag in by_tag:
                    found[by_tag[event.tag]] = b"".join(pieces.pop(event.tag, ()))
            if sum(len(piece) for some in pieces.values() for piece in some) > _LONGEST_HEADER:
                raise RemoteProtocolError(f"{self.label} sends a header without an end")
        return found


def header_hash(data: bytes) -> bytes:
    """SHA-256 of the header block, without line ends: what TOP n 0 gives, however it ends it."""
    return hashlib.sha256(header_of(data).replace(b"\r\n", b"\n").strip()).digest()


def header_of(data: bytes) -> bytes:
    """The header block of a message."""
    ends = [end for end in (data.find(b"\r\n\r\n"), data.find(b"\n\n")) if end >= 0]
    return data[: min(ends)] if ends else data


def _refused(label: str, what: str, end: Completed) -> ServerRefused | TryAgain:
    text = f"{label} refused {what}: {end.text}"
    return TryAgain(text, hint="try again later") if is_temporary(end.code, end.text) else ServerRefused(text)
