"""What the commands that change messages share: ids in, one question, one line out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Option
from mailcli.cli.views.results import CHANGES

if TYPE_CHECKING:
    from mailcli.app.changing import Change
    from mailcli.app.context import Context

IDS: Final = Argument("ids", "ID", "Messages; - reads ids from stdin.", many=True, complete="ids")
YES: Final = Option(("-y", "--yes"), "Do not ask, however many messages there are.")
TO: Final = Option(
    ("--to",),
    "The folder; ACCOUNT:FOLDER for another account.",
    "text",
    "FOLDER",
    required=True,
    complete="folders",
)
CREATE: Final = Option(("--create",), "Create the folder if it is not there.")

ABOUT: Final = """
The change is made here at once, and the server is told at once if it can be reached within a few
seconds; otherwise it is queued for the next fetch, which stderr says, and the exit code is 0. On a
terminal more than 20 messages are changed only after a question. How to undo it is printed.
"""


def change(
    session: Session,
    words: Sequence[str],
    verb: str,
    yes: bool,
    act: Callable[[Context, Sequence[str]], Change],
) -> None:
    """Resolve ids, ask if there are many, act, and print what was done. No ids: nothing to do."""
    found = session.messages(words)
    if not found:
        session.out.show(CHANGES, ())
        return
    session.sure(f"{verb} {len(found)} messages?", len(found), yes)
    show(session, act(session.ctx, [message.id for message in found]))


def show(session: Session, done: Any) -> None:
    session.end_progress()  # bodies may have been fetched for it
    session.out.show(CHANGES, (done,), quiet=True)
