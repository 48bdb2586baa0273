from io import BytesIO

from mailcli.mime import mbox

LINE = b"From a@b.c Fri Nov 21 09:55:06 1997\n"


def split(data: bytes) -> list[bytes]:
    return list(mbox.split(BytesIO(data)))


def test_messages_are_split_at_their_from_lines() -> None:
    assert split(LINE + b"Subject: 1\n\none\n\n" + LINE + b"Subject: 2\n\ntwo\n") == [
        b"Subject: 1\n\none\n",
        b"Subject: 2\n\ntwo\n",
    ]


def test_crlf_files_are_split_too() -> None:
    data = (LINE + b"Subject: 1\n\none\n\n" + LINE + b"Subject: 2\n\ntwo\n").replace(b"\n", b"\r\n")
    assert split(data) == [b"Subject: 1\r\n\r\none\r\n", b"Subject: 2\r\n\r\ntwo\r\n"]


def test_from_in_a_body_does_not_split() -> None:
    for line in (
        b"From my point of view it is late.\n",
        b"From Mon Jan 1 10:00:00 2024 on we meet.\n",
        b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: a@b\nSubject: p\n",
    ):
        data = LINE + b"Subject: 1\n\none\n\n" + line + b"more\n"
        assert split(data) == [data[len(LINE) :]]


def test_a_file_of_patches_is_split() -> None:
    line = b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"
    assert len(split((line + b"From: a@b\nSubject: [PATCH]\n\nx\n\n") * 3)) == 3


def test_quoted_from_lines_are_unquoted() -> None:
    assert split(LINE + b"S: 1\n\n>From here\n>>From there\n> From\n") == [
        b"S: 1\n\nFrom here\n>From there\n> From\n"
    ]


def test_a_content_length_that_fits_is_believed() -> None:
    body = b"one\n\n" + LINE + b"Subject: not a message\n\n"
    data = LINE + b"Content-Length: %d\n\n" % len(body) + body + b"\n" + LINE + b"S: 2\n\ntwo\n"
    assert [len(m) for m in split(data)] == [len(b"Content-Length: 62\n\n") + len(body), 10]


def test_a_content_length_that_does_not_fit_is_not() -> None:
    data = LINE + b"Content-Length: 3\n\none one\n\n" + LINE + b"S: 2\n\ntwo\n"
    assert len(split(data)) == 2


def test_messages_without_headers_count_below_a_strict_line() -> None:
    assert split(LINE + b"\none\n\n" + LINE + b"\ntwo\n") == [b"\none\n", b"\ntwo\n"]


def test_a_single_message_is_one() -> None:
    assert split(b"Subject: 1\n\none\n") == [b"Subject: 1\n\none\n"]
    assert split(b"") == []


def test_a_file_is_read_in_pieces() -> None:
    class Slow(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(7)

    data = (LINE + b"Subject: 1\n\n" + b"one\n" * 3000 + b"\n") * 3
    assert [len(m) for m in mbox.split(Slow(data))] == [12024 - 12] * 3


def test_what_is_written_is_read_again() -> None:
    messages = [
        b"S: 1\n\nFrom me\n>From you\n",
        b"S: 2\n\n\n\n",
        b"S: 3\n\nFrom a@b Mon Jan  1 00:00:00 2024\nTo: x\n",
    ]
    file = BytesIO()
    for message in messages:
        mbox.write(file, message, sender="a@b.c\nX: y", when=880127706.0)
    assert file.getvalue().startswith(b"From a@b.cX:y Fri Nov 21 15:55:06 1997\n")
    assert split(file.getvalue()) == messages


def test_crlf_is_written_as_lf() -> None:
    assert b"\r" not in mbox.entry(b"S: 1\r\n\r\none\r\n")


def test_a_content_length_that_was_counted_before_the_quoting_is_not_believed() -> None:
    body = b"From here to eternity\n"
    mail = b"Content-Length: %d\n\n" % len(body)
    for more in (b"", b"\n", b"\n\n"):
        file = BytesIO()
        mbox.write(file, mail + body + more)
        mbox.write(file, b"S: 2\n\ntwo\n")
        assert split(file.getvalue()) == [mail + body + more, b"S: 2\n\ntwo\n"]


def test_a_body_counted_without_its_last_line_end_keeps_it() -> None:
    data = LINE + b"Content-Length: 3\n\none\n\n" + LINE + b"S: 2\n\ntwo\n"
    assert split(data) == [b"Content-Length: 3\n\none\n", b"S: 2\n\ntwo\n"]
