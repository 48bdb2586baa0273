"""`mailcli archive`."""

from __future__ import annotations

from mailcli.cli.changes import ABOUT, IDS, YES, change
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example
from mailcli.cli.views.results import CHANGES


def run(session: Session, ids: tuple[str, ...], yes: bool) -> None:
    from mailcli.app import changing

    change(session, ids, "Archive", yes, changing.archive)


COMMAND = Command(
    "archive",
    "Move messages to Archive.",
    run,
    arguments=(IDS,),
    options=(YES,),
    about=ABOUT
    + """
On Gmail the message leaves the inbox and keeps its other labels; it is in All Mail then.
""",
    examples=(
        Example("mailcli search 'older_than:1y has:list' | mailcli archive -", "Old list mail, all of it."),
    ),
    view=CHANGES,
)
