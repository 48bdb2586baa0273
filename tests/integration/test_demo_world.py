"""The embedded mail world, met with the clients of the standard library."""

from __future__ import annotations

import contextlib
import email
import imaplib
import poplib
import smtplib
import socket
import threading
from collections.abc import Iterator
from email.policy import default

import pytest

from mailcli.demo.letters import letters
from mailcli.demo.world import World

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World(now=NOW) as made:
        yield made


def test_mail_sent_to_both_residents_arrives_by_imap_and_pop3(world: World) -> None:
    alice, bob = world.accounts
    assert alice.account.incoming and alice.account.sending and bob.account.incoming
    addresses = [alice.account.email, bob.account.email]
    with smtplib.SMTP("127.0.0.1", alice.account.sending.port) as smtp:
        smtp.login("bob", bob.password)
        smtp.sendmail(bob.account.email, addresses, b"Subject: to both\r\n\r\n.dot\r\n")
    with imaplib.IMAP4("127.0.0.1", alice.account.incoming.port) as imap:
        imap.login("alice", alice.password)
        _, answer = imap.select()
        _, rows = imap.fetch(answer[0].decode(), "(BODY.PEEK[])")  # type: ignore[union-attr]
        assert rows[0][1].endswith(b"Subject: to both\r\n\r\n.dot\r\n")  # type: ignore[index,union-attr]
    with contextlib.closing(poplib.POP3("127.0.0.1", bob.account.incoming.port)) as pop3:
        pop3.user("bob")
        pop3.pass_(bob.password)
        count, _ = pop3.stat()
        assert pop3.retr(count)[1][-3:] == [b"Subject: to both", b"", b".dot"]
        pop3.quit()


def test_the_world_relays_nothing(world: World) -> None:
    alice, _ = world.accounts
    assert alice.account.sending
    with smtplib.SMTP("127.0.0.1", alice.account.sending.port) as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.sendmail(alice.account.email, [alice.account.email], b"Subject: x\r\n\r\n")
        smtp.login("alice", alice.password)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.sendmail(alice.account.email, ["somebody@elsewhere.example"], b"Subject: x\r\n\r\n")


def test_its_letters_are_of_every_kind_and_parse_without_defects() -> None:
    types, charsets, subjects = set(), set(), []
    for letter in letters(NOW):
        assert letter.date < NOW
        assert b"\n" not in letter.data.replace(b"\r\n", b"")
        parsed = email.message_from_bytes(letter.data, policy=default)
        subjects.append(str(parsed["Subject"]))
        assert not parsed.defects
        for part in parsed.walk():
            types.add(part.get_content_type())
            charsets.add(part.get_content_charset())
    assert len(subjects) >= 25
    assert {"text/html", "text/calendar", "application/pdf", "image/png", "message/rfc822"} <= types
    assert {"koi8-r", "iso-8859-1", "iso-2022-jp", "utf-8"} <= charsets


def test_when_it_ends_no_thread_and_no_port_is_left(caplog: pytest.LogCaptureFixture) -> None:
    before = threading.active_count()
    with World(now=NOW) as short:
        alice, bob = (resident.account for resident in short.accounts)
        assert alice.incoming and alice.sending and bob.incoming
        pop3 = poplib.POP3("127.0.0.1", bob.incoming.port)
        imap = imaplib.IMAP4("127.0.0.1", alice.incoming.port)
        smtp = smtplib.SMTP("127.0.0.1", alice.sending.port)
    assert threading.active_count() == before
    with pytest.raises((poplib.error_proto, ConnectionError)):
        pop3.noop()
    with pytest.raises((imaplib.IMAP4.error, ConnectionError)):
        imap.noop()
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        smtp.docmd("NOOP")
    for port in (alice.incoming.port, alice.sending.port, bob.incoming.port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
    pop3.close()
    imap.shutdown()
    smtp.close()
    assert not caplog.records
