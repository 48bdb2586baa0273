"""`mailcli forward`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.composing import OPTIONS, SUBJECT, Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.results import SENT


def run(session: Session, id: str, to: tuple[str, ...], attached: bool, **options: Any) -> None:
    from mailcli.app import preparing

    letter = Letter(to=to, **options)
    submitting.check_options(session, letter)
    original = session.message(id).id
    text = composing.body(session, letter)
    if composing.nothing_to_send(letter, text):
        return

    def forwarded() -> None:
        preparing.mark_answered(session.ctx, original, forwarded=True)

    if text is None:
        template = preparing.forward_template(session.ctx, original, letter.sender, attached=attached)
        submitting.finish_edited(session, template, letter, forwarded)
        return
    asked = composing.request(session, letter, text)
    prepared = preparing.prepare_forward(session.ctx, original, asked, attached=attached)
    if letter.draft:
        submitting.keep(session, preparing.draft_of(prepared))
    else:
        submitting.finish(session, prepared, letter, forwarded)


COMMAND = Command(
    "forward",
    "Forward a message.",
    run,
    arguments=(
        Argument("id", "ID", "The message to forward.", complete="ids"),
        Argument("to", "TO", "Addresses.", many=True, complete="addresses"),
    ),
    options=(
        Option(
            ("--as-attachment",),
            "Attach the message whole, with all its header, instead of its text.",
            dest="attached",
        ),
        SUBJECT,
        *OPTIONS,
    ),
    about="""
    The message stands below the text, with its attachments, and is sent by the account that received
    it. The text is read from stdin or the file of -F (it may be empty: < /dev/null); on a terminal
    without either, $EDITOR opens. The original is marked as forwarded.
    """,
    examples=(
        Example("echo 'For you.' | mailcli forward 7k2m ann@example.org", "With a line above it."),
        Example("mailcli forward 7k2m abuse@example.org --as-attachment < /dev/null", "As evidence."),
    ),
    view=SENT,
)
