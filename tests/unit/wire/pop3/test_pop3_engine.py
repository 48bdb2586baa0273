from __future__ import annotations

import time

import pytest

from mailcli.errors import (
    LocalProtocolError,
    MessageMalformed,
    RemoteProtocolError,
    StartTlsInjection,
    Unreachable,
)
from mailcli.wire.challenge import Scram
from mailcli.wire.pop3 import listing
from mailcli.wire.pop3.commands import (
    Apop,
    Authenticate,
    Capa,
    Dele,
    ListSizes,
    Noop,
    Pass,
    Pop3Command,
    Quit,
    Retr,
    Stat,
    Stls,
    Top,
    Uidl,
    User,
)
from mailcli.wire.pop3.engine import Pop3Engine
from mailcli.wire.pop3.events import (
    Capabilities,
    Completed,
    Content,
    Greeting,
    Pop3Event,
    Sizes,
    Truncated,
    UniqueIds,
)
from mailcli.wire.sasl import Plain


def greeted(*capabilities: bytes, disabled: tuple[str, ...] = ()) -> Pop3Engine:
    engine = Pop3Engine(disabled=disabled)
    engine.receive(b"+OK ready\r\n")
    engine.send(Capa())
    engine.outgoing()
    engine.receive(b"+OK\r\n" + b"".join(b"%s\r\n" % name for name in capabilities) + b".\r\n")
    return engine


def queue(engine: Pop3Engine, *commands: Pop3Command) -> bytes:
    for command in commands:
        engine.send(command)
    return engine.outgoing()


def ends(events: list[Pop3Event]) -> list[tuple[int, bool]]:
    return [(e.tag, e.ok) for e in events if isinstance(e, Completed)]


# -- what is written when


def test_nothing_is_written_before_the_greeting() -> None:
    engine = Pop3Engine()
    assert queue(engine, Capa()) == b""
    engine.receive(b"+OK\r\n")
    assert engine.outgoing() == b"CAPA\r\n"


def test_commands_go_one_at_a_time_until_capa_has_said_pipelining() -> None:
    engine = greeted(b"TOP")
    assert queue(engine, Retr(1), Retr(2)) == b"RETR 1\r\n"
    engine.receive(b"+OK\r\n.\r")
    assert engine.outgoing() == b""
    engine.receive(b"\n")
    assert engine.outgoing() == b"RETR 2\r\n"


def test_all_that_is_queued_is_pipelined_if_the_server_can() -> None:
    engine = greeted(b"PIPELINING")
    assert queue(engine, Stat(), Retr(1), Top(2, 0), Dele(3)) == b"STAT\r\nRETR 1\r\nTOP 2 0\r\nDELE 3\r\n"


def test_pipelining_can_be_disabled_by_the_user() -> None:
    assert queue(greeted(b"PIPELINING", disabled=("pipelining",)), Noop(), Noop()) == b"NOOP\r\n"


def test_a_later_capa_may_take_pipelining_away() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Capa())
    engine.receive(b"+OK\r\nTOP\r\n.\r\n")
    assert queue(engine, Noop(), Noop()) == b"NOOP\r\n"


@pytest.mark.parametrize(
    "barrier",
    [Stls(), Authenticate(Plain("u", "p")), Pass("p"), Apop("u", "d")],
    ids=lambda c: type(c).__name__,
)
def test_nothing_is_written_behind_a_barrier(barrier: Pop3Command) -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, barrier)
    assert queue(engine, Stat()) == b""


def test_an_error_for_one_message_does_not_disturb_the_next() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Retr(1), Retr(2), Retr(3))
    events = engine.receive(b"+OK\r\none\r\n.\r\n-ERR gone\r\n+OK\r\n-ERR is content\r\n.\r\n")
    assert events == [
        Content(2, b"one\r\n"), Completed(2, True, "", ""),
        Completed(3, False, "", "gone"),
        Content(4, b"-ERR is content\r\n"), Completed(4, True, "", ""),
    ]  # fmt: skip


# -- the end, planned or not


def test_an_unfinished_message_is_known_as_such() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Retr(1), Retr(2))
    engine.receive(b"+OK\r\none\r\n.\r\n+OK\r\ntwo\r\n.")
    assert engine.receive(b"") == [Truncated(3)]
    assert engine.closed
    assert not engine.done(3)
    assert engine.receive(b"\r\n") == []


def test_eof_between_answers_is_no_event() -> None:
    engine = greeted()
    queue(engine, Noop())
    assert engine.receive(b"+OK\r") == []
    assert engine.receive(b"") == []
    with pytest.raises(Unreachable):
        engine.send(Noop())


def test_quit_is_the_end() -> None:
    engine = greeted()
    assert queue(engine, Quit()) == b"QUIT\r\n"
    with pytest.raises(LocalProtocolError):
        engine.send(Noop())
    assert ends(engine.receive(b"+OK bye\r\n")) == [(2, True)]
    assert engine.closed


def test_a_refusing_greeting_allows_quit_alone() -> None:
    engine = Pop3Engine()
    assert engine.receive(b"-ERR [IN-USE] no\r\n") == [Greeting(False, "no", "", "IN-USE")]
    with pytest.raises(LocalProtocolError):
        engine.send(Capa())
    assert queue(engine, Quit()) == b"QUIT\r\n"


# -- STLS


@pytest.mark.parametrize("injected", [b"+OK\r\n", b"x", b"\r\n"])
def test_bytes_behind_the_stls_reply_are_an_attack(injected: bytes) -> None:
    for split in (False, True):
        engine = greeted(b"STLS")
        queue(engine, Stls(), Capa())
        if split:
            engine.receive(b"+OK go\r\n")
            engine.receive(injected)
        else:
            engine.receive(b"+OK go\r\n" + injected)
        assert engine.outgoing() == b""
        with pytest.raises(StartTlsInjection):
            engine.start_tls()
        with pytest.raises(StartTlsInjection):
            engine.receive(b"+OK\r\n")


def test_all_that_was_learnt_in_the_clear_is_forgotten() -> None:
    engine = greeted(b"STLS", b"PIPELINING")
    queue(engine, Stls())
    engine.receive(b"+OK go\r\n")
    engine.start_tls()
    assert queue(engine, Noop(), Noop()) == b"NOOP\r\n"


def test_a_handshake_nobody_agreed_on_is_refused() -> None:
    engine = greeted(b"STLS")
    queue(engine, Stls())
    engine.receive(b"-ERR no\r\n")
    with pytest.raises(LocalProtocolError):
        engine.start_tls()


# -- AUTH


def test_a_challenge_that_the_mechanism_refuses_is_cancelled() -> None:
    scram = Scram("u", "p", nonce="n")
    engine = greeted(b"SASL SCRAM-SHA-256")
    queue(engine, Authenticate(scram))
    assert engine.receive(b"+ Zm9yZ2Vk\r\n") == []
    assert engine.outgoing() == b"*\r\n"
    assert ends(engine.receive(b"-ERR cancelled\r\n")) == [(2, False)]
    assert scram.refusal is not None


def test_a_server_cannot_keep_us_in_a_cancelled_exchange() -> None:
    engine = greeted()
    queue(engine, Authenticate(Plain("u", "p")))
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"+ \r\n+ \r\n")


def test_a_challenge_to_no_exchange_breaks_the_protocol() -> None:
    engine = greeted()
    queue(engine, Noop())
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"+ \r\n")


# -- what breaks the protocol


@pytest.mark.parametrize(
    "line", [b"", b"hello", b"+", b"OK", b"+OKAY", b"-ERROR", b"* OK", b"\xff", b"250 ok"]
)
def test_what_is_no_answer_breaks_the_protocol(line: bytes) -> None:
    engine = greeted()
    queue(engine, Noop())
    with pytest.raises(RemoteProtocolError):
        engine.receive(line + b"\r\n")
    assert engine.closed
    with pytest.raises(LocalProtocolError):
        engine.send(Noop())


def test_an_answer_nobody_asked_for_breaks_the_protocol() -> None:
    with pytest.raises(RemoteProtocolError):
        greeted().receive(b"+OK\r\n")


def test_what_came_before_the_nonsense_is_not_lost() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Noop(), Noop())
    assert ends(engine.receive(b"+OK\r\nnonsense\r\n")) == [(2, True)]
    with pytest.raises(RemoteProtocolError, match="nonsense"):
        engine.receive(b"+OK\r\n")


def test_an_endless_line_breaks_the_protocol() -> None:
    engine = greeted()
    queue(engine, Noop())
    with pytest.raises(RemoteProtocolError):
        for _ in range(40):
            engine.receive(b"x" * 65_536)


def test_an_endless_table_breaks_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailcli.wire.pop3.engine.MAX_TABLE", 100_000)
    engine = greeted()
    queue(engine, Uidl())
    engine.receive(b"+OK\r\n")
    with pytest.raises(RemoteProtocolError):
        for _ in range(40):
            engine.receive(b"1 x\r\n" * 1_000)


def test_a_line_without_end_in_a_message_is_content() -> None:
    engine = greeted()
    queue(engine, Retr(1))
    engine.receive(b"+OK\r\n")
    got = sum(len(e.data) for _ in range(40) for e in engine.receive(b"x" * 65_536) if isinstance(e, Content))
    assert got == 40 * 65_536


# -- encoding


@pytest.mark.parametrize("text", ["", "a\r\nQUIT", "a\nb", "a\rb", "a\x00b", "\ud800"])
def test_no_argument_can_become_a_second_command(text: str) -> None:
    for command in (User(text), Pass(text), Apop(text, "d"), Apop("u", text)):
        with pytest.raises(MessageMalformed):
            Pop3Engine().send(command)


def test_arguments_are_utf_8_and_keep_their_spaces() -> None:
    engine = greeted()
    assert queue(engine, Pass(" pä ss ")) == b"PASS  p\xc3\xa4 ss \r\n"


@pytest.mark.parametrize("command", [Retr(0), Dele(-1), Top(0, 0), Top(1, -1)])
def test_numbers_that_name_no_message_are_refused(command: Pop3Command) -> None:
    with pytest.raises(LocalProtocolError):
        Pop3Engine().send(command)


def test_no_password_shows_in_a_repr() -> None:
    assert "sesame" not in repr(Pass("sesame")) + repr(Apop("u", "sesame"))


# -- capabilities and tables


def test_capabilities_are_found_by_name() -> None:
    engine = Pop3Engine()
    engine.receive(b"+OK\r\n")
    queue(engine, Capa())
    offered = engine.receive(b"+OK\r\nsasl PLAIN SCRAM-SHA-256\r\nTOP\r\n.\r\n")[0]
    assert isinstance(offered, Capabilities)
    assert "TOP" in offered
    assert "UIDL" not in offered
    assert offered.parameters("SASL") == ("PLAIN", "SCRAM-SHA-256")


def test_a_question_where_the_next_command_has_gone_already_ends_it() -> None:
    engine = greeted(b"PIPELINING")
    written = queue(engine, Authenticate(Plain("u", "p"), run_on=True), Uidl())
    assert written == b"AUTH PLAIN AHUAcA==\r\nUIDL\r\n"
    with pytest.raises(RemoteProtocolError, match="asks a question"):
        engine.receive(b"+ \r\n")


def test_tables_are_told_as_they_come() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Uidl())
    engine.outgoing()
    assert engine.receive(b"+OK\r\n1 a\r\n2 ") == [UniqueIds(2, b"1 a\r\n")]
    assert engine.receive(b"b\r\n.\r\n") == [UniqueIds(2, b"2 b\r\n"), Completed(2, True, "", "")]


def test_a_line_of_a_table_without_an_end_is_refused() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Uidl())
    engine.outgoing()
    engine.receive(b"+OK\r\n")
    with pytest.raises(RemoteProtocolError, match="line without an end"):
        for _ in range(5):
            engine.receive(b"x" * (1 << 18))


def test_tables_of_50_000_messages_are_read_at_once() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Uidl(), ListSizes())
    numbers = range(1, 50_001)
    uidl = b"+OK\r\n" + b"".join(b"%d %032x\r\n" % (n, n * 7919) for n in numbers) + b".\r\n"
    sizes = b"+OK\r\n" + b"".join(b"%d %d\r\n" % (n, n * 3) for n in numbers) + b".\r\n"
    start = time.process_time()
    events = engine.receive(uidl) + engine.receive(sizes)
    named, _, sized, _ = events
    assert isinstance(named, UniqueIds) and isinstance(sized, Sizes)
    read = listing.unique_ids(named.lines), listing.sizes(sized.lines)
    assert time.process_time() - start < 1.0  # measured: 0.07 s
    assert read == ([(n, f"{n * 7919:032x}") for n in numbers], [(n, n * 3) for n in numbers])


def test_downloads_are_linear_in_size_and_number() -> None:
    """44 MB in chunks of 256 KiB take some 0.1 s; copying the rest of the buffer for each
    message would take longer by orders of magnitude."""
    message = b"Received: x\r\n" + (b"x" * 74 + b"\r\n") * 289
    for body, count in ((message, 2_000), (b"x\r\n", 20_000)):
        engine = greeted(b"PIPELINING")
        queue(engine, *(Retr(n + 1) for n in range(count)))
        stream = (b"+OK\r\n" + body + b".\r\n") * count
        start = time.process_time()
        octets = 0
        for at in range(0, len(stream), 262_144):
            octets += sum(
                len(e.data) for e in engine.receive(stream[at : at + 262_144]) if isinstance(e, Content)
            )
        assert time.process_time() - start < 3.0
        assert octets == len(body) * count
