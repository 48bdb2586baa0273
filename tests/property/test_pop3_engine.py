"""Laws of the POP3 engine: whatever a server sends, and however it is cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailcli.errors import MessageMalformed, RemoteProtocolError
from mailcli.wire.challenge import Scram
from mailcli.wire.mechanism import Mechanism
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3.engine import Pop3Engine
from mailcli.wire.pop3.events import Completed, Content
from mailcli.wire.sasl import Login, Plain
from tests.support.pop3_events import joined

SESSIONS: list[list[Any]] = [
    [
        pop3.Capa(),
        pop3.Stat(),
        pop3.Uidl(),
        pop3.ListSizes(),
        pop3.Retr(1),
        pop3.Top(2, 0),
        pop3.Retr(3),
        pop3.Quit(),
    ],
    [pop3.Capa(), pop3.User("u"), pop3.Pass("p", True), pop3.Uidl(), pop3.ListSizes(), pop3.Quit()],
    [pop3.Capa(), pop3.Stls(), pop3.Capa(), pop3.User("u"), pop3.Pass("p"), pop3.Noop()],
    [pop3.Retr(1), pop3.Retr(2), pop3.Dele(1), pop3.Quit()],
    ["plain", "login", "scram", pop3.Utf8(), pop3.Rset()],
]
"""Mechanisms are good for one attempt: they are named here and made anew for each run."""

LINES = b"""+OK|+OK|+OK 2 120|-ERR [IN-USE] x|-ERR|+ |+ cj1mb3JnZWQ=|.|.|..|.x|PIPELINING|1 abc|2 120||text
\x00\xff|+OK\r"""
LINE = st.one_of(st.sampled_from(LINES.replace(b"\n", b"|").split(b"|")), st.binary(max_size=8))
BLOCK = st.lists(
    st.tuples(LINE, st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b""])), max_size=10
).map(lambda parts: b"".join(itertools.chain.from_iterable(parts)))
MAKERS: dict[str, Callable[[], Mechanism]] = {
    "plain": lambda: Plain("u", "p"),
    "login": lambda: Login("u", "p"),
    "scram": lambda: Scram("u", "p", nonce="n"),
}


def run(session: list[Any], blocks: list[bytes], cuts: list[int]) -> tuple[list[Any], str]:
    """Events with their types, and the error. What may be written is taken between blocks only."""
    engine = Pop3Engine()
    for command in session:
        engine.send(pop3.Authenticate(MAKERS[command]()) if isinstance(command, str) else command)
    events: list[Any] = []
    error = ""
    try:
        for block in blocks:
            edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(block)}), len(block)]
            for start, end in itertools.pairwise(edges):
                if start < end:
                    events += engine.receive(block[start:end])
            engine.outgoing()
        events += engine.receive(b"")
        assert engine.closed
    except RemoteProtocolError as caught:
        error = str(caught)
    tags = [event.tag for event in events if isinstance(event, Completed)]
    assert tags == sorted(tags)
    assert all(engine.done(tag) for tag in tags)
    return [(type(event), event) for event in joined(events)], error


@given(st.sampled_from(SESSIONS), st.lists(BLOCK, max_size=8), st.lists(st.integers(1, 60), max_size=12))
@settings(max_examples=400)
def test_events_do_not_depend_on_the_split_and_only_one_error_is_raised(
    session: list[Any], blocks: list[bytes], cuts: list[int]
) -> None:
    blocks = [b"+OK ready\r\n", b"+OK\r\nPIPELINING\r\n.\r\n", *blocks]
    whole = run(session, blocks, [])
    assert run(session, blocks, cuts) == whole
    assert run(session, blocks, list(range(1, 200))) == whole


@given(st.binary(max_size=300), st.sampled_from(SESSIONS))
@settings(max_examples=200)
def test_any_octets_at_all_give_events_or_a_protocol_error(data: bytes, session: list[Any]) -> None:
    run(session, [b"+OK x\r\n", data, data], [1, 5, 50])
    run(session, [b"+OK x\r\n", b"+OK\r\n" + data, b"\r\n.\r\n" + data], [1, 5, 50])


@given(
    st.lists(
        st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"..", b"+OK\r\n", b"text"]), max_size=12),
        max_size=6,
    ),
    st.lists(st.integers(1, 400), max_size=12),
)
@settings(max_examples=300)
def test_messages_come_back_as_a_server_of_the_rfc_sent_them(
    bodies: list[list[bytes]], cuts: list[int]
) -> None:
    messages = [b"Received: x\r\n" + b"".join(body) + b"\r\n" for body in bodies]
    engine = Pop3Engine()
    engine.receive(b"+OK\r\n")
    engine.send(pop3.Capa())
    engine.outgoing()
    engine.receive(b"+OK\r\nPIPELINING\r\n.\r\n")
    for number in range(len(messages)):
        engine.send(pop3.Retr(number + 1))
    engine.outgoing()
    stream = b"".join(b"+OK\r\n" + m.replace(b"\r\n.", b"\r\n..") + b".\r\n" for m in messages)
    edges = [0, *sorted({cut for cut in cuts if cut < len(stream)}), len(stream)]
    events = [
        e
        for start, end in itertools.pairwise(edges)
        if start < end
        for e in engine.receive(stream[start:end])
    ]
    got: dict[int, bytes] = {}
    for event in events:
        if isinstance(event, Content):
            got[event.tag] = got.get(event.tag, b"") + event.data
    assert [got[tag] for tag in sorted(got)] == messages
    assert engine.done(len(messages) + 1)


TEXT = st.text(st.sampled_from("ab \r\n\x00\x85\u2028ä\t"), max_size=12)


@given(TEXT, TEXT)
@settings(max_examples=300)
def test_no_text_makes_more_than_one_command(text: str, other: str) -> None:
    for command in (pop3.User(text), pop3.Pass(text), pop3.Apop(text, other)):
        engine = Pop3Engine()
        engine.receive(b"+OK\r\n")
        try:
            engine.send(command)
        except MessageMalformed:
            continue
        written = engine.outgoing()
        assert written.endswith(b"\r\n")
        assert b"\r" not in written[:-2]
        assert b"\n" not in written[:-2]
        assert b"\x00" not in written
