"""`mailcli draft`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.changes import show
from mailcli.cli.composing import Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group
from mailcli.cli.views.messages import MESSAGES
from mailcli.cli.views.results import CHANGES, SENT
from mailcli.errors import UsageError

_ID = Argument("id", "ID", "The draft.", complete="ids")
_TAKEN = ("partial", "ehlo", "deadline", "queue", "at", "undo", "idempotency_key", "on_unknown", "dry_run")
_OPTIONS = tuple(option for option in composing.OPTIONS if option.key in _TAKEN)


def list_(session: Session) -> None:
    from mailcli.app import drafts, unsent

    unsent.adopt(session.ctx)
    rows = drafts.listed(session.ctx)
    session.out.show(MESSAGES, rows, shorten=session.shorten, show={})
    if not rows:
        session.out.remark("there are no drafts")


def edit(session: Session, id: str) -> None:
    from mailcli.app import drafts

    if not session.can_ask:
        raise UsageError("draft edit needs a terminal", hint="mailcli read --raw ID, or draft send ID")
    named = session.message(id).id
    draft = drafts.opened(session.ctx, named)
    submitting.finish_edited(
        session, draft, _letter(), lambda: drafts.sent(session.ctx, draft, named), draft_id=named
    )


def send(session: Session, id: str, **options: Any) -> None:
    from mailcli.app import drafts, preparing

    letter = _letter(**options)
    submitting.check_options(session, letter)
    named = session.message(id).id
    prepared = drafts.prepare(session.ctx, named)
    source = preparing.draft_of(prepared)
    submitting.finish(session, prepared, letter, lambda: drafts.sent(session.ctx, source, named))


def delete(session: Session, ids: tuple[str, ...]) -> None:
    from mailcli.app import drafts

    named = [row.id for row in session.messages(ids)]
    show(session, drafts.discard(session.ctx, named))


def _letter(**options: Any) -> Letter:
    absent = {option.key: option.absent for option in composing.OPTIONS}
    return Letter(**{"to": (), "subject": None, **absent, **options})


COMMAND = Group(
    "draft",
    "List, edit, send and delete drafts.",
    (
        Command("list", "List the drafts, newest first.", list_, view=MESSAGES),
        Command(
            "edit",
            "Go on writing a draft, then send it or keep it.",
            edit,
            (_ID,),
            about="""
            $EDITOR opens on it, and then it is sent, edited again, or kept in Drafts: the new one is stored,
            here and on the server, before the old one goes to Trash.
            """,
            view=SENT,
        ),
        Command(
            "send",
            "Send a draft as it is.",
            send,
            (_ID,),
            options=_OPTIONS,
            about="""
            When it is sent, it goes from Drafts to Trash, and the message it answers is marked as answered.
            """,
            examples=(
                Example(
                    "mailcli send --draft -s Minutes -F minutes.txt team@example.org", "Written by a script …"
                ),
                Example("mailcli draft send 7k2m", "… sent after a look."),
            ),
            view=SENT,
        ),
        Command(
            "delete",
            "Move drafts to Trash.",
            delete,
            (Argument("ids", "ID", "Drafts.", many=True, complete="ids"),),
            view=CHANGES,
        ),
    ),
    about="""
    A draft is a message in the folder Drafts of an account, and its id is that of any message. send,
    reply and forward put one there with --draft, or when you answer the editor's question with d. What was
    being written when the editor or the terminal died is put there the next time you write.
    """,
)
