"""What an account's POP3 history knows of a maildrop: which messages are new, and which are here
already although their name, or our memory of it, was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.errors import ConfigError
from mailcli.store.history import Unrecorded
from mailcli.store.store import Store
from mailcli.store.values import Pop3Row
from mailcli.store.writer import Writer
from mailcli.sync.pop3.maildrop import Listed, Maildrop, Tops
from mailcli.sync.pop3.maildrop import header_hash as hash_of_header

if TYPE_CHECKING:
    from mailcli.store.maildrop import Listing, Place

REMEMBER: Final = 30 * 86400.0
"""Seconds a line of the history stays after its message has gone from the server."""

NEW: Final = frozenset({"failed", "skipped", "fetching"})
"""States of messages that were never delivered."""

OUTLINED: Final = "outlined"
"""The state of messages whose header is here, and whose body is on the server alone."""

_SLACK: Final = 1024
"""LIST sizes are approximate on some servers (RFC 1939 §11): a smaller difference says nothing."""

Key = tuple[str, int]


class History:
    """The history of one account beside what its server lists in one session. `known` has the rows of
    those messages that were asked about, by (uidl, occurrence)."""

    def __init__(self, store: Store, account: str, listing: Listing, clock: Callable[[], float]) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._ids: dict[Key, str] = {}
        self._here: dict[bytes, list[Pop3Row]] = {}  # what may come again, by its content
        self._doubted = False
        self.listing = listing
        self.known: dict[Key, Pop3Row] = {}

    def fresh(self) -> list[Listed]:
        """The messages that were never delivered."""
        return self._taken(self.listing.fresh())

    def lacking(self) -> list[Listed]:
        """The messages whose header alone is here."""
        return self._taken(self.listing.outlined())

    def due(self, *, delivered: bool, before: float | None, discarded: bool) -> list[Listed]:
        """The messages that the server may delete, see `Listing.due`."""
        now = self._clock()
        return self._taken(self.listing.due(delivered=delivered, before=before, discarded=discarded, now=now))

    def _taken(self, found: Iterable[tuple[Place, Pop3Row | None]]) -> list[Listed]:
        messages = []
        for place, row in found:
            messages.append(Listed._make(place))
            if row is not None:
                self.known[row.uidl, row.occurrence] = row
        return messages

    def record(self, rows: Sequence[Pop3Row], forget: Sequence[Key] = ()) -> None:
        """Write rows down, and forget others, in a transaction of their own."""
        if not rows and not forget:
            return

        def change(writer: Writer) -> None:
            writer.pop3_forget(self._account, forget)
            writer.pop3_record(self._account, rows)

        self._store.transact(change)
        self.learn(rows)

    def learn(self, rows: Sequence[Pop3Row]) -> None:
        """These rows were written down."""
        self.known.update(((row.uidl, row.occurrence), row) for row in rows)

    # -- which is which --------------------------------------------------------------------------

    def place(self, tops: Tops, maildrop: Maildrop) -> None:
        """Enter the messages into the listing, each under the key that the history has it by.

        Mostly that is its UIDL. Where a UIDL alone cannot tell (several messages have it or had it,
        the size is clearly another, or the message was deleted there), the header tells; without TOP
        the content does, once it is here (`here_already`). Taken for another, a message would be
        deleted unread.
        """
        self.listing.enter(maildrop.messages)
        if maildrop.unnamed:
            for row in self._store.pop3_known(self._account).values():
                self._expect(row)
            return
        doubtful = self._doubtful()
        if not doubtful:
            return
        rows: dict[str, list[Pop3Row]] = {uidl: [] for uidl in doubtful}
        for row in self.known.values():
            if row.uidl in rows:
                rows[row.uidl].append(row)
        hashes = tops.hashes([m.number for some in doubtful.values() for m in some])
        for uidl, messages in doubtful.items():
            placed = self._matched(messages, rows[uidl], hashes)
            self.listing.place([(message.occurrence, message.number) for message in placed])

    def _doubtful(self) -> dict[str, list[Listed]]:
        """Messages by UIDL, where it takes more than the UIDL to know which they are."""
        odd = self.listing.doubtful(_SLACK)
        self.learn(self.listing.rows(odd))
        found: dict[str, list[Listed]] = {}
        for place in self.listing.messages(odd):
            found.setdefault(place[1], []).append(Listed._make(place))
        return {uidl: some for uidl, some in found.items() if not self._unchanged(uidl, some)}

    def _unchanged(self, uidl: str, messages: Sequence[Listed]) -> bool:
        """As many as before, each of its size, all delivered and none missed since."""
        rows = [self.known.get(m.key) for m in messages]
        return (uidl, len(messages) + 1) not in self.known and all(
            row is not None
            and row.state in ("delivered", OUTLINED)
            and row.missing_since is None
            and _same(row, message.size)
            for row, message in zip(rows, messages, strict=True)
        )

    def _matched(
        self, messages: Sequence[Listed], rows: Sequence[Pop3Row], hashes: dict[int, bytes]
    ) -> list[Listed]:
        free = {row.occurrence: row for row in rows}
        beyond = max([0, *free])
        found, rest = [], []
        for message in messages:
            header = hashes.get(message.number)
            same = [r for r in free.values() if header and r.header_hash == header and r.state not in NEW]
            same.sort(key=lambda row: row.state == "deleted")
            # One that failed may have the header of its deleted twin, and has to come.
            if same and (same[0].state != "deleted" or all(r.state not in NEW for r in free.values())):
                del free[same[0].occurrence]
                found.append(message._replace(occurrence=same[0].occurrence))
            else:
                rest.append(message)
        for message in rest:
            pending = next((row for row in free.values() if row.state in NEW), None)
            if pending is not None:
                del free[pending.occurrence]
                found.append(message._replace(occurrence=pending.occurrence))
            else:
                beyond += 1
                found.append(message._replace(occurrence=beyond))
        if rest:
            for row in free.values():
                self._expect(row)
        return found

    def _expect(self, row: Pop3Row) -> None:
        """A message of this row may be listed under another name."""
        if row.sha256 and row.state not in NEW:
            self._here.setdefault(row.sha256, []).append(row)

    def check_migration(self, tops: Tops, *, adopt: bool) -> None:
        """No UIDL of a long history is listed: the server may have given every message a new one.
        Those whose header is the same are the same messages, and are not downloaded again; without TOP
        they come, and are recognised by their content.

        Raises ConfigError when there are such and `adopt` was not asked for.
        """
        if not self.listing.count() or self.listing.familiar():
            return
        current = [
            r
            for r in self._store.pop3_known(self._account).values()
            if r.missing_since is None and r.state in ("delivered", OUTLINED)
        ]
        if not current:
            return
        listing = [Listed._make(place) for place in self.listing.messages()]
        hashes = tops.hashes([m.number for m in listing])
        ours: dict[bytes, list[Pop3Row]] = {}
        for row in current:
            if row.header_hash:
                ours.setdefault(row.header_hash, []).append(row)
            self._expect(row)
        same = [(m, rows.pop(0)) for m in listing if (rows := ours.get(hashes.get(m.number, b"")))]
        if same and not adopt:
            raise ConfigError(
                f"{tops.label} gives new UIDLs to {len(same)} messages that are here already; "
                "the mailbox has probably moved to another server",
                hint="mailcli fetch --adopt takes them over instead of downloading them again",
            )
        self.record(
            [r._replace(uidl=m.uidl, occurrence=m.occurrence, missing_since=None) for m, r in same],
            [(r.uidl, r.occurrence) for _, r in same],
        )
        for _, row in same:
            self.known.pop((row.uidl, row.occurrence), None)

    def recognise(self, tops: Tops) -> None:
        """Find messages that are here without a line in the history, since it was lost with a
        database. Where size and header agree they are the same, and need no download; the others
        are recognised by content when they come (`here_already`)."""
        strays = self._store.pop3_unrecorded(self._account)
        if strays is None:
            return
        self._doubted = True  # none may be left: they were deleted here, or recorded by an earlier run
        now = self._clock()
        for stray in strays:
            row = Pop3Row("", 0, stray.size, "delivered", b"", stray.sha256, now, now, None, stray.id)
            self._expect(row)
        new = self.fresh()
        sizes = {m.size for m in new}
        ours: dict[tuple[int, bytes], list[Unrecorded]] = {}
        for stray in strays:
            # A header without it may be that of many: their contents tell, where they are here.
            if stray.size in sizes and (stray.message_id or not stray.sha256):
                header = hash_of_header(self._store.known_bytes(stray.id))
                ours.setdefault((stray.size, header), []).append(stray)
        wanted = {size for size, _ in ours}
        hashes = tops.hashes([m.number for m in new if m.size in wanted])
        rows = []
        for message in new:
            header = hashes.get(message.number, b"")
            if same := ours.get((message.size, header)):
                stray = same.pop()
                row = Pop3Row(*message[1:], OUTLINED, header, first_seen=now, id=stray.id)
                if stray.sha256:
                    self._here[stray.sha256] = [r for r in self._here[stray.sha256] if r.id != stray.id]
                    row = row._replace(state="delivered", sha256=stray.sha256, delivered_at=now)
                rows.append(row)
        self.record(rows)

    def here_already(self, digest: bytes) -> Pop3Row | None:
        """The row of a message with this content that is here under another name, each only once."""
        same = self._here.get(digest)
        return same.pop(0) if same else None

    def all_recorded(self) -> None:
        """The whole maildrop was gone through: what is unrecorded still is not on the server."""
        if self._doubted:
            self._store.transact(lambda writer: writer.pop3_all_recorded(self._account))

    # -- what comes and goes ---------------------------------------------------------------------

    def note_missing(self) -> None:
        """Remember since when a message is not listed any more; forget it after 30 days."""
        now = self._clock()
        back, lost, old = self.listing.changes(now - REMEMBER)

        def change(writer: Writer) -> None:
            writer.pop3_missing(self._account, back, None)
            writer.pop3_missing(self._account, lost, now)
            writer.pop3_forget(self._account, old)

        if back or lost or old:
            self._store.transact(change)

    def announce(self, new: Sequence[Listed]) -> None:
        """Commit the ids that these messages are going to have, before they are asked for: a file
        whose run is killed before its commit is then known by its name. Those of which the header is here
        have theirs."""
        self.name(new)
        now = self._clock()
        self.record(
            [
                Pop3Row(m.uidl, m.occurrence, m.size, "fetching", first_seen=now, id=self.id(m))
                for m in new
                if not self.is_outlined(m)
            ]
        )

    def name(self, messages: Sequence[Listed]) -> None:
        """Draw the ids that these messages are going to have, of those that have none."""
        self._ids.update((m.key, row.id) for m in messages if (row := self.known.get(m.key)) and row.id)
        rest = [m for m in messages if m.key not in self._ids]
        self._ids.update(zip((m.key for m in rest), self._store.new_ids(len(rest)), strict=True))

    def is_outlined(self, message: Listed) -> bool:
        """Whether the header of a message is here, and its body is not."""
        row = self.known.get(message.key)
        return row is not None and row.state == OUTLINED

    def id(self, message: Listed) -> str:
        """The id announced for a message."""
        return self._ids[message.key]


def _same(row: Pop3Row, size: int) -> bool:
    """Whether a listed message of this size may well be the row's, going by its UIDL alone."""
    if row.state == "deleted":
        return False
    if row.state in NEW or not row.size or not row.header_hash:
        return True
    return row.size == size or abs(row.size - size) <= max(_SLACK, row.size // 20)
