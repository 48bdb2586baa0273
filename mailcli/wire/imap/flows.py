"""Signing in to an IMAP server, without a socket.

No octet of a secret is written before `_Session.exposed` has said that the link may carry it, and a
server (or whoever sits before it) has no way to make the flow skip a step.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mailcli.errors import AuthenticationFailed, MailcliError, RemoteProtocolError, ServerRefused, TryAgain
from mailcli.model import pattern, printable
from mailcli.model.account import BearerToken, Endpoint, Password, Secret, Tls
from mailcli.model.record import NamedTuple
from mailcli.wire import flow, sasl
from mailcli.wire.imap import commands as c
from mailcli.wire.imap import events as e
from mailcli.wire.mechanism import Mechanism

if TYPE_CHECKING:
    Flow = flow.Flow[c.Command, e.Event, "Greeted"]
    _Part = flow.Flow[c.Command, e.Event, list[e.Event]]

_LATER: Final = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "OVERQUOTA"})
"""RFC 5530 §3: not the credentials' fault. Gmail means its bandwidth limit by OVERQUOTA."""
_FOR_GOOD: Final = frozenset({"CONTACTADMIN", "PRIVACYREQUIRED", "NOPERM", "AUTHORIZATIONFAILED", "EXPIRED"})
_BUSY: Final = pattern.compile(
    r"too many|throttl|temporar|try again|rate limit|maximum number of connections|unavailable|"
    r"simultaneous|not connected",
    re.IGNORECASE,
)
"""Gmail, Exchange and others say it in words only."""
_HINTS: Final = {
    "AUTHENTICATIONFAILED": "check user and password; many providers want an app password",
    "AUTHORIZATIONFAILED": "this user may not open this mailbox",
    "EXPIRED": "the password has expired: set a new one with your provider",
    "PRIVACYREQUIRED": 'the server wants TLS first: set tls = "implicit" or "starttls"',
    "CONTACTADMIN": "ask the administrator of the server",
    "WEBALERT": "sign in once in a browser as the message says",
}
_LOOPBACK: Final = pattern.compile(r"localhost|::1|127(?:\.\d{1,3}){3}", re.IGNORECASE)


class Greeted(NamedTuple):
    """A signed-in session: capabilities after sign-in; the server's ID if it was told; the
    greeting's text; the [ALERT]s met on the way, which must be shown; what signed us in ("LOGIN" for
    the command too, "" if nothing had to)."""

    capabilities: frozenset[str]
    server_id: tuple[tuple[str, str], ...] | None = None
    greeting: str = ""
    alerts: tuple[str, ...] = ()
    mechanism: str = ""


def sign_in(
    endpoint: Endpoint, secret: Secret | None, *, protected: bool, binding: Callable[[], bytes] = bytes
) -> Flow:
    """Greeting, STARTTLS if the endpoint says so, and authentication.

    `protected`: the socket is under TLS already. `secret` None: the server has to say that we are signed
    in (PREAUTH), which is for the user's own channel. `binding` gives what ties SCRAM to TLS.

    Raises AuthenticationFailed for refused credentials and wherever sending them would expose them,
    TryAgain if the server is busy, ServerRefused if it turns us away, RemoteProtocolError.
    """
    session = _Session(endpoint, protected)
    session.binding = binding
    greeting = session.greeting((yield flow.Greet()))
    if endpoint.tls is Tls.STARTTLS and not protected:
        yield from _start_tls(session, greeting)
    if greeting.status == "PREAUTH" and not endpoint.private:
        # Whoever sits in between may say so, and be given our mail.
        raise RemoteProtocolError(
            f"{endpoint.label} claims that we are signed in already: nothing was sent",
            hint="that is for TLS, a `command` or a `socket`; someone may be interfering",
        )
    if greeting.status != "PREAUTH":
        if secret is None:
            raise AuthenticationFailed(f"{endpoint.label}: there is no password to sign in with")
        yield from _authenticate(session, secret)
    if session.capabilities is None:
        yield from _ask_capabilities(session)
    return Greeted(
        session.capabilities or frozenset(),
        session.server_id,
        greeting.text,
        tuple(session.alerts),
        session.mechanism,
    )


class _Session:
    """What is known so far."""

    def __init__(self, endpoint: Endpoint, protected: bool) -> None:
        self.endpoint = endpoint
        self.protected = protected
        self.capabilities: frozenset[str] | None = None
        self.server_id: tuple[tuple[str, str], ...] | None = None
        self.alerts: list[str] = []
        self.mechanism = ""
        self.binding: Callable[[], bytes] = bytes

    @property
    def exposed(self) -> bool:
        """Whether a secret written now could be read on the way: the one gate before all writes."""
        if self.endpoint.guarded:
            return True
        trusted = self.endpoint.allow_cleartext or _LOOPBACK.fullmatch(self.endpoint.host) is not None
        return not self.protected and not (trusted and self.endpoint.tls is Tls.NONE)

    def take(self, events: list[e.Event]) -> None:
        for event in events:
            if isinstance(event, e.Capabilities):
                self.capabilities = event.names
            elif isinstance(event, e.ServerId):
                self.server_id = event.pairs
            elif isinstance(event, (e.Note, e.Completed, e.Greeting)) and _is_alert(event.code):
                self.alerts.append(printable.line(event.text))

    def greeting(self, events: list[e.Event]) -> e.Greeting:
        self.take(events)
        greeting = next(event for event in events if isinstance(event, e.Greeting))
        if greeting.status == "BYE":
            raise _turned_away(self.endpoint, greeting.code, greeting.text)
        return greeting


def _start_tls(session: _Session, greeting: e.Greeting) -> _Part:
    label = session.endpoint.label
    if greeting.status == "PREAUTH":
        # RFC 9051 §11.1: STARTTLS is illegal now, so a forged PREAUTH would keep us in the clear.
        raise RemoteProtocolError(
            f"{label} claims that we are signed in before TLS has begun: nothing was sent",
            hint='someone may be interfering; use tls = "implicit" (port 993)',
        )
    if session.capabilities is None:
        yield from _ask_capabilities(session)
    if "STARTTLS" not in (session.capabilities or ()):
        raise AuthenticationFailed(
            f"{label} does not offer STARTTLS: the password was not sent",
            hint='someone may have removed it on the way; use tls = "implicit" (port 993)',
        )
    events = yield flow.Call(c.StartTls())
    answer = _completed(session, events)
    if not answer.ok:
        raise AuthenticationFailed(
            f"{label} refused STARTTLS: the password was not sent ({_words(answer.text)})",
            hint='use tls = "implicit" (port 993)',
        )
    yield flow.StartTls()
    session.protected = True
    session.alerts.clear()
    yield from _ask_capabilities(session)  # what was said in the clear counts for nothing
    return events


def _ask_capabilities(session: _Session) -> _Part:
    session.capabilities = None
    events = yield flow.Call(c.Capability())
    session.take(events)
    answer = _completed(session, events)
    if not answer.ok or session.capabilities is None:
        raise RemoteProtocolError(f"{session.endpoint.label} does not say what it can do")
    return events


def _authenticate(session: _Session, secret: Secret) -> _Part:
    """Try the best mechanism; another only if the failure may be the mechanism's own.

    Servers offer SCRAM or CRAM-MD5 for users whose stored password cannot serve them, and refuse
    with the same NO as for a wrong password: one more attempt, under TLS only. Not if a server has
    come as far as to check a SCRAM proof: then the password is wrong, and every attempt counts
    towards a lock-out.
    """
    if session.capabilities is None:
        yield from _ask_capabilities(session)
    left = _mechanisms(session, secret)
    while True:
        mechanism, left = left[0], left[1:]
        session.capabilities = None  # RFC 9051 §6.2: they change with signing in
        if mechanism is None:
            events = yield flow.Call(c.Login(session.endpoint.user, secret.text))
        else:
            events = yield flow.Call(c.Authenticate(mechanism))
        session.take(events)
        cancelled = next((event for event in events if isinstance(event, e.Cancelled)), None)
        if cancelled is not None:
            # The server is not what it says, or we cannot go on: no other mechanism gets the secret.
            raise AuthenticationFailed(f"{session.endpoint.label}: {cancelled.reason}", hint=cancelled.hint)
        answer = _completed(session, events)
        if answer.ok:
            if mechanism is not None:
                mechanism.finish()
            session.mechanism = "LOGIN" if mechanism is None else mechanism.name
            return events
        left = _worth_trying(session, mechanism, secret, answer, left)
        if not left:
            raise _refused(session, mechanism, answer)


def _worth_trying(
    session: _Session,
    mechanism: Mechanism | None,
    secret: Secret,
    answer: e.Completed,
    left: list[Mechanism | None],
) -> list[Mechanism | None]:
    """Which of those left may do better after a NO or BAD."""
    if answer.status == "BAD" and answer.code is None:
        return left  # the server does not know the mechanism after all
    if not session.endpoint.private or isinstance(secret, BearerToken):
        return []
    if _reveals(mechanism) or _busy(answer):
        return []
    if isinstance(mechanism, _Counted) and mechanism.name.startswith("SCRAM-") and mechanism.steps > 1:
        return []
    return [other for other in left if _reveals(other)][:1]


class _Counted:
    """A mechanism, and how far it came."""

    def __init__(self, mechanism: Mechanism) -> None:
        self._mechanism = mechanism
        self.name = mechanism.name
        self.client_first = mechanism.client_first
        self.steps = 0

    def __repr__(self) -> str:
        return repr(self._mechanism)

    @property
    def reason(self) -> str:
        return self._mechanism.reason

    @property
    def refusal(self) -> AuthenticationFailed | None:
        return self._mechanism.refusal

    def step(self, challenge: bytes) -> bytes:
        self.steps += 1
        return self._mechanism.step(challenge)

    def finish(self) -> None:
        self._mechanism.finish()


def _reveals(mechanism: Mechanism | None) -> bool:
    return mechanism is None or mechanism.name in ("PLAIN", "LOGIN")


def _mechanisms(session: _Session, secret: Secret) -> list[Mechanism | None]:
    """What to try, in order; None is the LOGIN command, for servers without a mechanism we have."""
    endpoint = session.endpoint
    names = session.capabilities or frozenset()
    offered = sorted(name[5:] for name in names if name.startswith("AUTH="))
    login = "LOGINDISABLED" not in names and isinstance(secret, Password)
    plain = {"PLAIN", "LOGIN"} & set(offered)
    if login and not plain and endpoint.auth.lower() in ("auto", "login") and not session.exposed:
        try:
            return [*_chosen(session, offered, secret), None]
        except AuthenticationFailed:
            return [None]
    if not offered and session.exposed:
        raise AuthenticationFailed(
            f"{endpoint.label} is not protected by TLS: the password was not sent",
            hint='set tls = "implicit" or "starttls" for this server',
        )
    return list(_chosen(session, offered, secret))


def _chosen(session: _Session, offered: list[str], secret: Secret) -> list[Mechanism]:
    endpoint = session.endpoint
    try:
        chosen = sasl.choose(
            offered,
            secret,
            endpoint.user,
            wanted=endpoint.auth,
            protected=not session.exposed,
            private=endpoint.private,
            host=endpoint.host,
            port=endpoint.port,
            binding=session.binding() if sasl.binds(endpoint.auth, offered) else b"",
        )
        return [_Counted(mechanism) for mechanism in chosen]
    except AuthenticationFailed as error:
        raise AuthenticationFailed(f"{endpoint.label}: {error.message}", hint=error.hint) from None


def _completed(session: _Session, events: list[e.Event]) -> e.Completed:
    """The end of a Call of one command; a BYE in its place turns us away."""
    for event in reversed(events):
        if isinstance(event, e.Completed):
            return event
    bye = next((event for event in events if isinstance(event, e.Bye)), e.Bye(None, "no answer"))
    raise _turned_away(session.endpoint, bye.code, bye.text)


def _busy(answer: e.Completed) -> bool:
    if answer.code is not None and answer.code.name in _LATER:
        return True
    named = answer.code is not None and answer.code.name in _HINTS
    return not named and _BUSY.search(answer.text) is not None


def _turned_away(endpoint: Endpoint, code: e.Code | None, text: str) -> MailcliError:
    said = f"{endpoint.label} turned us away: {_words(text)}"
    if code is not None and code.name in _FOR_GOOD:
        return ServerRefused(said, hint=_HINTS.get(code.name, ""))
    return TryAgain(said, hint="too many connections, or the server is busy: try again later")


def _refused(session: _Session, mechanism: Mechanism | None, answer: e.Completed) -> MailcliError:
    endpoint = session.endpoint
    words = _words(answer.text)
    if _busy(answer):
        return TryAgain(f"{endpoint.label} cannot sign us in now: {words}", hint="try again later")
    more = f" ({mechanism.reason})" if mechanism is not None and mechanism.reason else ""
    code = answer.code.name if answer.code is not None else ""
    alerts = [alert for alert in session.alerts if alert not in words]
    told = "; ".join([words + more, *alerts])
    return AuthenticationFailed(
        f"{endpoint.label} did not accept the credentials of {printable.line(endpoint.user)}: {told}",
        hint=_HINTS.get(code, _HINTS["AUTHENTICATIONFAILED"]),
    )


def _words(text: str) -> str:
    return printable.line(text).strip() or "it gives no reason"


def _is_alert(code: e.Code | None) -> bool:
    return code is not None and code.name in ("ALERT", "WEBALERT")
