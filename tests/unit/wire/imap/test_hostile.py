"""What a server may do to exhaust us: nothing hangs, nothing grows without bound."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from mailcli.errors import RemoteProtocolError
from mailcli.wire.imap import commands as c
from mailcli.wire.imap import events as e
from mailcli.wire.imap.engine import ImapEngine


def selected() -> ImapEngine:
    engine = ImapEngine()
    engine.receive(b"* PREAUTH hi\r\n")
    engine.send(c.Select("INBOX"))
    engine.outgoing()
    engine.receive(b"A1 OK done\r\n")
    return engine


@contextmanager
def at_most(seconds: float, megabytes: float) -> Iterator[None]:
    tracemalloc.start()
    start = time.process_time()
    try:
        yield
        assert time.process_time() - start < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes * 1e6
    finally:
        tracemalloc.stop()


def pieces(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize(
    "marker",
    [b"{4294967295}", b"{134217729}", b"{99999999999999999999999999}", b"~{4294967295}", b"{4294967295+}"],
)
def test_a_giant_literal_is_refused_at_its_announcement(marker: bytes) -> None:
    with at_most(1, 1), pytest.raises(RemoteProtocolError, match="literal"):
        selected().receive(b"* 1 FETCH (BODY[] " + marker + b"\r\n")


def test_many_literals_count_together() -> None:
    engine = selected()
    with pytest.raises(RemoteProtocolError, match="literal"):
        engine.receive(b"* 1 FETCH (BODY[1] {1}\r\nx BODY[2] {134217728}\r\n")


def test_endless_literals_of_nothing_end() -> None:
    engine = selected()
    with at_most(5, 5), pytest.raises(RemoteProtocolError, match="line"):
        engine.receive(b"* 1 FETCH (X {0}\r\n")
        for _ in range(200):
            engine.receive((b"x" * 100 + b" {0}\r\n") * 100)


@pytest.mark.parametrize("start", [b"", b"* OK ", b"* 1 FETCH (FLAGS (", b'* LIST () "', b"A2 ", b"+ "])
def test_an_endless_line_ends(start: bytes) -> None:
    engine = selected()
    with at_most(5, 8), pytest.raises(RemoteProtocolError, match="line"):
        for _ in range(20):
            engine.receive(start + b"x" * 65536)


def test_a_long_list_of_numbers_is_no_endless_line() -> None:
    engine = selected()
    uids = range(1, 600_000, 2)
    line = b"* SEARCH " + b" ".join(b"%d" % uid for uid in uids) + b"\r\n"
    assert len(line) > 1 << 20
    [searched] = [event for piece in pieces(line, 65536) for event in engine.receive(piece)]
    assert isinstance(searched, e.Searched)
    assert len(searched.uids) == len(uids)
    with pytest.raises(RemoteProtocolError, match="line"):
        engine.receive(b"* SEARCH " + b"1 " * (9 << 20))


@pytest.mark.parametrize(
    "line",
    [
        b"* 1 FETCH " + b"(" * 100_000,
        b"* 1 FETCH " + b"(" * 50_000 + b")" * 50_000,
        b"* 1 FETCH (" + b"() " * 100_000 + b")",
        b"* 1 FETCH (BODYSTRUCTURE " + b"(" * 64 + b"x" + b")" * 64 + b")",
        b"* 1 FETCH (FLAGS (" + b"\\Seen " * 100_000,
        b"* 1 FETCH (" + b"UID 1 " * 100_000 + b"x)",
        b"* 1 FETCH (" + b'"' * 300_001 + b")",
        b"* 1 FETCH (" + b'"\\' * 300_001 + b")",
        b"* 1 FETCH (" + b"BODY[" * 100_000 + b")",
        b"* 1 FETCH (" + b"BODY[ " * 99_999 + b")",
        b'* LIST () "/" ' + b"[" * 500_000 + b" x",
        b"* OK [X " + b'"' * 500_001,
        b"* OK [X " + b'"\\' * 250_001,
        b"* OK [" + b"(" * 500_000,
        b"* OK [PERMANENTFLAGS (" + b"\\Seen " * 50_000 + b"x]",
        b"* SEARCH " + b" " * 500_000 + b"x",
        b"* SEARCH " + b"1 " * 250_000 + b"x",
        b"* VANISHED " + b"1:" * 250_000,
        b"* ID (" + b"NIL " * 100_001 + b")",
        b'* X "' + b"{1}" * 200_000 + b"{1}",
        b"* " + b"9" * 500_000 + b" EXISTS",
        b"* 1 FETCH (UID " + b"9" * 500_000 + b")",
        b"* 1 FETCH (RFC822.SIZE " + b"9" * 500_000 + b")",
    ],
    ids=lambda line: line[:40].decode() + "…",
)
def test_a_hostile_line_is_unparsed_in_no_time(line: bytes) -> None:
    engine = selected()
    start = time.process_time()
    events = engine.receive(line + b"\r\n")
    assert time.process_time() - start < 3
    assert all(isinstance(event, (e.Unparsed, e.Note)) for event in events), events
    assert all(len(event.raw) <= 4096 for event in events if isinstance(event, e.Unparsed))
    assert engine.receive(b"* OK alive\r\n") == [e.Note("OK", None, "alive")]


def test_lists_may_nest_64_deep() -> None:
    [event] = selected().receive(b"* 1 FETCH (BODYSTRUCTURE " + b"(" * 63 + b"x" + b")" * 63 + b")\r\n")
    assert isinstance(event, e.Fetched)


def test_a_flood_of_replies_takes_no_more_than_their_events() -> None:
    engine = selected()
    chunk = b"* 4 EXISTS\r\n" * 10_000
    start = time.process_time()
    for _ in range(25):
        assert len(engine.receive(chunk)) == 10_000
    assert time.process_time() - start < 10


def test_claims_of_many_messages_cost_nothing() -> None:
    engine = selected()
    with at_most(2, 20):
        engine.receive(b"* 4294967295 EXISTS\r\n")
        engine.receive(b"* 4294967295 FETCH (UID 4294967295)\r\n")
        engine.receive(b"* 4294967294 EXPUNGE\r\n* 4194304 FETCH (UID 7)\r\n")
        assert engine.receive(b"* 1 EXPUNGE\r\n" * 100)[-1] == e.Expunged("INBOX", None)


def test_a_copyuid_of_everything_is_not_expanded() -> None:
    with at_most(1, 1):
        [event] = selected().receive(b"* OK [COPYUID 1 1:4294967295 1:4294967295] x\r\n")
    assert isinstance(event, e.Unparsed)


def test_a_flood_between_two_mailboxes_is_not_held_for_ever() -> None:
    engine = selected()
    engine.send(c.Select("B"))
    engine.outgoing()
    events = []
    for _ in range(15):
        events += engine.receive(b"* 4 EXISTS\r\n" * 10_000)
    assert len(events) == 150_000


def test_a_deflate_bomb_is_inflated_in_pieces_and_stopped() -> None:
    engine = selected()
    engine.send(c.Compress())
    engine.outgoing()
    engine.receive(b"A2 OK now\r\n")
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"x" * (60 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    with at_most(20, 10), pytest.raises(RemoteProtocolError):
        engine.receive(bomb)


def test_a_large_message_is_put_together_in_linear_time() -> None:
    engine = selected()
    body = bytes(16 << 20)
    start = time.process_time()
    events = engine.receive(b"* 1 FETCH (UID 5 BODY[] {%d}\r\n" % len(body))
    for piece in pieces(body, 1000):
        events += engine.receive(piece)
    events += engine.receive(b")\r\n")
    assert time.process_time() - start < 5
    [fetched] = events
    assert isinstance(fetched, e.Fetched)
    assert fetched.sections[0].data == body
