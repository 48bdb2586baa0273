"""Messages over an SMTP connection, and the truth about each of their recipients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from mailcli.errors import MailcliError, MessageMalformed, MessageRefused, TryAgain
from mailcli.model import pattern, printable
from mailcli.model.draft import Envelope, Outcome
from mailcli.model.record import NamedTuple
from mailcli.net.smtp import SmtpConnection
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp.commands import SmtpCommand
from mailcli.wire.smtp.events import Completed, Reply, SmtpEvent

_QUEUED_AS: Final = pattern.compile(r"(?:queued as|id=)\s*<?([A-Za-z0-9._-]{4,64})", re.IGNORECASE)
SMALL: Final = 64 << 10
"""A message up to this size goes out in one flight with its dot."""

_NOT_SENT: Final = "not sent, since another recipient was refused"


class Submission(NamedTuple):
    """What the server said: an outcome for each recipient in the envelope's order, its name for
    the message ("" if it gave none), and what it refused: "message", "recipient" or ""."""

    outcomes: tuple[Outcome, ...]
    queue_id: str = ""
    stage: str = ""


def check(connection: SmtpConnection, envelope: Envelope, data: bytes) -> tuple[str, ...]:
    """Hold the message against what the server offers, before anything is sent.

    Returns the parameters of MAIL FROM. Raises MessageRefused when the message is larger than the
    server's SIZE, MessageMalformed when it needs SMTPUTF8 and the server has none.
    """
    offered = connection.greeted.extensions
    label = connection.pump.label
    parameters: list[str] = []
    if "SIZE" in offered:
        # RFC 1870 §4: at most 20 digits; what is longer or none limits nothing.
        sizes = offered.parameters("SIZE")
        limit = next((int(p) for p in sizes if p.isascii() and p.isdigit() and len(p) <= 20), 0)
        if limit and len(data) > limit:
            raise MessageRefused(
                f"the message has {len(data)} octets and {label} takes at most {limit}",
                hint="send the attachments another way or in several messages",
            )
        parameters.append(f"SIZE={len(data)}")
    if "8BITMIME" in offered and not data.isascii():
        parameters.append("BODY=8BITMIME")
    foreign = [a for a in (envelope.sender, *envelope.recipients) if not a.isascii()]
    if foreign:
        if "SMTPUTF8" not in offered:
            raise MessageMalformed(
                f"{label} cannot take the address {printable.line(foreign[0])}: it does not offer SMTPUTF8",
                hint="use an address in ASCII, or another server",
            )
        parameters.append("SMTPUTF8")
    return tuple(parameters)


class Letter(NamedTuple):
    """One message to submit. `data` has CRLF line ends. Without `partial` nothing is sent when one
    recipient is refused. `committing` is called just before the last flight: from then on only the
    server's reply says what became of the message."""

    envelope: Envelope
    data: bytes
    partial: bool = False
    committing: Callable[[], None] = lambda: None


class Submitter:
    """Submits messages over one connection, one after the other.

    A message takes two flights: MAIL, RCPT… and DATA; then body and dot, with what comes next: QUIT,
    or the envelope of the message behind it, so that a queue costs one round trip a message
    (RFC 2920 §3.1 lets a body begin a group and QUIT end it).
    """

    def __init__(self, connection: SmtpConnection) -> None:
        self._connection = connection
        self._pump = connection.pump
        self._replies: dict[int, Reply] = {}
        self._begun: tuple[Letter, list[int]] | None = None
        self._stale = False  # a transaction is open that was not finished
        self._over = False

    @property
    def usable(self) -> bool:
        """Whether another message may be submitted over this connection."""
        return not (self._over or self._pump.engine.closed)

    def submit(self, letter: Letter, following: Letter | None = None) -> Submission:
        """Hand over one message; `following` is the one the next call is going to be given, None
        if this is the last.

        What the server refuses is an outcome, and so is an answer that was lost after the dot
        ("unknown"). What `check` finds and a connection lost before the dot raise.
        """
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
        letter.committing()
        return _finished(outcomes, self._last_flight(rest, following))

    def close(self) -> None:
        """Go away at once."""
        self._over = True
        self._pump.close()

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
        self._stale = False
        return tags[-len(letter.envelope.recipients) - 2 :]

    def _envelope(self, letter: Letter) -> list[SmtpCommand]:
        parameters = check(self._connection, letter.envelope, letter.data)
        reset = [smtp.Rset()] if self._stale else []
        rcpts = [smtp.Rcpt(r, ()) for r in letter.envelope.recipients]
        return [*reset, smtp.Mail(letter.envelope.sender, parameters), *rcpts, smtp.Data()]

    def _all_but_the_end(self, data: bytes) -> bytes:
        """Send what comes before the last part of a large message, and see it arrive; the last part.

        The dot has to leave as late as can be: while octets of the message are still on their way
        nobody can tell what a broken connection means.
        """
        cut = data.rfind(b"\r\n", 0, len(data) - SMALL // 2) + 2
        if len(data) <= SMALL or cut < 2:
            return data
        try:
            self._pump.send(smtp.Body(data[:cut], last=False))
            self._keep(self._pump.drain())
        except MailcliError as error:
            self.close()
            raise TryAgain(
                f"the connection broke while sending: {error.message}", hint="send again"
            ) from error
        return data[cut:]

    def _last_flight(self, rest: bytes, following: Letter | None) -> Reply | str:
        """The end of the body, the dot, and in the same flight QUIT or the next envelope. The
        server's answer, or why there is none."""
        pump = self._pump
        dot = pump.sent + len(rest)  # at least so many octets come before it
        behind: list[SmtpCommand] = [smtp.Quit()]
        if following is not None:
            try:
                behind = self._envelope(following)
            except (MessageMalformed, MessageRefused):
                behind = []  # its own turn will say so
        self._over = following is None
        try:
            tag, *tags = pump.send(smtp.Body(rest), *behind)
            if following is not None and behind:
                self._begun = following, tags
            return self._reply(tag, patience=pump.deadlines.content)
        except MailcliError as error:
            self.close()
            if pump.stream.begun < dot:
                # The dot never left this machine: the server cannot have accepted the message.
                raise TryAgain(
                    f"the connection broke while sending: {error.message}", hint="send again"
                ) from error
            return error.message

    def _reply(self, tag: int, patience: float | None = None) -> Reply:
        if tag not in self._replies:
            for batch in self._pump.events(tag, patience=patience):
                self._keep(batch)
        return self._replies.pop(tag)

    def _keep(self, events: Iterable[SmtpEvent]) -> None:
        self._replies.update((e.tag, e.reply) for e in events if isinstance(e, Completed))


def _finished(outcomes: list[Outcome], final: Reply | str) -> Submission:
    """The outcomes once the dot has left: `final` is the server's answer, or why it was lost."""
    if isinstance(final, str):
        lost = Outcome("", "unknown", 0, "", final)
        return Submission(tuple(_if_open(o, lost) for o in outcomes), stage="message")
    reply = _outcome("", final)
    match = _QUEUED_AS.search(final.text) if final.ok else None
    return Submission(
        tuple(_if_open(o, reply) for o in outcomes),
        match.group(1) if match else "",
        "" if final.ok else "message",
    )


def submit(connection: SmtpConnection, letter: Letter) -> Submission:
    """Submit the only message of a connection; see `Submitter.submit`."""
    return Submitter(connection).submit(letter)


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
