"""`mailcli forward`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.composing import OPTIONS, SUBJECT, Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example
from mailcli.cli.views.results import SENT


def run(session: Session, id: str, to: tuple[str, ...], **options: Any) -> None:
    from mailcli.app import preparing

    letter = Letter(to=to, **options)
    submitting.check_options(session, letter)
    original = session.message(id).id
    text = composing.body(session, letter)
    if composing.nothing_to_send(letter, text):
        return
    kept = None
    if text is None:
        template = preparing.forward_template(session.ctx, original, letter.sender)
        session.end_progress()
        prepared, kept = composing.edited(session, template, letter)
    else:
        prepared = preparing.prepare_forward(session.ctx, original, composing.request(session, letter, text))
    submitting.finish(
        session,
        prepared,
        letter,
        lambda: preparing.mark_answered(session.ctx, original, forwarded=True),
        kept=kept,
    )


COMMAND = Command(
    "forward",
    "Forward a message.",
    run,
    arguments=(
        Argument("id", "ID", "The message to forward.", complete="ids"),
        Argument("to", "TO", "Addresses.", many=True, complete="addresses"),
    ),
    options=(SUBJECT, *OPTIONS),
    about="""
    The message stands below the text, with its attachments, and is sent by the account that received
    it. The text is read from stdin or the file of -F (it may be empty: < /dev/null); on a terminal
    without either, $EDITOR opens. The original is marked as forwarded.
    """,
    examples=(Example("echo 'For you.' | mailcli forward 7k2m ann@example.org", "With a line above it."),),
    view=SENT,
)
