"""Signing in to an SMTP or LMTP server, without a socket (RFC 5321, 3207, 4954)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from mailcli.errors import (
    AuthenticationFailed,
    MailcliError,
    RemoteProtocolError,
    ServerRefused,
    TryAgain,
)
from mailcli.model import printable
from mailcli.model.account import Endpoint, Secret, Tls
from mailcli.model.record import NamedTuple
from mailcli.wire import sasl
from mailcli.wire.flow import Call, Flow, Greet, StartTls
from mailcli.wire.mechanism import Mechanism
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp.events import Completed, Extensions, Greeting, Reply, SmtpEvent
from mailcli.wire.smtp.quirks import quirks

_UNKNOWN_COMMAND = frozenset({500, 502, 504, 550})

E = TypeVar("E")


class Greeted(NamedTuple):
    """A session ready for MAIL.

    `extensions` are those of the last EHLO; `greeting` is the banner's text and `quirks` the facts
    known of such a server (quirks.py); `mechanism` is what signed us in, "" if nothing had to.
    """

    extensions: Extensions
    greeting: str = ""
    mechanism: str = ""
    quirks: frozenset[str] = frozenset()


def sign_in(
    endpoint: Endpoint,
    secret: Secret | None,
    *,
    ehlo: str,
    protected: bool,
    lmtp: bool = False,
    binding: Callable[[], bytes] = bytes,
) -> Flow[smtp.SmtpCommand, SmtpEvent, Greeted]:
    """Banner, EHLO, STARTTLS and EHLO again, AUTH.

    `protected`: the connection is under TLS, or cleartext was explicitly allowed (loopback);
    without it no credential is written unless STARTTLS succeeds first. `secret` None: no AUTH.
    `binding` gives what ties SCRAM to the TLS connection.

    Raises TryAgain (4xx), ServerRefused (5xx before AUTH), AuthenticationFailed (535, no STARTTLS,
    no common mechanism, a server that does not prove itself).
    """
    label = endpoint.label
    greeting = _first(Greeting, (yield Greet()))
    if not greeting.reply.ok:
        raise _refusal(f"{label} does not serve us", greeting.reply)
    extensions = yield from _hello(label, ehlo, lmtp=lmtp, helo_will_do=secret is None)
    if endpoint.tls is Tls.STARTTLS and not protected:
        yield from _start_tls(label, extensions)
        protected = True
        extensions = yield from _hello(label, ehlo, lmtp=lmtp, helo_will_do=False)
    mechanism = ""
    if secret is not None:
        mechanism = yield from _authenticate(
            endpoint, secret, extensions, protected=protected, binding=binding
        )
    banner = printable.line(greeting.reply.text)
    return Greeted(extensions, banner, mechanism, quirks(banner))


_Steps = Generator["Greet | Call[smtp.SmtpCommand] | StartTls", list[SmtpEvent], None]


def _hello(
    label: str, name: str, *, lmtp: bool, helo_will_do: bool
) -> Flow[smtp.SmtpCommand, SmtpEvent, Extensions]:
    events = yield Call(smtp.Lhlo(name) if lmtp else smtp.Ehlo(name))
    reply = _completed(events).reply
    if reply.ok:
        return _first(Extensions, events)
    if reply.code in _UNKNOWN_COMMAND and helo_will_do and not lmtp:
        reply = _completed((yield Call(smtp.Helo(name)))).reply
        if reply.ok:
            return Extensions()
    raise _refusal(f"{label} refused our greeting", reply)


def _start_tls(label: str, extensions: Extensions) -> _Steps:
    if "STARTTLS" not in extensions:
        raise AuthenticationFailed(
            f"{label} does not offer STARTTLS; nothing more was sent",
            hint="someone between may have removed the offer; "
            'use tls = "implicit" (port 465) if the server has it',
        )
    reply = _completed((yield Call(smtp.StartTls()))).reply
    if reply.temporary:
        raise _refusal(f"{label} cannot start TLS now", reply)
    if not reply.ok:
        raise AuthenticationFailed(
            f"{label} offered STARTTLS and refused it: {reply.full}; nothing more was sent",
            hint='use tls = "implicit" (port 465) if the server has it',
        )
    yield StartTls()


def _authenticate(
    endpoint: Endpoint,
    secret: Secret,
    extensions: Extensions,
    *,
    protected: bool,
    binding: Callable[[], bytes],
) -> Flow[smtp.SmtpCommand, SmtpEvent, str]:
    label = endpoint.label
    if not protected:
        raise AuthenticationFailed(
            f"{label}: not signing in over an unprotected connection",
            hint='set tls = "implicit" or "starttls" for this server',
        )
    if "AUTH" not in extensions:
        raise AuthenticationFailed(
            f"{label} does not offer to sign in",
            hint="submission servers offer it at port 465 or 587; port 25 is for mail between servers",
        )
    try:
        mechanisms = sasl.choose(
            extensions.parameters("AUTH"),
            secret,
            endpoint.user,
            wanted=endpoint.auth,
            protected=protected and not endpoint.guarded,
            private=endpoint.private,
            host=endpoint.host,
            port=endpoint.port,
            binding=binding() if sasl.binds(endpoint.auth, extensions.parameters("AUTH")) else b"",
        )
    except AuthenticationFailed as error:
        raise AuthenticationFailed(f"{label}: {error.message}", hint=error.hint) from error
    for remaining, mechanism in zip(reversed(range(len(mechanisms))), mechanisms, strict=True):
        reply = _completed((yield Call(smtp.Authenticate(mechanism)))).reply
        if reply.ok:
            mechanism.finish()
            return mechanism.name
        if mechanism.refusal:
            raise AuthenticationFailed(f"{label}: {mechanism.refusal.message}", hint=mechanism.refusal.hint)
        # A mechanism that the server turns out not to have may be followed by a weaker one; a
        # password that it refused is not said again in another way.
        if reply.code == 504 and remaining:
            continue
        raise _not_signed_in(label, endpoint.user, mechanism, reply)
    raise AuthenticationFailed(f"{label} offers no way of signing in that we know")


def _not_signed_in(label: str, user: str, mechanism: Mechanism, reply: Reply) -> MailcliError:
    reason = f" ({mechanism.reason})" if mechanism.reason else ""
    if reply.temporary:
        return _refusal(f"{label} cannot sign in {user!r} now", reply)
    hint = "check the user name and the password; many providers want an app password here"
    if mechanism.name.startswith("SCRAM"):
        hint += '; a server that cannot check SCRAM for this user may need auth = "plain"'
    elif mechanism.name in {"XOAUTH2", "OAUTHBEARER"}:
        hint = "the access token may have expired or lack the scope for sending mail"
    return AuthenticationFailed(
        f"{label} did not accept the credentials of {user!r} by {mechanism.name}: {reply.full}{reason}",
        hint=hint,
    )


def _refusal(what: str, reply: Reply) -> MailcliError:
    if reply.permanent:
        return ServerRefused(f"{what}: {reply.full}")
    return TryAgain(f"{what}: {reply.full}", hint="try again later")


def _completed(events: Iterable[SmtpEvent]) -> Completed:
    return _first(Completed, events)


def _first(kind: type[E], events: Iterable[SmtpEvent]) -> E:
    for event in events:
        if isinstance(event, kind):
            return event
    raise RemoteProtocolError(f"the server's answer has no {kind.__name__}")
