"""`mailcli copy`."""

from __future__ import annotations

from functools import partial

from mailcli.cli.changes import ABOUT, CREATE, IDS, TO, YES, change
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example
from mailcli.cli.views.results import CHANGES


def run(session: Session, ids: tuple[str, ...], to: str, create: bool, yes: bool) -> None:
    from mailcli.app import changing

    change(session, ids, "Copy", yes, partial(changing.copy, to=to, create=create))


COMMAND = Command(
    "copy",
    "Copy messages to a folder.",
    run,
    arguments=(IDS,),
    options=(TO, CREATE, YES),
    about="""
    Archive, Trash, Spam, Sent, Drafts and Inbox mean the account's own folder for that use. A folder
    that is not there is an error (exit 66), unless --create is given.

    """
    + ABOUT,
    examples=(
        Example("mailcli copy 7k2m --to Projects/2026", "Levels are parted by a slash."),
        Example("mailcli copy 7k2m --to home:INBOX", "To another account."),
    ),
    view=CHANGES,
)
