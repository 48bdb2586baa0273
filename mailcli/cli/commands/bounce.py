"""`mailcli bounce`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.composing import Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example
from mailcli.cli.views.results import SENT

_TAKEN = (
    "cc", "sender", "partial", "ehlo", "deadline", "queue", "at", "undo", "idempotency_key", "on_unknown",
    "dry_run",
)  # fmt: skip
_OPTIONS = tuple(option for option in composing.OPTIONS if option.key in _TAKEN)


def run(session: Session, id: str, to: tuple[str, ...], cc: tuple[str, ...], **options: Any) -> None:
    from mailcli.app import bouncing

    absent = {option.key: option.absent for option in composing.OPTIONS}
    letter = Letter(**{**absent, "to": to, "subject": None, "cc": cc, **options})
    submitting.check_options(session, letter)
    original = session.message(id).id
    prepared = bouncing.prepare_bounce(session.ctx, original, to, cc=cc, sender=letter.sender)
    submitting.finish(session, prepared, letter)


COMMAND = Command(
    "bounce",
    "Send a message on as it is.",
    run,
    arguments=(
        Argument("id", "ID", "The message to send on.", complete="ids"),
        Argument("to", "TO", "Addresses.", many=True, complete="addresses"),
    ),
    options=_OPTIONS,
    about="""
    The message goes to these addresses byte for byte, as if it had been sent there: its From, its
    recipients and its body stay, and Resent fields above them say who sent it on. Only Bcc and Return-Path
    are taken out. It is sent by the account that received it. To pass a message on with words of your own,
    use forward.
    """,
    examples=(Example("mailcli bounce 7k2m sales@example.org", "To whom it should have gone."),),
    view=SENT,
)
