from __future__ import annotations

import time

import pytest

from mailcli.errors import RemoteProtocolError
from mailcli.wire.lines import LineBuffer


def filled(data: bytes, *, bare_lf: bool = False) -> LineBuffer:
    buffer = LineBuffer(bare_lf=bare_lf)
    buffer.feed(data)
    return buffer


def test_a_line_comes_without_its_end_once_it_is_complete() -> None:
    buffer = filled(b"one\r")
    assert buffer.line() is None
    buffer.feed(b"\ntwo\r\nthr")
    assert (buffer.line(), buffer.line(), buffer.line()) == (b"one", b"two", None)
    assert len(buffer) == 3


def test_a_bare_lf_ends_a_line_only_where_asked() -> None:
    assert filled(b"a\nb\r\n").line() == b"a\nb"
    tolerant = filled(b"a\nb\r\n\n", bare_lf=True)
    assert [tolerant.line() for _ in range(4)] == [b"a", b"b", b"", None]


def test_counted_octets_are_taken_whatever_they_are() -> None:
    buffer = filled(b"\r\n\0x")
    assert buffer.take(5) is None
    buffer.feed(b"y\r\nrest\r\n")
    assert buffer.take(5) == b"\r\n\0xy"
    assert (buffer.line(), buffer.line()) == (b"", b"rest")
    assert buffer.take(0) == b""


def test_all_that_is_held_can_be_taken_back() -> None:
    buffer = filled(b"line\r\n\x78\x9crest")
    buffer.line()
    assert buffer.take_all() == b"\x78\x9crest"
    assert len(buffer) == 0


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n"])
@pytest.mark.parametrize("step", [1, 7, 5000])
def test_a_line_over_the_limit_is_refused_complete_or_not(end: bytes, step: int) -> None:
    data = b"x" * 1002 + end
    buffer = LineBuffer(bare_lf=True)
    with pytest.raises(RemoteProtocolError):
        for at in range(0, len(data), step):
            buffer.feed(data[at : at + step])
            assert buffer.line(1000) is None


@pytest.mark.parametrize("bare_lf", [True, False])
def test_a_line_of_just_the_limit_passes(bare_lf: bool) -> None:
    buffer = LineBuffer(bare_lf=bare_lf)
    for octet in b"x" * 1000 + b"\r":
        buffer.feed(bytes([octet]))
        assert buffer.line(1000) is None
    buffer.feed(b"\n")
    assert buffer.line(1000) == b"x" * 1000


def test_octets_that_drip_in_are_not_copied_again_and_again() -> None:
    buffer = LineBuffer()
    start = time.process_time()
    for _ in range(200_000):
        buffer.feed(b"x")
        assert buffer.line() is None
    dripped = time.process_time() - start
    buffer.feed(b"\r\n")
    assert buffer.line() == b"x" * 200_000
    assert dripped < 5  # quadratic copying of 200 kB takes minutes
