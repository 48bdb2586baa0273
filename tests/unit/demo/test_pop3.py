import base64

import pytest

from mailcli.demo.pop3 import Maildrop, Session

ONE = b"Subject: one\r\n\r\nfirst line\r\n.second\r\nthird\r\n"


def session(*messages: bytes) -> tuple[Session, Maildrop]:
    drop = Maildrop("pass word")
    for message in messages:
        drop.deliver(message)
    return Session({"bob": drop}, "test"), drop


def signed_in(*messages: bytes) -> tuple[Session, Maildrop]:
    made, drop = session(*messages)
    assert made.answer(b"USER bob").startswith(b"+OK")
    assert made.answer(b"PASS pass word").startswith(b"+OK")
    return made, drop


def test_a_message_comes_back_stuffed_and_terminated() -> None:
    made, _ = signed_in(ONE)
    reply = made.answer(b"RETR 1")
    assert reply == b"+OK %d octets\r\n" % len(ONE) + ONE.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_top_gives_the_header_and_so_many_lines() -> None:
    made, _ = signed_in(ONE)
    assert made.answer(b"TOP 1 1") == b"+OK\r\nSubject: one\r\n\r\nfirst line\r\n.\r\n"


def test_deletions_happen_at_quit() -> None:
    made, drop = signed_in(ONE, ONE)
    made.answer(b"DELE 1")
    assert made.answer(b"RETR 1").startswith(b"-ERR")
    assert len(drop.messages) == 2
    made.answer(b"QUIT")
    assert list(drop.messages) == ["demo-000002"]
    assert made.over


def test_a_cut_session_deletes_nothing_and_frees_the_maildrop() -> None:
    made, drop = signed_in(ONE)
    made.answer(b"DELE 1")
    made.close()
    assert len(drop.messages) == 1
    assert not drop.locked


def test_numbers_stay_fixed_while_mail_arrives() -> None:
    made, drop = signed_in(ONE)
    drop.deliver(ONE)
    assert made.answer(b"STAT") == b"+OK 1 %d\r\n" % len(ONE)


def test_a_second_session_is_told_that_the_maildrop_is_in_use() -> None:
    _, drop = signed_in(ONE)
    other = Session({"bob": drop}, "test")
    other.answer(b"USER bob")
    assert other.answer(b"PASS pass word").startswith(b"-ERR [IN-USE]")


@pytest.mark.parametrize("challenged", [False, True])
def test_sasl_plain_signs_in(challenged: bool) -> None:
    made, _ = session(ONE)
    response = base64.b64encode(b"\0bob\0pass word")
    if challenged:
        assert made.answer(b"AUTH PLAIN") == b"+ \r\n"
        reply = made.answer(response)
    else:
        reply = made.answer(b"AUTH PLAIN " + response)
    assert reply.startswith(b"+OK")


@pytest.mark.parametrize(
    "line", [b"", b"RETR", b"RETR x", b"RETR 2", b"TOP 1", b"PASS x", b"\xff", b"AUTH PLAIN ="]
)
def test_nonsense_is_refused_and_the_session_lives_on(line: bytes) -> None:
    made, _ = signed_in(ONE)
    assert made.answer(line).startswith(b"-ERR")
    assert made.answer(b"NOOP") == b"+OK\r\n"


def test_nothing_is_shown_before_signing_in() -> None:
    made, _ = session(ONE)
    assert made.answer(b"RETR 1").startswith(b"-ERR")
    made.answer(b"USER bob")
    assert made.answer(b"PASS wrong").startswith(b"-ERR [AUTH]")
