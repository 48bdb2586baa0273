"""Laws of the IMAP engine, whatever arrives."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailcli.errors import LocalProtocolError, RemoteProtocolError
from mailcli.wire.imap import commands as c
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.uidset import UidSet

# Pieces from which hypothesis builds streams that come near to the grammar.
PIECES = [
    b"* ",
    b"A2 ",
    b"A3 ",
    b"+ ",
    b"OK ",
    b"NO ",
    b"BAD ",
    b"BYE ",
    b"[CLOSED] ",
    b"[CAPABILITY X LITERAL+]",
    b"[COPYUID 1 1:2 3:4]",
    b"1 ",
    b"2 ",
    b"4294967296 ",
    b"FETCH ",
    b"EXISTS",
    b"EXPUNGE",
    b"(UID 5 ",
    b"FLAGS (\\Seen)",
    b"BODY[] ",
    b"BODY[1]<3> ",
    b"{3}\r\n",
    b"~{0}\r\n",
    b"{3+}",
    b"abc",
    b")",
    b"(",
    b'"',
    b'"x\\"y" ',
    b"\\",
    b"NIL ",
    b" ",
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"SEARCH 1 2",
    b"ESEARCH UID ALL 1:3",
    b"VANISHED (EARLIER) 1:3",
    b'LIST () "/" ',
    b"STATUS x (MESSAGES 1)",
    b"ENABLED UTF8=ACCEPT",
    b"MODSEQ (5)",
    b"QUOTA x (A 1 2)",
    b"ID (",
    b"NAMESPACE NIL NIL NIL",
]
STREAMS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=40).map(b"".join)


def busy() -> ImapEngine:
    """An engine in the middle of things: a mailbox open, another being opened, an APPEND waiting."""
    engine = ImapEngine()
    engine.receive(b"* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
    engine.send(c.Select("A"))
    engine.outgoing()
    engine.receive(b"* 3 EXISTS\r\n* 1 FETCH (UID 7)\r\nA1 OK done\r\n")
    engine.send(c.Fetch("1:*", ("FLAGS",)))
    engine.send(c.Select("B"))
    engine.send(c.Append("C", b"body"))
    engine.outgoing()
    return engine


def told(engine: ImapEngine, pieces: list[bytes]) -> tuple[list[Any], bool]:
    """All events, and whether the stream broke; events in one piece with the break are lost."""
    events: list[Any] = []
    for piece in pieces:
        try:
            events += [(type(event), event) for event in engine.receive(piece)]
        except RemoteProtocolError:
            return events, True
        engine.outgoing()
    return events, False


@given(STREAMS, st.data())
def test_how_a_stream_is_split_never_changes_what_it_means(stream: bytes, data: st.DataObject) -> None:
    octets = [stream[at : at + 1] for at in range(len(stream))]
    expected, broke = told(busy(), octets)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    bounds = [0, *cuts, len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(bounds) if a < b]
    events, broke_too = told(busy(), pieces)
    assert broke == broke_too
    assert events == expected if not broke else events == expected[: len(events)]


@given(st.binary(max_size=300) | STREAMS, st.booleans())
@example(b"* OK [COPYUID", False)
@example(b"* 1 FETCH (BODY[] {3}\r\nabc", False)
def test_whatever_arrives_only_remote_protocol_errors_leave(stream: bytes, fresh: bool) -> None:
    engine = ImapEngine() if fresh else busy()
    try:
        engine.receive(stream + b"\r\n")
        engine.outgoing()
        engine.receive(b"")
    except RemoteProtocolError:
        with pytest.raises(RemoteProtocolError):
            engine.receive(b"* OK\r\n")


TEXT = st.text(max_size=20)
NASTY = st.sampled_from(
    ['"', "\\", "\r\n", "\0", "{5}", "{5+}", "\u00e4", "&", "*", "(", ")", " ", "]", "\x7f"]
)
NAMES = st.lists(TEXT | NASTY, max_size=6).map("".join)
SETS = st.builds(UidSet.of, st.lists(st.integers(1, 2**32 - 1), max_size=5))
WORDS = st.lists(NAMES, max_size=3).map(tuple)
KNOWN = st.builds(c.QResync, st.integers(1, 2**32 - 1), st.integers(1, 2**63 - 1), SETS | st.none())
COMMANDS: st.SearchStrategy[c.Command] = st.one_of(
    st.builds(c.Select, NAMES, st.booleans(), st.booleans(), st.none() | KNOWN),
    st.builds(c.Create, NAMES, NAMES),
    st.builds(c.Rename, NAMES, NAMES),
    st.builds(c.Delete, NAMES),
    st.builds(c.List, NAMES, WORDS, WORDS, WORDS, WORDS),
    st.builds(c.Lsub, NAMES, NAMES),
    st.builds(c.Status, NAMES, WORDS),
    st.builds(c.Id, st.lists(st.tuples(NAMES, NAMES), max_size=2).map(tuple)),
    st.builds(c.Enable, WORDS),
    st.builds(c.Fetch, SETS | NAMES, WORDS),
    st.builds(c.Store, SETS, st.sampled_from("+-=x"), st.frozensets(NAMES, max_size=3)),
    st.builds(
        c.Search, st.lists(NAMES | st.binary(max_size=9), max_size=4).map(tuple), WORDS, st.none() | NAMES
    ),
    st.builds(c.Copy, SETS, NAMES),
    st.builds(
        c.Append, NAMES, st.binary(max_size=9), st.frozensets(NAMES, max_size=2), st.floats() | st.none()
    ),
)
_LITERAL = re.compile(rb"~?\{([0-9]+)\+\}\r\n")


def as_lines(written: bytes) -> list[bytes]:
    """What a server makes of it: lines, with literals taken out by their counts."""
    lines, line, at = [], b"", 0
    while at < len(written):
        end = written.index(b"\r\n", at) + 2
        part = written[at:end]
        literal = re.search(rb"~?\{([0-9]+)\+?\}\r\n\Z", part)
        line += part
        at = end
        if literal:
            at += int(literal[1])
            assert at <= len(written)
        else:
            lines.append(line)
            line = b""
    assert not line
    return lines


@given(COMMANDS, st.booleans())
def test_a_command_is_one_line_whatever_is_put_into_it(command: c.Command, utf8: bool) -> None:
    engine = ImapEngine()
    engine.receive(b"* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+ BINARY] hi\r\n")
    engine.send(c.Select("INBOX"))
    engine.outgoing()
    engine.receive((b"* ENABLED UTF8=ACCEPT\r\n" if utf8 else b"") + b"A1 OK done\r\n")
    try:
        engine.send(command)
    except LocalProtocolError:
        return
    [line] = as_lines(engine.outgoing())
    assert line.startswith(b"A2 ")
    assert b"\0" not in line
    unquoted = re.sub(rb'"(?:[^"\\\r\n\0]|\\["\\])*"', b"", line)
    assert b'"' not in unquoted
    assert b"\r" not in re.sub(_LITERAL, b"", unquoted)[:-2]
    assert utf8 or unquoted.isascii()


@given(NAMES, NAMES)
def test_a_login_is_one_line_whatever_the_credentials_are(user: str, password: str) -> None:
    engine = ImapEngine()
    engine.receive(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n")
    try:
        engine.send(c.Login(user, password))
    except LocalProtocolError:
        assert "\0" in user + password
        return
    [line] = as_lines(engine.outgoing())
    assert line.isascii() and line.startswith(b"A1 LOGIN ")
