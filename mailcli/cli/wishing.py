"""The options of `send`, `reply` and `forward` that ask something of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailcli.cli.spec import Option
from mailcli.errors import UsageError

if TYPE_CHECKING:
    from mailcli.cli.composing import Letter
    from mailcli.model.wishes import Wishes

OPTIONS: Final = (
    Option(("--dsn",), "Ask for reports: never, or some of success,failure,delay.", "text", "WHEN"),
    Option(
        ("--dsn-return",),
        "What a report holds of the message.",
        "choice",
        choices=("full", "hdrs"),
    ),
    Option(("--envelope-id",), "A name for the message that reports repeat.", "text", "ID"),
    Option(("--require-tls",), "Only by servers that carry it under verified TLS all the way."),
    Option(("--priority",), "Its priority among others, from -9 to 9.", "integer", "N"),
    Option(("--deliver-by",), "Deliver it by then, as --at is written, or not at all.", "text", "WHEN"),
    Option(
        ("--if-late",),
        "What the server does with --deliver-by when it is late: return it, or tell and go on.",
        "choice",
        choices=("return", "notify"),
    ),
)


def wishes(letter: Letter, now: float) -> Wishes:
    """What is asked of the server. UsageError; MessageMalformed for a line break."""
    from mailcli.model import wishes as model

    if letter.priority is not None and not -9 <= letter.priority <= 9:
        raise UsageError("--priority is from -9 to 9")
    if letter.if_late is not None and letter.deliver_by is None:
        raise UsageError("--if-late goes with --deliver-by")
    return model.Wishes(
        notify=model.notify(letter.dsn) if letter.dsn is not None else (),
        returns=letter.dsn_return or "",
        envelope_id=model.envelope_id(letter.envelope_id) if letter.envelope_id is not None else "",
        require_tls=letter.require_tls,
        priority=letter.priority or 0,
        deliver_by=_moment(letter.deliver_by, now) if letter.deliver_by is not None else 0.0,
        late=letter.if_late or "return",
    )


def _moment(text: str, now: float) -> float:
    from mailcli.model.moment import moment

    return moment(text, now)
