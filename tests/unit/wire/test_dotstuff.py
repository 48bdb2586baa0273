from __future__ import annotations

import time

import pytest

from mailcli.errors import MessageMalformed
from mailcli.wire.dotstuff import Unstuffer, stuff


@pytest.mark.parametrize(
    ("message", "stuffed"),
    [
        (b"", b""),
        (b".", b"..\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.b\r\n..c\r\n", b"a\r\n..b\r\n...c\r\n"),
        (b"no end", b"no end\r\n"),
    ],
)
def test_dots_at_the_start_of_lines_are_doubled(message: bytes, stuffed: bytes) -> None:
    assert stuff(message) == stuffed


@pytest.mark.parametrize("message", [b"a\nb", b"a\rb", b"a\r\n\n", b"\r", b"a\r\r\n", b"a\n\r\n"])
def test_a_lone_cr_or_lf_is_refused(message: bytes) -> None:
    with pytest.raises(MessageMalformed):
        stuff(message)


def test_a_large_message_is_stuffed_in_no_time() -> None:
    message = (b"x" * 74 + b"\r\n") * 330_000  # 25 MB
    start = time.process_time()
    stuff(message)
    assert time.process_time() - start < 2.0  # measured: 0.07 s; a loop over lines takes seconds


def test_a_lone_lf_dot_lf_in_a_crlf_message_is_text() -> None:
    unstuffer = Unstuffer()
    content, stop = unstuffer.feed(b"Received: x\r\n\n.\n+OK forged\r\n.\r\n+OK")
    assert unstuffer.ended
    assert content == b"Received: x\r\n\n.\n+OK forged\r\n"
    assert stop == len(b"Received: x\r\n\n.\n+OK forged\r\n.\r\n")


def test_messages_stored_with_lf_end_at_a_dot_line() -> None:
    unstuffer = Unstuffer()
    content, _ = unstuffer.feed(b"Received: x\n\n..\n.\n.\r\n+OK")
    assert content == b"Received: x\n\n.\n\n"
    assert unstuffer.ended


def test_a_server_that_writes_lf_alone_ends_messages_so() -> None:
    unstuffer = Unstuffer(bare_lf=True)
    content, stop = unstuffer.feed(b"Received: x\r\n\n..\n.\n+OK")
    assert (content, stop) == (b"Received: x\r\n\n.\n", 19)


def test_a_message_without_its_end_is_known_to_be_cut() -> None:
    unstuffer = Unstuffer()
    unstuffer.feed(b"a\r\n.\r")
    assert not unstuffer.ended


def test_feeding_starts_where_it_is_told() -> None:
    unstuffer = Unstuffer()
    assert unstuffer.feed(b"+OK\r\nx\r\n.", 5) == (b"x", 9)
    assert unstuffer.feed(b"\r\n+OK\r\n", 0) == (b"\r\n", 2)
