"""`mailcli log`."""

from __future__ import annotations

from mailcli.cli.lists import LIMIT, SCREEN
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example
from mailcli.cli.views.journal import LOG


def run(session: Session, limit: int | None) -> None:
    from mailcli.app import undoing

    if limit is None and session.out.for_people:
        limit = SCREEN
    session.out.show(LOG, undoing.log(session.ctx, limit))


COMMAND = Command(
    "log",
    "List the changes made here, newest first.",
    run,
    options=(LIMIT,),
    about="""
    Every change of the last 14 days that a command or a key of the reader made, and what a fetch took away
    because it was gone from the server. Each line begins with the token that undo takes. Of the messages
    of a change, those in the recovery area are counted, with the time until which the first of them can be
    brought back.

    Piped: token, time, state (done, undone, or synced for what a fetch did), what, number of messages,
    accounts, messages in recovery, and until when, parted by tabs. With -A the changes of one account.
    """,
    examples=(
        Example("mailcli log -n 5", "The last five changes."),
        Example("mailcli log --json | jq -r '.data[]|select(.kept>0)|.token'", "What can be brought back."),
    ),
    view=LOG,
)
