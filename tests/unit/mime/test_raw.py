from itertools import product

import pytest

from mailcli.errors import MessageMalformed
from mailcli.mime import raw, read
from mailcli.model.address import Address

ME = Address("Me", "me@x.y")
HEAD = b"From: a@b.c\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\nMessage-ID: <m@x>\r\n"


def submit(data: bytes, *, recipients: bool = False) -> raw.RawMessage:
    return raw.submission(
        data, recipients_from_header=recipients, now=0.0, default_sender=ME, message_id="new@x"
    )


def test_a_whole_message_goes_through_byte_for_byte() -> None:
    data = HEAD + b"X-Odd:  \xff spaces \r\n\tfold\r\nSubject: =?bad\r\n\r\nbody\r\n.\r\n\r\n"
    assert submit(data).data == data
    assert submit(data).added == ()


@pytest.mark.parametrize(
    "field",
    [
        b"Bcc: s@x\r\n",
        b"bcc : s@x\r\n",
        b"BCC\t:\r\n s@x,\r\n\tt@x\r\n",
        b"Resent-Bcc: s@x\r\n",
        b"Bcc:\r\n",
    ],
)
def test_blind_copies_are_removed_however_written(field: bytes) -> None:
    rest = b"To: t@y\r\nX: Bcc: kept\r\n\r\nBcc: kept in the body\r\n"
    assert submit(HEAD + field + rest).data == HEAD + rest
    assert submit(field + HEAD + rest).data == HEAD + rest
    assert submit(field.replace(b"\r\n", b"\n") + HEAD + rest).data == HEAD + rest


def test_missing_fields_are_added() -> None:
    found = submit(b"Subject: x\n\nbody")
    assert found.added == ("Date", "From", "Message-ID")
    assert found.data == (
        b"Subject: x\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nFrom: Me <me@x.y>\r\n"
        b"Message-ID: <new@x>\r\n\r\nbody\r\n"
    )


def test_a_text_without_header_becomes_a_message() -> None:
    found = submit(b"Hello there\nthis is all body\n")
    assert found.data.endswith(b"\r\n\r\nHello there\r\nthis is all body\r\n")
    assert submit(b"\nbody\n").data.endswith(b"\r\n\r\nbody\r\n")
    assert submit(b"").data.endswith(b"\r\n\r\n")


def test_the_separator_of_an_mbox_is_dropped() -> None:
    assert submit(b"From a@b Fri Nov 21 09:55:06 1997\n" + HEAD + b"\nx\n").data.startswith(HEAD)


def test_a_line_that_is_no_field_ends_the_header() -> None:
    found = submit(HEAD + b"no field\nBcc: kept@x\n", recipients=True)
    assert found.recipients == ()
    assert found.data == HEAD + b"\r\nno field\r\nBcc: kept@x\r\n"


def test_every_line_end_becomes_crlf() -> None:
    for length in range(7):
        for octets in product(b"\r\n.x", repeat=length):
            body = bytes(octets)
            data = submit(HEAD + b"\r\n" + body).data
            assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
            assert data.endswith(b"\r\n")


@pytest.mark.parametrize(
    "signed",
    [
        b"Content-Type: multipart/signed; boundary=b\r\n\r\na\rb\r\n",
        b"Content-Type:\r\n Multipart/Signed; boundary=b\r\n\r\na\rb\r\n",
        b"Content-Type: application/pkcs7-mime\r\n\r\na\rb\r\n",
        b"DKIM-Signature: v=1\r\n\r\na\rb\r\n",
        b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\na\rb\r\n",
    ],
)
def test_a_bare_cr_in_a_signed_message_is_refused(signed: bytes) -> None:
    with pytest.raises(MessageMalformed):
        submit(HEAD + signed)
    assert submit(HEAD + signed.replace(b"a\rb", b"a b"))


def test_nul_is_refused() -> None:
    with pytest.raises(MessageMalformed):
        submit(HEAD + b"\r\na\0b")


def test_recipients_come_from_to_cc_and_bcc() -> None:
    header = b'To: Friends: a@b.c, "Doe, J" <d@e.f>;,\n x@y.z (me)\n'
    header += b"Cc: =?utf-8?q?x?= <cc@x>, root\nBcc: s@x, a@b.c\n"
    found = submit(header + HEAD + b"\n", recipients=True)
    assert found.recipients == ("a@b.c", "d@e.f", "x@y.z", "cc@x", "root", "s@x")
    assert submit(header + HEAD + b"\n").recipients == ()


def test_resent_recipients_are_those_of_the_newest_block() -> None:
    newest = b"Resent-From: n@x\nResent-To: new@x\nResent-Bcc: hidden@x\n"
    older = b"Received: by y\nResent-From: o@x\nResent-To: old@x\n"
    found = submit(newest + older + HEAD + b"To: never@x\n\n", recipients=True)
    assert found.recipients == ("new@x", "hidden@x")
    assert found.sender == "n@x"


@pytest.mark.parametrize("to", [b"not an address", b"a b@c.d, x@y", b"Doe, Ann Other", b"<a@b c>"])
def test_a_recipient_that_is_no_address_is_refused(to: bytes) -> None:
    if to == b"a b@c.d, x@y":  # two words before an @ read as a name and an address
        assert submit(HEAD + b"To: " + to + b"\n\n", recipients=True).recipients == ("b@c.d", "x@y")
        return
    with pytest.raises(MessageMalformed):
        submit(HEAD + b"To: " + to + b"\n\n", recipients=True)


def test_the_sender_is_the_headers_own() -> None:
    assert submit(HEAD + b"\n").sender == "a@b.c"
    assert submit(HEAD + b"Sender: s@x\n\n").sender == "s@x"
    assert submit(b"\n").sender == "me@x.y"


def test_the_result_is_read_like_the_original() -> None:
    data = b"To: t@x\nSubject: S\nBcc: s@x\n\nbody\n"
    assert read.content(submit(data).data).text == read.content(data).text.replace("\n", "\n")
