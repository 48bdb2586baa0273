"""`mailcli index`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Group, Option
from mailcli.cli.views.index import ATTACHED, PROBLEMS, STATUS
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


def check(session: Session, repair: bool) -> int:
    from mailcli.app import indexing

    problems = indexing.repair(session.ctx) if repair else indexing.check(session.ctx)
    session.out.show(PROBLEMS, problems)
    left = sum(not problem.repaired for problem in problems)
    if repair and left:
        session.out.notice(f"{left} of {len(problems)} could not be repaired")
    elif left:
        session.out.remark("mailcli index check --repair puts right what can be")
    return PartialFailure.exit_code if left else 0


def attachments(session: Session) -> None:
    from mailcli.app import indexing

    done = indexing.attachments(session.ctx)
    session.end_progress()
    session.out.show(ATTACHED, (done,), quiet=True)


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
            "attachments",
            "Read attachments, so that attachment: finds their text.",
            attachments,
            about="""
            Text, HTML, the formats of office programs, and PDF (with pip install 'mailcli[attachments]').
            Only what was not read before is read, newest first, in a process with limits. With
            index_attachments = true in the configuration each fetch does it at its end.
            """,
            view=ATTACHED,
        ),
        Command(
            "check",
            "Compare rows, files and index; changes nothing without --repair.",
            check,
            options=(Option(("--repair",), "Put right what does not fit together."),),
            about="""
            Prints what does not fit together, and exits 1 if anything does not.

            With --repair files without rows are taken in, and the index and the threads are brought in
            step. Of a message whose file is gone the row goes; or, if the server has it, its body is
            fetched again when it is read. No file is changed, and it exits 1 only for what is left.
            """,
            view=PROBLEMS,
        ),
    ),
)
