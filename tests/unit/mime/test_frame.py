from __future__ import annotations

import pytest

from mailcli.mime.frame import frame
from mailcli.mime.read import content, parts
from mailcli.wire.imap.events import Raw

TEXT: Raw = (b"text", b"plain", (b"charset", b"utf-8"), None, None, b"7bit", b"12", b"1", None, None, None)
PDF: Raw = (
    *(b"application", b"pdf", (b"name", b'a "b" \\ c.pdf'), None, None, b"base64", b"99", None),
    *((b"attachment", (b"filename*", b"utf-8''r%C3%A9sum%C3%A9.pdf")), None, None),
)
INVITE: Raw = (b"TEXT", b"CALENDAR", (b"METHOD", b"REQUEST"), None, None, b"7BIT", b"5", b"1")


def message(structure: Raw) -> bytes:
    return b"Subject: x\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" + frame(structure)


def mixed(*inside: Raw) -> Raw:
    return (*inside, b"mixed", (b"boundary", b"B"), None, None, None)


def test_parts_types_and_names_are_those_of_the_structure() -> None:
    found = content(message(mixed(TEXT, PDF)))
    assert (found.attachments, found.filenames) == (1, ("résumé.pdf",))
    assert found.types == {"text/plain", "application/pdf"}
    assert found.text == ""


def test_marks_are_told_by_types() -> None:
    assert "invite" in content(message(mixed(TEXT, INVITE))).marks


def test_what_is_within_is_framed_too() -> None:
    forwarded: Raw = (
        *(b"message", b"rfc822", None, None, None, b"7bit", b"500", None),
        *((TEXT, PDF, b"mixed", (b"boundary", b"B"), None, None), b"20", None),
        *((b"attachment", None), None, None),
    )
    structure = mixed((TEXT, TEXT, b"alternative", (b"boundary", b"B"), None), forwarded)
    kinds = [part.type for part in parts(message(structure))]
    assert kinds == [
        *("multipart/mixed", "multipart/alternative", "text/plain", "text/plain"),
        *("message/rfc822", "multipart/mixed", "text/plain", "application/pdf"),
    ]


@pytest.mark.parametrize(
    "structure",
    [
        None,
        b"x",
        (),
        TEXT,
        (TEXT, b"mixed", None),  # no boundary: the header has one that we are not told
        ((), b"mixed", (b"boundary",)),
        (TEXT, TEXT),
    ],
)
def test_what_tells_nothing_gives_nothing(structure: Raw) -> None:
    assert frame(structure) == b""


def test_nothing_a_server_says_breaks_out_of_a_field() -> None:
    bad: Raw = (
        b"text\r\nX: y",
        b"plain",
        (b"name", b'x"\r\n\r\n--B--\r\nEvil: 1'),
        None,
        None,
        b"7bit",
        b"1",
        b"1",
    )
    made = frame(mixed(bad))
    assert made.count(b"\r\n--B--") == 1
    assert b"\nEvil" not in made and b"\nX:" not in made


@pytest.mark.parametrize(
    "odd", [(b"text",), (None, None), (b"a", b"b", b"c"), ((None,), b"mixed"), (b"message", b"rfc822")]
)
def test_odd_structures_are_taken_as_they_come(odd: Raw) -> None:
    content(message(mixed(odd)))
