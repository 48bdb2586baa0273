"""One message over one SMTP connection, and the truth about each of its recipients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from mailcli.errors import MailcliError, MessageMalformed, MessageRefused, TryAgain
from mailcli.model import printable
from mailcli.model.draft import Envelope, Outcome
from mailcli.net.smtp import SmtpConnection
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp.events import Completed, Reply, SmtpEvent

_QUEUED_AS: Final = re.compile(r"(?:queued as|id=)\s*<?([A-Za-z0-9._-]{4,64})", re.IGNORECASE)
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


def submit(
    connection: SmtpConnection,
    envelope: Envelope,
    data: bytes,
    *,
    partial: bool = False,
    committing: Callable[[], None] = lambda: None,
) -> Submission:
    """Hand the message to the server in two flights: MAIL, RCPT… and DATA; body, dot and QUIT
    (RFC 2920 §3.1 lets a body begin a group and QUIT end it).

    `data` has CRLF line ends. Without `partial` nothing is sent when one recipient is refused.
    `committing` is called just before the last flight: from then on only the server's reply says
    what became of the message, and if it is lost the outcomes are "unknown". What the server
    refuses is an outcome; what `check` finds and a connection lost before the last flight raise.
    """
    parameters = check(connection, envelope, data)
    pump = connection.pump
    rcpts = [smtp.Rcpt(r, ()) for r in envelope.recipients]
    tags = pump.send(smtp.Mail(envelope.sender, parameters), *rcpts, smtp.Data())
    replies = _replies(event for batch in pump.events(tags[-1]) for event in batch)
    mail, go_ahead = replies[tags[0]], replies[tags[-1]]
    if not mail.ok:
        return Submission(tuple(_outcome(r, mail) for r in envelope.recipients), stage="message")
    outcomes = [
        _outcome(recipient, replies[tag])
        for recipient, tag in zip(envelope.recipients, tags[1:-1], strict=True)
    ]
    accepted = [o for o in outcomes if o.outcome == "sent"]
    if go_ahead.code != 354:
        if not accepted:
            return Submission(tuple(outcomes), stage="recipient")
        final = tuple(_outcome(o.email, go_ahead) if o in accepted else o for o in outcomes)
        return Submission(final, stage="message")
    if not accepted or (len(accepted) < len(outcomes) and not partial):
        pump.close()  # after a 354 the only way not to send a body is to go away
        return Submission(tuple(_withheld(o) for o in outcomes), stage="recipient")
    committing()
    return _last_flight(connection, outcomes, data)


def _last_flight(connection: SmtpConnection, outcomes: list[Outcome], data: bytes) -> Submission:
    pump = connection.pump
    dot = pump.sent + len(data)  # at least so many octets come before it
    try:
        tags = pump.send(smtp.Body(data), smtp.Quit())
        batches = pump.events(tags[0], patience=pump.deadlines.content)
        final = _replies(event for batch in batches for event in batch)[tags[0]]
    except MailcliError as error:
        if pump.stream.begun < dot:
            # The dot never left this machine: the server cannot have accepted the message.
            raise TryAgain(
                f"the connection broke while sending: {error.message}", hint="send again"
            ) from error
        lost = Outcome("", "unknown", 0, "", error.message)
        return Submission(tuple(_if_open(o, lost) for o in outcomes), stage="message")
    reply = _outcome("", final)
    match = _QUEUED_AS.search(final.text) if final.ok else None
    return Submission(
        tuple(_if_open(o, reply) for o in outcomes),
        match.group(1) if match else "",
        "" if final.ok else "message",
    )


def _replies(events: Iterator[SmtpEvent] | Iterable[SmtpEvent]) -> dict[int, Reply]:
    return {event.tag: event.reply for event in events if isinstance(event, Completed)}


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
