"""`mailcli redo`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example
from mailcli.cli.undoing import show
from mailcli.cli.views.journal import UNDONE


def run(session: Session) -> None:
    from mailcli.app import undoing

    show(session, undoing.redo(session.ctx))


COMMAND = Command(
    "redo",
    "Do again what was undone last.",
    run,
    about="""
    One redo after another walks forward again through what was undone, until another change is made.
    Like undo it touches only what still is as it was left, and tells the server at once.
    """,
    examples=(Example("mailcli redo", "After one undo too many."),),
    view=UNDONE,
)
