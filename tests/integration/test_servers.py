"""The test servers themselves: what the other tests may rely on."""

from __future__ import annotations

import contextlib
import imaplib
import poplib
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

ROOT = Path(__file__).resolve().parents[2]
MESSAGE = b"""From: a@mail.test\r
To: b@mail.test\r
Subject: hello\r
Date: Fri, 20 Nov 2026 12:00:00 +0000\r
\r
body\r
"""


def context(dovecot: Dovecot) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(dovecot.ca))


def test_appended_messages_are_served_by_imap_and_pop3(dovecot: Dovecot, mail_user: tuple[str, str]) -> None:
    name, password = mail_user
    first = dovecot.append(name, "INBOX", MESSAGE, ["\\Seen", "work"])
    dovecot.append(name, "Projects/2026", MESSAGE.replace(b"\r\n", b"\n"))
    assert dovecot.messages(name) == {first: MESSAGE}
    assert list(dovecot.messages(name, "Projects/2026").values()) == [MESSAGE]
    assert dovecot.flags(name) == {first: {"\\Seen", "work"}}
    with contextlib.closing(poplib.POP3_SSL("localhost", dovecot.pop3s, context=context(dovecot))) as pop3:
        pop3.user(name)
        pop3.pass_(password)
        assert pop3.stat() == (1, len(MESSAGE))
        assert "PIPELINING" in pop3.capa()


def test_every_mechanism_is_offered(dovecot: Dovecot, mail_user: tuple[str, str]) -> None:
    name, _ = mail_user
    with imaplib.IMAP4_SSL("localhost", dovecot.imaps, ssl_context=context(dovecot)) as imap:
        names = "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER"
        assert {f"AUTH={name}" for name in names.split()} <= set(imap.capabilities)
        response = f"n,a={name},\1auth=Bearer {dovecot.token(name)}\1\1".encode()
        imap.authenticate("OAUTHBEARER", lambda _: response)
        status, _ = imap.select()
        assert status == "OK"
    with imaplib.IMAP4_SSL("localhost", dovecot.imaps, ssl_context=context(dovecot)) as imap:
        stale = f"user={name}\1auth=Bearer {dovecot.token(name, seconds=-60)}\1\1".encode()
        answers = iter([stale, b""])
        with pytest.raises(imaplib.IMAP4.error):
            imap.authenticate("XOAUTH2", lambda _: next(answers))


def test_filled_mailboxes_keep_the_order_of_the_messages(dovecot: Dovecot) -> None:
    name, _ = dovecot.user()
    made = [b"Subject: %d\n\n%s" % (n, b"line\n" * n) for n in range(50)]
    assert dovecot.fill(name, made) == 50
    assert list(dovecot.messages(name).values()) == [data.replace(b"\n", b"\r\n") for data in made]


def test_a_stopped_server_comes_back_on_its_ports_with_its_mail(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    import shutil

    from tests.support import daemons

    directory = daemons.work_directory("ms-")
    server = Dovecot(directory).start()
    try:
        name, _ = server.user()
        server.append(name, "INBOX", MESSAGE)
        ports = server.imap, server.pop3s
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.imap))
        server.start()
        assert (server.imap, server.pop3s) == ports
        assert list(server.messages(name).values()) == [MESSAGE]
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.mark.parametrize("port", ["submission", "submissions"])
def test_mail_sent_to_a_user_arrives_in_the_mailbox(
    dovecot: Dovecot, postfix: Postfix, mail_user: tuple[str, str], port: str
) -> None:
    name, password = mail_user
    client: smtplib.SMTP
    if port == "submission":
        client = smtplib.SMTP("localhost", postfix.submission)
        client.starttls(context=context(dovecot))
    else:
        client = smtplib.SMTP_SSL("localhost", postfix.submissions, context=context(dovecot))
    with client:
        client.login(name, password)
        far = f"{name}@example.org"
        data = b"Message-ID: <%s@x.test>\r\n" % name.encode() + MESSAGE
        client.sendmail(f"{name}@mail.test", [f"{name}@mail.test", far], data)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            client.sendmail("a@mail.test", ["a@reject.test", "b@defer.test", "nobody@mail.test"], data)
        assert [code for code, _ in refused.value.recipients.values()] == [550, 450, 550]
    done = postfix.wait_delivered(f"{name}@x.test", recipients=2)
    assert done.sender == f"{name}@mail.test"
    assert sorted(done.recipients) == sorted([f"{name}@mail.test", far])
    (arrived,) = dovecot.messages(name).values()
    assert arrived.endswith(data)
    (abroad,) = postfix.abroad(far)
    assert abroad.endswith(data.replace(b"\r\n", b"\n"))


def test_strangers_may_not_relay(postfix: Postfix) -> None:
    with smtplib.SMTP("localhost", postfix.smtp) as client:
        client.ehlo()
        client.mail("a@example.org")
        code, _ = client.rcpt("b@example.org")
        assert code == 554


def test_a_profile_names_the_servers_and_hides_the_password(
    tmp_path: Path, dovecot: Dovecot, mail_user: tuple[str, str], account_toml: Callable[..., Path]
) -> None:
    account_toml(tmp_path, dovecot, *mail_user)
    path = account_toml(tmp_path, dovecot, *mail_user, name="pop", protocol="pop3", tls="starttls")
    tables = tomllib.loads(path.read_text())["accounts"]
    assert tables["test"]["imap"]["port"] == dovecot.imaps
    assert tables["pop"]["pop3"]["port"] == dovecot.pop3
    secret = Path(tables["test"]["password"]["file"])
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text() == mail_user[1] + "\n"


def test_servers_end_with_the_process_that_started_them_however_it_ends(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.support import daemons;"
        "one = daemons.Daemon([sys.executable, '-m', 'http.server', '-b', '127.0.0.1', sys.argv[1]],"
        " Path(sys.argv[2]));"
        "one.wait_until_listening(int(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    from tests.support import daemons

    (port,) = daemons.free_ports(1)
    done = subprocess.run(
        [sys.executable, "-c", program, str(port), str(tmp_path / "log")], cwd=ROOT, timeout=30, check=False
    )
    assert done.returncode == -signal.SIGKILL
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.01)
    pytest.fail("the daemon outlived the process that started it")
