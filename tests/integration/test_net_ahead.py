"""Connecting ahead of the need."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from mailcli.app.connecting import deadlines, dial_ahead, forgo
from mailcli.app.context import Context
from mailcli.errors import ConfigError, Unreachable
from mailcli.model.account import Endpoint, Protocol, Tls
from mailcli.net import ahead as module
from mailcli.net.ahead import Ahead
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from tests.support.peers import dead_port, read_to_end, serving

QUICK = Deadlines(connect=20)


def endpoint(port: int, host: str = "127.0.0.1") -> Endpoint:
    return Endpoint(Protocol.SMTP, host, port, Tls.NONE, "u")


class Answers:
    """Conversations of which each notes that it began and that it ended."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, connection: socket.socket) -> None:
        self.begun.release()
        read_to_end(connection)
        self.ended.release()


def test_it_connects_before_it_is_asked_and_is_taken_as_it_is() -> None:
    seen = Answers()
    with serving(seen) as port:
        ahead = Ahead(endpoint(port), QUICK, CancelToken())
        assert seen.begun.acquire(timeout=60)
        stream = ahead.take()
        ahead.close()
        stream.write(b"x")
        assert stream.flush()
        stream.close()
        assert seen.ended.acquire(timeout=60)


def test_one_that_waited_too_long_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FRESH", 0.0)
    seen = Answers()
    with serving(seen, seen) as port:
        ahead = Ahead(endpoint(port), QUICK, CancelToken())
        assert seen.begun.acquire(timeout=60)
        stream = ahead.take()
        assert seen.ended.acquire(timeout=60)
        assert seen.begun.acquire(timeout=60)
        stream.close()


def test_one_that_nobody_takes_is_closed() -> None:
    seen = Answers()
    with serving(seen) as port:
        ahead = Ahead(endpoint(port), QUICK, CancelToken())
        assert seen.begun.acquire(timeout=60)
        ahead.close()
        assert seen.ended.acquire(timeout=60)
        del ahead  # it is not for want of a reference that the connection was closed


@pytest.mark.parametrize(("host", "error"), [("127.0.0.1", Unreachable), ("192.0.2.1", ConfigError)])
def test_what_went_wrong_is_told_when_it_is_taken(host: str, error: type[Exception]) -> None:
    with dead_port() as port:
        ahead = Ahead(endpoint(port, host), QUICK, CancelToken())
        with pytest.raises(error):
            ahead.take()


def test_a_context_begins_once_and_closes_what_was_not_taken(tmp_path: Path) -> None:
    seen = Answers()
    ctx = Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})
    with serving(seen, seen) as port:
        there = endpoint(port)
        for _ in range(2):
            dial_ahead(ctx, there, deadlines())
        assert seen.begun.acquire(timeout=60)
        forgo(ctx, there)
        assert seen.ended.acquire(timeout=60)
        dial_ahead(ctx, there, deadlines())
        assert seen.begun.acquire(timeout=60)
        ctx.close()
        assert seen.ended.acquire(timeout=60)


def test_offline_nothing_is_begun(tmp_path: Path) -> None:
    ctx = Context.open(profile=tmp_path, offline=True, environ={"HOME": str(tmp_path)})
    dial_ahead(ctx, endpoint(1), deadlines())
    assert not ctx.ahead
    ctx.close()
