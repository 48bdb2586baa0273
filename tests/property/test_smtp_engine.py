"""Laws of the SMTP engine: whatever a server sends, and however it is cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mailcli.errors import LocalProtocolError, MailcliError, MessageMalformed, RemoteProtocolError
from mailcli.wire.challenge import Scram
from mailcli.wire.mechanism import Mechanism
from mailcli.wire.sasl import Login, Plain, XOAuth2
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp.engine import SmtpEngine
from mailcli.wire.smtp.events import Completed

ENVELOPE: list[Any] = [smtp.Mail("a@b"), smtp.Rcpt("c@d"), smtp.Rcpt("e@f"), smtp.Data()]
SESSIONS: list[list[Any]] = [
    [smtp.Ehlo("c"), *ENVELOPE, smtp.Body(b".x"), smtp.Quit()],
    [smtp.Lhlo("c"), *ENVELOPE, smtp.Body(b"x"), smtp.Noop()],
    [smtp.Ehlo("c"), smtp.StartTls(), smtp.Ehlo("c"), smtp.Noop()],
    [smtp.Ehlo("c"), *ENVELOPE[:3], smtp.Bdat(b"x", last=False), smtp.Bdat(b"y"), smtp.Rset()],
    [smtp.Ehlo("c"), *ENVELOPE, smtp.Body(b"1\r\n", last=False), smtp.Body(b"2"), *ENVELOPE, smtp.Body(b"3")],
    [
        smtp.Data(),
        smtp.Body(b"1\r\n", last=False),
        smtp.Body(b"2"),
        smtp.Data(),
        smtp.Body(b"3"),
        smtp.Helo("c"),
    ],
    [smtp.Ehlo("c"), "plain", "login", "xoauth2", "scram", smtp.Noop()],
]
"""Mechanisms are good for one attempt: they are named here and made anew for each run."""

LINES = b"""220 x|250 ok|250 ok|250-PIPELINING|250 PIPELINING|250-AUTH PLAIN|354 go|354 go|334 |235 in
334 cj1mb3JnZWQ=|421 4.3.2 bye|550 5.1.1 no|451|250-|221 bye||x|220-|250 \xff\x1b[0m|503 \x00"""
LINE = st.one_of(st.sampled_from(LINES.replace(b"\n", b"|").split(b"|")), st.binary(max_size=12))
GOOD = [
    b"250 ok\r\n",
    b"250 ok\r\n250 ok\r\n",
    b"250 ok\r\n354 go\r\n",
    b"354 go\r\n",
    b"550 no\r\n",
    b"221 bye\r\n",
]
OPENING = [[], [b"220 x\r\n"], [b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n"]]
BLOCK = st.lists(st.tuples(LINE, st.sampled_from([b"\r\n", b"\r\n", b"\n", b""])), max_size=8).map(
    lambda parts: b"".join(itertools.chain.from_iterable(parts))
)
SERVER = st.builds(
    lambda a, b: a + b, st.sampled_from(OPENING), st.lists(st.sampled_from(GOOD) | BLOCK, max_size=8)
)
MAKERS: dict[str, Callable[[], Mechanism]] = {
    "plain": lambda: Plain("u", "p"),
    "login": lambda: Login("u", "p"),
    "xoauth2": lambda: XOAuth2("u", "t"),
    "scram": lambda: Scram("u", "p", nonce="n"),
}


def run(session: list[Any], blocks: list[bytes], cuts: list[int]) -> tuple[list[Any], bytes, str, bool]:
    """Events with their types, what was written, the error, and whether the engine is closed.

    What may be written is taken between blocks only, so that cutting a block changes nothing.
    """
    engine = SmtpEngine()
    for command in session:
        engine.send(smtp.Authenticate(MAKERS[command]()) if isinstance(command, str) else command)
    events: list[Any] = []
    written = []
    error = ""
    try:
        for block in blocks:
            edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(block)}), len(block)]
            for start, end in itertools.pairwise(edges):
                if start < end:
                    events += engine.receive(block[start:end])
            written.append(engine.outgoing())
        events += engine.receive(b"")
        assert engine.closed
    except RemoteProtocolError as caught:
        error = str(caught)
    tags = [event.tag for event in events if isinstance(event, Completed)]
    assert tags == sorted(tags)
    assert all(engine.done(tag) for tag in tags)
    return [(type(event), event) for event in events], b"".join(written), error, engine.closed


@given(st.sampled_from(SESSIONS), SERVER, st.lists(st.integers(1, 60), max_size=12))
@settings(max_examples=400)
def test_events_do_not_depend_on_the_split_and_only_one_error_is_raised(
    session: list[Any], blocks: list[bytes], cuts: list[int]
) -> None:
    whole = run(session, blocks, [])
    assert run(session, blocks, cuts) == whole
    assert run(session, blocks, list(range(1, 200))) == whole


@given(st.binary(max_size=300), st.sampled_from(SESSIONS))
@settings(max_examples=200)
def test_any_octets_at_all_give_events_or_a_protocol_error(data: bytes, session: list[Any]) -> None:
    run(session, [b"220 x\r\n", data, data], [1, 5, 50])


@given(
    st.lists(
        st.sampled_from([b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n", b"421 x\r\n", b"500 x\r\n"]), max_size=9
    )
)
@settings(max_examples=300)
def test_a_body_is_written_only_behind_a_354_with_an_accepted_recipient(replies: list[bytes]) -> None:
    engine = SmtpEngine()
    engine.receive(b"220 x\r\n")
    for command in (smtp.Mail("a@b"), smtp.Rcpt("c@d"), smtp.Rcpt("e@f"), smtp.Data(), smtp.Body(b"BODY")):
        engine.send(command)
    seen: list[bytes] = []
    written = engine.outgoing()
    try:
        for reply in replies:
            engine.receive(reply)
            seen.append(reply[:3])
            written += engine.outgoing()
    except RemoteProtocolError:
        pass
    if b"BODY" in written:
        assert seen[3] == b"354"
        assert b"250" in seen[1:3]
        assert written.endswith(b"BODY\r\n.\r\n")


TEXT = st.text(st.sampled_from("ab@.<> \r\n\x00\x85\u2028ä=\t\x7f"), max_size=12)


@given(TEXT, st.lists(TEXT, max_size=2))
@settings(max_examples=500)
def test_no_text_makes_more_than_one_command(text: str, parameters: list[str]) -> None:
    params = tuple(parameters)
    hellos = (smtp.Ehlo(text), smtp.Lhlo(text), smtp.Helo(text))
    for command in (
        *hellos,
        smtp.Mail(text, params),
        smtp.Mail(text, ("SMTPUTF8",)),
        smtp.Rcpt(text, params),
    ):
        engine = SmtpEngine()
        engine.receive(b"220 x\r\n")
        try:
            engine.send(command)
        except MessageMalformed:
            continue
        written = engine.outgoing()
        assert written.endswith(b"\r\n")
        assert b"\r" not in written[:-2]
        assert b"\n" not in written[:-2]
        assert b"\x00" not in written
        assert written.count(b"<") == written.count(b">") <= 1
        assert written.count(b" ") == (
            1 if not isinstance(command, (smtp.Mail, smtp.Rcpt)) else 1 + len(command[1])
        )


@given(st.lists(st.sampled_from(SESSIONS[0] + SESSIONS[3]), max_size=10), st.lists(BLOCK, max_size=6))
@settings(max_examples=200)
def test_commands_in_any_order_are_taken_or_refused_with_our_errors(
    commands: list[Any], blocks: list[bytes]
) -> None:
    engine = SmtpEngine()
    for command, block in itertools.zip_longest(commands, [b"220 x\r\n", *blocks]):
        try:
            if command is not None:
                engine.send(command)
            engine.outgoing()
            if block:
                engine.receive(block)
        except (LocalProtocolError, RemoteProtocolError):
            pass
        except MailcliError as error:
            assert engine.closed, error
