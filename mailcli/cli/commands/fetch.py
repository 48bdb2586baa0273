"""`mailcli fetch`."""

from __future__ import annotations

from mailcli.cli import failure
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.fetches import COUNTS, FETCHES, PLANS
from mailcli.errors import UsageError


def run(
    session: Session,
    accounts: tuple[str, ...],
    folder: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    count: bool,
    deadline: float | None,
    fail_if_locked: bool,
    keep: bool,
    delete: bool,
    delete_after: int | None,
    adopt: bool,
    full: bool,
    confirm_deletes: bool,
) -> int:
    from mailcli.app import fetching

    reports = fetching.fetch(
        session.ctx,
        fetching.FetchRequest(
            accounts=accounts,
            folders=folder,
            limit=limit,
            dry_run=dry_run,
            count=count,
            deadline=deadline,
            fail_if_locked=fail_if_locked,
            leave=leave(keep, delete, delete_after),
            days=delete_after or 0,
            adopt=adopt,
            full=full,
            confirm_deletes=confirm_deletes,
        ),
    )
    session.end_progress()
    view = COUNTS if count else PLANS if dry_run else FETCHES
    session.out.show(view, reports, quiet=not count)
    for report in reports:
        if report.error is not None:
            failure.tell(session.streams, session.options, report.error)
            if session.options.verbose >= 2:
                import traceback

                session.streams.say("".join(traceback.format_exception(report.error)))
    if not (dry_run or count) and any(any(a.hooks) for a in session.ctx.config.accounts.values()):
        from mailcli.cli import hooks

        hooks.after_fetch(session, reports)
    return failure.combined(report.error.exit_code if report.error else 0 for report in reports)


def leave(keep: bool, delete: bool, delete_after: int | None) -> str | None:
    """What POP3 leaves on the server: keep, delete or days; None: as configured."""
    asked = [word for word, given in (("keep", keep), ("delete", delete)) if given]
    asked += ["days"] if delete_after is not None else []
    if len(asked) > 1:
        raise UsageError("fetch: only one of --keep, --delete and --delete-after can be given")
    return asked[0] if asked else None


COMMAND = Command(
    "fetch",
    "Bring accounts up to date: push changes, then pull.",
    run,
    arguments=(
        Argument(
            "accounts", "ACCOUNT", "All, if none is named.", many=True, required=False, complete="accounts"
        ),
    ),
    options=(
        Option(
            ("--folder",),
            "Only this folder; may be repeated.",
            "text",
            "FOLDER",
            multiple=True,
            complete="folders",
        ),
        Option(("--limit",), "Bring at most this many new messages.", "integer", "N"),
        Option(("--dry-run",), "Only say what would be done, folder by folder."),
        Option(("--count",), "Print only how many messages are new on the server, one line an account."),
        Option(("--deadline",), "Give up after this time.", "number", "SECONDS"),
        Option(("--fail-if-locked",), "Exit 75 if another fetch is running, instead of leaving it to that."),
        Option(("--keep",), "POP3: leave everything on the server."),
        Option(("--delete",), "POP3: delete on the server what is safely here."),
        Option(("--delete-after",), "POP3: delete it this many days after it came.", "integer", "DAYS"),
        Option(
            ("--adopt",),
            "POP3: the mailbox moved to another server: recognise what is here by its headers.",
        ),
        Option(
            ("--full",),
            "IMAP: compare everything instead of asking what changed, and bring back files that are gone.",
        ),
        Option(
            ("--confirm-deletes",),
            "IMAP: delete on the server, too, what another program deleted here in a large number.",
        ),
    ),
    about="""
    IMAP accounts are synchronised both ways: queued changes are pushed, then new messages, changed flags
    and deletions are pulled. POP3 accounts are downloaded. One line is printed for each account; with -q
    nothing at all, unless something failed, which makes it the command for cron.

    What another mail program did in the local folders is taken over: flags, moves, new and deleted
    messages. If it deleted more than 50 messages and more than a fifth of a folder, nothing is deleted on
    the server until --confirm-deletes says that it was meant. In the same way the server is asked a second
    time before so many messages go here; what goes is kept for 14 days.

    If another fetch is running, the account is left to it. The exit code is that of the accounts if they
    are all alike, else 1.
    """,
    examples=(
        Example("mailcli fetch", "Everything."),
        Example("*/10 * * * * /usr/local/bin/mailcli fetch -q", "In a crontab."),
        Example("mailcli fetch work --folder INBOX --deadline 30", "One folder, half a minute."),
    ),
    view=FETCHES,
)
