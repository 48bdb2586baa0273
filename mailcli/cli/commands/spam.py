"""`mailcli spam`."""

from __future__ import annotations

from mailcli.cli.changes import ABOUT, IDS, YES, change
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example
from mailcli.cli.views.results import CHANGES


def run(session: Session, ids: tuple[str, ...], yes: bool) -> None:
    from mailcli.app import changing

    change(session, ids, "Move to Spam", yes, changing.spam)


COMMAND = Command(
    "spam",
    "Move messages to Spam and mark them as such.",
    run,
    arguments=(IDS,),
    options=(YES,),
    about="""
    The keyword $Junk is set, which many servers learn from, and the messages go to the Spam folder.

    """
    + ABOUT,
    examples=(Example("mailcli spam 7k2m 9xqd", "Two messages."),),
    view=CHANGES,
)
