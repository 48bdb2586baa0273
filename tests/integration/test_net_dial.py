"""Connecting: several addresses, failures, time limits, and cleartext kept on this machine."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from mailcli.errors import ConfigError, HostUnknown, Interrupted, TimedOut, Unreachable
from mailcli.model.account import Endpoint, Protocol, Tls
from mailcli.net import eyeballs
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.dial import dial
from mailcli.net.eyeballs import to_ascii
from mailcli.net.stream import Stream
from tests.support.peers import dead_port, read_to_end, serving

QUICK = Deadlines(connect=20)
FOR_EVER = Deadlines(connect=600)
"""What does not end by itself hangs, and the test fails by its own time limit."""


def connect(
    port: int,
    host: str = "127.0.0.1",
    *,
    tls: Tls = Tls.NONE,
    allow: bool = False,
    deadlines: Deadlines = QUICK,
    cancel: CancelToken | None = None,
) -> Stream:
    endpoint = Endpoint(Protocol.SMTP, host, port, tls, "u", allow_cleartext=allow)
    return dial(endpoint, deadlines, cancel or CancelToken())


def resolving_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    def getaddrinfo(host: str, port: int, **options: object) -> list[object]:
        found: list[object] = []
        for address in hosts:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sockaddr = (address, port, 0, 0) if ":" in address else (address, port)
            found.append((family, socket.SOCK_STREAM, 6, "", sockaddr))
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
def black_hole() -> Iterator[tuple[str, int]]:
    """An address that never answers: a listener whose queue is full drops what comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.create_connection(address)]
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        yield address
        for filler in fillers:
            filler.close()


def silent(sock: socket.socket) -> None:
    read_to_end(sock)


def test_small_writes_leave_at_once_and_the_connection_is_kept_alive() -> None:
    with serving(silent) as port:
        stream = connect(port)
        assert stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        stream.close()


def test_a_dead_port_is_unreachable_and_named() -> None:
    with (
        dead_port() as port,
        pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port}: connection refused") as caught,
    ):
        connect(port)
    assert caught.value.exit_code == 75


def test_localhost_is_found_under_whichever_family_listens() -> None:
    with serving(silent, host="127.0.0.1") as port:
        connect(port, "localhost").close()


def test_the_second_address_is_tried_at_once_when_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eyeballs, "_STAGGER", 600.0)
    with serving(silent) as port:
        resolving_to(monkeypatch, "127.0.0.3", "127.0.0.1")
        connect(port, "mail.test").close()


def test_the_second_address_is_tried_after_a_quarter_second_when_the_first_is_silent(
    monkeypatch: pytest.MonkeyPatch, black_hole: tuple[str, int]
) -> None:
    hole, port = black_hole
    with socket.create_server(("127.0.0.1", port)):
        resolving_to(monkeypatch, hole, "127.0.0.1")
        began = time.monotonic()
        stream = connect(port, "mail.test")
        assert time.monotonic() - began > 0.2
        assert stream.socket.getpeername()[0] == "127.0.0.1"
        stream.close()


def test_a_failure_starts_the_next_attempt_at_once(
    monkeypatch: pytest.MonkeyPatch, black_hole: tuple[str, int]
) -> None:
    start, started = eyeballs._start, list[str]()

    def staggered_for_ever(address: eyeballs.Address, failures: list[OSError]) -> socket.socket | None:
        if started:  # from the second on, the one that fails
            monkeypatch.setattr(eyeballs, "_STAGGER", 600.0)
        started.append(address.sockaddr[0])
        return start(address, failures)

    monkeypatch.setattr(eyeballs, "_start", staggered_for_ever)
    hole, port = black_hole
    with socket.create_server(("127.0.0.1", port)):
        resolving_to(monkeypatch, hole, "127.0.0.3", "127.0.0.1")
        connect(port, "mail.test").close()
    assert started == [hole, "127.0.0.3", "127.0.0.1"]


def test_families_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [
        eyeballs.Address(socket.AF_INET6, ("2001:db8::1", 1, 0, 0)),
        eyeballs.Address(socket.AF_INET6, ("2001:db8::2", 1, 0, 0)),
        eyeballs.Address(socket.AF_INET6, ("2001:db8::3", 1, 0, 0)),
        eyeballs.Address(socket.AF_INET, ("192.0.2.1", 1)),
    ]
    mixed = [address.sockaddr[0] for address in eyeballs.interleave(addresses)]
    assert mixed == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"]


def test_the_most_telling_failure_is_reported() -> None:
    failures = [
        OSError(errno.ECONNREFUSED, "refused"),
        OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)),
    ]
    endpoint = Endpoint(Protocol.SMTP, "mail.test", 25, Tls.NONE, "u")
    addresses = [eyeballs.Address(socket.AF_INET, ("192.0.2.1", 25))] * 2
    assert "refused (2 addresses tried)" in eyeballs._refused(endpoint, addresses, failures).message


def test_an_address_that_never_answers_is_timed_out(black_hole: tuple[str, int]) -> None:
    host, port = black_hole
    with pytest.raises(TimedOut, match=rf"{host}:{port}: connecting took longer than 0\.2 seconds"):
        connect(port, host, deadlines=Deadlines(connect=0.2))


def test_connecting_can_be_cancelled(black_hole: tuple[str, int]) -> None:
    cancel = CancelToken()
    timer = threading.Timer(0.1, cancel.cancel)
    timer.start()
    with pytest.raises(Interrupted):
        connect(black_hole[1], black_hole[0], deadlines=FOR_EVER, cancel=cancel)
    timer.join()


def test_a_resolver_that_hangs_obeys_the_deadline_and_the_cancel_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = threading.Event()

    def hang(*words: object, flags: int = 0, **options: object) -> list[object]:
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror(socket.EAI_NONAME, "no address")  # that asks nobody
        release.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with pytest.raises(TimedOut, match="looking up the host name"):
        connect(25, "mail.test", deadlines=Deadlines(connect=0.2))
    cancel = CancelToken()
    timer = threading.Timer(0.05, cancel.cancel)
    timer.start()
    with pytest.raises(Interrupted):
        connect(25, "mail.test", deadlines=FOR_EVER, cancel=cancel)
    timer.join()
    release.set()


@pytest.mark.parametrize(
    ("code", "expected", "exit_code"),
    [
        (socket.EAI_NONAME, HostUnknown, 68),
        (socket.EAI_AGAIN, Unreachable, 75),
        (socket.EAI_FAIL, Unreachable, 75),
    ],
)
def test_an_unknown_host_differs_from_a_resolver_without_an_answer(
    monkeypatch: pytest.MonkeyPatch, code: int, expected: type[Exception], exit_code: int
) -> None:
    def fail(*words: object, **options: object) -> list[object]:
        raise socket.gaierror(code, "what the resolver says")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(expected, match=r"mail\.test:25") as caught:
        connect(25, "mail.test")
    assert getattr(caught.value, "exit_code", 0) == exit_code


def test_cleartext_to_another_machine_is_refused_before_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*words: object) -> socket.socket:
        raise AssertionError("it connects")

    monkeypatch.setattr(eyeballs, "connect", never)
    with pytest.raises(ConfigError, match=r"192\.0\.2\.1:25"):
        connect(25, "192.0.2.1")
    resolving_to(monkeypatch, "127.0.0.1", "192.0.2.1")
    with pytest.raises(ConfigError, match="another machine"):
        connect(25, "mail.test")


def test_cleartext_to_another_machine_is_possible_when_the_configuration_allows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(silent) as port:
        resolving_to(monkeypatch, "127.0.0.1")
        monkeypatch.setattr(eyeballs.Address, "loopback", property(lambda self: False))
        connect(port, "mail.test", allow=True).close()


def test_an_international_host_name_becomes_its_a_label_by_idna_2008() -> None:
    assert to_ascii("faß.example") == "xn--fa-hia.example"
    assert to_ascii("mail.example.org") == "mail.example.org"
    with pytest.raises(ConfigError):
        to_ascii("a\u2028b.example")


def test_what_the_connection_needs_is_imported_while_it_is_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, seen = eyeballs._start, list[str]()

    def begun(address: eyeballs.Address, failures: list[OSError]) -> socket.socket | None:
        seen.append("begun")
        return start(address, failures)

    monkeypatch.setattr(eyeballs, "_start", begun)
    with serving(silent) as port:
        endpoint = Endpoint(Protocol.IMAP, "localhost", port, Tls.NONE, "u")
        eyeballs.connect(
            endpoint,
            [eyeballs.Address(socket.AF_INET, ("127.0.0.1", port))],
            time.monotonic() + 10,
            Deadlines(),
            CancelToken(),
            meanwhile=lambda: seen.append("meanwhile"),
        ).close()
    assert seen == ["begun", "meanwhile"]
    code = "import sys, mailcli.net.ahead, mailcli.net.dial; print('ssl' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
