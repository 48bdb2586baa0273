"""What a sender asks of the server besides delivering: SMTP's service extensions as values."""

from __future__ import annotations

from typing import Final

from mailcli.errors import MessageMalformed, UsageError
from mailcli.model import printable
from mailcli.model.record import NamedTuple

_EVENTS: Final = ("success", "failure", "delay")
_LONGEST_ID: Final = 100
"""RFC 3461 §4.4, after its encoding."""


class Wishes(NamedTuple):
    """`notify` (of success, failure, delay; or never alone), `returns` (full or hdrs) and
    `envelope_id` are RFC 3461's; () and "" leave it to the server. `require_tls`: RFC 8689.
    `priority`: RFC 6710, -9 to 9, 0 is none. `deliver_by`: seconds since the epoch, 0 is none, and what
    the server does then: `late` is "return" or "notify" (RFC 2852). `hold_until`: seconds since the
    epoch until which the server keeps the message (RFC 4865), 0 is not at all. `binary`: the message
    is no text, and goes by BDAT alone (RFC 3030 §3).
    """

    notify: tuple[str, ...] = ()
    returns: str = ""
    envelope_id: str = ""
    require_tls: bool = False
    priority: int = 0
    deliver_by: float = 0.0
    late: str = "return"
    hold_until: float = 0.0
    binary: bool = False


NONE: Final = Wishes()


def notify(text: str) -> tuple[str, ...]:
    """`never`, or a list of success, failure, delay, in the order of the RFC. UsageError, and
    MessageMalformed for what could become a second command."""
    words = [word.strip() for word in _one_line(text, "--dsn").lower().split(",")]
    if words == ["never"]:
        return ("never",)
    if not words or any(word not in _EVENTS for word in words):
        raise UsageError(
            f"{printable.line(text)!r} is no choice of reports",
            hint="write never, or some of success,failure,delay",
        )
    return tuple(word for word in _EVENTS if word in words)


def returns(text: str) -> str:
    """`full` or `hdrs`. UsageError, MessageMalformed."""
    word = _one_line(text, "what a report returns").lower()
    if word not in ("full", "hdrs"):
        raise UsageError(f"{printable.line(text)!r} cannot be returned", hint="write full or hdrs")
    return word


def envelope_id(text: str) -> str:
    """An envelope identifier as it is, checked. UsageError, MessageMalformed."""
    if any(c in "\r\n\0" for c in text):
        raise MessageMalformed("the envelope id contains a line break or a NUL")
    if not text or not text.isascii() or not text.isprintable() or len(xtext(text)) > _LONGEST_ID:
        raise UsageError(
            f"{printable.line(text)!r} cannot be an envelope id", hint="up to 100 ASCII characters"
        )
    return text


def xtext(text: str) -> str:
    """RFC 3461 §4: ASCII with "+", "=", spaces and controls as "+" and two hex digits."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)


def _one_line(text: str, what: str) -> str:
    if any(c in "\r\n\0" for c in text):
        raise MessageMalformed(f"{what} contains a line break or a NUL")
    return text.strip(" ")
