"""Every exit code that is promised is reached, each by the program itself."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.peers import dead_port, read_to_end, serving
from tests.support.postfix import Postfix
from tests.support.program import Done, Mailbox, finish
from tests.support.proxy import Cut, Proxy


class Surroundings:
    """A mailbox with three messages on the server, and a Postfix to send by."""

    def __init__(self, mailbox: Mailbox, postfix: Postfix) -> None:
        self.mailbox = mailbox
        self.postfix = postfix
        self.run = mailbox.run

    def send(self, *words: str) -> Done:
        return self.mailbox.program.run("send", "-s", "letter", *words, text="text\n")

    def change(self, pattern: str, value: str, count: int = 0) -> None:
        path = self.mailbox.program.profile / "config.toml"
        path.write_text(re.sub(pattern, value, path.read_text(), count=count))

    def plain_smtp(self, port: int) -> None:
        """Send by this port: without TLS, without signing in."""
        self.change(
            r"(?s)\[accounts\.test\.smtp\].*",
            f'[accounts.test.smtp]\nhost = "localhost"\nport = {port}\ntls = "none"\nauth = "none"\n',
        )

    @property
    def to_self(self) -> str:
        return f"{self.mailbox.user}@mail.test"


def done(s: Surroundings) -> Done:
    return s.run("fetch")


def nothing_found(s: Surroundings) -> Done:
    return s.run("search", "-e", "subject:nowhere")


def unknown_option(s: Surroundings) -> Done:
    return s.run("list", "--no-such-option")


def malformed(s: Surroundings) -> Done:
    return s.send("not an address")


def no_such_message(s: Surroundings) -> Done:
    return s.run("read", "zzzzzzzz")


def refused_recipient(s: Surroundings) -> Done:
    return s.send("anyone@reject.test")


def unknown_host(s: Surroundings) -> Done:
    s.change(r'host = ".*"', 'host = "nowhere.invalid"')
    return s.run("fetch")


def refused_for_good(s: Surroundings) -> Done:
    def converse(sock: socket.socket) -> None:
        sock.sendall(b"554 5.3.2 no service here\r\n")
        read_to_end(sock)

    with serving(converse) as port:
        s.plain_smtp(port)
        return s.send(s.to_self)


def cannot_create(s: Surroundings) -> Done:
    s.run("fetch").good()
    return s.run("export", "*", "-o", "/proc/nowhere/mail")


def cannot_read(s: Surroundings) -> Done:
    path = s.mailbox.program.profile / "config.toml"
    path.unlink()
    path.mkdir()
    return s.run("fetch")


def nobody_there(s: Surroundings) -> Done:
    with dead_port() as port:
        s.change(r"port = \d+", f"port = {port}")
        return s.run("fetch")


def garbage(s: Surroundings) -> Done:
    def converse(sock: socket.socket) -> None:
        sock.sendall(b"\x00\xff\xfe garbage \r\n\r\n")
        read_to_end(sock)

    with serving(converse) as port:
        s.plain_smtp(port)
        return s.send(s.to_self)


def wrong_password(s: Surroundings) -> Done:
    (s.mailbox.program.profile / "test.password").write_text("wrong\n")
    return s.run("fetch")


def wrong_configuration(s: Surroundings) -> Done:
    s.change(r"port = \d+", "port = -1")
    return s.run("fetch")


def cut_behind_the_dot(s: Surroundings) -> Done:
    """The server has the message, and we do not have its word."""
    with Proxy(s.postfix.smtp) as proxy:
        s.plain_smtp(proxy.port)
        s.send(s.to_self).good()
        (whole,) = proxy.take(1)
        last = len("250 2.0.0 Ok: queued as 0123456789\r\n221 2.0.0 Bye\r\n")
        proxy.cut = Cut("server", whole.down - last + 20)
        return s.send(s.to_self, "--json")


def interrupted(s: Surroundings) -> Done:
    reached = threading.Event()

    def converse(sock: socket.socket) -> None:
        reached.set()
        read_to_end(sock)

    with serving(converse) as port:
        s.change(r"port = \d+", f"port = {port}", count=1)
        process = s.mailbox.program.start("fetch")
        assert reached.wait(20)
        process.send_signal(signal.SIGINT)
        return finish(process)


WAYS: dict[int, Callable[[Surroundings], Done]] = {
    0: done,
    1: nothing_found,
    2: unknown_option,
    65: malformed,
    66: no_such_message,
    67: refused_recipient,
    68: unknown_host,
    69: refused_for_good,
    73: cannot_create,
    74: cannot_read,
    75: nobody_there,
    76: garbage,
    77: wrong_password,
    78: wrong_configuration,
    79: cut_behind_the_dot,
    130: interrupted,
}


@pytest.fixture
def surroundings(make_mailbox: Callable[..., Mailbox], postfix: Postfix) -> Surroundings:
    return Surroundings(make_mailbox("imap", 3, postfix=postfix), postfix)


def test_the_table_has_every_code_of_the_help_but_that_of_a_bug(tmp_path: Path) -> None:
    from tests.support.program import Program

    told = Program(tmp_path).run("help", "exit-codes").good().out
    assert {int(code) for code in re.findall(r"(?m)^ +(\d+) ", told)} - {70} == set(WAYS)


@pytest.mark.parametrize("code", WAYS)
def test_each_way_to_end_has_its_code_and_at_most_one_line(surroundings: Surroundings, code: int) -> None:
    run = WAYS[code](surroundings)
    assert run.code == code, run
    assert "Traceback" not in run.err
    if code in (0, 1):
        assert run.err == ""
    else:
        assert run.out == "" or code in (65, 67, 79), run
        assert run.line
