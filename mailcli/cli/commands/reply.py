"""`mailcli reply`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.composing import OPTIONS, SUBJECT, Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.results import SENT
from mailcli.errors import UsageError


def run(session: Session, id: str, everyone: bool, to_list: bool, quote: bool, **options: Any) -> None:
    from mailcli.app import preparing

    letter = Letter(to=(), **options)
    submitting.check_options(session, letter)
    if everyone and to_list:
        raise UsageError("--all and --list do not go together")
    original = session.message(id).id
    text = composing.body(session, letter)
    if composing.nothing_to_send(letter, text):
        return

    def answered() -> None:
        preparing.mark_answered(session.ctx, original)

    if text is None:
        template = preparing.reply_template(
            session.ctx, original, letter.sender, everyone=everyone, to_list=to_list
        )
        submitting.finish_edited(session, template, letter, answered)
        return
    asked = composing.request(session, letter, text)
    prepared = preparing.prepare_reply(
        session.ctx, original, asked, everyone=everyone, quote=quote, to_list=to_list
    )
    if letter.draft:
        submitting.keep(session, preparing.draft_of(prepared))
    else:
        submitting.finish(session, prepared, letter, answered)


COMMAND = Command(
    "reply",
    "Answer a message.",
    run,
    arguments=(Argument("id", "ID", "The message to answer.", complete="ids"),),
    options=(
        Option(("--all",), "Answer the other recipients too.", dest="everyone"),
        Option(("--list",), "Answer the mailing list only.", dest="to_list"),
        Option(("--quote",), "Put the quoted original below the text (in the editor it always is)."),
        SUBJECT,
        *OPTIONS,
    ),
    about="""
    Recipients, subject and threading follow from the message, and it is sent by the account that
    received it. The text is read from stdin or the file of -F; on a terminal without either, $EDITOR
    opens with the original quoted. The original is marked as answered.

    The answer goes to Reply-To, else to From; where the list itself put its address into Reply-To, to the
    author. --all follows Mail-Followup-To, and leaves out your own addresses. It comes from the address of
    yours that the message was sent to. An empty answer is an error (65); with -E it is nothing to do.
    """,
    examples=(
        Example("mailcli reply 7k2m --all -F notes.txt", "To everyone on it."),
        Example("mailcli reply 7k2m --list -F notes.txt", "To its mailing list."),
        Example("echo Thanks. | mailcli reply 7k2m --quote", "A line above the quoted text."),
    ),
    view=SENT,
)
