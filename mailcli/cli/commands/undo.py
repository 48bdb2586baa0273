"""`mailcli undo`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example
from mailcli.cli.undoing import show
from mailcli.cli.views.journal import UNDONE


def run(session: Session, token: str | None) -> None:
    from mailcli.app import undoing

    show(session, undoing.undo(session.ctx, token or ""))


COMMAND = Command(
    "undo",
    "Undo the last change, or an earlier one.",
    run,
    arguments=(
        Argument("token", "TOKEN", "The change, as the log names it.", required=False, complete="changes"),
    ),
    about="""
    Without a token the newest change that still stands is undone, so that one undo after another walks
    back. What a fetch took away, because it was gone from the server, is brought back by its token.
    With -A it is the newest change of that account.

    Messages move back, flags return to what they were, copies and imports are taken away again, renamed
    and deleted folders come back. Purged mail returns from the recovery area, which keeps it for 14 days;
    an IMAP server that expunged it gets it again, under a new UID.

    Only what still is as the change left it is touched: what was moved or flagged since is left as it is,
    and stderr says how many. That reading marks a message as seen is no change of its own.

    Like every change it is made here at once, and the server is told at once if it can be reached;
    otherwise it is queued. A change that was never pushed is undone without the server hearing of it.
    """,
    examples=(
        Example("mailcli undo", "The last change."),
        Example("mailcli undo k7m2", "An earlier one, by its token."),
    ),
    view=UNDONE,
)
