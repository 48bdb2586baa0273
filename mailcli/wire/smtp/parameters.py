"""The parameters of MAIL and RCPT by which service extensions are asked for.

What is asked for and not offered is an error here, before anything of the message is sent: to leave
it out silently would be to promise what nobody keeps.
"""

from __future__ import annotations

from typing import Final

from mailcli.errors import MessageRefused, NotHeld
from mailcli.model.wishes import Wishes, xtext
from mailcli.wire.smtp.events import Extensions

_LONGEST_BY: Final = 999_999_999
"""RFC 2852 §4: at most nine digits."""


def of_mail(wishes: Wishes, offered: Extensions, *, label: str, private: bool, now: float) -> list[str]:
    """What MAIL gets for these wishes. `private`: the connection is under verified TLS.

    Raises MessageRefused for what the server does not offer, or not so far.
    """
    parameters: list[str] = []
    if wishes.notify or wishes.returns or wishes.envelope_id:
        _needed("DSN", "reports of delivery", offered, label)
        if wishes.returns:
            parameters.append(f"RET={wishes.returns.upper()}")
        if wishes.envelope_id:
            parameters.append(f"ENVID={xtext(wishes.envelope_id)}")
    if wishes.binary:
        for keyword in ("CHUNKING", "BINARYMIME"):
            _needed(keyword, "messages that are no text", offered, label)
        parameters.append("BODY=BINARYMIME")
    if wishes.require_tls:
        # RFC 8689 §4.2.1: the tag means that this hop was verified, too.
        if not private:
            raise MessageRefused(
                f"TLS is required, and the connection to {label} has none",
                hint='set tls = "implicit" or "starttls" for this server; nothing was sent',
            )
        _needed("REQUIRETLS", "TLS all the way", offered, label)
        parameters.append("REQUIRETLS")
    if wishes.priority:
        _needed("MT-PRIORITY", "priorities", offered, label)
        parameters.append(f"MT-PRIORITY={wishes.priority}")
    if wishes.deliver_by:
        parameters.append(_by(wishes, offered, label, now))
    if wishes.hold_until:
        parameters.append(_hold(wishes.hold_until, offered, label, now))
    return parameters


def of_rcpt(wishes: Wishes, recipient: str) -> tuple[str, ...]:
    """What RCPT gets. ORCPT keeps the address that reports are to name, whatever becomes of it on
    its way (RFC 3461 §4.2); its form for other than ASCII is left out."""
    if not wishes.notify:
        return ()
    notify = f"NOTIFY={','.join(wishes.notify).upper()}"
    return (notify, f"ORCPT=rfc822;{xtext(recipient)}") if recipient.isascii() else (notify,)


def most_recipients(offered: Extensions) -> int:
    """How many recipients one message may have (RFC 9422's RCPTMAX); 0: nothing is said."""
    return _limit(offered, "RCPTMAX")


def most_messages(offered: Extensions) -> int:
    """How many messages one connection may carry (RFC 9422's MAILMAX); 0: nothing is said."""
    return _limit(offered, "MAILMAX")


def _limit(offered: Extensions, name: str) -> int:
    if "LIMITS" not in offered:
        return 0
    for word in offered.parameters("LIMITS"):
        key, _, value = word.partition("=")
        if key.upper() == name:
            return _number(value)
    return 0


def _by(wishes: Wishes, offered: Extensions, label: str, now: float) -> str:
    words = _needed("DELIVERBY", "a time limit for the delivery", offered, label)
    least = _number(words[0]) if words else 0
    left = int(wishes.deliver_by - now)
    if wishes.late == "return":
        if left <= 0:
            raise MessageRefused("the time by which the message was to be delivered has passed")
        if left < least:
            raise MessageRefused(f"{label} promises no delivery in less than {least} seconds")
    left = max(-_LONGEST_BY, min(left, _LONGEST_BY))
    return f"BY={left};{'R' if wishes.late == 'return' else 'N'}"


def _hold(until: float, offered: Extensions, label: str, now: float) -> str:
    """RFC 4865 §3: the longest interval in seconds, and the last moment, stand behind the keyword."""
    if "FUTURERELEASE" not in offered:
        raise NotHeld(f"{label} does not keep messages for later (FUTURERELEASE)")
    words = offered.parameters("FUTURERELEASE")
    if len(words) > 0 and until - now > _number(words[0]):
        raise NotHeld(f"{label} keeps a message for at most {_number(words[0])} seconds")
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if len(words) > 1 and moment > words[1].upper():
        raise NotHeld(f"{label} keeps no message beyond {words[1]}")
    return f"HOLDUNTIL={moment}"


def _needed(keyword: str, what: str, offered: Extensions, label: str) -> tuple[str, ...]:
    if keyword not in offered:
        raise MessageRefused(
            f"{label} does not offer {what} ({keyword}); nothing was sent",
            hint="send without asking for it, or by another server",
        )
    return offered.parameters(keyword)


def _number(text: str) -> int:
    """A number of at most 20 digits; anything else is 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0
