"""Opening an account's servers with its secrets, deadlines and transcript."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from mailcli.app.context import Context
from mailcli.errors import AuthenticationFailed, ConfigError, Throttled, Unreachable, told
from mailcli.model.account import Account, Certificate, Endpoint, Password, Protocol, Secret
from mailcli.net.deadline import Deadlines

if TYPE_CHECKING:
    from mailcli.accounts.secrets import Secrets
    from mailcli.net.cancel import CancelToken
    from mailcli.net.imap import ImapConnection
    from mailcli.net.pop3 import Pop3Connection
    from mailcli.net.smtp import SmtpConnection


_BACK_OFF: Final = 300.0
"""The longest wait in seconds that a server may ask for; Exchange Online asks for five minutes at most."""
_ABSURD: Final = 3600.0
"""Seconds from now; no server asks for that much, but a clock may have been wrong."""


def deadlines(seconds: float | None = None) -> Deadlines:
    """The usual deadlines, ending the whole run after `seconds` if given."""
    usual = Deadlines()
    return usual if seconds is None else usual.within(seconds)


@contextmanager
def named(account: Account) -> Iterator[None]:
    """Errors of this block get the account before their message: which one it is cannot be told
    from a host and a port, and several accounts are fetched side by side. A bug becomes a
    MailcliError too."""
    try:
        yield
    except Exception as error:
        named = told(error)
        named.message = f"{account.name}: {named.message}"
        if named is error:
            raise
        raise named from error


def left_alone(ctx: Context, account: Account) -> float:
    """Seconds for which the server still wants to be left alone."""
    until = ctx.store.setting(_busy(account))
    left = float(until) - ctx.clock() if until else 0.0
    return left if 0 < left <= _ABSURD else 0.0


@contextmanager
def heeding(ctx: Context, account: Account) -> Iterator[None]:
    """Keep what the server asks for in this block: it holds for all connections, and the next process."""
    try:
        yield
    except Throttled as busy:
        ctx.store.put_setting(_busy(account), f"{ctx.clock() + busy.seconds:.3f}")
        raise


def patiently(ctx: Context, account: Account, limits: Deadlines, attempt: Callable[[], None]) -> None:
    """Do it; if the server wants to be left alone for a while, wait once and do it again. Raises
    Throttled if it wants that twice, or for longer than the run may last."""
    left = left_alone(ctx, account)
    if left:
        forgo(ctx, account.incoming)
        _wait_for(ctx, account, limits, Throttled("the server is busy", seconds=left))
    try:
        with heeding(ctx, account):
            attempt()
    except Throttled as busy:
        if left:
            raise
        _wait_for(ctx, account, limits, busy)
        with heeding(ctx, account):
            attempt()


def _wait_for(ctx: Context, account: Account, limits: Deadlines, busy: Throttled) -> None:
    most = _BACK_OFF if limits.overall is None else min(_BACK_OFF, limits.overall - time.monotonic())
    if busy.seconds > most:
        busy.hint = f"it wants to be left alone for {busy.seconds:.3g} seconds"
        raise busy
    ctx.notice(f"{account.name}: the server is busy; waiting {busy.seconds:.3g} seconds as it asks")
    ctx.cancel.wait(busy.seconds)


def _busy(account: Account) -> str:
    return f"busy {account.name}"


def dial_ahead(ctx: Context, endpoint: Endpoint | None, limits: Deadlines) -> None:
    """Begin to connect now: the rest of the imports, the store and the password do not need the
    server, and it answers meanwhile. The next `open_…` of this endpoint takes the connection."""
    if endpoint is None or ctx.offline or endpoint in ctx.ahead:
        return
    if endpoint.command or (endpoint.proxy is not None and endpoint.proxy.secret is not None):
        return  # a command may ask for something on the terminal; a proxy has to wait for its password
    from mailcli.net.ahead import Ahead

    ctx.ahead[endpoint] = Ahead(endpoint, limits, ctx.cancel)


def forgo(ctx: Context, endpoint: Endpoint | None) -> None:
    """Close what was begun by `dial_ahead` and not taken."""
    ahead = ctx.ahead.pop(endpoint, None) if endpoint is not None else None
    if ahead is not None:
        ahead.close()


def open_incoming_imap(
    ctx: Context, account: Account, limits: Deadlines, *, cancel: CancelToken | None = None
) -> ImapConnection:
    """Sign in to the account's IMAP server. `cancel` is what may end it, if not the whole run."""
    from mailcli.net.imap import open_imap

    endpoint = _endpoint(account, account.incoming, Protocol.IMAP)
    _online(ctx, endpoint)
    secret = secret_of(ctx.secrets, account, endpoint)
    ahead = ctx.ahead.pop(endpoint, None)
    endpoint = with_proxy(ctx.secrets, account, endpoint)
    with _guarded(ctx, endpoint) as (target, done):
        connection = open_imap(
            target,
            secret,
            deadlines=limits,
            cancel=cancel or ctx.cancel,
            transcript=ctx.transcript,
            ahead=ahead,
        )
        done(connection.greeted.mechanism)
    return connection


def open_incoming_pop3(ctx: Context, account: Account, limits: Deadlines) -> Pop3Connection:
    """Sign in to the account's POP3 server, to see what is there (`sync.pop3.maildrop.ask`)."""
    from mailcli.net.pop3 import open_pop3
    from mailcli.sync.pop3.logins import Known
    from mailcli.sync.pop3.maildrop import TABLES

    endpoint = _endpoint(account, account.incoming, Protocol.POP3)
    _online(ctx, endpoint)
    secret = secret_of(ctx.secrets, account, endpoint)
    ahead = ctx.ahead.pop(endpoint, None)
    endpoint = with_proxy(ctx.secrets, account, endpoint)
    known = Known(ctx.store, account.name, endpoint, ctx.clock)
    with _guarded(ctx, endpoint) as (target, done):
        connection = open_pop3(
            target,
            secret,
            deadlines=limits,
            cancel=ctx.cancel,
            transcript=ctx.transcript,
            ahead=ahead,
            known=known.offers,
            behind=TABLES,
        )
        done(connection.greeted.mechanism)
    known.learn(connection.greeted.learned)
    return connection


def open_sending(ctx: Context, account: Account, limits: Deadlines, ehlo: str) -> SmtpConnection:
    """Sign in to the account's submission server; without a user name, without signing in."""
    from mailcli.net.smtp import open_smtp

    endpoint = _endpoint(account, account.sending, Protocol.SMTP)
    _online(ctx, endpoint)
    secret = secret_of(ctx.secrets, account, endpoint)
    ahead = ctx.ahead.pop(endpoint, None)
    endpoint = with_proxy(ctx.secrets, account, endpoint)
    with _guarded(ctx, endpoint) as (target, done):
        connection = open_smtp(
            target,
            secret,
            ehlo=ehlo,
            deadlines=limits,
            cancel=ctx.cancel,
            transcript=ctx.transcript,
            ahead=ahead,
        )
        done(connection.greeted.mechanism)
    return connection


def secret_of(secrets: Secrets, account: Account, endpoint: Endpoint) -> Secret | None:
    """What signs in to a server; None: nothing does, since it is the user's own channel, or an open
    relay. Raises ConfigError, TimedOut."""
    if endpoint.auth == "external":
        return Certificate()
    needless = endpoint.own_channel or endpoint.protocol is Protocol.SMTP
    if needless and (endpoint.secret is None or not endpoint.user):
        return None
    return secrets.get(account, endpoint)


def with_proxy(secrets: Secrets, account: Account, endpoint: Endpoint) -> Endpoint:
    """The endpoint with its proxy's password in hand."""
    proxy = endpoint.proxy
    if proxy is None or proxy.secret is None:
        return endpoint
    password = Password(secrets.text(account, endpoint, proxy.secret, "proxy_password"))
    return endpoint._replace(proxy=proxy._replace(password=password))


@contextmanager
def _guarded(ctx: Context, endpoint: Endpoint) -> Iterator[tuple[Endpoint, Callable[[str], None]]]:
    """Never weaker than the last time: without TLS, a server that once let us in without seeing the
    password is not shown it later, when somebody between may have struck the better ways from its
    list. Under TLS there is nobody between. The block gets the endpoint, and a function to tell the
    mechanism that has signed in. An explicit `auth` is the user's own word, and holds."""
    if endpoint.private or endpoint.auth != "auto":
        yield endpoint, lambda mechanism: None
        return
    from mailcli.wire.sasl import hides

    key = f"hidden sign-in {endpoint.protocol.value} {endpoint.label} {endpoint.user}"
    known = ctx.store.setting(key)

    def done(mechanism: str) -> None:
        if hides(mechanism) and known is None:
            ctx.store.put_setting(key, mechanism)

    try:
        yield endpoint._replace(guarded=known is not None), done
    except AuthenticationFailed as error:
        if known is not None:
            error.hint += f"; before, {known} was used, which does not show the password"
        raise


def _endpoint(account: Account, endpoint: Endpoint | None, protocol: Protocol) -> Endpoint:
    if endpoint is None or endpoint.protocol is not protocol:
        raise ConfigError(
            f"account {account.name} has no {protocol.value.upper()} server",
            hint=f"add [accounts.{account.name}.{protocol.value}] to the configuration",
        )
    return endpoint


def _online(ctx: Context, endpoint: Endpoint) -> None:
    if ctx.offline:
        raise Unreachable(f"{endpoint.label} is not contacted: --offline", hint="run it without --offline")


def own_name() -> str:
    """What EHLO calls this machine: its full name if it has one (RFC 5321 §4.1.1.1)."""
    name = os.uname().nodename
    return name if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", name) else "localhost"
