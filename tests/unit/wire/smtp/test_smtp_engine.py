from __future__ import annotations

import pytest

from mailcli.errors import (
    LocalProtocolError,
    MessageMalformed,
    RemoteProtocolError,
    StartTlsInjection,
    TryAgain,
    Unreachable,
)
from mailcli.wire.challenge import Scram
from mailcli.wire.sasl import Plain
from mailcli.wire.smtp.commands import (
    Authenticate,
    Bdat,
    Body,
    Data,
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    SmtpCommand,
    StartTls,
)
from mailcli.wire.smtp.engine import SmtpEngine
from mailcli.wire.smtp.events import Closing, Completed, Extensions, Greeting, SmtpEvent

MESSAGE = b"Subject: x\r\n\r\n.\r\n"


def greeted(*keywords: bytes, hello: SmtpCommand = Ehlo("c"), **options: list[str]) -> SmtpEngine:  # noqa: B008
    engine = SmtpEngine(disabled=options.get("disabled", []))
    engine.receive(b"220 ready\r\n")
    engine.send(hello)
    engine.outgoing()
    lines = [b"host", *keywords]
    engine.receive(b"".join(b"250-%s\r\n" % line for line in lines[:-1]) + b"250 %s\r\n" % lines[-1])
    return engine


def queue(engine: SmtpEngine, *commands: SmtpCommand) -> bytes:
    for command in commands:
        engine.send(command)
    return engine.outgoing()


def codes(events: list[SmtpEvent]) -> list[tuple[int, int, bool]]:
    return [(e.tag, e.reply.code, e.local) for e in events if isinstance(e, Completed)]


# -- what is written when


def test_nothing_is_written_before_the_banner() -> None:
    engine = SmtpEngine()
    assert queue(engine, Ehlo("c")) == b""
    assert isinstance(engine.receive(b"220 ready\r\n")[0], Greeting)
    assert engine.outgoing() == b"EHLO c\r\n"


def test_an_envelope_is_one_flight_and_body_and_quit_another() -> None:
    engine = greeted(b"PIPELINING")
    flight = queue(engine, Mail("a@b"), Rcpt("c@d"), Rcpt("e@f"), Data(), Body(MESSAGE), Quit())
    assert flight == b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\n"
    engine.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    assert engine.outgoing() == b""
    engine.receive(b"354 go\r\n")
    assert engine.outgoing() == b"Subject: x\r\n\r\n..\r\n.\r\nQUIT\r\n"


def test_without_pipelining_there_is_one_command_at_a_time() -> None:
    engine = greeted()
    written = [queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(MESSAGE), Quit())]
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 ok\r\n"):
        engine.receive(reply)
        written.append(engine.outgoing())
    assert written == [
        b"MAIL FROM:<a@b>\r\n",
        b"RCPT TO:<c@d>\r\n",
        b"DATA\r\n",
        b"Subject: x\r\n\r\n..\r\n.\r\n",
        b"QUIT\r\n",
    ]


def test_pipelining_can_be_disabled_by_the_user() -> None:
    engine = greeted(b"pipelining", b"SIZE 10", disabled=["Pipelining"])
    assert queue(engine, Mail("a@b"), Rcpt("c@d")) == b"MAIL FROM:<a@b>\r\n"


@pytest.mark.parametrize(
    "barrier", [Ehlo("c"), Lhlo("c"), Helo("c"), StartTls(), Authenticate(Plain("u", "p")), Noop()], ids=repr
)
def test_what_ends_a_flight_holds_back_what_is_behind_it(barrier: SmtpCommand) -> None:
    engine = greeted(b"PIPELINING")
    written = queue(engine, Rset(), barrier, Mail("a@b"))
    assert written.startswith(b"RSET\r\n")
    assert b"MAIL" not in written
    assert engine.outgoing() == b""


def test_a_new_ehlo_may_take_pipelining_away() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Ehlo("c"), Mail("a@b"), Rcpt("c@d"))
    engine.receive(b"250 host\r\n")
    assert engine.outgoing() == b"MAIL FROM:<a@b>\r\n"


def test_the_next_message_may_follow_a_body_at_once() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(b""), Mail("a@b"), Rcpt("e@f"), Data(), Body(b"2"))
    engine.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert engine.outgoing() == b".\r\nMAIL FROM:<a@b>\r\nRCPT TO:<e@f>\r\nDATA\r\n"
    assert codes(engine.receive(b"451 later\r\n250 ok\r\n550 no\r\n554 no\r\n")) == [
        (5, 451, False), (6, 250, False), (7, 550, False), (8, 554, False), (9, 554, True)
    ]  # fmt: skip


# -- a body is only written when it is wanted


@pytest.mark.parametrize("refusal", [b"554 no\r\n", b"451 later\r\n", b"503 what\r\n"])
def test_the_body_of_a_refused_data_is_never_written(refusal: bytes) -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(b"one\r\n", last=False), Body(b"two"), Rset())
    events = engine.receive(b"250 ok\r\n250 ok\r\n" + refusal)
    assert codes(events)[2:] == [(4, int(refusal[:3]), False), (6, int(refusal[:3]), True)]
    assert engine.done(6)
    assert engine.outgoing() == b"RSET\r\n"


def test_after_a_refused_data_no_body_is_awaited() -> None:
    engine = greeted()
    queue(engine, Data())
    engine.receive(b"503 no\r\n")
    assert queue(engine, Noop()) == b"NOOP\r\n"


def test_a_354_without_a_recipient_leaves_only_closing() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(MESSAGE), Quit())
    events = engine.receive(b"250 ok\r\n550 no\r\n354 go\r\n")
    assert codes(events)[2:] == [(4, 354, False), (5, 354, True), (6, 354, True)]
    assert engine.outgoing() == b""
    assert engine.closed
    with pytest.raises((Unreachable, LocalProtocolError)):
        engine.send(Noop())


def test_recipients_of_an_earlier_message_do_not_count() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Rset(), Mail("a@b"), Rcpt("e@f"), Data(), Body(MESSAGE))
    engine.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n")
    assert engine.outgoing() == b""
    assert engine.closed


def test_a_reply_to_a_body_that_was_not_written_breaks_the_protocol() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(MESSAGE))
    events = engine.receive(b"250 ok\r\n250 ok\r\n354 go\r\n250 sent, believe me\r\n")
    assert [code for _, code, _ in codes(events)] == [250, 250, 354]
    assert not engine.done(5)
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"")


def test_a_body_may_come_in_pieces_with_its_dot_apart() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data())
    engine.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    first = engine.send(Body(b".one\r\n", last=False))
    assert not engine.done(first)
    assert engine.outgoing() == b"..one\r\n"
    assert engine.done(first)
    with pytest.raises(LocalProtocolError):
        engine.send(Quit())
    last = engine.send(Body(b".two"))
    engine.send(Quit())
    assert engine.outgoing() == b"..two\r\n.\r\nQUIT\r\n"
    assert codes(engine.receive(b"250 ok\r\n221 bye\r\n")) == [(last, 250, False), (last + 1, 221, False)]
    assert engine.closed


@pytest.mark.parametrize("early", [b"421 4.3.2 bye\r\n", b"552 5.3.4 too large\r\n", b"451 disk full\r\n"])
def test_a_refusal_between_pieces_ends_the_session(early: bytes) -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(b"one\r\n", last=False))
    engine.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    engine.outgoing()
    (event,) = engine.receive(early)
    assert isinstance(event, Closing)
    assert event.reply.code == int(early[:3])
    assert engine.closed
    with pytest.raises((TryAgain, Unreachable)):
        engine.send(Body(b"two"))


def test_a_piece_that_does_not_end_its_line_is_refused() -> None:
    engine = greeted()
    engine.send(Data())
    with pytest.raises(MessageMalformed):
        engine.send(Body(b"half a li", last=False))


# -- LMTP and BDAT


def test_lmtp_answers_a_body_once_for_each_accepted_recipient() -> None:
    engine = greeted(b"PIPELINING", hello=Lhlo("c"))
    queue(engine, Mail("a@b"), Rcpt("c@d"), Rcpt("e@f"), Rcpt("g@h"), Data(), Body(MESSAGE), Noop())
    engine.receive(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n354 go\r\n")
    engine.outgoing()
    assert engine.receive(b"250 ok\r\n") == []
    (event, _) = engine.receive(b"452 full\r\n250 ok\r\n")
    assert isinstance(event, Completed)
    assert [reply.code for reply in event.replies] == [250, 452]


def test_a_421_answers_for_the_rest_of_the_lmtp_recipients() -> None:
    engine = greeted(b"PIPELINING", hello=Lhlo("c"))
    queue(engine, Mail("a@b"), Rcpt("c@d"), Rcpt("e@f"), Data(), Body(MESSAGE))
    engine.receive(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n")
    engine.outgoing()
    (event,) = engine.receive(b"250 ok\r\n421 bye\r\n")
    assert isinstance(event, Completed)
    assert [reply.code for reply in event.replies] == [250, 421]
    assert engine.closed


def test_chunks_travel_with_their_envelope_as_they_are() -> None:
    engine = greeted(b"PIPELINING", b"CHUNKING")
    flight = queue(engine, Mail("a@b"), Rcpt("c@d"), Bdat(b".\r\n\n", last=False), Bdat(b"x"), Quit())
    assert flight.endswith(b"BDAT 4\r\n.\r\n\nBDAT 1 LAST\r\nxQUIT\r\n")
    assert codes(engine.receive(b"250 a\r\n250 b\r\n250 c\r\n250 d\r\n221 e\r\n")) == [
        (2, 250, False), (3, 250, False), (4, 250, False), (5, 250, False), (6, 221, False)
    ]  # fmt: skip


# -- the server closes


def test_a_421_answers_all_that_is_open() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Mail("a@b"), Rcpt("c@d"), Data(), Body(MESSAGE), Quit())
    events = engine.receive(b"250 ok\r\n421 4.3.2 bye\r\n250 ok\r\n")
    assert codes(events) == [(2, 250, False), (3, 421, False), (4, 421, True), (5, 421, True), (6, 421, True)]
    assert engine.closed
    assert engine.outgoing() == b""


def test_a_421_out_of_the_blue_is_an_event() -> None:
    engine = greeted()
    (event,) = engine.receive(b"421 4.4.2 idle too long\r\n")
    assert isinstance(event, Closing)
    with pytest.raises(TryAgain, match="idle too long"):
        engine.send(Noop())


def test_eof_is_no_event() -> None:
    engine = greeted()
    engine.send(Noop())
    assert engine.receive(b"") == []
    assert engine.closed
    assert not engine.done(2)
    assert engine.receive(b"250 late\r\n") == []


def test_a_refusing_banner_allows_quit_alone() -> None:
    engine = SmtpEngine()
    assert isinstance(engine.receive(b"554 go away\r\n")[0], Greeting)
    with pytest.raises(LocalProtocolError):
        engine.send(Ehlo("c"))
    assert queue(engine, Quit()) == b"QUIT\r\n"
    engine.receive(b"221 bye\r\n")
    assert engine.closed


# -- STARTTLS


def secured(after: bytes) -> SmtpEngine:
    engine = greeted(b"STARTTLS", b"PIPELINING")
    queue(engine, StartTls(), Ehlo("c"))
    assert len(engine.receive(b"220 go\r\n" + after)) == 1
    assert engine.outgoing() == b""
    return engine


def test_what_waited_for_the_handshake_goes_out_behind_it() -> None:
    engine = secured(b"")
    engine.start_tls()
    assert engine.outgoing() == b"EHLO c\r\n"


def test_all_that_was_learnt_in_the_clear_is_forgotten() -> None:
    engine = greeted(b"STARTTLS", b"PIPELINING")
    queue(engine, StartTls())
    engine.receive(b"220 go\r\n")
    engine.start_tls()
    assert queue(engine, Rset(), Rset()) == b"RSET\r\n"


@pytest.mark.parametrize("injected", [b"250 host\r\n", b"x", b"\r\n"])
def test_bytes_behind_the_starttls_reply_are_an_attack(injected: bytes) -> None:
    for engine in (secured(injected), secured(b"")):
        engine.receive(injected)
        with pytest.raises(StartTlsInjection):
            engine.start_tls()
        with pytest.raises(StartTlsInjection):
            engine.receive(b"250 host\r\n")
        assert engine.outgoing() == b""


def test_a_refused_starttls_is_an_answer_like_any_other() -> None:
    engine = greeted(b"STARTTLS")
    queue(engine, StartTls(), Quit())
    engine.receive(b"454 4.7.0 TLS not available\r\n")
    assert engine.outgoing() == b"QUIT\r\n"
    with pytest.raises(LocalProtocolError):
        engine.start_tls()


# -- AUTH


def test_a_challenge_that_the_mechanism_refuses_is_cancelled() -> None:
    scram = Scram("u", "p", nonce="n")
    engine = greeted(b"AUTH SCRAM-SHA-256")
    assert queue(engine, Authenticate(scram)).startswith(b"AUTH SCRAM-SHA-256 ")
    assert engine.receive(b"334 Zm9yZ2Vk\r\n") == []
    assert engine.outgoing() == b"*\r\n"
    assert codes(engine.receive(b"501 5.7.0 cancelled\r\n")) == [(2, 501, False)]
    assert scram.refusal is not None


def test_a_server_cannot_keep_us_in_a_cancelled_exchange() -> None:
    engine = greeted(b"AUTH PLAIN")
    queue(engine, Authenticate(Plain("u", "p")))
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"334 \r\n334 \r\n")


# -- replies


def test_replies_nobody_asked_for_break_the_protocol() -> None:
    with pytest.raises(RemoteProtocolError):
        greeted().receive(b"250 what\r\n")


@pytest.mark.parametrize(
    "line",
    [b"", b"hello", b"99 x", b"2500 x", b"150 x", b"650 x", b"250x", b"\xff\xfe", b"25\x00 x", b"250_ok"],
)
def test_what_is_no_reply_breaks_the_protocol(line: bytes) -> None:
    engine = greeted()
    queue(engine, Noop())
    with pytest.raises(RemoteProtocolError):
        engine.receive(line + b"\r\n")
    assert engine.closed
    with pytest.raises(LocalProtocolError):
        engine.send(Noop())


@pytest.mark.parametrize(
    ("command", "code"), [(Noop(), 354), (Noop(), 334), (Data(), 250), (Mail("a@b"), 399)]
)
def test_an_answer_that_cannot_be_one_breaks_the_protocol(command: SmtpCommand, code: int) -> None:
    engine = greeted()
    queue(engine, command)
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"%d x\r\n" % code)


def test_what_came_before_the_nonsense_is_not_lost() -> None:
    engine = greeted(b"PIPELINING")
    queue(engine, Rset(), Rset(), Rset())
    assert codes(engine.receive(b"250 a\r\n250 b\r\nnonsense\r\n")) == [(2, 250, False), (3, 250, False)]
    assert engine.closed
    with pytest.raises(RemoteProtocolError, match="nonsense"):
        engine.receive(b"250 c\r\n")


def test_an_endless_reply_is_cut() -> None:
    engine = greeted()
    queue(engine, Noop())
    engine.receive(b"250-x\r\n" * 5_000)
    (event,) = engine.receive(b"250 end\r\n")
    assert isinstance(event, Completed)
    assert len(event.reply.lines) == 1_000
    queue(engine, Noop())
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"250-x\r\n" * 10_001)


def test_a_reply_of_large_lines_holds_little() -> None:
    engine = greeted()
    queue(engine, Noop())
    engine.receive((b"250-" + b"x" * 100_000 + b"\r\n") * 50)
    (event,) = engine.receive(b"250 end\r\n")
    assert isinstance(event, Completed)
    assert sum(map(len, event.reply.lines)) < 400_000


def test_an_endless_line_breaks_the_protocol() -> None:
    engine = greeted()
    with pytest.raises(RemoteProtocolError):
        for _ in range(40):
            engine.receive(b"x" * 65_536)


def test_the_code_of_the_last_line_counts() -> None:
    engine = greeted()
    queue(engine, Noop())
    assert codes(engine.receive(b"250-ok\r\n550 no\r\n")) == [(2, 550, False)]


def test_a_reply_in_one_line_is_harmless_to_print() -> None:
    engine = greeted()
    queue(engine, Noop())
    (event,) = engine.receive(b"550-5.1.1 \x1b[31mred\r\n550 5.1.1 end\r\n")
    assert isinstance(event, Completed)
    assert event.reply.full == "550 5.1.1 \ufffd[31mred end"


def test_extensions_are_found_by_keyword() -> None:
    engine = SmtpEngine()
    engine.receive(b"220 x\r\n")
    queue(engine, Ehlo("c"))
    offered = engine.receive(b"250-x\r\n250-size 100\r\n250-AUTH=LOGIN\r\n250 AUTH PLAIN\r\n")[0]
    assert isinstance(offered, Extensions)
    assert "SIZE" in offered
    assert "DSN" not in offered
    assert offered.parameters("AUTH") == ("LOGIN", "PLAIN")


# -- what we must not ask for


@pytest.mark.parametrize("first", [Quit()])
def test_nothing_follows_quit(first: SmtpCommand) -> None:
    engine = greeted()
    engine.send(first)
    with pytest.raises(LocalProtocolError):
        engine.send(Noop())


def test_data_and_body_belong_together() -> None:
    engine = greeted()
    with pytest.raises(LocalProtocolError):
        engine.send(Body(b"x"))
    engine.send(Data())
    with pytest.raises(LocalProtocolError):
        engine.send(Mail("a@b"))
    engine.send(Body(b"x"))
    with pytest.raises(LocalProtocolError):
        engine.send(Body(b"y"))
