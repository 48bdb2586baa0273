"""What an account's POP3 history knows of a maildrop: which messages are new, and which are here
already although their name, or our memory of it, was lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from mailcli.errors import ConfigError
from mailcli.net.pop3 import Pop3Connection
from mailcli.store.store import Store, Writer
from mailcli.store.values import Pop3Row, Unrecorded
from mailcli.sync.maildrop import Listed, top_hashes
from mailcli.sync.maildrop import header_hash as hash_of_header

REMEMBER: Final = 30 * 86400.0
"""Seconds a line of the history stays after its message has gone from the server."""

Key = tuple[str, int]


class History:
    """The history of one account for one run. `known` has its rows by (uidl, occurrence)."""

    def __init__(self, store: Store, account: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._account = account
        self._clock = clock
        self._ids: dict[Key, str] = {}
        self._strays: dict[bytes, list[str]] = {}
        self.known = store.pop3_known(account)

    def new(self, listing: Sequence[Listed], max_size: int = 0) -> list[Listed]:
        """The messages that were never delivered, but for those over `max_size` octets (0: any)."""
        return [m for m in listing if self._is_new(m) and not (max_size and m.size > max_size)]

    def _is_new(self, message: Listed) -> bool:
        row = self.known.get(message.key)
        return row is None or row.state in {"failed", "skipped", "fetching"}

    def record(self, rows: Sequence[Pop3Row]) -> None:
        """Write rows down, in a transaction of their own."""
        if rows:
            self._store.transact(lambda writer: writer.pop3_record(self._account, rows))
            self.known.update(((row.uidl, row.occurrence), row) for row in rows)

    def check_migration(self, connection: Pop3Connection, listing: Sequence[Listed], *, adopt: bool) -> None:
        """No UIDL of a long history is listed: the server may have given every message a new one.
        Those whose header is the same are the same messages, and are not downloaded again.

        Raises ConfigError when there are such and `adopt` was not asked for.
        """
        current = [r for r in self.known.values() if r.missing_since is None and r.state == "delivered"]
        if not listing or not current or any(m.key in self.known for m in listing):
            return
        hashes = top_hashes(connection, [m.number for m in listing])
        ours = {row.header_hash: row for row in current if row.header_hash}
        same = [(m, ours[hashes[m.number]]) for m in listing if hashes.get(m.number) in ours]
        if same and not adopt:
            raise ConfigError(
                f"{connection.pump.label} gives new UIDLs to {len(same)} messages that are here already; "
                "the mailbox has probably moved to another server",
                hint="mailcli fetch --adopt takes them over instead of downloading them again",
            )
        self.record([r._replace(uidl=m.uidl, occurrence=m.occurrence, missing_since=None) for m, r in same])

    def recognise(self, connection: Pop3Connection, listing: Sequence[Listed]) -> None:
        """Find messages that are here without a line in the history, since it was lost with a
        database. Where size and header agree they are the same, and need no download; the others
        are recognised by content when they come (`here_already`)."""
        strays = self._store.pop3_unrecorded(self._account)
        for stray in strays:
            self._strays.setdefault(stray.sha256, []).append(stray.id)
        new = self.new(listing)
        sizes = {m.size for m in new}
        ours: dict[tuple[int, bytes], list[Unrecorded]] = {}
        for stray in strays:
            if stray.size in sizes and stray.message_id:  # a header without it may be that of many
                header = hash_of_header(self._store.open_bytes(stray.id))
                ours.setdefault((stray.size, header), []).append(stray)
        wanted = {size for size, _ in ours}
        hashes = top_hashes(connection, [m.number for m in new if m.size in wanted])
        now = self._clock()
        rows = []
        for message in new:
            header = hashes.get(message.number, b"")
            if same := ours.get((message.size, header)):
                stray = same.pop()
                self._strays[stray.sha256].remove(stray.id)
                row = Pop3Row(message.uidl, message.occurrence, message.size, "delivered", header)
                rows.append(row._replace(sha256=stray.sha256, first_seen=now, delivered_at=now, id=stray.id))
        self.record(rows)

    def here_already(self, digest: bytes) -> str:
        """The id of an unrecorded message with this content, each only once; "" if there is none."""
        same = self._strays.get(digest)
        return same.pop() if same else ""

    def all_recorded(self) -> None:
        """The whole maildrop was gone through: what is unrecorded still is not on the server."""
        if self._strays:
            self._store.transact(lambda writer: writer.pop3_all_recorded(self._account))

    def note_missing(self, listing: Sequence[Listed]) -> None:
        """Remember since when a message is not listed any more; forget it after 30 days."""
        now = self._clock()
        listed = {m.key for m in listing}
        known = self.known.items()
        back = [r._replace(missing_since=None) for k, r in known if k in listed and r.missing_since]
        gone = [(k, r) for k, r in known if k not in listed]
        lost = [r._replace(missing_since=now) for _, r in gone if r.missing_since is None]
        old = [k for k, r in gone if r.missing_since is not None and now - r.missing_since > REMEMBER]

        def change(writer: Writer) -> None:
            writer.pop3_record(self._account, [*back, *lost])
            writer.pop3_forget(self._account, old)

        if back or lost or old:
            self._store.transact(change)

    def announce(self, new: Sequence[Listed]) -> None:
        """Commit the ids that these messages are going to have, before they are asked for: a file
        whose run is killed before its commit is then known by its name."""
        self._ids = {m.key: row.id for m in new if (row := self.known.get(m.key)) and row.id}
        rest = [m for m in new if m.key not in self._ids]
        self._ids.update(zip((m.key for m in rest), self._store.new_ids(len(rest)), strict=True))
        now = self._clock()
        self.record(
            [Pop3Row(m.uidl, m.occurrence, m.size, "fetching", first_seen=now, id=self.id(m)) for m in new]
        )

    def id(self, message: Listed) -> str:
        """The id announced for a message."""
        return self._ids[message.key]
