"""A POP3 account's part of `fetch`: what its configuration means for one download."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from mailcli.accounts.paths import user_path
from mailcli.app.connecting import open_incoming_pop3
from mailcli.app.context import Context, Progress
from mailcli.errors import (
    AuthenticationFailed,
    ConfigError,
    MailcliError,
    QueryError,
    RemoteProtocolError,
    TryAgain,
)
from mailcli.model.account import Account, Pop3Policy
from mailcli.model.folder import INBOX
from mailcli.net.deadline import Deadlines

if TYPE_CHECKING:
    from mailcli.app.fetching import FetchRequest
    from mailcli.model.query.ast import Query
    from mailcli.net.pop3 import Pop3Connection
    from mailcli.sync.pop3.destination import Destination
    from mailcli.sync.pop3.screening import Screen
    from mailcli.sync.tally import Tally


def download(
    ctx: Context,
    account: Account,
    request: FetchRequest,
    limits: Deadlines,
    tally: Tally,
    greeted: Callable[[Pop3Connection], None],
) -> None:
    """Bring an account's maildrop here as the configuration and the request say. `greeted` is given
    each connection once it is signed in. Raises what ends the run; `tally` has what was done."""
    from mailcli.sync.pop3.destination import split
    from mailcli.sync.pop3.logins import doubt
    from mailcli.sync.pop3.run import Downloader, Hooks, Options

    def sign_in() -> Pop3Connection:
        connection = open_incoming_pop3(ctx, account, limits)
        greeted(connection)
        return connection

    policy = account.pop3
    if request.leave is not None:
        policy = policy._replace(leave=request.leave, days=request.days)
    form, place = split(policy.deliver) if policy.deliver else ("folder", INBOX)

    def progress(done: int, total: int, octets: int) -> None:
        ctx.progress(Progress(account.name, place if form == "folder" else form, done, total, octets))

    options = Options(
        policy=policy,
        screen=_screen(ctx, account, policy),
        limit=request.limit,
        count_only=request.count or request.dry_run,
        adopt=request.adopt,
    )
    run = Downloader(
        ctx.store,
        account.name,
        sign_in,
        lambda: _destination(ctx, account, form, place, limits),
        options,
        tally=tally,
        hooks=Hooks(progress, ctx.notice, ctx.cancel, ctx.clock),
    ).run
    try:
        run()
    except (TryAgain, RemoteProtocolError, AuthenticationFailed):
        with suppress(MailcliError):  # a full disk, say: what has failed is to be told
            doubt(ctx.store, account.name)
        raise


def _destination(ctx: Context, account: Account, form: str, place: str, limits: Deadlines) -> Destination:
    """Where the mail goes; a relative path counts from the configuration file."""
    if form == "folder":
        from mailcli.sync.pop3.destination import Folder

        return Folder(ctx.store, account.name, place, "Inbox" if place.upper() == INBOX else None)
    if form == "pipe":
        from mailcli.app.hooks import environment
        from mailcli.sync.pop3.pipe import Pipe

        return Pipe(place, environment(ctx, {}), limits, ctx.cancel)
    from pathlib import Path

    path = Path(ctx.paths.config).parent / user_path(place)
    if form == "maildir":
        from mailcli.sync.pop3.maildir import Maildir

        return Maildir(path)
    from mailcli.sync.pop3.mbox import Mbox

    return Mbox(path, ctx.store, account.name, limits)


def _screen(ctx: Context, account: Account, policy: Pop3Policy) -> Screen:
    """The account's rules for what to download. Raises ConfigError for a query that does not parse, or
    that a header cannot answer."""
    from mailcli.sync.pop3.screening import Screen

    skip = _rule(ctx, f"accounts.{account.name}.pop3.skip", policy.skip)
    discard = _rule(ctx, f"accounts.{account.name}.pop3.discard", policy.discard)
    bare = policy.large == "headers" and policy.deliver.partition(":")[0] in ("", "folder")
    return Screen(policy.max_size, skip, discard, (account.email, *account.aliases), bare=bare)


def _rule(ctx: Context, where: str, text: str) -> Query | None:
    if not text:
        return None
    from mailcli.model.query.parse import parse
    from mailcli.sync.pop3 import headerquery

    try:
        query = parse(text, now=ctx.clock())
        headerquery.check(query)
    except QueryError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from error
    return query
