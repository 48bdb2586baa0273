from __future__ import annotations

import pytest

from mailcli.errors import MessageMalformed
from mailcli.wire.smtp.commands import Ehlo, Helo, Lhlo, Mail, Rcpt
from mailcli.wire.smtp.encode import encode
from mailcli.wire.smtp.engine import SmtpEngine


def test_addresses_and_parameters_are_written_as_they_are() -> None:
    assert encode(Mail("")) == b"MAIL FROM:<>\r\n"
    assert encode(Mail("a@b", ("SIZE=12", "BODY=8BITMIME"))) == b"MAIL FROM:<a@b> SIZE=12 BODY=8BITMIME\r\n"
    assert encode(Rcpt('"a.b"@[192.0.2.1]')) == b'RCPT TO:<"a.b"@[192.0.2.1]>\r\n'
    assert encode(Rcpt("a+b=c@d", ("NOTIFY=NEVER",))) == b"RCPT TO:<a+b=c@d> NOTIFY=NEVER\r\n"


BAD = [
    "a\r\nQUIT",
    "a\nb",
    "a\rb",
    "a\x00b",
    "a b@c",
    "a>b",
    "<a",
    "\ta",
    "a\u2028b",
    "a\x85b",
    "a\xa0b",
    "\ud800",
    '"a\r\nb"@c',
    '"a b"@c d',
    '"a b@c',
    '"a b" @c',
    '"a" b"@c',
    '"a b"@c"@d e',
    '"a\x01b"@c',
]


@pytest.mark.parametrize("text", BAD)
def test_no_address_can_become_a_second_command(text: str) -> None:
    for command in (Mail(text, ("SMTPUTF8",)), Rcpt(text)):
        with pytest.raises(MessageMalformed):
            encode(command, smtputf8=True)


@pytest.mark.parametrize("text", [*BAD, "", "=x", "A=", "A B", "A==", "ä=1", "A=ä"])
def test_no_parameter_can_become_something_else(text: str) -> None:
    with pytest.raises(MessageMalformed):
        encode(Mail("a@b", (text,)))


@pytest.mark.parametrize("text", [*BAD, "", "ä.example"])
def test_no_host_name_can_become_something_else(text: str) -> None:
    for command in (Ehlo(text), Helo(text), Lhlo(text)):
        with pytest.raises(MessageMalformed):
            encode(command)


def test_a_quoted_local_part_holds_spaces_and_brackets() -> None:
    assert encode(Rcpt('"a <b> \\" c"@d')) == b'RCPT TO:<"a <b> \\" c"@d>\r\n'


def test_a_recipient_must_be_someone() -> None:
    with pytest.raises(MessageMalformed):
        encode(Rcpt(""))


def test_an_address_of_any_length_is_not_sent() -> None:
    with pytest.raises(MessageMalformed):
        encode(Rcpt("a" * 2000 + "@b"))


def test_addresses_outside_ascii_need_smtputf8_in_their_transaction() -> None:
    engine = SmtpEngine()
    engine.send(Mail("ä@b", ("smtputf8",)))
    engine.send(Rcpt("ö@d"))
    engine.send(Mail("a@b"))
    with pytest.raises(MessageMalformed, match="SMTPUTF8"):
        engine.send(Rcpt("ö@d"))


def test_a_refused_command_is_not_queued() -> None:
    engine = SmtpEngine()
    engine.receive(b"220 x\r\n")
    with pytest.raises(MessageMalformed):
        engine.send(Rcpt("a\r\nb"))
    assert engine.outgoing() == b""
    assert engine.send(Rcpt("a@b")) == 1
