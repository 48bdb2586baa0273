"""`mailcli ham`."""

from __future__ import annotations

from mailcli.cli.changes import ABOUT, IDS, YES, change
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example
from mailcli.cli.views.results import CHANGES


def run(session: Session, ids: tuple[str, ...], yes: bool) -> None:
    from mailcli.app import changing

    change(session, ids, "Move to the inbox", yes, changing.ham)


COMMAND = Command(
    "ham",
    "Move messages out of Spam, back to the inbox.",
    run,
    arguments=(IDS,),
    options=(YES,),
    about="""
    The keyword $NotJunk is set, which many servers learn from, and the messages go to the inbox.

    """
    + ABOUT,
    examples=(Example("mailcli list Spam | fzf -m | mailcli ham -", "Pick what is none."),),
    view=CHANGES,
)
