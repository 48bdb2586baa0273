"""`watch`: all accounts at once, and what is new in them as it comes."""

from __future__ import annotations

import queue
import select
import threading
from collections.abc import Generator, Sequence
from typing import Final

from mailcli.app.arrivals import Arrivals
from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest, chosen, flush_outbox
from mailcli.app.lookout import Ended, Fetched, Lookout, Lost, Report, Timing, Watching
from mailcli.errors import UsageError, told
from mailcli.model.account import Account, Protocol
from mailcli.model.message import Summary
from mailcli.model.record import NamedTuple

_OUTBOX = 20.0
"""Seconds between two looks at what waits to be sent: a look at a directory."""
_TOGETHER = 2.0
"""Seconds that the threads are given to end: they are woken, and only disk and DNS can hold them."""


class Arrived(NamedTuple):
    """New mail, oldest first, each message once however it came."""

    messages: list[Summary]


USUAL: Final = Timing()
Happening = Arrived | Fetched | Lost | Watching


def watch(
    ctx: Context, names: Sequence[str] = (), *, timing: Timing = USUAL, patient: bool = True
) -> Generator[Happening, None, None]:
    """Watch the accounts named (all that have a server, if none is) until the context is cancelled.

    New is what was not in the local mailbox when the watch began, so also what waited on the
    server; but of an account that was never fetched before, only what arrives from now on. Closing
    the iterator ends the watch. Raises ConfigError, NotFound, UsageError, and unless `patient` the
    error of an account once every one of them has been refused.
    """
    accounts = chosen(ctx, FetchRequest(accounts=names))
    if ctx.offline:
        raise UsageError("watch cannot do without the network", hint="run it without --offline")
    _ = ctx.store, ctx.cancel, ctx.secrets, ctx.transcript  # made here, shared by the threads
    return _happenings(ctx, accounts, timing, patient)


def _happenings(
    ctx: Context, accounts: Sequence[Account], timing: Timing, patient: bool
) -> Generator[Happening, None, None]:
    reports: queue.SimpleQueue[Report] = queue.SimpleQueue()
    lookouts = [Lookout(ctx, account, reports.put, timing=timing) for account in accounts]
    news = _News(ctx, accounts)
    sender = threading.Thread(target=_send_what_is_due, args=(ctx, accounts), name="outbox", daemon=True)
    for thread in (sender, *(lookout.thread for lookout in lookouts)):
        thread.start()
    running = len(lookouts)
    refused: set[str] = set()
    try:
        while running:
            report = _next(reports, timing.tick)
            if isinstance(report, Lost) and report.refused:
                refused.add(report.account)
                if not patient and len(refused) == len(accounts):
                    raise report.error
            if isinstance(report, Ended):
                running -= 1
            elif report is not None:
                yield report
            if isinstance(report, Fetched) and report.report.error is None:
                news.fetched(report.report.account)
            if news.changed():
                for lookout in lookouts:
                    lookout.nudge()
            if messages := news.take():
                yield Arrived(messages)
    finally:
        ctx.cancel.cancel()
        for thread in (sender, *(lookout.thread for lookout in lookouts)):
            thread.join(_TOGETHER)


def _send_what_is_due(ctx: Context, accounts: Sequence[Account]) -> None:
    """As every fetch does; but here what was written with --at goes when its time has come."""
    while not ctx.cancel.cancelled:
        try:
            flush_outbox(ctx, accounts)
        except Exception as error:
            ctx.notice(told(error).message)
        select.select([ctx.cancel], [], [], _OUTBOX)


def _next(reports: queue.SimpleQueue[Report], seconds: float) -> Report | None:
    try:
        return reports.get(timeout=seconds)
    except queue.Empty:
        return None


class _News:
    """What is new in the store. Looks only when something was written there."""

    def __init__(self, ctx: Context, accounts: Sequence[Account]) -> None:
        self._store = ctx.store
        self._began = ctx.clock()
        self._names = [account.name for account in accounts]
        self._first = {a.name: a for a in accounts if not self._known(a)}
        self._arrivals = Arrivals(self._store)
        self._version = self._store.data_version()
        self._look = False
        self._held: list[Summary] = []

    def _known(self, account: Account) -> bool:
        """Whether the account was ever fetched."""
        if account.incoming is not None and account.incoming.protocol is Protocol.POP3:
            return bool(self._store.pop3_known(account.name))
        return any(row.state.synced_at for row in self._store.sync_folders(account.name))

    def fetched(self, account: str) -> None:
        """Now the account's first fetch is complete: of all that it brought, new is what came to the
        server since we began (INTERNALDATE counts whole seconds). POP3 does not say when it came."""
        self._look = True
        if (first := self._first.pop(account, None)) is not None:
            polled = first.incoming is not None and first.incoming.protocol is Protocol.POP3
            self._held += self._arrivals.new(
                (account,), counts=lambda row: not polled and row.arrived > self._began
            )

    def changed(self) -> bool:
        """Whether another connection has written since the last call."""
        version = self._store.data_version()
        changed, self._version = version != self._version, version
        # A first download writes every moment, and none of it is news.
        self._look = self._look or (changed and not self._first)
        return changed

    def take(self) -> list[Summary]:
        if not self._look:
            return []
        self._look = False
        held, self._held = self._held, []
        return held + self._arrivals.new([n for n in self._names if n not in self._first])
