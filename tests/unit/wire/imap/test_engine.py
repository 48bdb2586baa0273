from __future__ import annotations

import zlib

import pytest

from mailcli.errors import LocalProtocolError, RemoteProtocolError, StartTlsInjection
from mailcli.wire.imap import commands as c
from mailcli.wire.imap import events as e
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.uidset import UidSet

ONE = UidSet.of([1])


def ready(capabilities: str = "") -> ImapEngine:
    """An engine that is signed in."""
    engine = ImapEngine()
    engine.receive(b"* PREAUTH [CAPABILITY IMAP4rev1 %s] hi\r\n" % capabilities.encode())
    return engine


def selected(capabilities: str = "") -> ImapEngine:
    engine = ready(capabilities)
    engine.send(c.Select("INBOX"))
    assert engine.outgoing() == b'A1 SELECT "INBOX"\r\n'
    engine.receive(b"* 3 EXISTS\r\nA1 OK [READ-WRITE] done\r\n")
    return engine


def test_nothing_is_written_before_the_greeting() -> None:
    engine = ImapEngine()
    tag = engine.send(c.Capability())
    assert engine.outgoing() == b"" and not engine.done(0)
    engine.receive(b"* OK hi\r\n")
    assert engine.done(0) and not engine.done(tag)
    assert engine.outgoing() == b"A1 CAPABILITY\r\n"
    assert engine.receive(b"A1 OK done\r\n") == [e.Completed(tag, "OK", None, "done")]
    assert engine.done(tag) and not engine.done(tag + 1)


def test_a_server_that_is_no_imap_server_is_named() -> None:
    engine = ImapEngine()
    with pytest.raises(RemoteProtocolError, match=r"not an IMAP server.*220 mx"):
        engine.receive(b"220 mx.example.org ESMTP\r\n")
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"* OK hi\r\n")
    with pytest.raises(LocalProtocolError):
        engine.send(c.Noop())
    assert engine.outgoing() == b""


def test_all_is_pipelined_that_may_be() -> None:
    engine = ready()
    for command in (c.Noop(), c.Select("A"), c.Fetch("1:*", ("FLAGS",)), c.Select("B"), c.Unselect()):
        engine.send(command)
    assert engine.outgoing().count(b"\r\n") == 5


def test_a_synchronising_literal_stalls_until_it_is_asked_for() -> None:
    engine = ready()
    engine.send(c.Noop())
    engine.send(c.Append("A", b"body"))
    engine.send(c.Noop())
    assert engine.outgoing() == b'A1 NOOP\r\nA2 APPEND "A" {4}\r\n'
    engine.receive(b"A1 OK done\r\n")
    assert engine.outgoing() == b""
    engine.receive(b"+ go on\r\n")
    assert engine.outgoing() == b"body\r\nA3 NOOP\r\n"


def test_a_refused_literal_is_never_written() -> None:
    engine = ready()
    engine.send(c.Append("A", b"body"))
    engine.send(c.Noop())
    engine.outgoing()
    engine.receive(b"A1 NO [OVERQUOTA] full\r\n")
    assert engine.outgoing() == b"A2 NOOP\r\n"


def test_literal_minus_is_for_4096_octets_at_most() -> None:
    engine = ready("LITERAL-")
    engine.send(c.Append("A", bytes(4096)))
    engine.send(c.Append("A", bytes(4097)))
    assert engine.outgoing().endswith(b'A2 APPEND "A" {4097}\r\n')


def test_a_disabled_capability_is_not_seen_and_not_used() -> None:
    engine = ImapEngine(disabled={"literal+"})
    events = engine.receive(b"* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n")
    assert e.Capabilities(frozenset({"IMAP4REV1"})) in events
    engine.send(c.Append("A", b"body"))
    assert engine.outgoing().endswith(b"{4}\r\n")


@pytest.mark.parametrize("barrier", [c.Login("u", "p"), c.StartTls()])
def test_nothing_overtakes_a_barrier(barrier: c.Command) -> None:
    engine = ImapEngine()
    engine.receive(b"* OK hi\r\n")
    for command in (c.Noop(), barrier, c.Noop()):
        engine.send(command)
    assert engine.outgoing() == b"A1 NOOP\r\n"
    engine.receive(b"A1 OK done\r\n")
    assert engine.outgoing().startswith(b"A2 ")
    assert engine.outgoing() == b""
    engine.receive(b"A2 NO no\r\n")
    assert engine.outgoing() == b"A3 NOOP\r\n"


def test_what_stands_behind_a_failed_login_is_not_sent() -> None:
    engine = ImapEngine()
    engine.receive(b"* OK hi\r\n")
    engine.send(c.Login("u", "p"))
    tag = engine.send(c.Select("INBOX"))
    engine.outgoing()
    events = engine.receive(b"A1 NO no\r\n")
    assert events[1:] == [e.Completed(tag, "NO", None, "not sent: signing in failed")]
    assert engine.done(tag) and engine.outgoing() == b""


def test_a_change_waits_for_its_select_and_dies_with_it() -> None:
    engine = selected()
    engine.send(c.Select("B"))
    fetch = engine.send(c.Fetch("1:*", ("FLAGS",)))
    store = engine.send(c.Store(ONE, "+", frozenset({"\\Deleted"})))
    expunge = engine.send(c.Expunge(None))
    after = engine.send(c.Noop())
    assert engine.outgoing() == b'A2 SELECT "B"\r\nA3 UID FETCH 1:* (FLAGS)\r\n'
    events = engine.receive(b"A2 BAD what?\r\n")
    assert [type(x) for x in events] == [e.Completed] * 3
    assert engine.done(store) and engine.done(expunge) and not engine.done(fetch)
    assert engine.outgoing() == b"A6 NOOP\r\n"
    assert not engine.done(after)


def test_a_change_goes_out_as_soon_as_its_select_is_done() -> None:
    engine = selected()
    engine.send(c.Store(ONE, "+", frozenset({"\\Seen"})))
    assert b"UID STORE" in engine.outgoing()
    engine.send(c.Select("B"))
    engine.send(c.Store(ONE, "+", frozenset({"\\Seen"})))
    assert engine.outgoing() == b'A3 SELECT "B"\r\n'
    engine.receive(b"A2 OK done\r\nA3 OK done\r\n")
    assert engine.outgoing() == b"A4 UID STORE 1 +FLAGS.SILENT (\\Seen)\r\n"


def test_closed_divides_two_mailboxes_even_ahead_of_completions() -> None:
    engine = selected()
    engine.send(c.Fetch("1:*", ("UID",)))
    engine.send(c.Select("B"))
    engine.outgoing()
    events = engine.receive(
        b"* 1 FETCH (UID 7)\r\n* OK [CLOSED] bye\r\n* 9 EXISTS\r\nA2 OK done\r\n"
        b"* 8 EXISTS\r\nA3 OK [READ-ONLY] done\r\n"
    )
    assert e.Fetched("INBOX", 7) in events
    assert [x for x in events if isinstance(x, e.Exists)] == [e.Exists("B", 9), e.Exists("B", 8)]
    assert e.Opened("B", True) in events


def test_news_of_the_old_mailbox_stays_its_own_until_closed() -> None:
    engine = selected()
    engine.send(c.Select("B"))
    engine.outgoing()
    assert engine.receive(b"* 4 EXISTS\r\n") == []
    events = engine.receive(b"* OK [CLOSED] bye\r\n* 1 EXISTS\r\n")
    assert [x for x in events if isinstance(x, e.Exists)] == [e.Exists("INBOX", 4), e.Exists("B", 1)]


def test_the_same_command_object_may_be_sent_twice() -> None:
    engine = ready()
    select = c.Select("A")
    engine.send(select)
    engine.send(select)
    engine.outgoing()
    events = engine.receive(b"* 1 EXISTS\r\nA1 OK x\r\n* 2 EXISTS\r\nA2 OK x\r\n")
    assert events.count(e.Opened("A", False)) == 2


def test_expunge_names_the_uid_where_it_was_told() -> None:
    engine = selected()
    engine.receive(b"* 2 FETCH (UID 20)\r\n* 3 FETCH (UID 30)\r\n")
    assert engine.receive(b"* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n* 1 FETCH (FLAGS ())\r\n") == [
        e.Expunged("INBOX", None),
        e.Expunged("INBOX", 20),
        e.Fetched("INBOX", 30, frozenset()),
    ]


def test_after_vanished_no_number_is_trusted() -> None:
    engine = selected()
    engine.receive(b"* 2 FETCH (UID 20)\r\n* VANISHED 10\r\n")
    assert engine.receive(b"* 2 FETCH (FLAGS ())\r\n") == [e.Fetched("INBOX", None, frozenset())]


def test_starttls_forgets_what_was_said_in_the_clear() -> None:
    engine = ImapEngine()
    engine.receive(b"* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR] hi\r\n")
    engine.send(c.StartTls())
    engine.send(c.Login("u", "\u00e4"))
    engine.outgoing()
    engine.receive(b"A1 OK go\r\n")
    assert engine.outgoing() == b""
    engine.start_tls()
    assert engine.capabilities == frozenset()
    assert engine.outgoing() == b'A2 LOGIN "u" {2}\r\n'


def test_data_behind_the_ok_of_starttls_is_an_injection() -> None:
    for cut in range(1, 12):
        engine = ImapEngine()
        engine.receive(b"* OK hi\r\n")
        engine.send(c.StartTls())
        engine.outgoing()
        reply = b"A1 OK go\r\n* CAPABILITY AUTH=PLAIN\r\n"
        with pytest.raises(StartTlsInjection):
            for piece in (reply[:cut], reply[cut:]):
                engine.receive(piece)
            engine.start_tls()
        with pytest.raises(StartTlsInjection):
            engine.receive(b"* OK\r\n")


def test_start_tls_without_its_command_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        ready().start_tls()


@pytest.mark.parametrize(
    "command", [c.Select("A"), c.List(), c.Idle(), c.Append("A", b""), c.Compress(), c.Enable(("X",))]
)
def test_nothing_but_signing_in_is_legal_before_it(command: c.Command) -> None:
    engine = ImapEngine()
    engine.receive(b"* OK hi\r\n")
    with pytest.raises(LocalProtocolError):
        engine.send(command)


@pytest.mark.parametrize("command", [c.Fetch("1", ("UID",)), c.Expunge(None), c.Copy(ONE, "A"), c.Unselect()])
def test_what_needs_a_mailbox_is_illegal_without(command: c.Command) -> None:
    with pytest.raises(LocalProtocolError):
        ready().send(command)


def test_done_without_idle_has_nothing_to_do() -> None:
    engine = selected()
    engine.send(c.Idle())
    engine.outgoing()
    engine.receive(b"+ idling\r\nA2 OK the server has ended it\r\n")
    tag = engine.send(c.Done())
    assert engine.done(tag) and engine.outgoing() == b""


def test_done_waits_until_idle_was_entered() -> None:
    engine = selected()
    engine.send(c.Idle())
    done = engine.send(c.Done())
    assert engine.outgoing() == b"A2 IDLE\r\n"
    assert engine.receive(b"+ idling\r\n") == [e.Idling()]
    assert engine.outgoing() == b"DONE\r\n"
    assert engine.outgoing() == b""
    assert engine.receive(b"A2 OK done\r\n")[-1] == e.Completed(done, "OK", None, "done")


def test_bye_during_idle_is_a_clean_close() -> None:
    engine = selected()
    engine.send(c.Idle())
    engine.outgoing()
    assert engine.receive(b"+ idling\r\n* BYE off\r\n") == [e.Idling(), e.Bye(None, "off")]
    assert engine.closed
    engine.send(c.Done())
    assert engine.outgoing() == b""
    assert engine.receive(b"") == [] and engine.receive(b"") == []


def test_the_end_of_the_stream_closes_without_completing() -> None:
    engine = ready()
    tag = engine.send(c.Noop())
    engine.outgoing()
    assert engine.receive(b"") == []
    assert engine.closed and not engine.done(tag)


def test_logout_closes_at_its_ok_not_at_its_bye() -> None:
    engine = ready()
    engine.send(c.Logout())
    engine.outgoing()
    engine.receive(b"* BYE bye\r\n")
    assert not engine.closed
    engine.receive(b"A1 OK done\r\n")
    assert engine.closed
    with pytest.raises(LocalProtocolError):
        engine.send(c.Noop())


@pytest.mark.parametrize("line", [b"A1 OK early\r\n", b"A7 OK never\r\n", b"garbage\r\n", b"A1 MAYBE\r\n"])
def test_a_line_that_answers_nothing_breaks_the_session(line: bytes) -> None:
    engine = ready()
    engine.send(c.Noop())  # queued, but not written
    with pytest.raises(RemoteProtocolError):
        engine.receive(line)


def test_after_bye_garbage_is_let_pass() -> None:
    engine = ready()
    assert engine.receive(b"* BYE off\r\n503 whatever\r\n")[-1] == e.Unparsed(b"503 whatever")


def test_a_literal_in_human_text_is_none() -> None:
    engine = selected()
    engine.send(c.Noop())
    engine.outgoing()
    events = engine.receive(b"* OK see {12}\r\n* NO {99999999999}\r\nA2 OK {5}\r\n")
    assert [x.text for x in events if isinstance(x, (e.Note, e.Completed))] == [
        "see {12}",
        "{99999999999}",
        "{5}",
    ]


def test_a_quoted_brace_is_no_literal() -> None:
    assert ready().receive(b'* LIST () "/" "a {5}"\r\n* LIST () "/" "b {5}\r\n* OK x\r\n') == [
        e.Listed("a {5}", "/", frozenset()),
        e.Unparsed(b'* LIST () "/" "b {5}'),
        e.Note("OK", None, "x"),
    ]


def test_compression_begins_right_behind_its_ok() -> None:
    engine = ready("COMPRESS=DEFLATE")
    tag = engine.send(c.Compress())
    engine.send(c.Noop())
    assert engine.outgoing() == b"A1 COMPRESS DEFLATE\r\n"
    server = zlib.compressobj(wbits=-15)
    flood = b"* OK hello\r\n" * 20_000
    packed = server.compress(flood) + server.flush(zlib.Z_SYNC_FLUSH)
    events = engine.receive(b"A1 OK now\r\n" + packed[:9]) + engine.receive(packed[9:])
    assert events[0] == e.Completed(tag, "OK", None, "now")
    assert events[1:] == [e.Note("OK", None, "hello")] * 20_000
    reader = zlib.decompressobj(-15)
    assert reader.decompress(engine.outgoing()) == b"A2 NOOP\r\n"
    end = server.compress(b"A2 OK\r\n") + server.flush()
    assert engine.receive(end) == [e.Completed(2, "OK", None, "")]
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"more")


def test_damaged_compression_is_the_servers_fault() -> None:
    engine = ready("COMPRESS=DEFLATE")
    engine.send(c.Compress())
    engine.outgoing()
    (done,) = engine.receive(b"A1 OK now\r\n\xff\xff\xff\xff\xff")
    assert isinstance(done, e.Completed)
    with pytest.raises(RemoteProtocolError):
        engine.receive(b"")


def test_what_came_before_a_break_of_the_protocol_is_given_first() -> None:
    engine = ready()
    tag = engine.send(c.Noop())
    engine.outgoing()
    events = engine.receive(b"* 3 EXISTS\r\nA1 OK done\r\nA99 OK what?\r\n")
    assert engine.done(tag) and engine.closed
    assert [type(event) for event in events] == [e.Exists, e.Completed]
    with pytest.raises(RemoteProtocolError, match="answers nothing"):
        engine.receive(b"")


def test_names_are_not_sent_in_two_spellings_around_enable() -> None:
    engine = ready("ENABLE LITERAL+")
    engine.send(c.Enable(("UTF8=ACCEPT",)))
    engine.send(c.Status("plain", ("MESSAGES",)))
    engine.send(c.Status("\u00e4", ("MESSAGES",)))
    assert engine.outgoing() == b'A1 ENABLE UTF8=ACCEPT\r\nA2 STATUS "plain" (MESSAGES)\r\n'
    engine.receive(b"* ENABLED UTF8=ACCEPT\r\nA1 OK done\r\n")
    assert engine.outgoing() == 'A3 STATUS "\u00e4" (MESSAGES)\r\n'.encode()


def test_without_the_enabled_the_old_spelling_stays() -> None:
    engine = ready("ENABLE LITERAL+")
    engine.send(c.Enable(("UTF8=ACCEPT",)))
    engine.send(c.Status("\u00e4", ("MESSAGES",)))
    engine.outgoing()
    engine.receive(b"A1 OK done\r\n")
    assert engine.outgoing() == b'A2 STATUS "&AOQ-" (MESSAGES)\r\n'
