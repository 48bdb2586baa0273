"""`mailcli delete`."""

from __future__ import annotations

from functools import partial

from mailcli.cli.changes import ABOUT, IDS, YES, change
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example, Option
from mailcli.cli.views.results import CHANGES


def run(session: Session, ids: tuple[str, ...], purge: bool, dry_run: bool, yes: bool) -> None:
    from mailcli.app import changing

    verb = "Remove for good" if purge else "Delete"
    change(session, ids, verb, yes or dry_run, partial(changing.delete, purge=purge, dry_run=dry_run))


COMMAND = Command(
    "delete",
    "Move messages to Trash, or expunge them.",
    run,
    arguments=(IDS,),
    options=(
        Option(("--purge",), "Remove them for good, here and on the server."),
        Option(("-n", "--dry-run"), "Only say what would be done."),
        YES,
    ),
    about="""
    Messages go to the account's Trash; with --purge they are expunged on the server (for POP3:
    deleted there, whatever the account leaves on the server otherwise). What is named is deleted: a
    message that is in two folders has two ids.

    """
    + ABOUT,
    examples=(
        Example("mailcli delete 7k2m", "To Trash."),
        Example("mailcli search in:Trash older_than:30d | mailcli delete --purge -", "Empty the Trash."),
        Example("mailcli list | fzf -m --preview 'mailcli read {1}' | mailcli delete -", "Pick them."),
    ),
    view=CHANGES,
)
