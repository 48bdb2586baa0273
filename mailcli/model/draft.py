"""A message being written, before it is bytes; and what became of it after it was sent."""

from __future__ import annotations

from mailcli.model.address import Address
from mailcli.model.record import NamedTuple


class Attachment(NamedTuple):
    """A file to attach: `type` is `major/minor`; a `cid` makes it an inline image of the HTML."""

    name: str
    type: str
    data: bytes
    cid: str = ""


class Draft(NamedTuple):
    """All that `mime.compose` needs to build a message.

    `text` and `html` use LF; `headers` are extra fields in order; `date` is seconds since the
    epoch and `zone` minutes east of UTC. `message_id` stands without angle brackets.
    """

    sender: Address
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    subject: str
    text: str
    date: float
    zone: int
    message_id: str
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    reply_to: tuple[Address, ...] = ()
    flowed: bool = False


class Envelope(NamedTuple):
    """RFC 5321's envelope: the bare addresses of MAIL FROM ("" for the null path) and RCPT TO."""

    sender: str
    recipients: tuple[str, ...]


class Outcome(NamedTuple):
    """What became of one recipient: `outcome` is sent, rejected, deferred or unknown.

    `code` is the SMTP reply code (0 if none came), `enhanced` RFC 3463's status ("" if none),
    `text` the server's words, one line.
    """

    email: str
    outcome: str
    code: int
    enhanced: str
    text: str


class Sent(NamedTuple):
    """The result of a submission, for `send` and for its JSON.

    `stage` is where it was decided: "recipient" when RCPT was what the server refused, "message"
    when it was the sender or the message itself, "" when there is nothing to decide.
    """

    account: str
    message_id: str
    queue_id: str
    recipients: tuple[Outcome, ...]
    stage: str = ""
