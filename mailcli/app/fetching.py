"""`fetch`: bring accounts up to date, each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mailcli.app.connecting import deadlines, named, open_incoming_imap, open_incoming_pop3
from mailcli.app.context import Context, Progress
from mailcli.errors import ConfigError, Interrupted, Locked, MailcliError, TryAgain, UsageError, told
from mailcli.model.account import Account, Pop3Policy
from mailcli.net.deadline import Deadlines

if TYPE_CHECKING:
    from mailcli.sync.imap import Progress as FolderProgress
    from mailcli.sync.tally import Tally


@dataclass(frozen=True)
class FetchRequest:
    """What `fetch` was asked to do; `leave` overrides what a POP3 account leaves on the server
    ("keep", "delete" or "days")."""

    accounts: Sequence[str] = ()
    folders: Sequence[str] = ()
    limit: int | None = None
    dry_run: bool = False
    count: bool = False
    deadline: float | None = None
    fail_if_locked: bool = False
    leave: str | None = None
    days: int = 0
    adopt: bool = False
    full: bool = False


class FetchReport(NamedTuple):
    """What became of one account. With `count` or a dry run, `new` is what would come."""

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


def fetch(ctx: Context, request: FetchRequest) -> list[FetchReport]:
    """Bring the named accounts (all that have a server, if none is named) up to date.

    An account that fails does not stop the others; its report has the error. Raises ConfigError,
    NotFound for an unknown account, UsageError for options of the other protocol, Interrupted.
    """
    accounts = _chosen(ctx, request)
    limits = deadlines(request.deadline)
    _ = ctx.store, ctx.cancel, ctx.secrets, ctx.transcript  # made here, shared by the threads
    reports: list[FetchReport] = [FetchReport(a.name, _protocol(a)) for a in accounts]

    def work(place: int) -> None:
        reports[place] = _fetch_one(ctx, accounts[place], request, limits)

    threads = [
        threading.Thread(target=work, args=(n,), name=f"fetch {a.name}", daemon=True)
        for n, a in enumerate(accounts)
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # a bare join would not let Ctrl-C through
    except KeyboardInterrupt:
        ctx.cancel.cancel()
        for thread in threads:
            thread.join()
        raise Interrupted("interrupted; what had arrived is kept, and the next fetch continues") from None
    if not (request.dry_run or request.count):
        _flush_outbox(ctx, accounts)
    if not (request.dry_run or request.count or any(report.error for report in reports)):
        try:
            ctx.store.expire()
        except MailcliError as error:  # housekeeping: the mail is here
            ctx.notice(error.message)
    return reports


def _flush_outbox(ctx: Context, accounts: Sequence[Account]) -> None:
    """Send what waits for these accounts; where nothing waits this costs one look at a directory."""
    try:
        waiting = any((ctx.paths.data / "outbox/entries").iterdir())
    except OSError:
        return
    if waiting:
        from mailcli.app import outbox

        outbox.flush(ctx, [account.name for account in accounts])


def _chosen(ctx: Context, request: FetchRequest) -> list[Account]:
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
    return accounts


def _protocol(account: Account) -> str:
    return account.incoming.protocol.value if account.incoming else ""


def _fetch_one(ctx: Context, account: Account, request: FetchRequest, limits: Deadlines) -> FetchReport:
    from mailcli.sync.tally import Tally

    started = time.monotonic()
    tally = Tally()
    locked = False
    error: MailcliError | None
    try:
        with ctx.store.lock_account(account.name):
            error = _under_lock(ctx, account, request, limits, tally)
    except Locked as failure:
        locked = True
        error = failure if request.fail_if_locked else None
        if not request.fail_if_locked:
            ctx.notice(f"{account.name}: another fetch is running, left to it")
    except Exception as failure:  # the end of its thread alone would look like success
        error = told(failure)
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
    )


def _under_lock(
    ctx: Context, account: Account, request: FetchRequest, limits: Deadlines, tally: Tally
) -> MailcliError | None:
    """What ended the run, or else what failed on the way; None when all is well."""
    run = _pop3 if _protocol(account) == "pop3" else _imap
    try:
        with named(account):
            run(ctx, account, request, limits, tally)
    except MailcliError as failure:
        return failure
    if tally.problems:
        return TryAgain(f"{account.name}: {'; '.join(tally.problems)}", hint="the next fetch tries again")
    return None


def _imap(ctx: Context, account: Account, request: FetchRequest, limits: Deadlines, tally: Tally) -> None:
    from mailcli.sync.imap import Options, Synchroniser
    from mailcli.sync.server import Server

    def progress(step: FolderProgress) -> None:
        ctx.progress(Progress(account.name, step.folder, step.done, step.total, step.octets))

    assert account.incoming is not None
    options = Options(
        folders=request.folders,
        limit=request.limit,
        dry_run=request.dry_run or request.count,
        full=request.full,
    )
    with open_incoming_imap(ctx, account, limits) as connection:
        server = Server(connection, account.incoming.disabled)
        Synchroniser(
            ctx.store,
            account,
            server,
            options,
            tally=tally,
            progress=progress,
            cancel=ctx.cancel,
            clock=ctx.clock,
        ).run()


def _pop3(ctx: Context, account: Account, request: FetchRequest, limits: Deadlines, tally: Tally) -> None:
    from mailcli.sync.pop3 import Downloader, Options

    def progress(done: int, total: int, octets: int) -> None:
        ctx.progress(Progress(account.name, "INBOX", done, total, octets))

    policy = account.pop3
    if request.leave is not None:
        policy = Pop3Policy(request.leave, request.days, policy.max_size)
    options = Options(
        policy=policy,
        limit=request.limit,
        count_only=request.count or request.dry_run,
        adopt=request.adopt,
    )
    Downloader(
        ctx.store,
        account,
        lambda: open_incoming_pop3(ctx, account, limits),
        options,
        tally=tally,
        progress=progress,
        cancel=ctx.cancel,
        clock=ctx.clock,
    ).run()
