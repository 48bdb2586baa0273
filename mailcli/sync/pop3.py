"""Downloading a POP3 maildrop: nothing twice, nothing lost, whatever cuts the run.

A message is known by its UIDL and occurrence (copies may share a UIDL). Its id is drawn and written
into the history before it is asked for, so that a file whose run was killed before the commit is
recognised by its name. It is stored durably together with its line in the history, and only then
marked for deletion on the server; only a QUIT answered +OK deletes (RFC 1939 §6), so until then a
delivered message still listed is simply marked again.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from mailcli.errors import MailcliError, RemoteProtocolError
from mailcli.model.account import Account, Pop3Policy
from mailcli.model.folder import INBOX
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.pop3 import Pop3Connection
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Pop3Row, SyncChanges
from mailcli.sync import removed
from mailcli.sync.deliverer import Deliverer
from mailcli.sync.history import History
from mailcli.sync.maildrop import Listed, header_hash, list_maildrop
from mailcli.sync.tally import Tally
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3.events import Completed, Content

WINDOW: Final = 32
WINDOW_OCTETS: Final = 4 << 20
BATCH: Final = 100
BATCH_OCTETS: Final = 8 << 20
LARGEST_OCTETS: Final = 256 << 20
"""A message that goes on beyond this, and beyond twice what LIST said of it, has no end."""


class Options(NamedTuple):
    """What one run is asked to do: what to leave on the server, at most so many downloads, only
    count what is new, take over a history whose UIDLs the server has changed."""

    policy: Pop3Policy
    limit: int | None = None
    count_only: bool = False
    adopt: bool = False


class Received(NamedTuple):
    """A message as it came."""

    listed: Listed
    data: bytes


class Downloader:
    """One run over one account. `tally` grows with what it has done."""

    def __init__(
        self,
        store: Store,
        account: Account,
        connect: Callable[[], Pop3Connection],
        options: Options,
        *,
        tally: Tally,
        progress: Callable[[int, int, int], None],
        cancel: CancelToken,
        clock: Callable[[], float],
    ) -> None:
        self.store = store
        self.account = account.name
        self.connect = connect
        self.options = options
        self.progress = progress
        self.cancel = cancel
        self.clock = clock
        self.tally = tally
        self._delivered: list[Listed] = []  # durable; complete once the deliverer has finished
        self._total = 0

    def run(self) -> None:
        """Do all of it. Raises what ends the run; what was delivered until then stays delivered."""
        self.store.account_key(self.account, "pop3")
        inbox = self.store.ensure_folder(self.account, INBOX, special="Inbox")
        if not self.options.count_only:
            # Takes over what a killed run left without its rows, too.
            removed.forget(self.store, removed.look(self.store, self.account))
        history = self.history = History(self.store, self.account, self.clock)
        with self.connect() as connection:
            listing = list_maildrop(connection, history.known)
            history.check_migration(connection, listing, adopt=self.options.adopt)
            history.recognise(connection, listing)
            new = history.new(listing, self.options.policy.max_size)
            if self.options.count_only:
                self.tally.new = len(new)
                return
            history.note_missing(listing)
            marked = self._marked_before(listing)
            new = new[: self.options.limit]
            history.announce(new)
            marked += self._download(connection, inbox, new)
            self._delete(connection, marked, listing)
        if self.options.limit is None:
            history.all_recorded()

    # -- download ------------------------------------------------------------------------------

    def _download(self, connection: Pop3Connection, inbox: int, new: Sequence[Listed]) -> list[Listed]:
        """RETR in a window; gives the messages that may be deleted now."""
        self._total = len(new)
        if not new:
            return []
        self.progress(0, self._total, 0)
        deliverer: Deliverer[Received] = Deliverer(lambda batch: self._deliver(inbox, batch))
        try:
            for batch in self._batches(connection, new):
                deliverer.put(batch)
        except BaseException:
            deliverer.abandon()
            raise
        deliverer.finish()
        return self._delivered if self.options.policy.leave == "delete" else []

    def _batches(self, connection: Pop3Connection, new: Sequence[Listed]) -> Iterator[list[Received]]:
        """The messages as they come; when the connection breaks, what came before is the last batch."""
        batch: list[Received] = []
        size = 0
        try:
            for received in self._retrieve(connection, new):
                batch.append(received)
                size += len(received.data)
                if len(batch) >= BATCH or size >= BATCH_OCTETS:
                    yield batch
                    batch, size = [], 0
        except MailcliError:
            if batch:
                yield batch
            raise
        if batch:
            yield batch

    def _retrieve(self, connection: Pop3Connection, new: Sequence[Listed]) -> Iterator[Received]:
        pump = connection.pump
        waiting = deque(new)
        flying: deque[tuple[int, Listed]] = deque()
        octets = 0
        pieces: dict[int, list[bytes]] = {}
        ends: dict[int, Completed] = {}
        came = 0
        while waiting or flying:
            while waiting and len(flying) < WINDOW and (not flying or octets < WINDOW_OCTETS):
                message = waiting.popleft()
                (tag,) = pump.send(pop3.Retr(message.number))
                flying.append((tag, message))
                octets += message.size
            tag, message = flying.popleft()
            for events in pump.events(tag) if tag not in ends else ():
                for event in events:
                    if isinstance(event, Content):
                        pieces.setdefault(event.tag, []).append(event.data)
                        came += len(event.data)
                    elif isinstance(event, Completed):
                        ends[event.tag] = event
                        came = 0
                if came > max(LARGEST_OCTETS, 2 * message.size):
                    raise RemoteProtocolError(
                        f"{pump.label} announced {message.size} octets for message {message.number} "
                        f"and has sent {came} without an end"
                    )
            octets -= message.size
            end = ends.pop(tag)
            data = b"".join(pieces.pop(tag, ()))
            if end.ok:
                yield Received(message, data)
            else:
                self._failed(message, end, pump.label)
            self.cancel.check()

    def _deliver(self, inbox: int, batch: list[Received]) -> None:
        """Make a batch durable together with its lines in the history. On the deliverer's thread."""
        rows, arrivals = [], []
        for listed, data in batch:
            digest = hashlib.sha256(data).digest()
            stray = self.history.here_already(digest)
            identity = stray or self.history.id(listed)
            if not stray:
                arrivals.append(Arrival(inbox, data, arrived=self.clock(), id=identity))
            row = Pop3Row(listed.uidl, listed.occurrence, listed.size, "delivered", header_hash(data), digest)
            rows.append(row._replace(first_seen=self.clock(), delivered_at=self.clock(), id=identity))
        if arrivals:
            self.store.deliver(arrivals, also=lambda writer: writer.pop3_record(self.account, rows))
        else:
            self.history.record(rows)
        self.tally.new += len(batch)
        self.tally.octets += sum(len(r.data) for r in batch)
        self.progress(self.tally.new, self._total, self.tally.octets)
        self._delivered += [received.listed for received in batch]

    def _failed(self, message: Listed, end: Completed, label: str) -> None:
        row = Pop3Row(message.uidl, message.occurrence, message.size, "failed", first_seen=self.clock())
        self.history.record([row])
        self.tally.problems.append(f"{label} did not give message {message.number}: {end.text}")

    # -- deletion ------------------------------------------------------------------------------

    def _marked_before(self, listing: Sequence[Listed]) -> list[Listed]:
        """Messages delivered by earlier runs that the policy now removes."""
        policy, now = self.options.policy, self.clock()
        marked = []
        for message in listing:
            row = self.history.known.get(message.key)
            if row is None or row.state not in {"delivered", "deleted"}:
                continue
            age = now - (row.delivered_at or now)
            if policy.leave == "delete" or (policy.leave == "days" and age >= policy.days * 86400):
                marked.append(message)
        return marked

    def _delete(
        self, connection: Pop3Connection, marked: Sequence[Listed], listing: Sequence[Listed]
    ) -> None:
        """DELE what may go, and QUIT: only its +OK makes it so."""
        by_key = {m.key: m for m in listing}
        purged = self.store.pop3_pending_deletes(self.account)
        wanted = {m.key: m for m in marked}
        wanted.update((k, by_key[k]) for r in purged if (k := (r.uidl, r.occurrence)) in by_key)
        settled = [r.id for r in purged if (r.uidl, r.occurrence) not in by_key]
        done: list[Listed] = []
        if wanted:
            done = self._dele_and_quit(connection, list(wanted.values()))
        keys = {m.key for m in done}
        settled += [r.id for r in purged if (r.uidl, r.occurrence) in keys]
        self.tally.gone = len(done)
        self.tally.pushed = len(settled)
        known = self.store.pop3_known(self.account)
        rows = [known[k]._replace(state="deleted") for k in keys if k in known]
        if rows or settled:
            changes = SyncChanges(expunged=settled)
            self.store.apply(changes, also=lambda writer: writer.pop3_record(self.account, rows))

    def _dele_and_quit(self, connection: Pop3Connection, messages: list[Listed]) -> list[Listed]:
        pump = connection.pump
        tags = pump.send(*(pop3.Dele(m.number) for m in messages), pop3.Quit())
        ends: dict[int, Completed] = {}
        try:
            for events in pump.events(tags[-1]):
                ends.update((e.tag, e) for e in events if isinstance(e, Completed))
        except MailcliError as error:
            self.tally.problems.append(
                f"whether {len(messages)} messages were deleted is not known: {error.message}"
            )
            return []
        if not ends[tags[-1]].ok:
            self.tally.problems.append(f"{pump.label} did not delete: {ends[tags[-1]].text}")
            return []
        return [m for m, tag in zip(messages, tags, strict=False) if ends[tag].ok]
