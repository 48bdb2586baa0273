"""`mailcli index`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Group
from mailcli.cli.views.results import PROBLEMS, STATUS
from mailcli.errors import PartialFailure


def status(session: Session) -> None:
    from mailcli.app import indexing

    session.out.show(STATUS, (indexing.status(session.ctx),))


def rebuild(session: Session) -> int:
    from mailcli.app import indexing

    unreadable = indexing.rebuild(session.ctx)
    session.end_progress()
    session.out.show(PROBLEMS, unreadable)
    return PartialFailure.exit_code if unreadable else 0


def check(session: Session) -> int:
    from mailcli.app import indexing

    problems = indexing.check(session.ctx)
    session.out.show(PROBLEMS, problems)
    return PartialFailure.exit_code if problems else 0


COMMAND = Group(
    "index",
    "Show, check or rebuild the local index.",
    (
        Command("status", "Figures of the local mailbox.", status, view=STATUS),
        Command(
            "rebuild",
            "Parse every message again and make the index anew.",
            rebuild,
            about="Ids, flags, what is queued and what was downloaded before stay as they are.",
            view=PROBLEMS,
        ),
        Command(
            "check",
            "Compare rows, files and index; changes nothing.",
            check,
            about="Prints what does not fit together, and exits 1 if anything does not.",
            view=PROBLEMS,
        ),
    ),
)
