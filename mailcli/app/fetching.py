"""`fetch`: bring accounts up to date, each in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.app.connecting import (
    deadlines,
    dial_ahead,
    forgo,
    named,
    open_incoming_imap,
    patiently,
)
from mailcli.app.context import Context, Progress, ignore
from mailcli.errors import (
    ConfigError,
    Interrupted,
    Locked,
    MailcliError,
    NotFound,
    TryAgain,
    UsageError,
    told,
)
from mailcli.model.account import Account
from mailcli.model.record import NamedTuple
from mailcli.net.deadline import Deadlines

if TYPE_CHECKING:
    from mailcli.app.arrivals import Arrivals
    from mailcli.model.message import Summary
    from mailcli.net.pop3 import Pop3Connection
    from mailcli.sync.imap.downloading import Progress as FolderProgress
    from mailcli.sync.imap.server import Server
    from mailcli.sync.tally import FolderPlan, Tally

_TOLD: Final = 3
"""Faults of single folders or messages that are told in the one line of an account."""


class FetchRequest(NamedTuple):
    """What `fetch` was asked to do; `leave` overrides what a POP3 account leaves on the server
    ("keep", "delete" or "days")."""

    accounts: Sequence[str] = ()
    folders: Sequence[str] = ()
    limit: int | None = None
    dry_run: bool = False
    count: bool = False  # type: ignore[assignment]  # tuple.count is not used
    deadline: float | None = None
    fail_if_locked: bool = False
    leave: str | None = None
    days: int = 0
    adopt: bool = False
    full: bool = False
    confirm_deletes: bool = False


class FetchReport(NamedTuple):
    """What became of one account. With `count` or a dry run, what would: `plan` has it by folder
    (IMAP). `arrived` has the new mail, oldest first, where the account has a hook that wants to know."""

    account: str
    protocol: str
    new: int = 0
    changed: int = 0
    gone: int = 0
    pushed: int = 0
    octets: int = 0
    seconds: float = 0.0
    error: MailcliError | None = None
    locked: bool = False
    plan: Sequence[FolderPlan] = ()
    bodies: int = 0  # of messages whose header was here
    arrived: tuple[Summary, ...] = ()


def fetch(ctx: Context, request: FetchRequest) -> list[FetchReport]:
    """Bring the named accounts (all that have a server, if none is named) up to date.

    An account that fails does not stop the others; its report has the error. Raises ConfigError,
    NotFound for an unknown account, UsageError for options of the other protocol, Interrupted.
    """
    accounts = chosen(ctx, request)
    limits = deadlines(request.deadline)
    for account in accounts:
        dial_ahead(ctx, account.incoming, limits)
    try:
        return _fetch_all(ctx, accounts, request, limits)
    finally:
        for account in accounts:  # one whose account is locked by another run, say
            forgo(ctx, account.incoming)


def _fetch_all(
    ctx: Context, accounts: Sequence[Account], request: FetchRequest, limits: Deadlines
) -> list[FetchReport]:
    _ = ctx.store, ctx.cancel, ctx.secrets, ctx.transcript  # made here, shared by the threads
    reports: list[FetchReport] = [FetchReport(a.name, _protocol(a)) for a in accounts]

    # Not Thread.join: interrupted by a signal it takes a thread that runs for one that has ended
    # (threading._wait_for_tstate_lock up to Python 3.12), and this process would end before it.
    ended = [threading.Event() for _ in accounts]

    def work(place: int) -> None:
        try:
            reports[place] = fetch_account(ctx, accounts[place], request, limits)
        finally:
            ended[place].set()

    threads = [
        threading.Thread(target=work, args=(n,), name=f"fetch {a.name}", daemon=True)
        for n, a in enumerate(accounts)
    ]
    for thread in threads:
        thread.start()
    try:
        for event in ended:
            event.wait()
    except KeyboardInterrupt:
        ctx.cancel.cancel()
        for event in ended:
            event.wait()
        raise Interrupted("interrupted; what had arrived is kept, and the next fetch continues") from None
    if not (request.dry_run or request.count):
        _miss_folders(ctx, request.folders, reports)
        flush_outbox(ctx, accounts)
    if not (request.dry_run or request.count or any(report.error for report in reports)):
        try:
            ctx.store.expire()
        except MailcliError as error:  # housekeeping: the mail is here
            ctx.notice(error.message)
    if ctx.config.index_attachments and any(report.new or report.bodies for report in reports):
        from mailcli.app import indexing

        indexing.after_fetch(ctx)
    return reports


def _miss_folders(ctx: Context, names: Sequence[str], reports: list[FetchReport]) -> None:
    """A folder that was asked for, and that no IMAP account has: the last one's report says so, if all of
    them were heard."""
    servers = [n for n, report in enumerate(reports) if report.protocol == "imap"]
    if any(reports[n].error or reports[n].locked for n in servers):
        return
    for name in names if servers else ():
        missing: MailcliError | None = None
        for n in servers:
            try:
                ctx.store.find_folder(reports[n].account, name)
                break
            except NotFound as error:
                missing = error
        else:
            reports[servers[-1]] = reports[servers[-1]]._replace(error=missing)


def flush_outbox(ctx: Context, accounts: Sequence[Account]) -> None:
    """Send what waits for these accounts; where nothing waits this costs one look at a directory."""
    try:
        waiting = os.listdir(f"{ctx.paths.data}/outbox/entries")  # noqa: PTH208
    except OSError:
        return
    if waiting:
        from mailcli.app import outbox

        outbox.flush(ctx, [account.name for account in accounts])


def chosen(ctx: Context, request: FetchRequest) -> list[Account]:
    """The accounts that are meant. Raises ConfigError, NotFound, UsageError."""
    names = list(request.accounts) or ([ctx.account] if ctx.account and ctx.account != "all" else [])
    if names:
        accounts = [ctx.config.account(name) for name in dict.fromkeys(names)]
        for account in accounts:
            if account.incoming is None:
                raise ConfigError(f"account {account.name} has no server to fetch from")
    else:
        accounts = [a for a in ctx.config.accounts.values() if a.incoming is not None]
    if not accounts:
        raise ctx.config.lacking("there is no account to fetch")
    pop3_only = request.leave is not None or request.adopt
    if pop3_only and not any(_protocol(a) == "pop3" for a in accounts):
        raise UsageError("--keep, --delete, --delete-after and --adopt are for POP3 accounts")
    if request.confirm_deletes and not any(_protocol(a) == "imap" for a in accounts):
        raise UsageError("--confirm-deletes is for IMAP accounts")
    return accounts


def _protocol(account: Account) -> str:
    return account.incoming.protocol.value if account.incoming else ""


def fetch_account(
    ctx: Context,
    account: Account,
    request: FetchRequest,
    limits: Deadlines,
    *,
    server: Server | None = None,
    greeted: Callable[[Pop3Connection], None] = ignore,
) -> FetchReport:
    """Bring one account up to date. Never raises: the report has the error.

    `server` is a signed-in IMAP connection to use and to leave open; `greeted` is given the POP3
    connection.
    """
    from mailcli.sync.tally import Tally

    started = time.monotonic()
    tally = Tally()
    locked = False
    arrived: tuple[Summary, ...] = ()
    error: MailcliError | None
    try:
        with ctx.store.lock_account(account.name):
            arrivals = _arrivals(ctx, account, request)
            error = _under_lock(ctx, account, request, limits, tally, server, greeted)
            if arrivals is not None:
                arrived = tuple(arrivals.new((account.name,)))
                arrivals.told(account.name)
    except Locked as failure:
        locked = True
        error = failure if request.fail_if_locked else None
        if not request.fail_if_locked:
            ctx.notice(f"{account.name}: another fetch is running, left to it")
    except Exception as failure:  # the end of its thread alone would look like success
        error = told(failure)
    for line in tally.notices:
        ctx.notice(f"{account.name}: {line}")
    return FetchReport(
        account.name,
        _protocol(account),
        new=tally.new,
        changed=tally.changed,
        gone=tally.gone,
        pushed=tally.pushed,
        octets=tally.octets,
        seconds=time.monotonic() - started,
        error=error,
        locked=locked,
        plan=tally.plan,
        bodies=tally.bodies,
        arrived=arrived,
    )


def _arrivals(ctx: Context, account: Account, request: FetchRequest) -> Arrivals | None:
    if not account.hooks.new_mail or request.dry_run or request.count:
        return None
    from mailcli.app.arrivals import Arrivals

    return Arrivals(ctx.store, account.name)


def _under_lock(
    ctx: Context,
    account: Account,
    request: FetchRequest,
    limits: Deadlines,
    tally: Tally,
    server: Server | None,
    greeted: Callable[[Pop3Connection], None],
) -> MailcliError | None:
    """What ended the run, or else what failed on the way; None when all is well."""
    try:
        with named(account):
            if _protocol(account) == "pop3":
                from mailcli.app.maildrop import download

                download(ctx, account, request, limits, tally, greeted)
            else:
                _imap(ctx, account, request, limits, tally, server)
    except MailcliError as failure:
        return failure
    if tally.problems:
        told = "; ".join(tally.problems[:_TOLD])
        more = len(tally.problems) - _TOLD
        told += f"; and {more} more" if more > 0 else ""
        return TryAgain(f"{account.name}: {told}", hint="the next fetch tries again")
    return None


def _imap(
    ctx: Context,
    account: Account,
    request: FetchRequest,
    limits: Deadlines,
    tally: Tally,
    server: Server | None,
) -> None:
    from mailcli.sync.imap.run import Options, Synchroniser
    from mailcli.sync.imap.server import Server

    def progress(step: FolderProgress) -> None:
        ctx.progress(Progress(account.name, *step))

    assert account.incoming is not None
    options = Options(
        folders=request.folders,
        limit=request.limit,
        dry_run=request.dry_run or request.count,
        full=request.full,
        confirm_deletes=request.confirm_deletes,
    )

    def run(server: Server) -> None:
        Synchroniser(
            ctx.store,
            account,
            server,
            options,
            tally=tally,
            progress=progress,
            cancel=ctx.cancel,
            clock=ctx.clock,
            connect=lambda cancel: open_incoming_imap(ctx, account, limits, cancel=cancel),
        ).run()

    def connected() -> None:
        assert account.incoming is not None
        tally.problems.clear()
        with open_incoming_imap(ctx, account, limits) as connection:
            run(Server(connection, account.incoming.disabled))

    if server is not None:
        run(server)
        return
    patiently(ctx, account, limits, connected)
