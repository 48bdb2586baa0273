"""Sending what is due: one account, one connection, one message after the other.

Each entry is locked while it is sent, so that runs beside each other never send one twice. What a
run decides about an entry is durable before the end of the next one leaves. A message that is accepted
costs two fsyncs: one of its own `committing`, made while the server answers the message before; one of
the directory, which also makes it durable that the message before is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from mailcli.errors import (
    AuthenticationFailed,
    CannotCreate,
    Interrupted,
    LocalIOError,
    Locked,
    MailcliError,
    NotFound,
)
from mailcli.model.draft import Envelope, Outcome, Sent
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.smtp import SmtpConnection
from mailcli.outbox import keys, schedule
from mailcli.outbox.entry import COMMITTING, FAILED, QUEUED, SENT, UNKNOWN, Entry, State
from mailcli.outbox.spool import Row, Spool
from mailcli.outbox.submit import Letter, Submission, Submitter
from mailcli.outbox.terms import fitting


class Result(NamedTuple):
    """What became of one entry in this run. `error`: why the server was not even asked."""

    entry: Entry
    state: State
    error: MailcliError | None = None


class _Turn(NamedTuple):
    """A locked entry on its way to the server."""

    entry: Entry
    state: State
    letter: Letter
    release: ExitStack


def _by_chance() -> float:
    from random import random  # with `math` and the rest of it dear to a `send` that defers nothing

    return random()  # noqa: S311 - spreads retries


class Run:
    """One pass over one account's due entries.

    `connect` opens a signed-in connection. `file_copy` keeps the copy in Sent (None: there is to be
    none); it must not raise for a copy's sake, and may be called twice for one message after a crash.
    """

    def __init__(
        self,
        spool: Spool,
        connect: Callable[[Entry], SmtpConnection],
        file_copy: Callable[[Entry], None] | None,
        *,
        clock: Callable[[], float],
        cancel: CancelToken,
        chance: Callable[[], float] = _by_chance,
    ) -> None:
        self._spool = spool
        self._connect = connect
        self._file_copy = file_copy
        self._clock = clock
        self._cancel = cancel
        self._chance = chance
        self._results: list[Result] = []

    def over(self, rows: Sequence[Row]) -> list[Result]:
        """Send these entries of one account, as far as the server lets us. What one of them runs
        into does not stop the others, but a server that is away, or does not let us in, does."""
        waiting = list(rows)
        while waiting:
            try:
                connection = self._connect(waiting[0].entry)
            except Interrupted:
                raise  # no try that would count
            except MailcliError as error:
                self._none_got_through(waiting, error)
                break
            try:
                waiting = self._over_one_connection(connection, waiting)
            finally:
                connection.close()
                self._spool.tidy()
        return self._results

    def _over_one_connection(self, connection: SmtpConnection, rows: list[Row]) -> list[Row]:
        """As many as it carries; the others."""
        submitter = Submitter(connection)
        queue = list(rows)
        turn = self._next(queue, connection)
        following: _Turn | None = None
        try:
            while turn is not None:
                self._cancel.check()
                following = self._next(queue, connection)
                self._submit(submitter, turn, following)
                turn.release.close()
                if not submitter.usable and following is not None:
                    return [row for row in rows if row.entry.id == following.entry.id] + queue
                turn = following
        finally:
            for left in (turn, following):
                if left is not None:
                    left.release.close()
        return []

    def _submit(self, submitter: Submitter, turn: _Turn, following: _Turn | None) -> None:
        try:
            done = submitter.submit(turn.letter, following.letter if following else None)
        except Interrupted:
            raise  # before the dot: it waits as it did
        except MailcliError as error:
            self._settle(turn, schedule.prevented(turn.entry, turn.state, error, *self._now()), error)
            if error.exit_code != 65:
                submitter.close()
        else:
            self.settle(turn.entry, turn.state, done)

    def settle(self, entry: Entry, state: State, done: Submission) -> State:
        """Write down what a submission came to, file the copy, and let go of what is finished."""
        after = schedule.submitted(entry, state, done, *self._now())
        return self._conclude(entry, after)

    def finish(self, entry: Entry, state: State) -> State:
        """Do what a crash left undone after the server had the message."""
        state = self._conclude(entry, state)
        self._spool.tidy()
        return state

    def _conclude(self, entry: Entry, state: State, error: MailcliError | None = None) -> State:
        done = state.phase == SENT
        if not done or self._file_copy is not None:
            self._spool.set_state(entry.id, state)
        if self._file_copy is not None and state.reached and not state.filed:
            self._file_copy(entry if entry.data else self._spool.load(entry.id))
            state = state._replace(filed=True)
            if not done:
                self._spool.set_state(entry.id, state)
        if done:
            sent = Sent(entry.account, entry.message_id, state.queue_id, state.outcomes)
            keys.settle(self._spool, entry.key, sent)
            self._spool.drop(entry.id)
        elif state.phase == FAILED:
            self._spool.fail(entry.id)
        self._results.append(Result(entry, state, error))
        return state

    def _settle(self, turn: _Turn, state: State, error: MailcliError) -> None:
        self._conclude(turn.entry, state, error)

    def _next(self, queue: list[Row], connection: SmtpConnection | None = None) -> _Turn | None:
        """The next entry that nobody else is sending and that is still to be sent, locked."""
        while queue:
            row = queue.pop(0)
            release = ExitStack()
            try:
                release.enter_context(self._spool.locked(row.entry.id))
                state = self._spool.state(row.entry.id, row.entry)
                if state.phase != QUEUED:
                    release.close()
                    continue
                entry = self._spool.load(row.entry.id)
            except (Locked, NotFound):
                release.close()
                continue
            except BaseException:
                release.close()
                raise
            data = entry.data
            if connection is not None:
                data = fitting(connection, data, composed=entry.composed)
            return _Turn(entry, state, self._letter(entry, state, data), release)
        return None

    def _letter(self, entry: Entry, state: State, data: bytes) -> Letter:
        def committing(certain: tuple[Outcome, ...]) -> None:
            now = schedule.decided(state, certain)
            self._spool.set_state(entry.id, now._replace(phase=COMMITTING))

        def ready() -> None:
            with suppress(LocalIOError, CannotCreate):  # `committing` finds out what that means
                self._spool.ready(entry.id, state._replace(phase=COMMITTING))

        envelope = Envelope(entry.envelope.sender, state.open(entry))
        partial = entry.partial or state.reached
        return Letter(envelope, data, partial, committing, entry.wishes, ready=ready)

    def _none_got_through(self, rows: Sequence[Row], error: MailcliError) -> None:
        """No connection: those that wait go on waiting."""
        queue = list(rows)
        while (turn := self._next(queue)) is not None:
            try:
                if isinstance(error, AuthenticationFailed):
                    state = schedule.paused(turn.state, error, self._clock())
                else:
                    state = schedule.prevented(turn.entry, turn.state, error, *self._now())
                self._settle(turn, state, error)
            finally:
                turn.release.close()

    def _now(self) -> tuple[float, float]:
        return self._clock(), self._chance()


def due(rows: Sequence[Row], now: float, *, everything: bool = False) -> list[Row]:
    """The entries to be tried now, oldest first. `everything`: also those that wait for their next
    try, but not those that were to be sent later (`--at`)."""
    return [
        row
        for row in rows
        if row.word == QUEUED and row.entry.not_before <= now and (everything or row.state.next_try <= now)
    ]


@contextmanager
def recovered(spool: Spool, rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The entries a crash left in the middle, each locked for the block if nobody else has it:
    those whose dot may have left (now "unknown"), and those that were accepted and not tidied up."""
    with ExitStack() as locks:
        found = []
        for row in rows:
            if row.busy or row.state.phase not in (COMMITTING, UNKNOWN, SENT):
                continue
            try:
                locks.enter_context(spool.locked(row.entry.id))
                state = spool.state(row.entry.id, row.entry)
            except (Locked, NotFound):
                continue
            if state.phase == COMMITTING:
                state = state._replace(phase=UNKNOWN, note="interrupted while the server was answering")
                spool.set_state(row.entry.id, state)
            found.append(row._replace(state=state))
        yield found
