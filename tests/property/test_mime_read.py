"""Laws of the reader: no bytes make it raise, none make it slow, what it says fits the bytes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcli.mime import addresses, charset, dates, fields, html, read, reply, striphtml, words
from mailcli.model.address import Address

PIECES = [
    b"From: ",
    b"To: ",
    b"Cc: ",
    b"Subject: ",
    b"Date: ",
    b"References: ",
    b"Message-ID: ",
    b"List-Id: ",
    b"Content-Type: text/plain",
    b"Content-Type: text/html; charset=utf-7",
    b"Content-Type: message/rfc822",
    b"Content-Type: multipart/mixed; boundary=b",
    b'Content-Type: multipart/alternative; boundary="c"',
    b"Content-Type: multipart/report; boundary=b",
    b"Content-Type: message/delivery-status",
    b"Content-Type: text/calendar",
    b"Content-Type: application/ms-tnef",
    b"Content-Type: application/pkcs7-mime",
    b"Content-Type: text/plain; format=flowed",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Disposition: attachment; filename*0*=utf-8''%C3",
    b"; charset=iso-2022-jp",
    b"; name*1=",
    b'; name="',
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\n\n\n",
    b"--b\n",
    b"--b--",
    b"--c\n",
    b"--c--\n",
    b"=?utf-8?q?=C3=BC?=",
    b"=?utf-8?b?w7w",
    b"=?",
    b"?=",
    b"<a@b>",
    b'"',
    b"(",
    b")",
    b"<",
    b">",
    b",",
    b";",
    b":",
    b"@",
    b"\\",
    b"begin 644 x\n#86)C\n`\nend\n",
    b'<div style="display:none">',
    b"<p>",
    b"<table><tr><td>",
    b"</",
    b'<a href="https://x">',
    b"&#xD800;",
    b"&amp;",
    b"=3D",
    b"=",
    b"+2AA-",
    b"\x1b$B",
    b"\xc3\xbc",
    b"\xff",
    b"\x00",
    b"BEGIN:VEVENT\n",
    b"SUMMARY:x\n",
    b"Final-Recipient: rfc822;a@b\n",
    b"Action: failed\n",
    b"\x78\x9f\x3e\x22",
    b"0\x80\x06\x09*\x86H\x86\xf7\r\x01\x07\x02\xa0\x80",
    b"Fri, 21 Nov 1997 09:55:06 -0600",
    b" ",
    b"\t",
    b"x",
]

mails = st.one_of(
    st.binary(max_size=2000),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=5)), max_size=60).map(b"".join),
)
relaxed = settings(max_examples=300)


def strings(value: object) -> list[str]:
    """All strings in nested tuples."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple | frozenset):
        return [text for item in value for text in strings(item)]
    return []


@relaxed
@given(mails)
def test_no_bytes_make_the_reader_raise(data: bytes) -> None:
    content = read.content(data)
    reading = read.reading(data)
    assert content.envelope == reading.envelope == read.envelope(data)
    assert reading.parts == read.parts(data)
    read.reading(data, html=True)
    for text in strings((content, reading)):
        text.encode()  # no lone surrogate: SQLite and terminals take none
    assert "\r" not in content.text + reading.text
    assert len(content.preview) <= 200
    assert "\n" not in content.preview


@relaxed
@given(mails)
def test_parts_lie_within_the_message_and_have_the_size_they_say(data: bytes) -> None:
    parts = read.parts(data)
    assert len({part.n for part in parts}) == len(parts)
    for part in parts:
        assert 0 <= part.start <= part.end <= len(data)
        if not part.type.startswith("multipart/"):
            assert len(read.part_bytes(data, part)) == part.size
        read.part_text(data, part).encode()


@relaxed
@given(mails)
def test_any_message_can_be_answered_and_forwarded(data: bytes) -> None:
    from mailcli.mime import compose

    me = Address("Me", "me@x.y")
    answer = reply.reply_draft(data, sender=me, own=(), date=0.0, zone=0, message_id="a@x", everyone=True)
    forward = reply.forward_draft(data, sender=me, date=0.0, zone=0, message_id="a@x")
    from mailcli.errors import MessageMalformed

    for draft in (answer, forward):
        try:
            compose.compose(draft._replace(to=(), cc=()))
        except MessageMalformed as error:
            pytest.fail(str(error))


@relaxed
@given(st.binary(max_size=300))
def test_values_of_headers_never_raise(raw: bytes) -> None:
    words.text(raw).encode()
    addresses.parse(raw)
    addresses.parse_strictly(words.raw_text(raw))
    fields.typed(raw)
    fields.message_ids(raw)
    dates.parse(words.raw_text(raw))


@relaxed
@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_octets_in_any_charset_are_text(data: bytes, label: str) -> None:
    charset.decode(data, label).encode()


@relaxed
@given(st.lists(st.sampled_from([p.decode("latin-1") for p in PIECES]), max_size=60).map("".join))
def test_no_html_makes_the_renderers_raise(source: str) -> None:
    html.render(source).encode()
    striphtml.strip(source).encode()


HEAD = b"From: a@b\nSubject: x\n"
HOSTILE = {
    "open comments": b"From: " + b"(" * 100_000 + b"\n\nx",
    "nested comments": b"From: " + b"(" * 3_000 + b")" * 3_000 + b" a@b\n\nx",
    "comments with @": b"From: " + b"(@" * 50_000 + b"\n\nx",
    "quotes": b"From: " + b'"\\' * 100_001 + b"\n\nx",
    "brackets": b"From: " + b"<" * 200_000 + b"\n\nx",
    "at signs": b"From: " + b"@" * 200_000 + b"\n\nx",
    "groups": b"From: " + b"a@:" * 70_000 + b"\n\nx",
    "addresses": b"To: " + b'"Foo, Bar" <a@b.c>, ' * 15_000 + b"\n\nx",
    "open words": b"Subject: " + b"=?utf-8?q?" * 30_000 + b"\n\nx",
    "words": b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\n\nx",
    "ids": b"References: " + b"<" * 200_000 + b"\n\nx",
    "digits": b"Date: " + b"1 " * 100_000 + b"\n\nx",
    "folds": b"Subject: " + b"a\n " * 80_000 + b"\n\nx",
    "fields": b"X: y\n" * 80_000 + b"\nx",
    "one field": b"X" * 300_000,
    "parameters": b"Content-Type: text/plain" + b"; a*0=b" * 40_000 + b"\n\nx",
    "nested parts": HEAD
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000)),
    "nested messages": HEAD + b"Content-Type: message/rfc822\n\n" * 10_000,
    "boundaries": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 100_000,
    "parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 40_000,
    "near boundaries": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--bb\n" * 60_000,
    "guessed boundaries": HEAD + b"Content-Type: multipart/mixed\n\n" + b"--" * 150_000,
    "uuencode": HEAD + b"\n" + b"\nbegin 644 x\nM\n" * 20_000,
    "base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"A=" * 150_000,
    "flowed": HEAD
    + b"Content-Type: text/plain; format=flowed\n\n"
    + b"> " * 50_000
    + b"\n"
    + b"x \n" * 50_000,
    "calendar": HEAD + b"Content-Type: text/calendar\n\n" + b'A;"' * 50_000 + b":x",
    "enriched": HEAD + b"Content-Type: text/enriched\n\n" + b"<param>" * 40_000,
    "html": HEAD + b"Content-Type: text/html\n\n" + b"<" * 300_000,
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_with_the_size_of_the_message_only(data: bytes) -> None:
    begun = time.process_time()
    read.content(data)
    read.reading(data)
    assert time.process_time() - begun < 1.5  # all are under 0.4 MB; most take some hundredths


def test_what_lies_too_deep_is_still_text() -> None:
    data = HOSTILE["nested parts"] + b"the core"
    assert "the core" in read.content(data).text
    assert max(part.depth for part in read.parts(data)) <= 101
