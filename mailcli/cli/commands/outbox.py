"""`mailcli outbox`."""

from __future__ import annotations

from mailcli.cli import failure
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group
from mailcli.cli.views.outbox import OUTBOX, RAN, SHOWN
from mailcli.model.draft import Outcome
from mailcli.model.record import NamedTuple

_IDS = Argument(
    "ids", "ENTRY", "Entries, by a unique prefix of their ids; - reads them from stdin.", many=True
)


class Shown(NamedTuple):
    """One entry as `outbox show` has it."""

    row: object
    outcomes: tuple[Outcome, ...]
    data: bytes


def list_(session: Session) -> None:
    from mailcli.app import outbox

    rows = outbox.listed(session.ctx)
    session.out.show(OUTBOX, rows)
    if not rows:
        session.out.remark("the outbox is empty")
    elif any(row.word == "queued" for row in rows):
        session.out.remark("sent by: mailcli outbox run, any fetch, or any send; see mailcli outbox --help")


def show(session: Session, id: str) -> None:
    from mailcli.app import holding, outbox

    row, data = holding.show(session.ctx, id)
    session.out.show(SHOWN, (Shown(row, outbox.standing(row).recipients, data),))


def run(session: Session) -> int:
    from mailcli.app import outbox

    chosen = None if session.options.account in (None, "all") else [session.ctx.chosen_account().name]
    reports = outbox.run(session.ctx, chosen)
    session.end_progress()
    session.out.outcome(RAN, reports)
    for report in reports:
        if report.error is not None:
            session.out.notice(f"{report.row.entry.id}: {failure.sentence(report.error)}")
    return failure.combined(r.error.exit_code if r.error is not None else 0 for r in reports)


def _named(session: Session, words: tuple[str, ...]) -> list[str]:
    from mailcli.cli.ids import expand

    return expand(words, session.streams.stdin, null=session.options.null)


def hold(session: Session, ids: tuple[str, ...]) -> None:
    from mailcli.app import holding

    session.out.show(OUTBOX, holding.hold(session.ctx, _named(session, ids)), quiet=True)


def retry(session: Session, ids: tuple[str, ...]) -> int:
    from mailcli.app import holding

    named = _named(session, ids)
    holding.retry(session.ctx, named)
    return run(session) if named else 0


def cancel(session: Session, ids: tuple[str, ...]) -> None:
    from mailcli.app import holding

    session.out.show(OUTBOX, holding.cancel(session.ctx, _named(session, ids)), quiet=True)


_WHO_RUNS = """
    The outbox is sent by `mailcli outbox run`, by every fetch, and after every send that succeeds: a cron
    line `*/5 * * * * mailcli outbox run -q` is enough for mail that is sent later (--at). A message is tried
    again after a minute, then after twice as long each time, up to four hours; after five days, or when it is
    refused for good, it has failed, and stays until you retry or cancel it.

    States: queued (tried at the time shown), sending, held, failed; unknown: the connection was lost after
    the message had left and before the server's answer, so that it may have arrived; abandoned: a plain send
    was killed before the message had left. The last two are never sent again unless you say so with retry.
    """

COMMAND = Group(
    "outbox",
    "Show, send, hold and cancel what waits to be sent.",
    (
        Command("list", "List what waits to be sent.", list_, about=_WHO_RUNS, view=OUTBOX),
        Command(
            "show",
            "Show one entry, its recipients and its message.",
            show,
            (Argument("id", "ENTRY", "A unique prefix of its id."),),
            view=SHOWN,
        ),
        Command(
            "run",
            "Send what is due, now.",
            run,
            about="""
            Everything whose time has come is tried, also what waits for its next try. One line for each
            message; exit 0 when all are sent, otherwise the code of what went wrong (75: it stays and is
            tried again; 65 or 67: refused for good; 79: unknown), 1 when they differ.
            """,
            examples=(Example("*/5 * * * * mailcli outbox run -q", "In a crontab."),),
            view=RAN,
        ),
        Command("hold", "Keep entries back until retry.", hold, (_IDS,), view=OUTBOX),
        Command(
            "retry",
            "Try entries again, now: held, failed, unknown and abandoned ones too.",
            retry,
            (_IDS,),
            view=RAN,
        ),
        Command("cancel", "Take entries out, unsent.", cancel, (_IDS,), view=OUTBOX),
    ),
)
