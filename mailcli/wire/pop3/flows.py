"""Signing in to a POP3 server, without a socket (RFC 1939, 2449, 2595, 5034, 6856)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Final, TypeVar

from mailcli.errors import (
    AuthenticationFailed,
    LocalProtocolError,
    MailcliError,
    RemoteProtocolError,
    ServerRefused,
    TryAgain,
)
from mailcli.model import printable
from mailcli.model.account import Endpoint, Password, Secret, Tls
from mailcli.model.record import NamedTuple
from mailcli.wire import sasl
from mailcli.wire.flow import Call, Flow, Greet, StartTls
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3.events import Capabilities, Completed, Greeting, Pop3Event
from mailcli.wire.pop3.quirks import hears_on, is_temporary

USER: Final = "user"
APOP: Final = "apop"
"""Values of `auth` beside the SASL mechanisms."""

E = TypeVar("E")


class Offers(NamedTuple):
    """What CAPA says before and after signing in, under TLS where that is used; None without CAPA."""

    before: Capabilities | None
    after: Capabilities | None


class Greeted(NamedTuple):
    """A session in the TRANSACTION state.

    `capabilities` are those after the login, None if the server does not know CAPA: then whether it
    has TOP and UIDL shows by asking. `mechanism` is what signed us in ("USER" for USER and PASS).
    `learned` is what CAPA said, if it was asked. `ran_on`: the tag of the last of the commands that were to
    go right behind the login, if they went there, else 0; `early` are events of theirs.
    """

    capabilities: Capabilities | None
    pipelining: bool = False
    greeting: str = ""
    mechanism: str = ""
    learned: Offers | None = None
    ran_on: int = 0
    early: Sequence[Pop3Event] = ()

    def offers(self, keyword: str) -> bool:
        """Whether a capability (in upper case) was offered."""
        return self.capabilities is not None and keyword in self.capabilities


_Steps = Generator["Greet | Call[pop3.Pop3Command] | StartTls", list[Pop3Event], None]
_Asked = Flow[pop3.Pop3Command, Pop3Event, Capabilities | None]
_SignedIn = Flow[pop3.Pop3Command, Pop3Event, tuple[str, Sequence[Pop3Event]]]
"""The name of what signed us in, and what came with the answer."""


def sign_in(
    endpoint: Endpoint,
    secret: Secret | None,
    *,
    protected: bool,
    binding: Callable[[], bytes] = bytes,
    known: Offers | None = None,
    behind: Sequence[pop3.Pop3Command] = (),
) -> Flow[pop3.Pop3Command, Pop3Event, Greeted]:
    """Greeting, CAPA, STLS and CAPA again, UTF8 if offered, the login, CAPA again unless it
    can bring nothing new.

    `protected`: the connection is under TLS, or cleartext was explicitly allowed (loopback);
    without it no credential is written unless STLS succeeds first. Signs in by SASL, else by USER
    and PASS; APOP only if `auth` asks for it.

    `known` is what an earlier session learned: CAPA is not asked then, unless the login fails and may
    have been made the wrong way. `behind` are commands to send right behind the login where that is safe.

    Raises TryAgain ([IN-USE], [LOGIN-DELAY], [SYS/TEMP]), ServerRefused, AuthenticationFailed.
    """
    label = endpoint.label
    greeting = _first(Greeting, (yield Greet()))
    if not greeting.ok:
        raise _refusal(f"{label} does not serve us", greeting)
    offered = known.before if known else (yield from _capabilities())
    if endpoint.tls is Tls.STARTTLS and not protected:
        yield from _start_tls(label, None if known else offered)
        protected = True
        offered = offered if known else (yield from _capabilities())
    if not protected:
        raise AuthenticationFailed(
            f"{label}: not signing in over an unprotected connection",
            hint='set tls = "implicit" or "starttls" for this server',
        )
    on = behind if known and _pipelines(offered) and hears_on(greeting.text) else ()
    login = _Login(endpoint, secret, greeting.timestamp, binding, on)
    try:
        mechanism, early = yield from login.by(offered)
    except AuthenticationFailed as error:
        if known is None:
            raise
        known, offered = None, (yield from _changed(offered, error))
        login = _Login(endpoint, secret, greeting.timestamp, binding, ())
        mechanism, early = yield from login.by(offered)
    if known:
        after = known.after
    else:
        after = offered if _settled(offered) else (yield from _capabilities())
    return Greeted(
        after,
        _pipelines(after),
        printable.line(greeting.text),
        mechanism,
        None if known else Offers(offered, after),
        ran_on=login.ran_on,
        early=early,
    )


def _pipelines(offered: Capabilities | None) -> bool:
    return offered is not None and "PIPELINING" in offered


def _changed(known: Capabilities | None, error: AuthenticationFailed) -> _Asked:
    """What the server offers now that it has refused a login made by what it offered once. Raises the
    refusal if that is the same: the password is not to be said twice."""
    try:
        offered = yield from _capabilities()
    except (TryAgain, RemoteProtocolError, LocalProtocolError):  # many close after a refusal
        raise error from None
    if _ways(offered) == _ways(known):
        raise error
    return offered


def _ways(offered: Capabilities | None) -> tuple[object, ...]:
    """What of CAPA decides how to sign in."""
    return (offered.parameters("SASL"), _pipelines(offered)) if offered is not None else ()


def _settled(offered: Capabilities | None) -> bool:
    """Whether signing in cannot bring more than was offered before it: all that we use is there, and
    nothing is said to depend on the user (RFC 2449 §6.5, §6.7). Dovecot; not Gmail, which tells of
    PIPELINING and TOP only then."""
    return (
        offered is not None
        and all(keyword in offered for keyword in ("PIPELINING", "TOP", "UIDL"))
        and not any("USER" in offered.parameters(keyword) for keyword in ("EXPIRE", "LOGIN-DELAY"))
    )


def _capabilities() -> _Asked:
    events = yield Call(pop3.Capa())
    return next((event for event in events if isinstance(event, Capabilities)), None)


def _start_tls(label: str, offered: Capabilities | None) -> _Steps:
    # A server without CAPA may still know STLS: asking costs nothing and reveals nothing.
    if offered is not None and "STLS" not in offered:
        raise AuthenticationFailed(
            f"{label} does not offer STLS; nothing more was sent",
            hint="someone between may have removed the offer; "
            'use tls = "implicit" (port 995) if the server has it',
        )
    end = _first(Completed, (yield Call(pop3.Stls())))
    if not end.ok and is_temporary(end.code, end.text):
        raise _refusal(f"{label} cannot start TLS now", end)
    if not end.ok:
        raise AuthenticationFailed(
            f"{label} refused STLS: {_words(end)}; nothing more was sent",
            hint='use tls = "implicit" (port 995) if the server has it',
        )
    yield StartTls()


class _Login:
    """One account's way in. `ran_on` as in Greeted."""

    def __init__(
        self,
        endpoint: Endpoint,
        secret: Secret | None,
        timestamp: str,
        binding: Callable[[], bytes],
        behind: Sequence[pop3.Pop3Command],
    ) -> None:
        self._endpoint = endpoint
        self._secret = secret
        self._timestamp = timestamp
        self._binding = binding
        self._behind = behind
        self.ran_on = 0

    def by(self, offered: Capabilities | None) -> _SignedIn:
        """Sign in as the server offers it."""
        endpoint, secret = self._endpoint, self._secret
        wanted = endpoint.auth.lower()
        if secret is None:
            raise AuthenticationFailed(f"{endpoint.label}: there is no password to sign in with")
        if offered and "UTF8" in offered:
            yield Call(pop3.Utf8())  # a refusal only means that headers may come downgraded
        if isinstance(secret, Password):
            if wanted == APOP:
                return (yield from self._apop(secret))
            known = offered.parameters("SASL") if offered else ()
            if wanted == USER or (
                wanted == "auto" and not endpoint.guarded and not _usable(known, endpoint, secret)
            ):
                return (yield from self._user_pass(secret, offered))
        return (yield from self._authenticate(secret, offered))

    def _apop(self, secret: Password) -> _SignedIn:
        endpoint = self._endpoint
        if not self._timestamp:
            raise AuthenticationFailed(
                f"{endpoint.label} does not offer APOP: its greeting has no timestamp",
                hint='set auth = "auto" to use what it offers',
            )
        import hashlib

        digest = hashlib.md5((self._timestamp + secret.text).encode(), usedforsecurity=False).hexdigest()
        end = _first(Completed, (yield Call(pop3.Apop(endpoint.user, digest))))
        if not end.ok:
            raise _not_signed_in(endpoint, "APOP", end)
        return "APOP", ()

    def _user_pass(self, secret: Password, offered: Capabilities | None) -> _SignedIn:
        user, password = pop3.User(self._endpoint.user), pop3.Pass(secret.text, bool(self._behind))
        early: Sequence[Pop3Event] = ()
        if _pipelines(offered):
            ends, early = _split((yield Call(user, password, behind=self._behind)), 2)
            end = next((e for e in ends if not e.ok), ends[-1])
            self.ran_on = ends[-1].tag + len(self._behind) if self._behind else 0
        else:
            end = _first(Completed, (yield Call(user)))
            if end.ok:
                end = _first(Completed, (yield Call(password)))
        if not end.ok:
            raise _not_signed_in(self._endpoint, "USER", end)
        return "USER", early

    def _authenticate(self, secret: Secret, offered: Capabilities | None) -> _SignedIn:
        endpoint = self._endpoint
        names = offered.parameters("SASL") if offered else ()
        try:
            mechanisms = sasl.choose(
                names,
                secret,
                endpoint.user,
                wanted=endpoint.auth,
                protected=not endpoint.guarded,
                private=endpoint.private,
                host=endpoint.host,
                port=endpoint.port,
                binding=self._binding() if sasl.binds(endpoint.auth, names) else b"",
            )
        except AuthenticationFailed as error:
            raise AuthenticationFailed(f"{endpoint.label}: {error.message}", hint=error.hint) from error
        # The first only: -ERR does not say whether it was the mechanism or the password, and a
        # password that was refused is not said again in a weaker way.
        mechanism = mechanisms[0]
        # The others ask, or answer a token that has expired with a question.
        behind = self._behind if mechanism.name == "PLAIN" else ()
        (end,), early = _split((yield Call(pop3.Authenticate(mechanism, bool(behind)), behind=behind)), 1)
        self.ran_on = end.tag + len(behind) if behind else 0
        if mechanism.refusal and not end.ok:
            raise AuthenticationFailed(
                f"{endpoint.label}: {mechanism.refusal.message}", hint=mechanism.refusal.hint
            )
        if not end.ok:
            raise _not_signed_in(endpoint, mechanism.name, end, mechanism.reason)
        mechanism.finish()
        return mechanism.name, early


def _usable(known: Iterable[str], endpoint: Endpoint, secret: Secret) -> bool:
    try:
        sasl.choose(tuple(known), secret, endpoint.user, protected=True, private=endpoint.private)
    except AuthenticationFailed:
        return False
    return True


def _split(events: Sequence[Pop3Event], commands: int) -> tuple[list[Completed], Sequence[Pop3Event]]:
    """The ends of the first commands, and what came behind them."""
    ends: list[Completed] = []
    for place, event in enumerate(events):
        if isinstance(event, Completed):
            ends.append(event)
            if len(ends) == commands:
                return ends, events[place + 1 :]
    raise RemoteProtocolError("the server's answer has no end")


def _not_signed_in(endpoint: Endpoint, mechanism: str, end: Completed, reason: str = "") -> MailcliError:
    label, user = endpoint.label, endpoint.user
    if is_temporary(end.code, end.text):
        return _refusal(f"{label} cannot sign in {user!r} now", end)
    if end.code == "SYS/PERM":
        return _refusal(f"{label} cannot sign in {user!r}", end)
    hint = "check the user name and the password, and that POP3 is switched on for the mailbox"
    if mechanism.startswith("SCRAM"):
        hint += '; a server that cannot check SCRAM for this user may need auth = "plain"'
    elif mechanism in {"XOAUTH2", "OAUTHBEARER"}:
        hint = "the access token may have expired or lack the scope for POP3"
    reason = f" ({reason})" if reason else ""
    return AuthenticationFailed(
        f"{label} did not accept the credentials of {user!r} by {mechanism}: {_words(end)}{reason}", hint=hint
    )


def _refusal(what: str, end: Completed | Greeting) -> MailcliError:
    if is_temporary(end.code, end.text):
        return TryAgain(f"{what}: {_words(end)}", hint="try again later")
    return ServerRefused(f"{what}: {_words(end)}")


def _words(end: Completed | Greeting) -> str:
    code = f"[{end.code}] " if end.code else ""
    return printable.line(f"-ERR {code}{end.text}".strip())


def _first(kind: type[E], events: Iterable[Pop3Event]) -> E:
    for event in events:
        if isinstance(event, kind):
            return event
    raise RemoteProtocolError(f"the server's answer has no {kind.__name__}")
