"""Downloading a POP3 maildrop: nothing twice, nothing lost, whatever cuts the run.

A message is known by its UIDL and occurrence (copies may share a UIDL). Its id is drawn and written
into the history before it is asked for, so that a file whose run was killed before the commit is
recognised by its name. It is stored durably together with its line in the history, and only then
marked for deletion on the server; only a QUIT answered +OK deletes (RFC 1939 §6), so until then a
delivered message still listed is simply marked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from mailcli.errors import TryAgain
from mailcli.model.account import Pop3Policy
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.pop3 import Pop3Connection
from mailcli.store.store import Store
from mailcli.store.values import Pop3Row, SyncChanges
from mailcli.sync import removed
from mailcli.sync.pop3.destination import Destination, Folder, Letter, begin
from mailcli.sync.pop3.history import History
from mailcli.sync.pop3.logins import Logins
from mailcli.sync.pop3.maildrop import Listed, Tables, Tops, ask, header_of, named
from mailcli.sync.pop3.retr import Received, Refused, Retrieval
from mailcli.sync.pop3.screening import Screen, Sieve, Verdict
from mailcli.sync.pop3.seal import Seal
from mailcli.sync.tally import Tally
from mailcli.wire.pop3.quirks import lists_in_pieces

_LEAP: Final = 366 * 86400.0
"""A clock this far ahead of everything in the history is not believed."""


class Options(NamedTuple):
    """What one run is asked to do: what to leave on the server, which messages are wanted, at most
    so many downloads, only count what is new, take over a history whose UIDLs the server has changed."""

    policy: Pop3Policy
    screen: Screen
    limit: int | None = None
    count_only: bool = False
    adopt: bool = False


class Hooks(NamedTuple):
    """How a run speaks, stops and tells the time. `progress` gets messages, of how many, octets."""

    progress: Callable[[int, int, int], None]
    notice: Callable[[str], None]
    cancel: CancelToken
    clock: Callable[[], float]


class Downloader:
    """One run over one account. `tally` grows with what it has done."""

    def __init__(
        self,
        store: Store,
        account: str,
        connect: Callable[[], Pop3Connection],
        destination: Callable[[], Destination],
        options: Options,
        *,
        tally: Tally,
        hooks: Hooks,
    ) -> None:
        self.store = store
        self.account = account
        self.connect = connect
        self.options = options
        self.tally = tally
        self.hooks = hooks
        self.clock = hooks.clock
        self.logins = Logins(store, account, hooks.clock)
        self.seal = Seal(store, account, options.policy, options.screen, hooks.clock)
        self._make_destination = destination
        self._tried: set[tuple[str, int]] = set()
        self._removable: deque[Listed] = deque()  # durable and recorded, DELE not sent yet
        self._unnamed: dict[str, int] | None = None  # copies of each content, where nothing else names it
        self._total = self._undelivered = 0
        self._asked = 0  # deletions asked for in the last session

    def run(self) -> None:
        """Do all of it. Raises what ends the run; what was delivered until then stays delivered."""
        self.store.account_key(self.account, "pop3")
        if wait := self.logins.wait():
            told = f"the server wants {self.logins.delay} seconds between two logins; {wait} are left"
            if self.options.count_only:
                raise TryAgain(told, hint="try again then")
            self.hooks.notice(f"{self.account}: {told}, so it was not asked")
            return
        if not self.options.count_only:
            self._settle()
        while self._session():
            pass

    def _settle(self) -> None:
        """Take over what a killed run has delivered and not recorded."""
        removed.forget(self.store, removed.look(self.store, self.account))
        self.destination = self._make_destination()
        now = self.clock()
        rows = self.destination.settle(self.store.pop3_fetching(self.account))
        rows = [row._replace(state="delivered", delivered_at=now) for row in rows]
        if rows:
            self.store.transact(lambda writer: writer.pop3_record(self.account, rows))

    def _session(self) -> bool:
        """One connection; whether another should follow."""
        with self.connect() as connection:
            self.logins.note(connection.greeted)
            self._warn(connection)
            tables = ask(connection)
            if self.seal.holds(tables):
                return False
            with self.store.pop3_listing(self.account) as listing:
                self.history = History(self.store, self.account, listing, self.clock)
                again = self._work(connection, tables)
        if self.options.limit is None and not again and not self.options.count_only:
            self.history.all_recorded()
        return again

    def _work(self, connection: Pop3Connection, tables: Tables) -> bool:
        """Do what there is to do; whether another session should follow."""
        tops = Tops(connection)
        maildrop = named(tops, tables)
        history, screen = self.history, self.options.screen
        screen = screen.without_headers() if maildrop.unnamed else screen
        self.sieve = Sieve(self.store, self.account, history, screen, self.hooks.notice, self.clock)
        history.place(tops, maildrop)
        nameless = max(0, tables.counted - history.listing.count())
        if nameless:
            self.hooks.notice(
                f"{tops.label} counts {tables.counted} messages and has no name for {nameless} of them: "
                "they are left there"
            )
        if maildrop.unnamed and self.options.policy.leave != "delete":
            self.hooks.notice(
                f"{tops.label} has neither UIDL nor TOP: everything is downloaded every time; "
                'leave = "delete" would spare that'
            )
        if not maildrop.unnamed:
            history.check_migration(tops, adopt=self.options.adopt)
            history.recognise(tops)
        new = [m for m in history.fresh() if m.key not in self._tried]
        if self.options.count_only:
            self.tally.new = len(self.sieve.wanted(tops, new, record=False))
            return False
        if not maildrop.unnamed:
            history.note_missing()
        wanted = self.sieve.wanted(tops, new, record=not maildrop.unnamed)
        self._removable.extend(self._marked_before())
        if not maildrop.unnamed:
            wanted += self._lacking()
        piece = wanted if maildrop.unnamed else wanted[: self._room()]
        more = len(wanted) > len(piece)
        self._unnamed = {} if maildrop.unnamed else None
        again = self._transfer(connection, tops, piece, more=more)
        left = more or nameless or self._asked or self._undelivered
        if not (left or maildrop.unnamed or self.tally.problems):
            self.seal.put(tables, history.listing)
        return again

    def _room(self) -> int | None:
        """How many messages this session may bring."""
        limit, size = self.options.limit, self.options.policy.session_size
        left = None if limit is None else max(0, limit - len(self._tried))
        return left if not size else size if left is None else min(size, left)

    def _warn(self, connection: Pop3Connection) -> None:
        if self._expires(connection) and self.options.policy.leave != "delete":
            self.hooks.notice(
                f"{connection.pump.label} deletes what was downloaded, whatever it is told (EXPIRE 0)"
            )

    @staticmethod
    def _expires(connection: Pop3Connection) -> bool:
        offered = connection.greeted.capabilities
        return offered is not None and offered.parameters("EXPIRE")[:1] == ("0",)

    # -- which are wanted ----------------------------------------------------------------------

    def _lacking(self) -> list[Listed]:
        """The messages of which the header is here, and which are not too large any more."""
        purged = {(row.uidl, row.occurrence) for row in self._purged}
        return [
            m
            for m in self.history.lacking()
            if not (self.options.screen.too_large(m.size) or m.key in purged or m.key in self._tried)
        ]

    def _outlined(self, tops: Tops, piece: Sequence[Listed]) -> list[Listed]:
        """Bring the headers of what is too large to come whole; the others of the piece."""
        large = [m for m in piece if self.options.screen.too_large(m.size)]
        if not large:
            return list(piece)
        assert isinstance(self.destination, Folder)  # elsewhere only whole messages go

        from mailcli.sync.pop3 import outlines

        came: set[int] = set()
        for some in outlines.outline(tops, self.history, self.destination, large, self.clock()):
            self.tally.new += len(some)
            came.update(m.number for m in some)
            self.hooks.progress(self.tally.new, self.tally.new + len(piece) - len(came), self.tally.octets)
            self.hooks.cancel.check()
        left = [m for m in large if m.number not in came]
        self.history.record([self.sieve.judged(m, Verdict.SKIP) for m in left])
        self.sieve.leave(left)
        return [m for m in piece if not self.options.screen.too_large(m.size)]

    # -- download ------------------------------------------------------------------------------

    def _transfer(
        self,
        connection: Pop3Connection,
        tops: Tops,
        piece: Sequence[Listed],
        *,
        more: bool,
    ) -> bool:
        """Download, delete, QUIT; whether another session should follow."""
        before, problems = self.tally.new, len(self.tally.problems)
        retrieval = Retrieval(connection, self._take_removable, self.hooks.cancel)
        self._download(retrieval, self._outlined(tops, piece), tops.label)
        self._tried.update(m.key for m in piece)
        again = more or (lists_in_pieces(connection.greeted.greeting) and self.tally.new > before)
        again = again and len(self.tally.problems) == problems and self._room() != 0
        if again and self.logins.delay:
            self.hooks.notice(
                f"{self.account}: the server allows no second login now; the next fetch goes on"
            )
            again = False
        if self._undelivered and self._expires(connection):
            connection.pump.close()  # QUIT would delete what was downloaded in vain
            return False
        self._delete(retrieval, wait=again)
        self._asked = retrieval.marked
        return again and len(self.tally.problems) == problems

    def _take_removable(self) -> list[Listed]:
        taken = []
        while self._removable:
            taken.append(self._removable.popleft())
        return taken

    def _download(self, retrieval: Retrieval, piece: Sequence[Listed], label: str) -> None:
        self._total = self.tally.new + len(piece)
        if not piece:
            return
        self.store.expect(len(piece))
        if self._unnamed is None:
            self.history.announce(piece)
        self.hooks.progress(self.tally.new, self._total, self.tally.octets)
        from mailcli.sync.intake import Intake  # a run that finds nothing new delivers nothing

        intake: Intake[Received] = Intake(self._store, lambda received: len(received.data))
        try:
            for message in retrieval.messages(piece):
                if isinstance(message, Refused):
                    self._refused(message, label)
                else:
                    intake.put(message)
        except BaseException:
            intake.abandon()
            raise
        intake.finish()

    def _refused(self, message: Refused, label: str) -> None:
        listed = message.listed
        if self._unnamed is None and not self.history.is_outlined(listed):
            row = Pop3Row(listed.uidl, listed.occurrence, listed.size, "failed", first_seen=self.clock())
            self.history.record([row])
        self.tally.problems.append(f"{label} did not give message {listed.number}: {message.end.text}")

    def _store(self, batch: list[Received]) -> Callable[[], None]:
        """Have a batch made durable along with its lines in the history; what is returned waits for it."""
        letters: list[Letter] = []
        places: list[Listed] = []
        moved: list[Pop3Row] = []
        outlined = [self.history.is_outlined(received.listed) for received in batch]
        self._fill([received for received, bare in zip(batch, outlined, strict=True) if bare])
        for received in [received for received, bare in zip(batch, outlined, strict=True) if not bare]:
            listed, data = received.listed, received.data
            row = self._row(received)
            if here := self.history.here_already(row.sha256):
                moved.append(self._renamed(row, here))
                self._let_go(listed)
            elif (verdict := self._late_verdict(listed, data)) is not Verdict.TAKE:
                moved.append(
                    self.sieve.judged(listed._replace(uidl=row.uidl, occurrence=row.occurrence), verdict)
                )
                if verdict is Verdict.DISCARD:
                    self._removable.append(listed)
            else:
                letters.append(Letter(row, data))
                places.append(listed)
        self.history.record(moved)
        deliver = begin(self.destination, letters, self.history)
        return lambda: self._count(deliver, letters, places)

    def _fill(self, lacking: Sequence[Received]) -> None:
        """Store the bodies of messages whose header is here."""
        if not lacking:
            return
        from mailcli.sync.pop3 import outlines

        here, told = outlines.fill(self.store, self.history, lacking, self.clock())
        self.tally.notices += told
        self.tally.bodies += len(here)
        self.tally.octets += sum(len(one.data) for one in here)
        self._undelivered += len(lacking) - len(here)
        for one in here:
            self._let_go(one.listed)

    def _row(self, received: Received) -> Pop3Row:
        listed, _, digest, header = received
        now = self.clock()
        if self._unnamed is None:
            uidl, occurrence, identity = listed.uidl, listed.occurrence, self.history.id(listed)
        else:
            uidl = f"={digest.hex()}"
            self._unnamed[uidl] = occurrence = self._unnamed.get(uidl, 0) + 1
            (identity,) = self.store.new_ids(1)
        return Pop3Row(uidl, occurrence, listed.size, "delivered", header, digest, now, now, None, identity)

    def _renamed(self, row: Pop3Row, here: Pop3Row) -> Pop3Row:
        """The line of a message that came again under another name."""
        if self._unnamed is not None:
            return here._replace(missing_since=None)
        return row._replace(id=here.id, first_seen=here.first_seen, delivered_at=here.delivered_at)

    def _late_verdict(self, listed: Listed, data: bytes) -> Verdict:
        """What the rules say where TOP could not be asked."""
        screen = self.options.screen
        return screen.verdict(header_of(data), listed.size) if screen.reads_headers else Verdict.TAKE

    def _count(self, told: Callable[[], list[str]], letters: list[Letter], places: list[Listed]) -> None:
        try:
            self.tally.problems += told()
        finally:
            for (row, data), listed in zip(letters, places, strict=True):
                known = self.history.known.get((row.uidl, row.occurrence))
                if known is None or known.state != "delivered":
                    self._undelivered += 1
                    continue
                self.tally.new += 1
                self.tally.octets += len(data)
                self._let_go(listed)
            self.hooks.progress(self.tally.new, self._total, self.tally.octets)

    def _let_go(self, listed: Listed) -> None:
        """A message that is safely here may be deleted there, if that is wanted."""
        if self.options.policy.leave == "delete":
            self._removable.append(listed)

    # -- deletion ------------------------------------------------------------------------------

    def _marked_before(self) -> list[Listed]:
        """Messages that may go for what earlier runs did with them: delivered, and the policy removes
        them now; refused by a rule; purged here."""
        policy, now = self.options.policy, self.clock()
        self._purged = self.store.pop3_pending_deletes(self.account)
        ages = policy.leave == "days" and not self._clock_leapt(now)
        # What a clock that was ahead has dated stays: its age is negative.
        return self.history.due(
            delivered=policy.leave == "delete",
            before=now - policy.days * 86400 if ages else None,
            discarded=self.options.screen.discard is not None,
        )

    def _clock_leapt(self, now: float) -> bool:
        latest = self.store.pop3_latest(self.account) or now
        if now - latest <= _LEAP:
            return False
        self.hooks.notice(
            f"{self.account}: the clock is {int((now - latest) / 86400)} days ahead of the last fetch that "
            "brought anything; nothing is deleted by its age in this run"
        )
        return True

    def _delete(self, retrieval: Retrieval, *, wait: bool) -> None:
        """Have the server delete what may go, and write down what is gone."""
        done: list[Listed] = []
        if wait or retrieval.marked or self._removable:
            done, problem = retrieval.quit()
            self.tally.problems += [problem] if problem else []
        gone = {m.key for m in done}
        there = {place[1:3] for place in self.history.listing.messages([row.uidl for row in self._purged])}
        left = there - gone
        settled = [row.id for row in self._purged if (row.uidl, row.occurrence) not in left]
        self.tally.gone += len(done)
        self.tally.pushed += len(settled)
        if gone or settled:
            changes = SyncChanges(expunged=settled)
            self.store.apply(changes, also=lambda writer: writer.pop3_deleted(self.account, gone))
