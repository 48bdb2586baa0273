from mailcli.mime import read
from mailcli.model.address import Address

HEAD = (
    b"From: Ann <a@b.c>\nTo: b@c.d\nSubject: Hi\nDate: Fri, 21 Nov 1997 09:55:06 -0600\nMessage-ID: <m@x>\n"
)


def multipart(kind: str, *parts: bytes, extra: str = "") -> bytes:
    body = b"".join(b"--B\n" + part + b"\n" for part in parts)
    return HEAD + f"Content-Type: multipart/{kind}; boundary=B{extra}\n\n".encode() + body + b"--B--\n"


PLAIN = b"Content-Type: text/plain; charset=utf-8\n\nplain words"
HTML = b"Content-Type: text/html\n\n<p>rich <b>words</b></p>"
PDF = b"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nQUJDRA=="


def test_an_envelope_holds_the_headers_fields_decoded() -> None:
    found = read.envelope(
        HEAD
        + b"Cc: c@d.e\nReferences: <r1@x> <r2@x>\nIn-Reply-To: <r2@x>\nList-Id: The list <l.x.org>\n\nbody"
    )
    assert found.sender == (Address("Ann", "a@b.c"),)
    assert (found.subject, found.date, found.zone, found.message_id) == ("Hi", 880127706.0, -360, "m@x")
    assert (found.references, found.in_reply_to, found.list_id) == (("r1@x", "r2@x"), ("r2@x",), "l.x.org")


def test_the_first_of_a_field_said_twice_counts() -> None:
    assert read.envelope(b"Subject: one\nX: y\nsubject: two\nSUBJECT: three\n\n").subject == "one"


def test_lf_crlf_and_cr_messages_read_alike() -> None:
    data = multipart("mixed", PLAIN, PDF)
    texts = {read.content(data.replace(b"\n", end)) for end in (b"\n", b"\r\n", b"\r")}
    assert len(texts) == 1


def test_parts_have_the_numbers_of_imap() -> None:
    inner = b"Content-Type: message/rfc822\n\n" + multipart("mixed", PLAIN, PDF).replace(
        b"B\n", b"C\n"
    ).replace(b"--B--", b"--C--").replace(b"boundary=B", b"boundary=C")
    nested = (
        b"Content-Type: multipart/alternative; boundary=D\n\n--D\n" + PLAIN + b"\n--D\n" + HTML + b"\n--D--"
    )
    single = b"Content-Type: message/rfc822\n\nSubject: in\n\nbody"
    numbers = [(p.n, p.type) for p in read.parts(multipart("mixed", nested, inner, single))]
    assert numbers == [
        ("TEXT", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "message/rfc822"),
        ("2.TEXT", "multipart/mixed"),
        ("2.1", "text/plain"),
        ("2.2", "application/pdf"),
        ("3", "message/rfc822"),
        ("3.1", "text/plain"),
    ]
    assert [p.n for p in read.parts(HEAD + b"\nbody")] == ["1"]


def test_offsets_bound_the_body_and_sizes_are_decoded() -> None:
    data = multipart("mixed", PLAIN, PDF)
    pdf = read.parts(data)[2]
    assert data[pdf.start : pdf.end] == b"QUJDRA=="
    assert (pdf.size, pdf.name, read.part_bytes(data, pdf)) == (4, "a.pdf", b"ABCD")


def test_plain_text_is_preferred_to_html() -> None:
    content = read.content(multipart("alternative", PLAIN, HTML))
    assert content.text == "plain words"
    assert "html" in content.marks


def test_html_is_read_when_asked_for_or_when_the_plain_text_says_nothing() -> None:
    data = multipart("alternative", PLAIN, HTML)
    assert read.reading(data, html=True).text == "rich words"
    for nothing in (b"\n\n", b"\n\nYour e-mail client does not support HTML.", b"\n\n \n\n"):
        data = multipart("alternative", b"Content-Type: text/plain" + nothing, HTML)
        assert read.content(data).text == "rich words"
        assert read.reading(data).text == "rich words"


def test_html_alone_becomes_text_for_the_index_and_the_reader() -> None:
    data = HEAD + b"Content-Type: text/html; charset=iso-8859-1\n\n<p>gr\xfc\xdfe</p><script>x</script>"
    assert read.content(data).text == "grüße"
    assert read.reading(data).text == "grüße"
    assert "<p>" in read.reading(data).html


def test_what_a_person_calls_an_attachment_is_counted() -> None:
    image = b"Content-Type: image/png; name=i.png\nContent-ID: <i>\n\nx"
    related = b"Content-Type: multipart/related; boundary=R\n\n--R\n" + HTML + b"\n--R\n" + image + b"\n--R--"
    signature = b"Content-Type: application/pgp-signature; name=signature.asc\n\nx"
    forwarded = b"Content-Type: message/rfc822\n\nSubject: old\n\nold words"
    patch = b"Content-Type: text/x-diff; name=a.patch\nContent-Disposition: inline\n\n+x"
    content = read.content(multipart("mixed", related, PDF, image, signature, forwarded, patch))
    assert content.attachments == 4
    assert content.filenames == ("a.pdf", "i.png", "a.patch")
    assert "old words" in content.text
    assert "+x" in content.text


def test_a_named_first_text_is_the_text() -> None:
    data = HEAD + b"Content-Type: text/plain; name=message.txt\n\nwords"
    assert (read.content(data).attachments, read.content(data).text) == (0, "words")


def test_marks_tell_signed_encrypted_listed_linked() -> None:
    signature = b"Content-Type: application/pgp-signature\n\nx"
    assert "signed" in read.content(multipart("signed", PLAIN, signature)).marks
    version = b"Content-Type: application/pgp-encrypted\n\nVersion: 1"
    blob = b"Content-Type: application/octet-stream; name=encrypted.asc\n\nx"
    secret = read.content(multipart("encrypted", version, blob))
    assert (secret.marks, secret.attachments) == (frozenset({"encrypted"}), 0)
    assert "list" in read.content(b"List-Post: <mailto:l@x>\n\nx").marks
    assert "link" in read.content(HEAD + b"\nsee https://x.org").marks
    assert "link" in read.content(HEAD + b'Content-Type: text/html\n\n<a href="https://x.org">x</a>').marks
    assert "link" not in read.content(HEAD + b"\nsee x.org").marks
    assert "encrypted" in read.content(HEAD + b"\n-----BEGIN PGP MESSAGE-----\n").marks


def test_an_invitation_says_what_when_where_and_who() -> None:
    event = (
        b"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VTIMEZONE\n"
        b"DTSTART:19700101T000000\nEND:VTIMEZONE\nBEGIN:VEVENT\nSUMMARY:Lunch\\, at\n  last\n"
        b"DTSTART;TZID=Europe/Berlin:20260102T120000\nDTEND;TZID=Europe/Berlin:20260102T130000\n"
        b'ORGANIZER;CN="Ann: A.":mailto:a@b.c\nLOCATION:Canteen\nEND:VEVENT\nEND:VCALENDAR\n'
    )
    content = read.content(multipart("alternative", PLAIN, HTML, event))
    assert "invite" in content.marks
    assert content.text.split("\n\n", 1)[1].split("\n") == [
        "Invitation: Lunch, at last",
        "When: 2026-01-02 12:00 to 13:00 (Europe/Berlin)",
        "Where: Canteen",
        "Organiser: Ann: A. <a@b.c>",
    ]


def test_a_delivery_report_says_who_and_why() -> None:
    status = (
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; b@c.d\n"
        b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no such\n  user\n\n"
        b"Final-Recipient: rfc822; e@f.g\nAction: delayed\nStatus: 4.2.2\n"
    )
    returned = b"Content-Type: message/rfc822\n\nSubject: Hi\n\nsecret words"
    text = read.content(
        multipart("report", PLAIN, status, returned, extra="; report-type=delivery-status")
    ).text
    assert text.split("\n")[:2] == [
        "[The message could not be delivered to b@c.d because: 550 no such user]",
        "[The message is delayed on its way to e@f.g because: the mailbox is full (4.2.2)]",
    ]
    assert "Subject: Hi" in text
    assert "secret words" not in text


def test_flowed_paragraphs_are_joined() -> None:
    flowed = (
        HEAD
        + b"Content-Type: text/plain; format=flowed\n\none \ntwo\n> quo \n> ted\n>> deep\n from\n-- \nsig\n"
    )
    assert read.content(flowed).text == "one two\n> quo ted\n>> deep\nfrom\n-- \nsig\n"
    spaced = HEAD + b"Content-Type: text/plain; format=flowed; delsp=yes\n\nFuss \nball\n"
    assert read.content(spaced).text == "Fussball\n"


def test_uuencoded_files_are_attachments_and_not_text() -> None:
    data = HEAD + b"\nsee\nbegin 644 a.txt\n#86)C\n`\nend\nbye\n"
    content = read.content(data)
    assert (content.attachments, content.filenames, content.text) == (1, ("a.txt",), "see\n[a.txt]\nbye\n")
    part = read.parts(data)[1]
    assert (part.n, part.attachment, part.size, read.part_bytes(data, part)) == ("1.u1", True, 3, b"abc")


def test_a_line_that_begins_with_begin_is_text() -> None:
    assert read.content(HEAD + b"\nbegin 644 times\nand again\n").text == "begin 644 times\nand again\n"


def test_files_in_a_winmail_dat_are_found() -> None:
    def attribute(level: int, kind: int, value: bytes) -> bytes:
        return (
            bytes([level]) + kind.to_bytes(4, "little") + len(value).to_bytes(4, "little") + value + b"\0\0"
        )

    stream = b"\x78\x9f\x3e\x22\x01\x00" + attribute(2, 0x00069002, b"\0" * 14)
    stream += attribute(2, 0x00018010, b"REPORT~1.DOC\0") + attribute(2, 0x0006800F, b"content")
    data = multipart("mixed", PLAIN, b"Content-Type: application/ms-tnef; name=winmail.dat\n\n" + stream)
    content = read.content(data)
    assert content.filenames == ("winmail.dat", "REPORT~1.DOC")
    part = read.parts(data)[3]
    assert (part.n, part.name, read.part_bytes(data, part)) == ("2.t1", "REPORT~1.DOC", b"content")


def test_the_message_in_an_opaque_signature_is_read() -> None:
    def tlv(tag: int, value: bytes) -> bytes:
        return bytes([tag, 0x82]) + len(value).to_bytes(2, "big") + value

    inner = b"Content-Type: text/plain\r\n\r\nsigned words"
    oid = bytes.fromhex("06092a864886f70d0107")
    content = tlv(0x30, oid + b"\x01" + tlv(0xA0, tlv(0x04, inner)))
    signed = tlv(0x30, b"\x02\x01\x01" + b"\x31\x00" + content)
    der = tlv(0x30, oid + b"\x02" + tlv(0xA0, signed))
    data = HEAD + b"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\n" + der
    found = read.content(data)
    assert (found.text, found.marks, found.attachments) == ("signed words", frozenset({"signed"}), 0)


def test_the_preview_is_the_messages_own_words() -> None:
    body = b"\nOn Mon, 1 Jan 2024 at 10:00, Ann <a@b.c>\nwrote:\n> quoted\n\nMy  own\nwords\n-- \nsig\n"
    assert read.content(HEAD + body).preview == "My own words"
    assert read.content(HEAD + b"\n> only quoted\n").preview == "> only quoted"
    assert len(read.content(HEAD + b"\n" + b"word " * 100).preview) <= 200


def test_a_multipart_without_its_boundary_is_still_read() -> None:
    assert (
        read.content(HEAD + b"Content-Type: multipart/mixed; boundary=B\n\nlost words\n").text
        == "lost words\n"
    )
    guessed = HEAD + b"Content-Type: multipart/mixed\n\n--B\n\nfound words\n--B--\n"
    assert read.content(guessed).text == "found words"


def test_a_truncated_multipart_is_read_to_its_end() -> None:
    data = multipart("mixed", PLAIN, PDF)
    assert [p.type for p in read.parts(data[: data.index(b"QUJ") + 4])][-1] == "application/pdf"


def test_a_longer_boundary_is_another_boundary() -> None:
    data = HEAD + b"Content-Type: multipart/mixed; boundary=B\n\n--B\n\none\n--BB\nstill one\n--B--\n"
    assert read.content(data).text == "one\n--BB\nstill one"


def test_a_text_without_header_is_all_body() -> None:
    assert read.content(b"just words\n\nand more\n").text == "just words\n\nand more\n"
    assert read.content(b"\nwords\n").text == "words\n"


def test_a_header_without_blank_line_ends_where_its_fields_end() -> None:
    assert read.content(b"Subject: x\nTo: a@b\nwords without colon\n").text == "words without colon\n"


def test_nesting_and_parts_are_bounded() -> None:
    deep = HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000)
    )
    found = read.parts(deep)
    assert max(p.depth for p in found) <= 101
    wide = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000
    assert len(read.parts(wide)) <= 10_001


def test_headers_are_decoded_in_order() -> None:
    found = read.reading(b"Received: one\nSubject: =?utf-8?q?=C3=BC?=\nReceived: two\n three\n\n").headers
    assert found == (("Received", "one"), ("Subject", "ü"), ("Received", "two three"))


def test_signed_and_encrypted_are_said_to_the_reader_and_nothing_is_verified() -> None:
    signed = read.reading(multipart("signed", PLAIN, b"Content-Type: application/pgp-signature\n\nx"))
    assert (signed.marks, signed.text) == (frozenset({"signed"}), "plain words")
    sealed = multipart("mixed", b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx")
    assert read.reading(sealed).marks == {"encrypted"}
    assert read.reading(sealed).text == "[This message is encrypted; it is not decrypted here.]"
    assert read.content(sealed).text == ""  # nobody searches for these words


def test_quotes_with_spaces_between_their_marks_are_joined_when_flowed() -> None:
    data = HEAD + b"Content-Type: text/plain; format=flowed\n\n> > one \n> > two\n> \n> three \n> four\n"
    assert read.content(data).text == "> > one two\n>\n> three four\n"


def test_an_empty_line_ends_a_flowed_paragraph_and_is_shown() -> None:
    data = HEAD + b"Content-Type: text/plain; format=flowed\n\none \n\ntwo\n"
    assert read.content(data).text == "one\n\ntwo\n"


def test_utf8_labelled_as_latin_is_utf8() -> None:
    assert read.envelope(b"Subject: =?iso-8859-1?Q?Fr\xc3\xb6sche?=\n\n").subject == "Frösche"
    assert read.envelope(b"Subject: =?iso-8859-1?Q?Fr=F6sche?=\n\n").subject == "Frösche"
    assert (
        read.content(b"Content-Type: text/plain; charset=iso-8859-1\n\ngr\xc3\xbc\xc3\x9fe").text == "grüße"
    )
    assert read.content(b"Content-Type: text/plain; charset=iso-8859-1\n\ngr\xfc\xdfe").text == "grüße"


def test_comments_in_a_date_are_skipped() -> None:
    assert read.envelope(b"Date: 1 Jul 2003 (a (nested) one) 10:52:37 +0200\n\n").date == 1057049557.0
    assert read.envelope(b"Date: Thu, 10 Jul 1997 14:53:31 EST5EDT\n\n").zone == -300


def test_a_processing_instruction_in_html_is_no_text() -> None:
    data = HEAD + b"Content-Type: text/html\n\n<p>a</p><?ADF version='1.0'?><p>b</p>"
    assert read.reading(data).text == "a\n\nb"
