"""Submitting a message now, and the truth about each of its recipients."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mailcli.app import outbox
from mailcli.app.connecting import named, open_sending, own_name
from mailcli.app.context import Context
from mailcli.app.preparing import Prepared
from mailcli.errors import (
    CannotCreate,
    LocalIOError,
    MailcliError,
    MessageRefused,
    NotHeld,
    OutcomeUnknown,
    PartialFailure,
    RecipientRefused,
    TryAgain,
)
from mailcli.model.draft import Outcome, Sent
from mailcli.model.record import NamedTuple
from mailcli.model.wishes import NONE, Wishes
from mailcli.net.deadline import Deadlines
from mailcli.outbox import keys, schedule
from mailcli.outbox.entry import COMMITTING, SENT, UNKNOWN, Entry, State
from mailcli.outbox.submit import Letter, Submission, submit
from mailcli.outbox.terms import fitting
from mailcli.store.disk import Parallel

if TYPE_CHECKING:
    from mailcli.outbox.spool import Spool


_USUAL: Final = Deadlines()
_FOR_A_QUESTION: Final = Deadlines(connect=10, tls=10, greeting=20, reply=20)
"""For finding out whether the server keeps messages for later."""


class Delivery(NamedTuple):
    """How to submit: `partial` sends to those accepted when others are refused, `deadline` ends
    the whole after so many seconds, `ehlo` is the name given to the server, `on_unknown` says what
    the outbox does when an answer is lost, `key` makes sure that a message is sent once (see
    `app.once`), `wishes` is what is asked of the server."""

    partial: bool = False
    deadline: float | None = None
    ehlo: str = ""
    on_unknown: str = "hold"
    key: str = ""
    wishes: Wishes = NONE


def deliver(ctx: Context, prepared: Prepared, delivery: Delivery, usual: Deadlines = _USUAL) -> Sent:
    """Submit a message, and file the copy in Sent. Returns the outcome of each recipient.

    A record in the outbox says how far it is, so that a kill does not leave anybody guessing; it
    goes as soon as the outcome is certain. Raises what kept the message from being offered to the
    server at all: Unreachable, TimedOut, AuthenticationFailed, MessageRefused (too large), …
    """
    record = _Record(ctx, prepared, delivery)
    try:
        with (
            named(prepared.account),
            open_sending(
                ctx,
                prepared.account,
                usual.within(delivery.deadline) if delivery.deadline else usual,
                delivery.ehlo or own_name(),
            ) as connection,
        ):
            letter = Letter(
                prepared.envelope,
                fitting(connection, prepared.data, composed=prepared.composed),
                delivery.partial,
                record.committing,
                delivery.wishes._replace(binary=True) if prepared.binary else delivery.wishes,
                prepared.account.sending is not None and prepared.account.sending.chunking,
            )
            done = submit(connection, letter)
    except MailcliError:
        record.drop()  # the dot never left
        raise
    except BaseException:
        record.leave()
        raise
    record.conclude(done)
    outbox.flush(ctx, [prepared.account.name])
    return Sent(prepared.account.name, prepared.message_id, done.queue_id, done.outcomes, done.stage)


def deliver_held(ctx: Context, prepared: Prepared, delivery: Delivery, when: float) -> Sent | None:
    """Hand a message over now, for the server to keep until `when` (RFC 4865). None: the server does
    not do that, is away, or has no room now; then nothing was sent, and the outbox can keep it. What
    does not pass by itself (a wrong password, a message too large) raises now, not in the night."""
    if ctx.offline:
        return None
    how = delivery._replace(wishes=delivery.wishes._replace(hold_until=when))
    try:
        sent = deliver(ctx, prepared, how, _FOR_A_QUESTION)
    except (NotHeld, TryAgain):
        return None
    return None if all(o.outcome == "deferred" for o in sent.recipients) else sent


def failure(sent: Sent) -> MailcliError | None:
    """The error a command ends with for these outcomes; None when all were sent."""
    fine = {"sent", "deferred"} if sent.stage == "queued" else {"sent"}
    words = {o.outcome for o in sent.recipients}
    if words <= fine:
        return None
    bad = [o for o in sent.recipients if o.outcome not in fine]
    told = next((o for o in bad if o.code or o.outcome == "unknown"), bad[0])
    text, who = schedule.told(told), sent.account
    if "unknown" in words:
        return OutcomeUnknown(
            f"{who}: the message may have been accepted: {told.text}",
            hint="look for it in Sent or ask the recipient before sending again; mailcli outbox list has it",
        )
    if "sent" in words:
        return PartialFailure(f"{who}: not sent to everyone: {text}")
    if "rejected" not in words:
        return TryAgain(f"{who}: not sent: {text}", hint="try again later")
    if sent.stage == "recipient":
        return RecipientRefused(f"{who}: not sent: {text}", hint="correct the address, or --partial deliver")
    return MessageRefused(f"{who}: not sent: {text}")


class _Record:
    """The outbox entry of a message that is being sent just now, held locked. It is written while
    the connection is made. A disk that is full must not stop the mail that tells of it: then there
    is none."""

    def __init__(self, ctx: Context, prepared: Prepared, delivery: Delivery) -> None:
        self._ctx = ctx
        self._prepared = prepared
        self._spool: Spool = outbox.spool(ctx)
        self._held: list[int] = []
        self._entry: Entry | None = outbox.entry(
            prepared,
            ctx.clock(),
            kept=False,
            partial=delivery.partial,
            on_unknown=delivery.on_unknown,
            ehlo=delivery.ehlo,
            key=delivery.key,
            wishes=delivery.wishes,
        )
        self._writing = Parallel(self._write, [self._entry], at_once=True)
        self._settled = False

    def _write(self, entry: Entry) -> Entry:
        return self._spool.enqueue(entry, self._held)

    def _settle(self) -> Entry | None:
        """The entry once it is durable; None if it could not be written."""
        if not self._settled:
            self._settled = True
            try:
                (self._entry,) = self._writing.results()
            except (LocalIOError, CannotCreate) as error:
                if self._entry is not None and self._entry.key:
                    raise
                self._entry = None
                self._ctx.notice(f"no record of the message is kept while it is sent: {error.message}")
        return self._entry

    def committing(self, certain: tuple[Outcome, ...]) -> None:
        entry = self._settle()
        if entry is not None:
            state = schedule.decided(State(COMMITTING, next_try=entry.not_before), certain)
            self._spool.set_state(entry.id, state)

    def drop(self) -> None:
        """Nothing was sent, and nothing will be."""
        entry = self._settle()
        if entry is not None:
            self._spool.remove(entry.id)
        self._release()

    def leave(self) -> None:
        """Interrupted: before the dot nothing was sent; after it the record is all that is known."""
        entry = self._settle()
        if entry is not None and self._spool.state(entry.id).phase != COMMITTING:
            self._spool.remove(entry.id)
        self._release()

    def conclude(self, done: Submission) -> None:
        """Keep the copy of what was sent. The record stays only if the outcome is unknown."""
        sent = any(o.outcome == "sent" for o in done.outcomes)
        entry = self._settle()
        if any(o.outcome == "unknown" for o in done.outcomes):
            if entry is not None:
                lost = next(o for o in done.outcomes if o.outcome == "unknown")
                with self._outcome_stands():
                    self._spool.set_state(entry.id, State(UNKNOWN, 1, note=lost.text))
            self._release()
            return
        state = State(SENT, 1, outcomes=done.outcomes, queue_id=done.queue_id, stage=done.stage)
        if entry is not None and sent:
            with self._outcome_stands():
                self._spool.set_state(entry.id, state, durable=False)
        if sent:
            outbox.keep_copy(
                self._ctx, self._prepared.account, self._prepared.copy, self._prepared.message_id
            )
        if entry is not None:
            with self._outcome_stands():
                keys.settle(self._spool, entry.key, self._sent(done))
                self._spool.remove(entry.id)
        self._release()
        if sent:
            outbox.push_copy(self._ctx, self._prepared.account)

    @contextmanager
    def _outcome_stands(self) -> Iterator[None]:
        """What the server said is true whatever the disk says: told that it failed, the caller would
        send the message again."""
        try:
            yield
        except (LocalIOError, CannotCreate) as error:
            self._ctx.notice(f"the outbox keeps an outdated record of the message: {error.message}")

    def _sent(self, done: Submission) -> Sent:
        message = self._prepared
        return Sent(message.account.name, message.message_id, done.queue_id, done.outcomes, done.stage)

    def _release(self) -> None:
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()
