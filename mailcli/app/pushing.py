"""Telling the servers at once what a command has just changed here.

The change is committed before anyone calls this, so nothing here can lose it: whatever stands in
the way, the next `fetch` pushes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailcli.app.connecting import deadlines, heeding, left_alone, open_incoming_imap
from mailcli.app.context import Context
from mailcli.errors import Interrupted, Locked, MailcliError, TryAgain
from mailcli.model.account import Account, Protocol
from mailcli.model.record import NamedTuple

PATIENCE: Final = 8.0
"""Seconds a changing command spends on its server at most."""


class Pushed(NamedTuple):
    """`done`: the servers know. `notice`: why not, one line for stderr, or ""."""

    done: bool
    notice: str = ""


def push_now(ctx: Context, accounts: Iterable[str]) -> Pushed:
    """Push what is pending for these accounts. Never raises for a server's sake."""
    done, notices = True, []
    for name in dict.fromkeys(accounts):
        account = ctx.config.accounts.get(name)
        if account is None or account.incoming is None or account.incoming.protocol is not Protocol.IMAP:
            continue
        if ctx.offline or account.push == "manual" or not account.sync.pushes:
            done = False
            continue
        if not ctx.store.pending(name):
            continue
        try:
            _push_one(ctx, account)
        except Locked:
            done = False  # the fetch that holds the lock may have passed this folder already
            notices.append(f"{name}: a fetch is running; the change is queued")
        except Interrupted:
            raise
        except MailcliError as error:
            done = False
            notices.append(f"{name}: changed here, queued for the server ({error.message})")
    return Pushed(done, "; ".join(notices))


def _push_one(ctx: Context, account: Account) -> None:
    from mailcli.sync.imap.run import Options, Synchroniser
    from mailcli.sync.imap.server import Server
    from mailcli.sync.tally import Tally

    assert account.incoming is not None
    if left := left_alone(ctx, account):
        raise TryAgain(f"it wants to be left alone for {left:.3g} seconds")
    with (
        ctx.store.lock_account(account.name),
        heeding(ctx, account),
        open_incoming_imap(ctx, account, deadlines(PATIENCE)) as connection,
    ):
        server = Server(connection, account.incoming.disabled)
        tally = Tally()
        Synchroniser(
            ctx.store,
            account,
            server,
            Options(push_only=True),
            tally=tally,
            progress=lambda _: None,
            cancel=ctx.cancel,
            clock=ctx.clock,
        ).run()
    for line in tally.notices:
        ctx.notice(f"{account.name}: {line}")
    if tally.problems:
        raise TryAgain("; ".join(tally.problems))
