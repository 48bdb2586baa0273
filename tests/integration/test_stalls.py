"""A server that falls silent, at every phase of a submission: the deadline ends it, and the exit code says
what may be done next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.net.deadline import Deadlines
from tests.integration.conftest import Profile
from tests.security.scripted import Smtp, account
from tests.support.postfix import Postfix
from tests.support.program import Program
from tests.support.proxy import Cut, Proxy


@pytest.mark.parametrize(("tls", "port"), [("implicit", "submissions"), ("starttls", "submission")])
def test_a_server_that_falls_silent_is_left_at_the_deadline(
    make_profile: Callable[..., Profile], postfix: Postfix, tls: str, port: str
) -> None:
    with Proxy(getattr(postfix, port)) as proxy:
        profile = make_profile(
            postfix=postfix, smtp_port=proxy.port, smtp_tls=tls, settings="save_sent = false"
        )
        program = Program(profile.directory)
        mine = profile.server.address(profile.user)
        program.run("send", "-s", "s", mine, text="x\n").good()
        (whole,) = proxy.take(1)
        # Behind the handshake the answers are: banner, EHLO, AUTH, envelope, and the last with the 221.
        points = [1, 20, *range(whole.down // 4, whole.down - 150, whole.down // 4)]
        for octets in points:
            proxy.cut = Cut("server", octets, "stall")
            done = program.run("send", "--deadline", "1", "-s", "s", mine, text="x\n")
            done.failed(75, "deadline", str(proxy.port))
        assert program.run("outbox", "list").out == ""


def test_silence_after_the_dot_is_unknown(tmp_path: Path) -> None:
    with Smtp({"BODY": b"", "QUIT": lambda server, *_: bytes(0 * server.stop.wait(20))}) as server:
        program = account(tmp_path, smtp=server.port)
        done = program.run("send", "--deadline", "1", "-s", "s", "a@b.example", text="x\n")
        assert done.code == 79 and len(server.taken) == 1, done
        assert "unknown" in program.run("outbox", "list").out


def test_ten_minutes_are_allowed_after_the_dot() -> None:
    assert Deadlines().content >= 600  # RFC 5321 §4.5.3.2.6
