"""Signed-in connections to real servers, and the ways in which signing in fails."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailcli.errors import (
    AuthenticationFailed,
    CertificateRefused,
    MailcliError,
    RemoteProtocolError,
    TimedOut,
    Unreachable,
)
from mailcli.model.account import Endpoint, Password, Protocol, Secret, Tls
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.imap import open_imap
from mailcli.net.pop3 import open_pop3
from mailcli.net.smtp import open_smtp
from mailcli.net.trace import Transcript
from mailcli.wire.imap import commands as imap
from tests.support.dovecot import Dovecot
from tests.support.peers import dead_port, read_line, read_to_end, serving
from tests.support.postfix import Postfix

QUICK = Deadlines(connect=20, tls=20, greeting=20, reply=20)
User = tuple[str, str]
IMPLICIT = {Protocol.IMAP: "imaps", Protocol.POP3: "pop3s", Protocol.SMTP: "submissions"}
STARTTLS = {Protocol.IMAP: "imap", Protocol.POP3: "pop3", Protocol.SMTP: "submission"}
ALL = [(protocol, tls) for protocol in Protocol for tls in (Tls.IMPLICIT, Tls.STARTTLS)]


def open_any(endpoint: Endpoint, secret: Secret, transcript: Transcript | None = None) -> Any:
    options: dict[str, Any] = {"deadlines": QUICK, "cancel": CancelToken(), "transcript": transcript}
    if endpoint.protocol is Protocol.SMTP:
        return open_smtp(endpoint, secret, ehlo="client.test", **options)
    return (open_imap if endpoint.protocol is Protocol.IMAP else open_pop3)(endpoint, secret, **options)


@pytest.fixture
def endpoint(dovecot: Dovecot, request: pytest.FixtureRequest) -> Callable[..., Endpoint]:
    def make(protocol: Protocol, tls: Tls, user: str, **changes: Any) -> Endpoint:
        server: Any = request.getfixturevalue("postfix") if protocol is Protocol.SMTP else dovecot
        port = getattr(server, (IMPLICIT if tls is Tls.IMPLICIT else STARTTLS)[protocol])
        made = Endpoint(protocol, "localhost", port, tls, user, ca_file=dovecot.ca)
        return made._replace(**changes)

    return make


@pytest.mark.parametrize(("protocol", "tls"), ALL)
def test_each_protocol_signs_in_under_both_kinds_of_tls_and_leaves_no_secret_in_the_log(
    endpoint: Callable[..., Endpoint], mail_user: User, protocol: Protocol, tls: Tls, tmp_path: Path
) -> None:
    name, password = mail_user
    transcript = Transcript.create(tmp_path / "log")
    with open_any(endpoint(protocol, tls, name), Password(password), transcript) as connection:
        assert connection.pump.stream.tls is not None
        assert connection.greeted is not None
    transcript.close()
    log = (tmp_path / "log").read_text()
    assert password not in log
    assert re.search(r"-- TLSv1\.3 ", log)
    assert log.rstrip().endswith("-- closed")
    goodbye = "LOGOUT" if protocol is Protocol.IMAP else "QUIT"
    assert goodbye in log


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_wrong_password_is_77_and_names_the_server(
    endpoint: Callable[..., Endpoint], mail_user: User, protocol: Protocol
) -> None:
    target = endpoint(protocol, Tls.IMPLICIT, mail_user[0])
    with pytest.raises(AuthenticationFailed) as caught:
        open_any(target, Password("not-the-password"))
    assert caught.value.exit_code == 77
    assert target.label in caught.value.message
    assert "not-the-password" not in caught.value.message


@pytest.mark.parametrize(("protocol", "tls"), ALL)
def test_a_certificate_nobody_vouches_for_is_77(
    endpoint: Callable[..., Endpoint], mail_user: User, protocol: Protocol, tls: Tls, tmp_path: Path
) -> None:
    transcript = Transcript.create(tmp_path / "log")
    with pytest.raises(CertificateRefused) as caught:
        open_any(endpoint(protocol, tls, mail_user[0], ca_file=None), Password(mail_user[1]), transcript)
    assert caught.value.exit_code == 77
    log = (tmp_path / "log").read_text()
    assert "LOGIN" not in re.sub(r"S: .*", "", log)
    assert "AUTH" not in re.sub(r"S: .*", "", log)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_a_port_of_plain_text_asked_for_tls_says_so(
    endpoint: Callable[..., Endpoint], dovecot: Dovecot, mail_user: User, protocol: Protocol
) -> None:
    port = endpoint(protocol, Tls.STARTTLS, "").port
    with pytest.raises(RemoteProtocolError, match="does not speak TLS"):
        open_any(endpoint(protocol, Tls.IMPLICIT, mail_user[0], port=port), Password(mail_user[1]))


def test_a_port_of_implicit_tls_asked_in_plain_text_is_timed_out_waiting_for_the_greeting(
    endpoint: Callable[..., Endpoint], dovecot: Dovecot, mail_user: User
) -> None:
    target = endpoint(Protocol.IMAP, Tls.STARTTLS, mail_user[0], port=dovecot.imaps)
    with pytest.raises(MailcliError) as caught:
        open_imap(
            target, Password(mail_user[1]), deadlines=QUICK._replace(greeting=0.5), cancel=CancelToken()
        )
    assert isinstance(caught.value, TimedOut | Unreachable)
    assert "implicit" in caught.value.hint


def test_a_dead_port_is_75() -> None:
    with dead_port() as port, pytest.raises(Unreachable) as caught:
        open_any(Endpoint(Protocol.POP3, "localhost", port, Tls.IMPLICIT, "u"), Password("x"))
    assert caught.value.exit_code == 75


def test_a_stripped_starttls_fails_hard_before_a_credential_is_written() -> None:
    heard: list[bytes] = []

    def stripped(sock: Any) -> None:
        sock.sendall(b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n")
        heard.append(read_to_end(sock))

    with serving(stripped) as port:
        target = Endpoint(Protocol.IMAP, "127.0.0.1", port, Tls.STARTTLS, "alice")
        with pytest.raises(MailcliError):
            open_any(target, Password("secret"))
    assert b"secret" not in b"".join(heard)
    assert b"AUTHENTICATE" not in b"".join(heard)


@pytest.mark.parametrize("injected", [b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", b"* CAPA", b"A2 OK done\r\n"])
def test_data_injected_behind_the_starttls_reply_ends_the_session(injected: bytes) -> None:
    heard: list[bytes] = []

    def injecting(sock: Any) -> None:
        sock.sendall(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
        heard.append(sock.recv(1000))
        tag = heard[0].split()[0]
        sock.sendall(tag + b" OK go\r\n" + injected)
        while data := sock.recv(1000):
            heard.append(data)

    with serving(injecting) as port:
        target = Endpoint(Protocol.IMAP, "127.0.0.1", port, Tls.STARTTLS, "alice")
        with pytest.raises(RemoteProtocolError):
            open_any(target, Password("secret"))
    assert b"secret" not in b"".join(heard)


def test_a_session_carries_a_large_flight_both_ways(
    dovecot: Dovecot, endpoint: Callable[..., Endpoint], mail_user: User
) -> None:
    name, password = mail_user
    message = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 76 + b"\r\n") * 40_000
    with open_any(endpoint(Protocol.IMAP, Tls.IMPLICIT, name), Password(password)) as connection:
        appends = [imap.Append("INBOX", message, frozenset(), None) for _ in range(3)]
        connection.pump.call(*appends)
        events = connection.pump.call(imap.Select("INBOX"), imap.Fetch("1:*", ("BODY.PEEK[]",)))
        bodies = [e.sections[0].data for e in events if type(e).__name__ == "Fetched"]
        assert bodies == [message] * 3


def test_a_polite_end_waits_for_nothing() -> None:
    heard: list[bytes] = []

    def mute(sock: Any) -> None:
        sock.sendall(b"220 here\r\n")
        read_line(sock)
        sock.sendall(b"250 here\r\n")
        heard.append(read_to_end(sock))

    with serving(mute) as port:
        target = Endpoint(Protocol.SMTP, "127.0.0.1", port, Tls.NONE, "")
        connection = open_smtp(target, None, ehlo="client.test", deadlines=QUICK, cancel=CancelToken())
        connection.close()
        connection.close()
    assert heard == [b"QUIT\r\n"]


def test_a_relay_without_sign_in_needs_no_secret(postfix: Postfix) -> None:
    target = Endpoint(Protocol.SMTP, "localhost", postfix.smtp, Tls.NONE, "")
    with open_smtp(target, None, ehlo="client.test", deadlines=QUICK, cancel=CancelToken()) as connection:
        assert connection.greeted.mechanism == ""
