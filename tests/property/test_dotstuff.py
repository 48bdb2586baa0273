"""Dot-stuffing held against receivers written from the RFCs, octet by octet."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcli.errors import MessageMalformed
from mailcli.wire.dotstuff import TERMINATOR, Unstuffer, stuff

ALPHABET = (b"\r", b"\n", b".", b"x")
EVERYTHING = [
    b"".join(octets) for length in range(9) for octets in itertools.product(ALPHABET, repeat=length)
]


def strict_receiver(stream: bytes) -> tuple[list[bytes], bytes]:
    """RFC 5321 §4.1.1.4 and §4.5.2 to the letter: only CRLF ends a line. What it holds for a
    message, and what it takes for commands behind it."""
    lines = stream.split(b"\r\n")
    for number, line in enumerate(lines[:-1]):
        if line == b".":
            text = [held[1:] if held.startswith(b".") else held for held in lines[:number]]
            return [b"".join(held + b"\r\n" for held in text)], b"\r\n".join(lines[number + 1 :])
    return [], stream


def lenient_receiver(stream: bytes) -> int:
    """Counts the ends a careless server sees, for whom CR, LF and CRLF all end a line."""
    return stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1].count(b".")


def test_every_short_message_ends_exactly_once_for_every_receiver() -> None:
    sent = 0
    for message in EVERYTHING:
        try:
            stream = stuff(message) + TERMINATOR + b"QUIT\r\n"
        except MessageMalformed:
            continue
        sent += 1
        held, rest = strict_receiver(stream)
        assert rest == b"QUIT\r\n", message
        whole = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
        assert held == [whole], message
        assert lenient_receiver(stream) == 1, message
    assert sent == 1_681  # all strings of x, dot and CRLF


def test_every_short_message_with_a_lone_cr_or_lf_is_refused() -> None:
    for message in EVERYTHING:
        alone = message.replace(b"\r\n", b"")
        if b"\r" in alone or b"\n" in alone:
            with pytest.raises(MessageMalformed):
                stuff(message)
        else:
            stuff(message)


def unstuff(stream: bytes, cuts: list[int], *, bare_lf: bool = False) -> tuple[bytes, bytes | None]:
    """Content, and what is left behind the terminator (None: there was none)."""
    unstuffer = Unstuffer(bare_lf=bare_lf)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    content = b""
    for start, end in itertools.pairwise(edges):
        piece, stop = unstuffer.feed(stream[start:end])
        content += piece
        if unstuffer.ended:
            return content, stream[start + stop :]
    return content, None


def test_every_short_message_comes_back_as_it_was() -> None:
    for message in EVERYTHING:
        try:
            stream = stuff(message) + TERMINATOR
        except MessageMalformed:
            continue
        whole = message if message.endswith(b"\r\n") or not message else message + b"\r\n"
        assert unstuff(stream + b"+OK\r\n", []) == (whole, b"+OK\r\n"), message
        assert unstuff(stream + b"+OK\r\n", list(range(1, len(stream)))) == (whole, b"+OK\r\n"), message


def test_whatever_a_server_sends_means_the_same_octet_by_octet() -> None:
    for stream in (stream for stream in EVERYTHING if len(stream) < 8):
        for bare_lf in (False, True):
            whole = unstuff(stream, [], bare_lf=bare_lf)
            split = unstuff(stream, list(range(1, len(stream))), bare_lf=bare_lf)
            assert whole == split, (stream, bare_lf)


def test_after_a_line_in_crlf_nothing_but_crlf_dot_crlf_ends_a_message() -> None:
    for inside in EVERYTHING:
        stream = b"Received: x\r\n" + inside
        end = (stream + b"~").find(b"\r\n.\r\n")
        _, rest = unstuff(stream, [])
        assert (rest is None) == (end < 0), inside
        if rest is not None:
            assert rest == stream[end + 5 :]


@given(
    st.lists(
        st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"\r\n.", b"text", b"\x00", b"\r\n.\r\n"]), max_size=40
    ),
    st.lists(st.integers(1, 120), max_size=30),
    st.booleans(),
)
def test_content_does_not_depend_on_the_split(parts: list[bytes], cuts: list[int], bare_lf: bool) -> None:
    stream = b"".join(parts)
    assert unstuff(stream, cuts, bare_lf=bare_lf) == unstuff(stream, [], bare_lf=bare_lf)


@given(st.lists(st.binary(max_size=6).filter(lambda b: b"\r" not in b and b"\n" not in b), min_size=1))
def test_stuffing_and_unstuffing_give_the_message_back(lines: list[bytes]) -> None:
    message = b"\r\n".join(lines) + b"\r\n"
    assert unstuff(stuff(message) + TERMINATOR, [7, 11, 30]) == (message, b"")
