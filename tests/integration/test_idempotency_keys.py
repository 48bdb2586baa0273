"""A key is a promise: under one key, nobody is sent the same message twice, whatever comes between."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.outbox.entry import COMMITTING, State
from mailcli.outbox.spool import Spool
from tests.security.scripted import Smtp, account
from tests.support.program import Done, Program


class Choosy(Smtp):
    """Defers the recipients in `later`; `received` has each that got a message, as often as he did."""

    def __init__(self) -> None:
        super().__init__({"RCPT": self._rcpt, "BODY": b"250 ok\r\n"})
        self.later: set[bytes] = set()
        self.vanishes = False
        self.received: list[bytes] = []

    def _rcpt(self, server: object, tag: bytes, path: bytes) -> bytes:
        (email,) = re.findall(rb"<(.*?)>", path)
        if email.partition(b"@")[0] in self.later:
            return b"450 4.2.1 later\r\n"
        if email.startswith(b"no"):
            return b"550 5.1.1 unknown\r\n"
        self.received.append(email)
        return b"250 ok\r\n"

    def _body(self, connection: socket.socket) -> None:
        super()._body(connection)
        if self.vanishes:
            connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def server() -> Iterator[Choosy]:
    with Choosy() as server:
        yield server


@pytest.fixture
def program(tmp_path: Path, server: Choosy) -> Program:
    return account(tmp_path / "profile", smtp=server.port)


def send(program: Program, *words: str) -> Done:
    to = ("ann@b.example", "bob@b.example", "cid@b.example")
    return program.run("send", "--json", "--idempotency-key", "k", "-s", "s", *words, *to, text="x\n")


def outcomes(done: Done) -> dict[str, str]:
    return {row["email"].partition("@")[0]: row["outcome"] for row in json.loads(done.out)["data"]}


def entry(program: Program) -> str:
    (row,) = json.loads(program.run("outbox", "list", "--json").out)["data"]
    return str(row["entry"])


def test_who_was_deferred_is_asked_again_and_nobody_else(program: Program, server: Choosy) -> None:
    server.later = {b"bob", b"cid"}
    first = send(program, "--partial", "deliver")
    assert (first.code, outcomes(first)) == (1, {"ann": "sent", "bob": "deferred", "cid": "deferred"})
    server.later = {b"cid"}
    second = send(program, "--partial", "deliver")
    assert (second.code, outcomes(second)) == (1, {"ann": "sent", "bob": "sent", "cid": "deferred"})
    server.later = set()
    for _ in range(2):
        last = send(program, "--partial", "deliver")
        assert (last.code, outcomes(last)) == (0, {"ann": "sent", "bob": "sent", "cid": "sent"})
    assert sorted(server.received) == [b"ann@b.example", b"bob@b.example", b"cid@b.example"]
    ids = {i for taken in server.taken for i in re.findall(rb"(?m)^Message-ID: (.*)\r$", taken)}
    assert len(server.taken) == 3 and len(ids) == 1


def test_a_deferred_recipient_whose_server_is_away_leaves_the_others_as_they_were(
    program: Program, server: Choosy
) -> None:
    server.later = {b"bob", b"cid"}
    send(program, "--partial", "deliver")
    server.says["EHLO"] = b"421 not now\r\n"
    assert send(program, "--partial", "deliver").code == 75
    del server.says["EHLO"]
    server.later = set()
    assert send(program, "--partial", "deliver").code == 0
    assert sorted(server.received) == [b"ann@b.example", b"bob@b.example", b"cid@b.example"]


@pytest.mark.parametrize("words", [(), ("--at", "+1h"), ("--queue",)])
def test_what_was_cancelled_is_not_sent_by_the_next_run_of_the_script(
    program: Program, server: Choosy, words: tuple[str, ...]
) -> None:
    server.later = {b"ann", b"bob", b"cid"}
    queued = send(program, *(words or ("--queue", "--partial", "deliver")))
    assert queued.code == 0 and set(outcomes(queued).values()) == {"deferred"}
    program.run("outbox", "cancel", entry(program), "-q").good()
    server.later = set()
    for more in (words, ("--queue",), ()):
        again = send(program, *more)
        assert again.code == 65 and set(outcomes(again).values()) == {"rejected"}, again
        assert "cancelled" in again.err
    program.run("outbox", "run", "-q").good()
    assert server.received == []
    other = program.run("send", "--idempotency-key", "k2", "-s", "s", "ann@b.example", text="x\n")
    assert other.good() and server.received == [b"ann@b.example"]


def test_what_some_had_when_it_was_cancelled_they_do_not_get_again(program: Program, server: Choosy) -> None:
    server.later = {b"cid"}
    assert send(program, "--queue", "--partial", "deliver").code == 0
    program.run("outbox", "cancel", entry(program), "-q").good()
    server.later = set()
    again = send(program, "--queue", "--partial", "deliver")
    assert (again.code, outcomes(again)) == (1, {"ann": "sent", "bob": "sent", "cid": "rejected"})
    assert sorted(server.received) == [b"ann@b.example", b"bob@b.example"]


def test_a_failed_entry_that_is_cancelled_stays_refused(program: Program, server: Choosy) -> None:
    words = ("send", "--idempotency-key", "k", "--queue", "-q", "-s", "s", "nobody@b.example")
    assert program.run(*words, text="x\n").code == 67
    program.run("outbox", "cancel", entry(program), "-q").good()
    assert program.run(*words, text="x\n").code == 67
    assert len([line for line in server.heard if line.startswith(b"RCPT")]) == 1


def test_a_message_that_may_have_arrived_and_was_cancelled_stays_unknown(
    program: Program, server: Choosy
) -> None:
    server.says["BODY"], server.vanishes = b"", True
    assert send(program).code == 79
    program.run("outbox", "cancel", entry(program), "-q").good()
    server.says["BODY"], server.vanishes = b"250 ok\r\n", False
    again = send(program)
    assert again.code == 79 and set(outcomes(again).values()) == {"unknown"}
    assert len(server.taken) == 1


def test_a_key_is_free_for_another_text_as_long_as_nobody_has_its_message(
    program: Program, server: Choosy
) -> None:
    server.says["EHLO"] = b"421 not now\r\n"
    words = ("send", "-q", "--idempotency-key", "k", "-s", "s", "ann@b.example")
    assert program.run(*words, text="91 % full\n").code == 75
    del server.says["EHLO"]
    program.run(*words, text="92 % full\n").good()
    assert program.run(*words, text="93 % full\n").code == 65
    program.run(*words, text="92 % full\n").good()
    assert len(server.taken) == 1


def test_a_message_that_a_run_of_the_outbox_sends_just_now_is_no_riddle(
    program: Program, server: Choosy
) -> None:
    """It was told as unknown (79) while the server was answering."""
    server.later = {b"ann", b"bob", b"cid"}
    assert send(program, "--queue").code == 0
    box = Spool(str(program.profile / "data/outbox"))
    with box.locked(id := entry(program)):
        box.set_state(id, State(COMMITTING))
        again = send(program, "--queue")
    assert again.code == 0 and set(outcomes(again).values()) == {"deferred"}
