"""`mailcli reply`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.composing import OPTIONS, SUBJECT, Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.results import SENT


def run(session: Session, id: str, everyone: bool, quote: bool, **options: Any) -> None:
    from mailcli.app import preparing

    letter = Letter(to=(), **options)
    submitting.check_options(session, letter)
    original = session.message(id).id
    text = composing.body(session, letter)
    if composing.nothing_to_send(letter, text):
        return
    kept = None
    if text is None:
        template = preparing.reply_template(session.ctx, original, letter.sender, everyone=everyone)
        session.end_progress()
        prepared, kept = composing.edited(session, template, letter)
    else:
        asked = composing.request(session, letter, text)
        prepared = preparing.prepare_reply(session.ctx, original, asked, everyone=everyone, quote=quote)
    submitting.finish(
        session, prepared, letter, lambda: preparing.mark_answered(session.ctx, original), kept=kept
    )


COMMAND = Command(
    "reply",
    "Answer a message.",
    run,
    arguments=(Argument("id", "ID", "The message to answer.", complete="ids"),),
    options=(
        Option(("--all",), "Answer the other recipients too.", dest="everyone"),
        Option(("--quote",), "Put the quoted original below the text (in the editor it always is)."),
        SUBJECT,
        *OPTIONS,
    ),
    about="""
    Recipients, subject and threading follow from the message, and it is sent by the account that
    received it. The text is read from stdin or the file of -F; on a terminal without either, $EDITOR
    opens with the original quoted. The original is marked as answered.
    """,
    examples=(
        Example("mailcli reply 7k2m --all -F notes.txt", "To everyone on it."),
        Example("echo Thanks. | mailcli reply 7k2m --quote", "A line above the quoted text."),
    ),
    view=SENT,
)
