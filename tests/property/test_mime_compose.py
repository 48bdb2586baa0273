"""Laws of the serialiser and of raw submission: what was meant arrives, nothing else gets in."""

from __future__ import annotations

import contextlib
import re
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcli.errors import MessageMalformed
from mailcli.mime import compose, flowed, lineends, mbox, raw, read
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft
from tests.support.header_rules import faults

relaxed = settings(max_examples=200)
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0")
titles = st.text(letters, max_size=200)
names = st.text(letters, max_size=80)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=2000)
WORD = re.compile(rb"=\?utf-8\?[qb]\?[!-~]*\?=")


def draft(**changes: object) -> Draft:
    base = Draft(
        sender=Address("", "a@b.c"),
        to=(Address("", "d@e.f"),),
        cc=(),
        bcc=(),
        subject="",
        text="",
        date=0.0,
        zone=0,
        message_id="i@x",
    )
    return base._replace(**changes)  # type: ignore[arg-type]


@relaxed
@given(subject=titles, people=st.lists(names, max_size=5))
def test_headers_arrive_and_keep_the_rules(subject: str, people: list[str]) -> None:
    to = tuple(Address(name, f"p{n}@example.org") for n, name in enumerate(people))
    data = compose.compose(draft(subject=subject, to=to))
    header = data.partition(b"\r\n\r\n")[0]
    for line in header.split(b"\r\n"):
        assert len(line) <= 998
        assert all(32 <= octet < 127 or octet == 9 for octet in line)
        assert line.strip(), "a line of white space only would end the header for some"
        for word in re.findall(rb"=\?[^ ]*", line):
            assert WORD.match(word)
            assert len(line) <= 76
    found = read.envelope(data)
    assert found.subject == subject.strip(" \t")
    assert [a.email for a in found.to] == [a.email for a in to]
    assert [a.name.split() for a in found.to] == [a.name.split() for a in to]


@relaxed
@given(text=texts, eightbit=st.booleans())
def test_text_arrives(text: str, eightbit: bool) -> None:
    data = compose.compose(draft(text=text), eightbit=eightbit)
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    assert eightbit or data.isascii()
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    (part,) = [p for p in read.parts(data) if p.type == "text/plain" and ".u" not in p.n]
    assert read.part_text(data, part) == (text if text.endswith("\n") else text + "\n")


@relaxed
@given(name=names.filter(bool), content=st.binary(max_size=500))
def test_attachments_arrive_octet_for_octet(name: str, content: bytes) -> None:
    data = compose.compose(draft(attachments=(Attachment(name, "application/octet-stream", content),)))
    part = next(p for p in read.parts(data) if p.attachment)
    assert read.part_bytes(data, part) == content
    assert part.name == name


@relaxed
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]) | st.just(" ") | st.just("\n"), max_size=500)
)
def test_flowed_text_comes_back_but_for_spaces_at_line_ends(text: str) -> None:
    back = flowed.unflow(flowed.flow(text))
    plain = [line if line == "-- " else line.rstrip(" ") for line in text.split("\n")]
    quoted = [re.sub(r"^(>+) ?", r"\1 ", line).rstrip(" ") if line[:1] == ">" else line for line in plain]
    assert [line if line == "-- " else line.rstrip(" ") for line in back.split("\n")] == quoted


@relaxed
@given(st.lists(st.sampled_from([b"\r", b"\n", b"x", b"\r\n"]), max_size=30).map(b"".join))
def test_line_ends_come_back_from_the_store(wire: bytes) -> None:
    assert lineends.to_wire(*lineends.to_store(wire)) == wire


RAW = [
    b"Bcc: s@x",
    b"bcc : s@x",
    b"Resent-Bcc:",
    b"To: a@b",
    b"From: a@b",
    b"Date: x",
    b"Message-ID: <a@b>",
    b"Subject: Bcc: x",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n ",
    b"\r\n\t",
    b"\n\n",
    b"x",
    b":",
    b".",
    b"From x",
    b"\xff",
]


@relaxed
@given(st.lists(st.sampled_from(RAW), max_size=30).map(b"".join))
def test_raw_mail_leaves_with_crlf_and_without_blind_copies(data: bytes) -> None:
    me = Address("", "me@x.y")
    for wanted in (False, True):
        with contextlib.suppress(MessageMalformed):
            out = raw.submission(data, recipients_from_header=wanted, now=0.0, default_sender=me).data
            assert out.count(b"\r\n") == out.count(b"\n") == out.count(b"\r")
            assert out.endswith(b"\r\n")
            header = out.partition(b"\r\n\r\n")[0]
            assert not re.search(rb"^(resent-)?bcc[ \t]*:", header, re.IGNORECASE | re.MULTILINE)
            assert raw.submission(out, recipients_from_header=False, now=0.0, default_sender=me).data == out


@relaxed
@given(
    st.lists(
        st.lists(st.sampled_from([b"From a@b\n", b">From \n", b"x\n", b"\n", b"S: y\n"]), min_size=1).map(
            b"".join
        )
    )
)
def test_mbox_files_lose_nothing(bodies: list[bytes]) -> None:
    messages = [b"Subject: x\n\n" + body for body in bodies]
    file = BytesIO()
    for message in messages:
        mbox.write(file, message)
    file.seek(0)
    assert list(mbox.split(file)) == messages


@relaxed
@given(
    st.binary(max_size=500),
    st.lists(st.sampled_from([b"\nFrom a@b Mon Jan  1 00:00:00 2024\n", b"S: x\n", b"\n"])),
)
def test_no_file_makes_the_splitter_raise(data: bytes, more: list[bytes]) -> None:
    list(mbox.split(BytesIO(data + b"".join(more))))
    list(mbox.split(BytesIO(b"From " + data + b"".join(more))))


@relaxed
@given(
    subject=titles,
    name=names,
    file=names,
    text=texts,
    local=st.text("abcü.é1", min_size=1, max_size=20).filter(lambda s: ".." not in s and s.strip(".") == s),
    ids=st.lists(st.from_regex(r"[!-;?A-~]{1,60}@[a-z.]{1,20}", fullmatch=True), max_size=30),
)
def test_what_is_composed_keeps_every_rule(
    subject: str, name: str, file: str, text: str, local: str, ids: list[str]
) -> None:
    to = (Address(name, f"{local}@bücher.example"),)
    files = (Attachment(file, "text/plain", text.encode()),)
    made = draft(subject=subject, to=to, text=text, attachments=files, references=tuple(ids))
    if local.isascii():
        assert faults(compose.compose(made, eightbit=False)) == []
    else:
        with pytest.raises(MessageMalformed):
            compose.compose(made)
    assert faults(compose.compose(made, smtputf8=True), smtputf8=True) == []
