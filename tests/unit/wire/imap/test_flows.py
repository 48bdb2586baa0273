"""Signing in, driven by hand: the server's lines in, what we write out."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from mailcli.errors import (
    AuthenticationFailed,
    MailcliError,
    RemoteProtocolError,
    ServerRefused,
    StartTlsInjection,
    TryAgain,
)
from mailcli.model.account import BearerToken, Endpoint, Password, Protocol, Secret, Tls
from mailcli.wire import flow
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.flows import Greeted, sign_in

SECRET = Password("geheim")
TOKEN = BearerToken("geheim")
PLAIN = b"AGF0AGdlaGVpbQ=="  # \0at\0geheim


Line = bytes | Callable[[bytes], bytes]


def endpoint(tls: Tls = Tls.IMPLICIT, host: str = "imap.example.org", **more: Any) -> Endpoint:
    return Endpoint(Protocol.IMAP, host, 993, tls, "at", **more)


class Played:
    """What came of a flow against lines of a server, one per turn; a function makes its line of what
    was written."""

    def __init__(self, where: Endpoint, secret: Secret, *lines: Line, protected: bool = True) -> None:
        self.written = b""
        self.handshakes = 0
        self.result: Greeted | None = None
        self.error: MailcliError | None = None
        self._engine = ImapEngine(disabled=where.disabled)
        self._lines = list(lines)
        try:
            self._drive(sign_in(where, secret, protected=protected))
        except MailcliError as error:
            self.error = error
        assert not self._lines, "the server had more to say"

    def _drive(self, steps: Any) -> None:
        answer = None
        try:
            while True:
                step = steps.send(answer)
                if isinstance(step, flow.StartTls):
                    self.handshakes += 1
                    self._engine.start_tls()
                    answer = []
                    continue
                commands = step.commands if isinstance(step, flow.Call) else ()
                tags = [self._engine.send(command) for command in commands] or [0]
                answer = self._until(tags)
        except StopIteration as stop:
            self.result = stop.value

    def _until(self, tags: list[int]) -> list[Any]:
        events: list[Any] = []
        while True:
            self.written += self._engine.outgoing()
            if all(map(self._engine.done, tags)):
                return events
            assert self._lines, f"the flow waits for an answer to {self.written!r}"
            line = self._lines.pop(0)
            events += self._engine.receive(
                (line if isinstance(line, bytes) else line(self.written)) + b"\r\n"
            )

    @property
    def leaked(self) -> bool:
        return any(word in self.written for word in (b"geheim", PLAIN, b"AUTHENTICATE", b"LOGIN"))


def refused(kind: type[MailcliError], played: Played) -> str:
    assert type(played.error) is kind, played.error
    return played.error.message + " | " + played.error.hint


def test_all_that_the_greeting_tells_is_not_asked_again() -> None:
    played = Played(
        endpoint(),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
        b"A1 OK [CAPABILITY IMAP4rev1 IDLE] welcome",
    )
    assert played.written == b"A1 AUTHENTICATE PLAIN " + PLAIN + b"\r\n"
    assert played.result == Greeted(frozenset({"IMAP4REV1", "IDLE"}), None, "hi", (), "PLAIN")


def test_capabilities_are_asked_for_where_they_were_not_told() -> None:
    played = Played(
        endpoint(),
        SECRET,
        b"* OK hi",
        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nA1 OK done",
        b"+ ",
        b"A2 OK welcome",
        b"* CAPABILITY IMAP4rev1 MOVE\r\nA3 OK done",
    )
    assert played.written == b"A1 CAPABILITY\r\nA2 AUTHENTICATE PLAIN\r\n" + PLAIN + b"\r\nA3 CAPABILITY\r\n"
    assert played.result is not None and "MOVE" in played.result.capabilities


def test_starttls_comes_before_all_else_and_capabilities_after_it_count() -> None:
    played = Played(
        endpoint(Tls.STARTTLS),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED AUTH=EVIL] hi",
        b"A1 OK go",
        b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\nA2 OK done",
        b"A3 OK [CAPABILITY IMAP4rev1] in",
        protected=False,
    )
    assert played.handshakes == 1 and played.result is not None
    assert played.written.startswith(b"A1 STARTTLS\r\nA2 CAPABILITY\r\nA3 AUTHENTICATE")


@pytest.mark.parametrize("host", ["imap.example.org", "127.0.0.1"])
@pytest.mark.parametrize("cleartext", [True, False])
def test_a_stripped_starttls_stops_us_whatever_else_is_allowed(host: str, cleartext: bool) -> None:
    where = endpoint(Tls.STARTTLS, host, allow_cleartext=cleartext)
    played = Played(where, SECRET, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi", protected=False)
    assert "does not offer STARTTLS" in refused(AuthenticationFailed, played)
    assert not played.leaked and played.handshakes == 0


@pytest.mark.parametrize("answer", [b"A1 NO no", b"A1 BAD what"])
def test_a_refused_starttls_stops_us(answer: bytes) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi"
    played = Played(endpoint(Tls.STARTTLS), SECRET, greeting, answer, protected=False)
    assert "refused STARTTLS" in refused(AuthenticationFailed, played)
    assert not played.leaked


def test_preauth_before_tls_stops_us_without_an_octet() -> None:
    played = Played(endpoint(Tls.STARTTLS), SECRET, b"* PREAUTH [CAPABILITY STARTTLS] hi", protected=False)
    assert "before TLS" in refused(RemoteProtocolError, played)
    assert played.written == b""


def test_data_in_the_clear_behind_starttls_stops_us() -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 STARTTLS] hi"
    answer = b"A1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN"
    played = Played(endpoint(Tls.STARTTLS), SECRET, greeting, answer, protected=False)
    refused(StartTlsInjection, played)
    assert not played.leaked


@pytest.mark.parametrize("secret", [SECRET, TOKEN])
@pytest.mark.parametrize("capabilities", [b"", b"AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER"])
@pytest.mark.parametrize("host", ["imap.example.org", "127.evil.example", "localhost.example"])
def test_no_secret_goes_in_the_clear(secret: Secret, capabilities: bytes, host: str) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR " + capabilities + b"] hi"
    played = Played(endpoint(Tls.NONE, host), secret, greeting, protected=False)
    assert "TLS" in refused(AuthenticationFailed, played)
    assert not played.leaked


@pytest.mark.parametrize("tls", [Tls.IMPLICIT, Tls.STARTTLS])
def test_cleartext_allowed_is_for_connections_configured_without_tls(tls: Tls) -> None:
    where = endpoint(tls, "127.0.0.1", allow_cleartext=True)
    played = Played(where, SECRET, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi", protected=False)
    refused(AuthenticationFailed, played)
    assert not played.leaked


@pytest.mark.parametrize(
    "where",
    [
        endpoint(Tls.NONE, "127.0.0.1"),
        endpoint(Tls.NONE, "localhost"),
        endpoint(Tls.NONE, "::1"),
        endpoint(Tls.NONE, allow_cleartext=True),
    ],
    ids=lambda where: where.host,
)
def test_loopback_and_allowed_cleartext_may_carry_a_password(where: Endpoint) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi"
    played = Played(where, SECRET, greeting, b"A1 OK [CAPABILITY X] in", protected=False)
    assert played.result is not None and PLAIN in played.written


def test_login_is_for_servers_without_a_mechanism() -> None:
    played = Played(endpoint(), SECRET, b"* OK [CAPABILITY IMAP4rev1] hi", b"A1 OK [CAPABILITY X] in")
    assert played.written == b'A1 LOGIN "at" "geheim"\r\n'


def test_logindisabled_is_respected() -> None:
    played = Played(endpoint(), SECRET, b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi")
    assert "no way of signing in" in refused(AuthenticationFailed, played)
    assert not played.leaked


def test_a_token_is_never_sent_as_a_password() -> None:
    played = Played(endpoint(), TOKEN, b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi")
    refused(AuthenticationFailed, played)
    assert not played.leaked


def test_a_mechanism_that_the_server_lacks_after_all_gives_way_to_the_next() -> None:
    played = Played(
        endpoint(),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN AUTH=PLAIN] hi",
        b"A1 BAD unknown mechanism",
        b"+ ",
        b"+ ",
        b"A2 OK [CAPABILITY X] in",
    )
    assert played.result is not None and played.written.count(b"AUTHENTICATE") == 2


def test_scram_refused_at_once_is_followed_by_one_attempt_with_the_password() -> None:
    played = Played(
        endpoint(),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=SCRAM-SHA-1] hi",
        b"A1 NO [AUTHENTICATIONFAILED] no",
        b"A2 NO [AUTHENTICATIONFAILED] no",
    )
    refused(AuthenticationFailed, played)
    assert played.written.count(b"AUTHENTICATE") == 1 and b'A2 LOGIN "at" "geheim"' in played.written


def test_a_refused_proof_of_scram_is_a_wrong_password() -> None:
    def challenge(written: bytes) -> bytes:
        first = base64.b64decode(written.split()[-1])
        nonce = first.partition(b"r=")[2]
        return b"+ " + base64.b64encode(b"r=" + nonce + b"server,s=c2FsdHNhbHQ=,i=4096")

    played = Played(
        endpoint(auth="scram"),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN] hi",
        challenge,
        b"A1 NO [AUTHENTICATIONFAILED] no",
    )
    refused(AuthenticationFailed, played)
    assert played.written.count(b"AUTHENTICATE") == 1


def test_a_server_that_cannot_prove_itself_gets_no_plain_password() -> None:
    played = Played(
        endpoint(Tls.NONE, "127.0.0.1"),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN] hi",
        b"+ cj1mb3JnZWQscz1hYmNkLGk9NDA5Ng==",  # a nonce that does not begin with ours
        b"A1 BAD cancelled",
    )
    refused(AuthenticationFailed, played)
    assert played.written.endswith(b"\r\n*\r\n") and PLAIN not in played.written


def test_an_ok_without_the_proof_of_scram_is_no_success() -> None:
    played = Played(
        endpoint(),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] hi",
        b"A1 OK [CAPABILITY X] trust me",
    )
    refused(AuthenticationFailed, played)


def test_no_second_attempt_with_plain_where_it_could_be_read() -> None:
    where = endpoint(Tls.NONE, "127.0.0.1")
    greeting = b"* OK [CAPABILITY IMAP4rev1 AUTH=CRAM-MD5 AUTH=PLAIN] hi"
    challenge = b"+ PDE4OTYuNjk3MTcwOTUyQHg+"
    where = where._replace(auth="cram-md5")
    played = Played(where, SECRET, greeting, challenge, b"A1 NO no", protected=False)
    refused(AuthenticationFailed, played)
    assert PLAIN not in played.written


@pytest.mark.parametrize("offered", [b"AUTH=PLAIN AUTH=LOGIN", b""])
def test_once_a_server_did_without_the_password_in_the_clear_it_never_gets_it(offered: bytes) -> None:
    where = endpoint(Tls.NONE, "127.0.0.1", guarded=True)
    for protected in (True, False):
        played = Played(where, SECRET, b"* OK [CAPABILITY IMAP4rev1 %s] hi" % offered, protected=protected)
        refused(AuthenticationFailed, played)
        assert not played.leaked


def test_a_refusal_of_scram_in_the_clear_is_not_followed_by_the_password() -> None:
    where = endpoint(Tls.NONE, "imap.example.org", allow_cleartext=True)
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN] hi"
    played = Played(where, SECRET, greeting, b"A1 NO no", protected=True)
    refused(AuthenticationFailed, played)
    assert PLAIN not in played.written and b"geheim" not in played.written


@pytest.mark.parametrize(
    "answer",
    [
        b"A1 NO [UNAVAILABLE] later",
        b"A1 NO [INUSE] later",
        b"A1 NO [LIMIT] Rate limit hit",
        b"A1 NO [SERVERBUG] oops",
        b"A1 NO [ALERT] Too many simultaneous connections. (Failure)",
        b"A1 BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds",
        b"A1 NO Maximum number of connections from user+IP exceeded",
        b"A1 NO [AUTHENTICATIONFAILED] Temporary authentication failure.",
    ],
)
def test_a_busy_server_is_tried_again_later(answer: bytes) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi"
    played = Played(endpoint(), SECRET, greeting, answer)
    if b"AUTHENTICATIONFAILED" in answer:
        refused(AuthenticationFailed, played)  # the code counts more than the words
    else:
        refused(TryAgain, played)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"A1 NO [AUTHENTICATIONFAILED] Invalid credentials", "Invalid credentials"),
        (b"A1 NO [AUTHORIZATIONFAILED] not you", "this user may not"),
        (b"A1 NO [EXPIRED] old", "has expired"),
        (b"A1 NO [PRIVACYREQUIRED] no", "wants TLS"),
        (b"A1 NO [CONTACTADMIN] no", "administrator"),
        (b"A1 NO", "no reason"),
        (b"* NO [ALERT] App password required\r\nA1 NO Failure", "App password required"),
        (b"* NO [WEBALERT https://x.example/] Web login required.\r\nA1 NO no", "Web login required"),
        (b"A1 NO evil \x1b[2J words", "evil"),
    ],
)
def test_the_servers_words_are_shown_and_harmless(answer: bytes, told: str) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi"
    message = refused(AuthenticationFailed, Played(endpoint(), SECRET, greeting, answer))
    assert told in message and "\x1b" not in message and "geheim" not in message


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (b"* BYE [UNAVAILABLE] too many connections", TryAgain),
        (b"* BYE go away", TryAgain),
        (b"* BYE [CONTACTADMIN] blocked", ServerRefused),
    ],
)
def test_a_server_that_turns_us_away_is_quoted(greeting: bytes, kind: type[MailcliError]) -> None:
    played = Played(endpoint(), SECRET, greeting)
    assert "turned us away" in refused(kind, played)
    assert played.written == b""


def test_preauth_under_tls_needs_no_password() -> None:
    played = Played(endpoint(), SECRET, b"* PREAUTH [CAPABILITY IMAP4rev1] welcome")
    assert played.written == b"" and played.result is not None


def test_alerts_on_the_way_are_handed_on() -> None:
    played = Played(
        endpoint(),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
        b"* OK [ALERT] Maintenance at noon\r\nA1 OK [CAPABILITY X] in",
    )
    assert played.result is not None and played.result.alerts == ("Maintenance at noon",)


def test_an_oauth_refusal_tells_what_the_server_said() -> None:
    played = Played(
        endpoint(),
        TOKEN,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] hi",
        b"+ eyJzdGF0dXMiOiI0MDEifQ==",
        b"A1 NO [AUTHENTICATIONFAILED] Invalid credentials",
    )
    assert "401" in refused(AuthenticationFailed, played)


def test_a_disabled_mechanism_extension_is_not_used() -> None:
    played = Played(
        endpoint(disabled=frozenset({"SASL-IR"})),
        SECRET,
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi",
        b"+ ",
        b"A1 OK [CAPABILITY X] in",
    )
    assert played.written == b"A1 AUTHENTICATE PLAIN\r\n" + PLAIN + b"\r\n"
