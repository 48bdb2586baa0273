import email
import email.header
import email.policy
import email.utils
from email.message import EmailMessage

import pytest

from mailcli.errors import MessageMalformed
from mailcli.mime import compose, encode, read
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft

ANN = Address("Ann Example", "ann@example.org")
NAMES = (
    "Bob",
    "Doe, John",
    'The "Boss"',
    "Jörg Müller",
    "山田太郎",
    "back\\slash",
    "a.b",
    "O'Neil",
    "=?utf-8?q?x?=",
    "Ünï" * 40,
    "x" * 70 + ", y",
    "emoji 😀 family 👨‍👩‍👧",
    "tab\there",
    "(paren)",
    "semi;colon",
    "trailing.",
)
SUBJECTS = (
    "",
    "Hi",
    "Re: Grüße aus Köln",
    "x" * 2000,
    "wörd " * 60,
    "[PATCH v2 3/7] über: fix",
    "  spaces  inside  ",
    "=?utf-8?q?literal?=",
    "日本語の件名" * 20,
    "a" * 60 + " " + "b" * 60 + " " + "c" * 60,
    "tab\tin",
    "\x1b[31mred",
    "😀" * 50,
    "ends with ü",
    "ü begins",
)


def draft(**changes: object) -> Draft:
    base = Draft(
        sender=ANN,
        to=(Address("", "bob@example.org"),),
        cc=(),
        bcc=(),
        subject="Hi",
        text="words\n",
        date=1700000000.0,
        zone=60,
        message_id="id@example.org",
    )
    return base._replace(**changes)  # type: ignore[arg-type]


def parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def standard_addresses(data: bytes) -> list[tuple[str, str]]:
    """To, as the standard library's older functions read it (policy.default loses joined words)."""
    value = email.message_from_bytes(data)["To"].replace("\r\n", "")
    found = email.utils.getaddresses([value])
    return [
        (str(email.header.make_header(email.header.decode_header(n))) if "=?" in n else n, e)
        for n, e in found
    ]


def check(data: bytes) -> None:
    """The rules of RFC 5322 §2 and RFC 2047 §2 that any message keeps."""
    assert data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    header = data.partition(b"\r\n\r\n")[0]
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    for line in header.split(b"\r\n"):
        assert line.strip()
        assert line.isascii()
        assert not any(octet < 32 and octet != 9 for octet in line)
        if b"=?" in line:
            assert len(line) <= 76
            for word in line.split():
                assert not word.startswith(b"=?") or (len(word.rstrip(b",")) <= 75 and b"@" not in word)


def test_a_plain_message_is_exactly_this() -> None:
    assert compose.compose(
        draft(references=("a@b", "c@d"), in_reply_to=("c@d",), cc=(Address("C", "c@d.e"),))
    ) == (
        b"Date: Tue, 14 Nov 2023 23:13:20 +0100\r\n"
        b"From: Ann Example <ann@example.org>\r\n"
        b"To: bob@example.org\r\n"
        b"Cc: C <c@d.e>\r\n"
        b"Subject: Hi\r\n"
        b"Message-ID: <id@example.org>\r\n"
        b"In-Reply-To: <c@d>\r\n"
        b"References: <a@b> <c@d>\r\n"
        b"MIME-Version: 1.0\r\n"
        b"Content-Type: text/plain; charset=us-ascii\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n"
        b"\r\n"
        b"words\r\n"
    )


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names_arrive_as_they_were_written(name: str) -> None:
    data = compose.compose(draft(to=(Address(name, "b@example.org"), Address(name, "c@example.org"))))
    check(data)
    shown = " ".join(name.split())
    assert [a.name for a in read.envelope(data).to] == [shown, shown]
    assert [(n, e) for n, e in standard_addresses(data)] == [
        (shown, "b@example.org"),
        (shown, "c@example.org"),
    ]


@pytest.mark.parametrize("subject", SUBJECTS, ids=range(len(SUBJECTS)))
def test_subjects_arrive_as_they_were_written(subject: str) -> None:
    data = compose.compose(draft(subject=subject))
    check(data)
    assert read.envelope(data).subject == subject.strip()
    if subject != "=?utf-8?q?literal?=":
        assert str(parsed(data)["subject"]) == subject.strip()


def test_lines_are_folded_at_78() -> None:
    people = tuple(Address(f"Person {n}", f"person.number.{n}@example.org") for n in range(50))
    ids = tuple(f"{n}-{'x' * 30}@example.org" for n in range(60))
    data = compose.compose(draft(to=people, references=ids, subject="word " * 100))
    check(data)
    assert max(len(line) for line in data.split(b"\r\n")) <= 78
    assert read.envelope(data).references == ids
    assert read.envelope(data).to == people


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b"])
def test_no_field_lets_a_line_break_or_nul_through(bad: str) -> None:
    for changes in (
        {"subject": bad},
        {"sender": Address(bad, "a@b.c")},
        {"sender": Address("", f"a{bad}@b.c")},
        {"to": (Address("", f"a@b.c{bad}"),)},
        {"cc": (Address(bad, "a@b.c"),)},
        {"message_id": f"{bad}@x"},
        {"references": (f"{bad}@x",)},
        {"in_reply_to": (f"{bad}@x",)},
        {"headers": (("X-A", bad),)},
        {"headers": ((f"X{bad}", "a"),)},
        {"headers": (("Resent-To", f"a@b.c{bad}"),)},
        {"attachments": (Attachment(bad, "text/plain", b""),)},
        {"attachments": (Attachment("a", f"text/{bad}", b""),)},
        {"attachments": (Attachment("a", "image/png", b"", cid=bad),), "html": "x"},
    ):
        with pytest.raises(MessageMalformed):
            compose.compose(draft(**changes))


@pytest.mark.parametrize(
    "email",
    ["", "not an address", "a@", "@b", "a b@c.d", "a@b c", "a@b@c", "a@-b", "<a@b.c>", "a@b..c", "a,b@c.d"],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(MessageMalformed):
        encode.addr_spec(email)


@pytest.mark.parametrize(
    "email", ["a@b", "a.b+c@d.e", '"a b"@c.d', "a@[192.0.2.1]", "a..b@docomo.example", "x_y@a_b.c"]
)
def test_what_is_an_address_goes_through(email: str) -> None:
    assert encode.addr_spec(email) == email


def test_idn_domains_become_a_labels() -> None:
    assert encode.addr_spec("a@faß.example") == "a@xn--fa-hia.example"


def test_a_local_part_beyond_ascii_needs_smtputf8() -> None:
    with pytest.raises(MessageMalformed):
        encode.addr_spec("jörg@example.org")
    assert encode.addr_spec("jörg@example.org", smtputf8=True) == "jörg@example.org"
    data = compose.compose(draft(to=(Address("", "jörg@example.org"),)), smtputf8=True)
    assert "To: jörg@example.org\r\n".encode() in data


def test_bcc_is_kept_only_when_asked_for() -> None:
    hidden = draft(bcc=(Address("", "secret@example.org"),))
    assert b"secret" not in compose.compose(hidden)
    assert b"\r\nBcc: secret@example.org\r\n" in compose.compose(hidden, keep_bcc=True)


@pytest.mark.parametrize("name", ["Content-Type", "bcc", "From", "MIME-Version", "bad name", "", "x:y", "ü"])
def test_fields_of_its_own_cannot_be_set_twice(name: str) -> None:
    with pytest.raises(MessageMalformed):
        compose.compose(draft(headers=((name, "x"),)))


@pytest.mark.parametrize(
    ("text", "eightbit", "encoding"),
    [
        ("ascii\n", True, "7bit"),
        ("größe\n", True, "8bit"),
        ("größe\n", False, "quoted-printable"),
        ("日本語" * 50 + "\n", False, "base64"),
        ("x" * 2000 + "\n", True, "quoted-printable"),
        ("nul \0\n", True, "quoted-printable"),
        ("ends  \t\nspaces \n.\n..\nFrom x\n", False, "7bit"),
        ("größe  \n.\n\n\n", False, "quoted-printable"),
    ],
)
def test_bodies_take_the_lightest_encoding_that_carries_them(
    text: str, eightbit: bool, encoding: str
) -> None:
    data = compose.compose(draft(text=text), eightbit=eightbit)
    check(data)
    (part,) = read.parts(data)
    assert part.encoding == encoding
    assert read.part_text(data, part) == text
    if encoding != "8bit":
        assert data.isascii()
    assert parsed(data).get_content().replace("\r\n", "\n") == text


def test_html_travels_with_its_images_and_a_text() -> None:
    image = Attachment("i.png", "image/png", b"\x89PNG", cid="i1@x")
    file = Attachment("a.bin", "application/octet-stream", bytes(range(256)) * 40)
    data = compose.compose(draft(text="", html='<p>Hi <img src="cid:i1@x"></p>', attachments=(image, file)))
    check(data)
    assert [p.type for p in read.parts(data)] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/octet-stream",
    ]
    message = parsed(data)
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == "Hi [image]"
    assert [a.get_content() for a in message.iter_attachments()] == [bytes(range(256)) * 40]


@pytest.mark.parametrize(
    "name",
    [
        "a.pdf",
        "two words.pdf",
        'quo"te.pdf',
        "back\\slash",
        "Überfluß.pdf",
        "日本語の長い名前" * 10 + ".xlsx",
        "x" * 200 + ".txt",
        "=?utf-8?q?x?=.pdf",
        "semi;colon.pdf",
        "ends.",
        "per%20cent",
    ],
    ids=range(11),
)
def test_file_names_arrive(name: str) -> None:
    data = compose.compose(draft(attachments=(Attachment(name, "application/pdf", b"x"),)))
    check(data.replace(name.encode(), b"NAME") if "=?" in name else data)
    assert [p.name for p in read.parts(data) if p.attachment] == [name]
    fallback = next(line for line in data.split(b"\r\n") if b"filename=" in line)
    assert fallback.isascii()
    if "=?" not in name and name.isascii():
        assert [a.get_filename() for a in parsed(data).iter_attachments()] == [name]


def test_a_message_is_attached_as_it_is() -> None:
    original = b"Subject: old\n\nbody\n"
    data = compose.compose(draft(attachments=(Attachment("m.eml", "message/rfc822", original),)))
    part = next(p for p in read.parts(data) if p.type == "message/rfc822")
    assert read.part_bytes(data, part) == original.replace(b"\n", b"\r\n").rstrip()


def test_a_boundary_occurs_in_nothing_it_separates() -> None:
    names = iter(["aaa", "bbb", "ccc"])
    data = compose.compose(draft(text="--aaa\n", html="--bbb\n"), boundary=lambda: next(names))
    assert b'boundary="ccc"' in data
    with pytest.raises(MessageMalformed):
        compose.compose(draft(text="--aaa\n", html="x"), boundary=lambda: "aaa")


def test_flowed_text_reads_as_it_was_written() -> None:
    text = "word " * 40 + "end\n\n> " + "quoted " * 30 + "end\n From here\n>quoted\n-- \nsig\n"
    data = compose.compose(draft(text=text, flowed=True))
    check(data)
    body = data.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 74
    assert b"format=flowed" in data
    expected = text.replace(">quoted\n", "> quoted\n")
    assert read.content(data).text == expected


def test_new_ids_differ_and_have_the_senders_domain() -> None:
    ids = {compose.new_message_id("faß.example") for _ in range(100)}
    assert len(ids) == 100
    assert all(i.endswith("@xn--fa-hia.example") for i in ids)
    assert compose.new_message_id("bad domain\r\n").endswith("@localhost")
    assert compose.new_message_id("").endswith("@localhost")


def test_the_same_draft_gives_the_same_octets() -> None:
    same = draft(html="<p>x</p>", attachments=(Attachment("a", "text/plain", b"x"),))
    names = ["one", "two"] * 2
    assert compose.compose(same, boundary=lambda: names.pop()) == compose.compose(
        same, boundary=lambda: names.pop()
    )
