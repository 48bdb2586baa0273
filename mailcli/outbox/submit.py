"""One message over one SMTP connection, and the truth about each of its recipients."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from mailcli.errors import (
    MailcliError,
    MessageMalformed,
    MessageRefused,
    OutcomeUnknown,
    TryAgain,
)
from mailcli.model.draft import Envelope, Outcome
from mailcli.net.sessions import SmtpConnection
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp.events import Completed, Event, Reply

_QUEUED_AS: Final = re.compile(
    r"(?:queued as|id=|Ok:?\s+queued\s+as|<)\s*([A-Za-z0-9._-]{6,64})", re.IGNORECASE
)
_NOT_SENT: Final = "not sent, since another recipient was refused"


class Submission(NamedTuple):
    """What the server said: an outcome for each recipient in the envelope's order, and its name
    for the message ("" if it gave none)."""

    outcomes: tuple[Outcome, ...]
    queue_id: str


def check(connection: SmtpConnection, envelope: Envelope, data: bytes) -> tuple[str, ...]:
    """Hold the message against what the server offers, before anything is sent.

    Returns the parameters of MAIL FROM. Raises MessageRefused when it is larger than the
    server's SIZE, MessageMalformed when it needs SMTPUTF8 and the server has none.
    """
    offered = connection.greeted.extensions
    label = connection.pump.label
    parameters: list[str] = []
    if "SIZE" in offered:
        limit = next((int(p) for p in offered.parameters("SIZE") if p.isdigit()), 0)
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
                f"{label} cannot take the address {foreign[0]}: it does not offer SMTPUTF8",
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
    what became of the message. Raises MessageRefused or TryAgain when the sender is refused,
    OutcomeUnknown when the connection is lost between the last flight and its reply.
    """
    parameters = check(connection, envelope, data)
    pump = connection.pump
    rcpts = [smtp.Rcpt(r, ()) for r in envelope.recipients]
    tags = pump.send(smtp.Mail(envelope.sender, parameters), *rcpts, smtp.Data())
    replies = _replies(event for batch in pump.events(tags[-1]) for event in batch)
    mail, go_ahead = replies[tags[0]], replies[tags[-1]]
    if mail.code >= 400:
        connection.pump.close()
        raise _refused(f"{pump.label} refused the sender <{envelope.sender}>", mail)
    outcomes = [
        _outcome(recipient, replies[tag])
        for recipient, tag in zip(envelope.recipients, tags[1:-1], strict=True)
    ]
    accepted = [o for o in outcomes if o.outcome == "sent"]
    if go_ahead.code != 354:
        if accepted:
            raise _refused(f"{pump.label} refused the message at DATA", go_ahead)
        return Submission(tuple(outcomes), "")
    if not accepted or (len(accepted) < len(outcomes) and not partial):
        pump.close()  # after a 354 the only way not to send a body is to go away
        return Submission(tuple(_withheld(o) for o in outcomes), "")
    committing()
    final = _last_flight(connection, data)
    return _concluded(outcomes, final)


def _last_flight(connection: SmtpConnection, data: bytes) -> Reply:
    pump = connection.pump
    tags = pump.send(smtp.Body(data), smtp.Quit())
    try:
        replies = _replies(
            event for batch in pump.events(tags[0], patience=pump.deadlines.content) for event in batch
        )
    except MailcliError as error:
        if pump.stream.unsent:
            # The dot never left this machine: the server cannot have accepted the message.
            raise TryAgain(
                f"the connection broke while sending: {error.message}", hint="send again"
            ) from error
        raise OutcomeUnknown(
            f"{pump.label} may have accepted the message: {error.message}",
            hint="look for it in Sent or ask the recipient before sending again",
        ) from error
    return replies[tags[0]]


def _replies(events: Iterable[Event]) -> dict[int, Reply]:
    found: dict[int, Reply] = {}
    for event in events:
        if isinstance(event, Completed):
            found[event.tag] = event.reply
    return found


def _outcome(recipient: str, reply: Reply) -> Outcome:
    if reply.code < 400:
        word = "sent"
    elif reply.code < 500:
        word = "deferred"
    else:
        word = "rejected"
    return Outcome(recipient, word, reply.code, reply.enhanced, reply.text)


def _withheld(outcome: Outcome) -> Outcome:
    if outcome.outcome != "sent":
        return outcome
    return outcome._replace(outcome="deferred", code=0, enhanced="", text=_NOT_SENT)


def _concluded(outcomes: list[Outcome], final: Reply) -> Submission:
    done = [_outcome(o.email, final) if o.outcome == "sent" else o for o in outcomes]
    match = _QUEUED_AS.search(final.text) if final.code < 400 else None
    return Submission(tuple(done), match.group(1) if match else "")


def _refused(what: str, reply: Reply) -> MailcliError:
    text = f"{what}: {reply.code} {reply.text}"
    if reply.code < 500:
        return TryAgain(text, hint="try again later")
    return MessageRefused(text)
