"""`mailcli doctor`."""

from __future__ import annotations

from mailcli.cli import failure
from mailcli.cli.session import Session
from mailcli.cli.spec import Command, Example, Option
from mailcli.cli.views.accounts import CHECKS


def run(session: Session, cron: bool) -> int:
    from mailcli.app import doctor

    checks = doctor.examine(session.ctx, cron=cron)
    session.out.show(CHECKS, checks)
    return failure.combined(check.code for check in checks if check.code)


COMMAND = Command(
    "doctor",
    "Check that everything works, and say what to do if not.",
    run,
    options=(Option(("--cron",), "Sign in as a cron job would: with an empty environment."),),
    about="""
    The configuration and its permissions, the database, the disk, the clock, and for each account its
    name in DNS, the connection, TLS, and signing in; one line each: ok, warning or failed, with the
    remedy. The exit code is 0 if nothing failed, else that of the failure, 1 if there are several kinds.
    """,
    examples=(Example("mailcli doctor --cron", "Why does the cron job fail?"),),
    view=CHECKS,
)
