"""A message held against what a server offers: what it will not take is found before anything is sent."""

from __future__ import annotations

import time

from mailcli.errors import MessageMalformed, MessageRefused
from mailcli.model import printable
from mailcli.model.draft import Envelope
from mailcli.model.wishes import NONE, Wishes
from mailcli.net.smtp import SmtpConnection


def check(
    connection: SmtpConnection, envelope: Envelope, data: bytes, wishes: Wishes = NONE
) -> tuple[str, ...]:
    """Hold the message against what the server offers, before anything is sent.

    Returns the parameters of MAIL FROM. Raises MessageRefused when the message is larger than the
    server's SIZE or a wish is not met, MessageMalformed when it needs SMTPUTF8 and the server has none.
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
    if "8BITMIME" in offered and not wishes.binary and not data.isascii():
        parameters.append("BODY=8BITMIME")
    foreign = [a for a in (envelope.sender, *envelope.recipients) if not a.isascii()]
    if foreign:
        if "SMTPUTF8" not in offered:
            raise MessageMalformed(
                f"{label} cannot take the address {printable.line(foreign[0])}: it does not offer SMTPUTF8",
                hint="use an address in ASCII, or another server",
            )
        parameters.append("SMTPUTF8")
    if wishes != NONE:
        from mailcli.wire.smtp import parameters as asked

        private = connection.pump.stream.tls is not None
        parameters += asked.of_mail(wishes, offered, label=label, private=private, now=time.time())
    return tuple(parameters)


def fitting(connection: SmtpConnection, data: bytes, *, composed: bool) -> bytes:
    """A message in the form that the server takes: what we have `composed` loses its 8bit bodies where
    8BITMIME is not offered. What came as a message goes as it came: to encode it would break its
    signature, and servers that offer nothing let octets through, as msmtp and Exim trust them to."""
    if not composed or "8BITMIME" in connection.greeted.extensions or data.isascii():
        return data
    from mailcli.mime.sevenbit import sevenbit

    return sevenbit(data)


def rcpt_parameters(wishes: Wishes, recipient: str) -> tuple[str, ...]:
    """The parameters of RCPT TO."""
    if wishes == NONE:
        return ()
    from mailcli.wire.smtp import parameters as asked

    return asked.of_rcpt(wishes, recipient)


def limits(connection: SmtpConnection) -> tuple[int, int]:
    """The most recipients of a message and the most messages of this connection; 0 is any number."""
    offered = connection.greeted.extensions
    if "LIMITS" not in offered:
        return 0, 0
    from mailcli.wire.smtp import parameters as asked

    return asked.most_recipients(offered), asked.most_messages(offered)
