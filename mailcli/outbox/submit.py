"""Messages over an SMTP or LMTP connection, and the truth about each of their recipients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mailcli.errors import MailcliError, MessageMalformed, MessageRefused, TryAgain
from mailcli.model import pattern
from mailcli.model.draft import Envelope, Outcome
from mailcli.model.record import NamedTuple
from mailcli.model.wishes import NONE, Wishes
from mailcli.net.smtp import SmtpConnection
from mailcli.outbox.terms import check, limits, rcpt_parameters
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp.commands import SmtpCommand
from mailcli.wire.smtp.events import Completed, Reply, SmtpEvent

_QUEUED_AS: Final = pattern.compile(r"(?:queued as|id=)\s*<?([A-Za-z0-9._-]{4,64})", re.IGNORECASE)
SMALL: Final = 64 << 10
"""A message up to this size goes out in one flight with its dot."""

_PIECE: Final = 256 << 10
"""Octets of a large message that are stuffed and encrypted at a time."""

_LIKE_COMMANDS: Final = pattern.compile(
    rb"^[ \t]*(?:MAIL|RCPT|DATA|BDAT|BURL|AUTH|STARTTLS|X[A-Z]+)\b|[^\n]{999}", re.IGNORECASE | re.MULTILINE
)
"""What must not stand in a chunk that goes out before its recipient is known to be accepted: there are
servers that do not discard the chunk then (RFC 3030 §2) but take its lines for commands of the
session, which is ours and signed in. Without these words no line can do anything; and a server may
begin a new command in the middle of a line that is too long for it."""

_NOT_SENT: Final = "not sent, since another recipient was refused"
_ANOTHER_TIME: Final = "the server takes no more over one connection"


class Submission(NamedTuple):
    """What the server said: an outcome for each recipient in the envelope's order, its name for
    the message ("" if it gave none), and what it refused: "message", "recipient" or ""."""

    outcomes: tuple[Outcome, ...]
    queue_id: str = ""
    stage: str = ""


class Letter(NamedTuple):
    """One message to submit. `data` has CRLF line ends. Without `partial` nothing is sent when one
    recipient is refused. `committing` is called just before the last flight: from then on only the
    server's reply says what became of the message. It is given the outcomes that are certain by
    then: a server may want a long list of recipients in parts. `ready` is called before, while the
    server answers the message before this one: what can be prepared for `committing` costs no time then.
    `wishes` is what is asked of the server; `chunking` lets the message go along with its envelope, by
    BDAT."""

    envelope: Envelope
    data: bytes
    partial: bool = False
    committing: Callable[[tuple[Outcome, ...]], None] = lambda outcomes: None
    wishes: Wishes = NONE
    chunking: bool = False
    ready: Callable[[], None] = lambda: None


class Submitter:
    """Submits messages over one connection, one after the other.

    A message takes two flights: MAIL, RCPT… and DATA; then body and dot, with what comes next: QUIT,
    or the envelope of the message behind it, so that a queue costs one round trip a message
    (RFC 2920 §3.1 lets a body begin a group and QUIT end it).
    """

    def __init__(self, connection: SmtpConnection) -> None:
        self._connection = connection
        self._pump = connection.pump
        self._replies: dict[int, Completed] = {}
        self._begun: tuple[Letter, list[int]] | None = None
        self._stale = False  # a transaction is open that was not finished
        self._over = False
        self._most_recipients, self._most_messages = limits(connection)
        self._messages = 0  # MAIL commands so far

    @property
    def usable(self) -> bool:
        """Whether another message may be submitted over this connection."""
        return not (self._over or self._full or self._pump.engine.closed)

    @property
    def _full(self) -> bool:
        """Whether the server takes no more messages here (RFC 9422 §4.1)."""
        return 0 < self._most_messages <= self._messages

    def submit(self, letter: Letter, following: Letter | None = None) -> Submission:
        """Hand over one message; `following` is the one the next call is going to be given, None
        if this is the last.

        What the server refuses is an outcome, and so is an answer that was lost after the dot
        ("unknown"). What `check` finds and a connection lost before the dot raise.
        """
        if 0 < self._most_recipients < len(letter.envelope.recipients):
            return self._in_parts(letter)
        return self._whole(letter, following)

    def close(self) -> None:
        """Go away at once."""
        self._over = True
        self._pump.close()

    def _whole(self, letter: Letter, following: Letter | None, *, more: bool = False) -> Submission:
        if following is None and self._begun is None and not more and self._fits_one_flight(letter):
            return self._one_flight(letter)
        if letter.wishes.binary:
            return self._by_chunk(letter)
        tags = self._taken(letter) or self._begin(letter)
        mail, *rcpts, go_ahead = [self._reply(tag) for tag in tags]
        recipients = letter.envelope.recipients
        self._stale = True
        if not mail.ok:
            return Submission(tuple(_outcome(r, mail) for r in recipients), stage="message")
        outcomes = [_outcome(r, reply) for r, reply in zip(recipients, rcpts, strict=True)]
        accepted = [o for o in outcomes if o.outcome == "sent"]
        if go_ahead.code != 354:
            if not accepted:
                return Submission(tuple(outcomes), stage="recipient")
            final = tuple(_outcome(o.email, go_ahead) if o in accepted else o for o in outcomes)
            return Submission(final, stage="message")
        if not accepted or (len(accepted) < len(outcomes) and not letter.partial):
            self.close()  # after a 354 the only way not to send a body is to go away
            return Submission(tuple(_withheld(o) for o in outcomes), stage="recipient")
        rest = self._all_but_the_end(letter.data)
        self._stale = False
        letter.committing(())
        return _finished(outcomes, self._last_flight(rest, following, more=more))

    def _by_chunk(self, letter: Letter) -> Submission:
        """A message that is no text (RFC 3030 §3): DATA cannot carry it. Here nothing goes along with its
        envelope, since no recipient may be refused behind a chunk of anything at all."""
        recipients = letter.envelope.recipients
        tags = self._pump.send(*self._envelope(letter)[:-1])
        self._messages += 1
        self._stale = True
        mail, *rcpts = [self._reply(tag) for tag in tags[-len(recipients) - 1 :]]
        if not mail.ok:
            return Submission(tuple(_outcome(r, mail) for r in recipients), stage="message")
        outcomes = [_outcome(r, reply) for r, reply in zip(recipients, rcpts, strict=True)]
        accepted = [o for o in outcomes if o.outcome == "sent"]
        if not accepted or (len(accepted) < len(outcomes) and not letter.partial):
            return Submission(tuple(_withheld(o) for o in outcomes), stage="recipient")
        self._stale = False
        letter.committing(())
        before = self._pump.sent
        try:
            (tag,) = self._pump.send(smtp.Bdat(letter.data))
            answer: tuple[Reply, ...] | str
            answer = self._completed(tag, patience=self._pump.deadlines.content).replies
        except MailcliError as error:
            self.close()
            if self._pump.stream.begun < before + len(letter.data):
                raise _broken(error) from error
            answer = error.message
        return _finished(outcomes, answer)

    # -- many recipients

    def _in_parts(self, letter: Letter) -> Submission:
        """RFC 9422's RCPTMAX: one message for so many recipients, the next one for the others.

        Where nobody is to have it unless all are accepted, all are asked for before the first part.
        """
        recipients, most = letter.envelope.recipients, self._most_recipients
        parts = [recipients[n : n + most] for n in range(0, len(recipients), most)]
        if not letter.partial:
            refused = self._refused(letter, parts)
            if refused:
                return refused
        certain: list[Outcome] = []
        queue_id = stage = ""
        for part in parts:
            if certain and not self.usable:
                certain += (Outcome(r, "deferred", 0, "", _ANOTHER_TIME) for r in part)
                continue
            done = self._part(letter, part, certain)
            certain += done.outcomes
            queue_id, stage = queue_id or done.queue_id, done.stage or stage
        return Submission(tuple(certain), queue_id, stage)

    def _part(self, letter: Letter, part: tuple[str, ...], before: Sequence[Outcome]) -> Submission:
        so_far = tuple(before)
        one = letter._replace(
            envelope=Envelope(letter.envelope.sender, part),
            committing=lambda outcomes: letter.committing(so_far),
        )
        try:
            return self._whole(one, None, more=True)
        except MailcliError as error:
            if not any(o.outcome in ("sent", "unknown") for o in so_far):
                raise
            self.close()
            return Submission(tuple(Outcome(r, "deferred", 0, "", error.message) for r in part))

    def _refused(self, letter: Letter, parts: Sequence[tuple[str, ...]]) -> Submission | None:
        """Ask for all recipients, without a message; what it comes to if one is refused."""
        outcomes: list[Outcome] = []
        for part in parts:
            if self._full:
                break  # the others cannot be asked for here
            commands = self._envelope(letter._replace(envelope=Envelope(letter.envelope.sender, part)))
            tags = self._pump.send(*commands[:-1], smtp.Rset())
            self._messages += 1
            mail, *rcpts, _ = [self._reply(tag) for tag in tags[-len(part) - 2 :]]
            if not mail.ok:
                everyone = letter.envelope.recipients
                return Submission(tuple(_outcome(r, mail) for r in everyone), stage="message")
            outcomes += (_outcome(r, reply) for r, reply in zip(part, rcpts, strict=True))
        if all(o.outcome == "sent" for o in outcomes):
            return None
        unasked = letter.envelope.recipients[len(outcomes) :]
        outcomes += (Outcome(r, "deferred", 0, "", _NOT_SENT) for r in unasked)
        return Submission(tuple(_withheld(o) for o in outcomes), stage="recipient")

    # -- one flight

    def _fits_one_flight(self, letter: Letter) -> bool:
        offered = self._connection.greeted.extensions
        return (
            letter.chunking
            and "CHUNKING" in offered
            and "PIPELINING" in offered
            and not self._stale
            and len(letter.envelope.recipients) == 1
            and len(letter.data) <= SMALL
            and not _LIKE_COMMANDS.search(letter.data)
        )

    def _one_flight(self, letter: Letter) -> Submission:
        """Envelope, message and QUIT at once (RFC 3030 §4.2)."""
        pump = self._pump
        commands = [*self._envelope(letter)[:-1], smtp.Bdat(letter.data), smtp.Quit()]
        letter.committing(())
        before = pump.sent
        self._over = True
        answers: list[Completed] = []
        try:
            tags = pump.send(*commands)
            answers += (self._completed(tag) for tag in tags[:2])
            answers.append(self._completed(tags[2], patience=pump.deadlines.content))
        except MailcliError as error:
            refused = next((a.reply for a in answers if not a.reply.ok), None)
            self.close()
            if refused is None and pump.stream.begun < before + len(letter.data):
                raise _broken(error) from error
            lost: tuple[Reply, ...] | str = error.message
        else:
            refused = next((a.reply for a in answers[:2] if not a.reply.ok), None)
            lost = answers[2].replies
        (recipient,) = letter.envelope.recipients
        if refused is not None:
            stage = "recipient" if answers[0].reply.ok else "message"
            return Submission((_outcome(recipient, refused),), stage=stage)
        return _finished([Outcome(recipient, "sent", 0, "", "")], lost)

    # -- two flights

    def _taken(self, letter: Letter) -> list[int]:
        """The tags of this letter's envelope, if it went out behind the message before."""
        begun, self._begun = self._begun, None
        if begun is None:
            return []
        if begun[0] is not letter:
            raise ValueError("another message was announced to follow")
        return begun[1]

    def _begin(self, letter: Letter) -> list[int]:
        """Send a letter's envelope; its tags."""
        commands = self._envelope(letter)
        tags = self._pump.send(*commands)
        self._messages += 1
        self._stale = False
        return tags[-len(letter.envelope.recipients) - 2 :]

    def _envelope(self, letter: Letter) -> list[SmtpCommand]:
        parameters = check(self._connection, letter.envelope, letter.data, letter.wishes)
        reset = [smtp.Rset()] if self._stale else []
        rcpts = [smtp.Rcpt(r, rcpt_parameters(letter.wishes, r)) for r in letter.envelope.recipients]
        return [*reset, smtp.Mail(letter.envelope.sender, parameters), *rcpts, smtp.Data()]

    def _follows(self, letter: Letter | None) -> list[SmtpCommand]:
        """The envelope that goes out behind a message; [] if it has to wait for its own turn."""
        if (
            letter is None
            or letter.wishes.binary
            or 0 < self._most_recipients < len(letter.envelope.recipients)
        ):
            return []
        try:
            return self._envelope(letter)
        except (MessageMalformed, MessageRefused):
            return []  # its own turn will say so

    def _all_but_the_end(self, data: bytes) -> bytes:
        """Send what comes before the last part of a large message, and see it arrive; the last part.

        The dot has to leave as late as can be: while octets of the message are still on their way
        nobody can tell what a broken connection means.
        """
        cut = data.rfind(b"\r\n", 0, len(data) - SMALL // 2) + 2
        if len(data) <= SMALL or cut < 2:
            return data
        begin = 0
        try:
            while begin < cut:
                end = data.rfind(b"\r\n", begin, min(begin + _PIECE, cut)) + 2
                end = end if end > begin + 1 else data.find(b"\r\n", begin) + 2
                self._pump.send(smtp.Body(data[begin:end], last=False))
                self._keep(self._pump.drain(acknowledged=end == cut))
                begin = end
        except MailcliError as error:
            self.close()
            raise _broken(error) from error
        return data[cut:]

    def _last_flight(self, rest: bytes, following: Letter | None, *, more: bool) -> tuple[Reply, ...] | str:
        """The end of the body, the dot, and in the same flight QUIT or the next envelope; nothing if
        there is `more` to come that was not announced. The server's answers, or why there are none."""
        pump = self._pump
        dot = pump.sent + len(rest)  # at least so many octets come before it
        behind = self._follows(following) if not self._full else []
        last = following is None and not more
        self._over = last
        try:
            tag, *tags = pump.send(smtp.Body(rest), *(behind or ([smtp.Quit()] if last else [])))
            if following is not None and behind:
                self._messages += 1
                self._begun = following, tags
                following.ready()
            return self._completed(tag, patience=pump.deadlines.content).replies
        except MailcliError as error:
            self.close()
            if pump.stream.begun < dot:
                # The dot never left this machine: the server cannot have accepted the message.
                raise _broken(error) from error
            return error.message

    def _reply(self, tag: int) -> Reply:
        return self._completed(tag).reply

    def _completed(self, tag: int, patience: float | None = None) -> Completed:
        if tag not in self._replies:
            for batch in self._pump.events(tag, patience=patience):
                self._keep(batch)
        return self._replies.pop(tag)

    def _keep(self, events: Iterable[SmtpEvent]) -> None:
        self._replies.update((e.tag, e) for e in events if isinstance(e, Completed))


def _finished(outcomes: list[Outcome], final: tuple[Reply, ...] | str) -> Submission:
    """The outcomes once the dot has left. `final` is the server's answer, LMTP's one for each
    recipient that was accepted (RFC 2033 §4.2), or why it was lost."""
    if not isinstance(final, str) and (bye := next((r for r in final if r.code == 221), None)):
        final = bye.full  # the answer to QUIT in place of the message's: RFC 5321 has no such success
    if isinstance(final, str):
        lost = Outcome("", "unknown", 0, "", final)
        return Submission(tuple(_if_open(o, lost) for o in outcomes), stage="message")
    answers = iter(final if len(final) > 1 else final * len(outcomes))
    told = tuple(_if_open(o, _outcome("", next(answers))) if o.outcome == "sent" else o for o in outcomes)
    matches = [match for reply in final if reply.ok and (match := _QUEUED_AS.search(reply.text))]
    return Submission(
        told, matches[0].group(1) if matches else "", "" if all(reply.ok for reply in final) else "message"
    )


def submit(connection: SmtpConnection, letter: Letter) -> Submission:
    """Submit the only message of a connection; see `Submitter.submit`."""
    return Submitter(connection).submit(letter)


def _broken(error: MailcliError) -> TryAgain:
    return TryAgain(f"the connection broke while sending: {error.message}", hint="send again")


def _outcome(recipient: str, reply: Reply) -> Outcome:
    word = "sent" if reply.ok else "deferred" if reply.temporary else "rejected"
    return Outcome(recipient, word, reply.code, reply.enhanced, reply.text)


def _if_open(outcome: Outcome, final: Outcome) -> Outcome:
    """The final word for a recipient that had been accepted; others keep their own."""
    return final._replace(email=outcome.email) if outcome.outcome == "sent" else outcome


def _withheld(outcome: Outcome) -> Outcome:
    if outcome.outcome != "sent":
        return outcome
    return outcome._replace(outcome="deferred", code=0, enhanced="", text=_NOT_SENT)
