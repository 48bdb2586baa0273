"""The pump over real sockets: full buffers, deadlines, cancelling, the end of a connection."""

from __future__ import annotations

import select
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.errors import Interrupted, RemoteProtocolError, StartTlsInjection, TimedOut, Unreachable
from mailcli.model.account import Endpoint, Protocol, Tls
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.dial import dial
from mailcli.net.pump import Pump
from mailcli.net.stream import Stream
from mailcli.wire.flow import Call, Flow, Greet, StartTls
from tests.support.certificates import ServerTls, make_server_tls
from tests.support.lines import LineEngine
from tests.support.peers import Conversation, read_line, read_to_end, serving

QUICK = Deadlines(connect=20, tls=20, greeting=20, reply=20, content=60)
FOR_EVER = QUICK._replace(reply=600, content=600)
"""What does not end by itself hangs, and the test fails by its own time limit."""
MUCH = 10_000_000


@pytest.fixture(scope="module")
def server_tls(tmp_path_factory: pytest.TempPathFactory) -> ServerTls:
    return make_server_tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["clear", "tls"])
def under(request: pytest.FixtureRequest, server_tls: ServerTls) -> ServerTls | None:
    return server_tls if request.param == "tls" else None


def wrapped(conversation: Conversation, tls: ServerTls | None) -> Conversation:
    """The conversation, under TLS if `tls` is given."""
    if tls is None:
        return conversation
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)

    def inside(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secured:
            conversation(secured)

    return inside


def connect(
    port: int,
    tls: ServerTls | None = None,
    *,
    deadlines: Deadlines = QUICK,
    cancel: CancelToken | None = None,
    greeted: bool = True,
) -> Pump[bytes, bytes]:
    kind = Tls.NONE if tls is None else Tls.IMPLICIT
    endpoint = Endpoint(Protocol.IMAP, "127.0.0.1", port, kind, "u", ca_file=tls.ca if tls else None)
    cancel = cancel or CancelToken()
    stream = dial(endpoint, deadlines, cancel)
    return Pump(stream, LineEngine(greeted=greeted), deadlines=deadlines, cancel=cancel)


def echo(sock: socket.socket) -> None:
    while True:
        sock.sendall(read_line(sock))


def test_commands_of_one_flight_complete_in_one_call(under: ServerTls | None) -> None:
    with serving(wrapped(echo, under)) as port:
        pump = connect(port, under)
        assert pump.call(b"a", b"b") == [b"a", b"b"]
        assert (pump.sent, pump.received) == (4, 4)
        pump.close()


def test_batches_are_whole_even_behind_the_tag_waited_for() -> None:
    def all_at_once(sock: socket.socket) -> None:
        for _ in range(3):
            read_line(sock)
        sock.sendall(b"1\n2\n3\n")
        read_to_end(sock)

    with serving(all_at_once) as port:
        pump = connect(port)
        tags = pump.send(b"a", b"b", b"c")
        assert list(pump.events(tags[0])) == [[b"1", b"2", b"3"]]
        assert list(pump.events(tags[2])) == []
        pump.close()


def test_a_peer_that_writes_ten_megabytes_before_it_reads_does_not_block(under: ServerTls | None) -> None:
    read: list[int] = []

    def stubborn(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # or the kernel holds too much
        sock.sendall(b"*" + b"x" * MUCH + b"\n")
        time.sleep(0.3)  # long enough for the client to have read all, and to sleep on its own
        read.append(len(read_line_fast(sock)))
        sock.sendall(b"done\n")
        read_to_end(sock)

    with serving(wrapped(stubborn, under)) as port:
        pump = connect(port, under, deadlines=FOR_EVER)  # if it slept through a writable socket
        events = pump.call(b"y" * (4 * MUCH))
        assert [len(event) for event in events] == [MUCH + 1, 4]
        assert read == [4 * MUCH + 1]
        pump.close()


def silent(sock: socket.socket) -> None:
    read_to_end(sock)


def read_line_fast(sock: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        line += sock.recv(1 << 16)
    return bytes(line)


def test_silence_ends_at_the_reply_deadline_and_names_server_and_phase() -> None:
    with serving(silent) as port:
        pump = connect(port, deadlines=QUICK._replace(reply=0.2))
        began = time.monotonic()
        with pytest.raises(TimedOut, match=rf"127\.0\.0\.1:{port}: waiting for a reply .* 0\.2 seconds"):
            pump.call(b"a")
        assert time.monotonic() - began > 0.15
        pump.close()


def test_a_server_that_never_greets_is_timed_out_as_such() -> None:
    def flow() -> Flow[bytes, bytes, None]:
        yield Greet()

    with serving(silent) as port:
        pump = connect(port, deadlines=QUICK._replace(greeting=0.2), greeted=False)
        with pytest.raises(TimedOut, match="greeting"):
            pump.run(flow())
        pump.close()


def drip(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"*")
        time.sleep(0.02)


def test_dripping_octets_that_complete_nothing_is_silence() -> None:
    with serving(drip) as port:
        pump = connect(port, deadlines=QUICK._replace(reply=0.3))
        with pytest.raises(TimedOut, match="waiting for a reply"):
            pump.call(b"a")
        pump.close()


def test_dripping_events_fall_below_the_least_rate() -> None:
    def drip_lines(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"*\n")
            time.sleep(0.1)

    with serving(drip_lines) as port:
        pump = connect(port, deadlines=QUICK._replace(content=0.5))
        with pytest.raises(TimedOut, match="octets a second"):
            pump.call(b"a")
        pump.close()


def test_a_slow_but_steady_transfer_outlives_the_reply_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    late, taken = [0.0], threading.Semaphore(0)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + late[0])

    class Noting(LineEngine):
        def receive(self, data: bytes, /) -> list[bytes]:
            taken.release()
            return super().receive(data)

    def steady(sock: socket.socket) -> None:
        read_line(sock)
        for _ in range(8):
            late[0] += 8.0
            sock.sendall(b"*" + b"x" * 2000)
            taken.acquire()
        sock.sendall(b"\nok\n")
        read_to_end(sock)

    with serving(steady) as port:
        pump = connect(port)
        pump.engine.__class__ = Noting
        assert pump.call(b"a")[-1] == b"ok"
        assert late[0] > QUICK.reply
        pump.close()


def test_the_deadline_of_the_run_ends_even_a_busy_exchange() -> None:
    def busy(sock: socket.socket) -> None:
        while True:
            sock.sendall(b"*" + b"x" * 1000 + b"\n")

    with serving(busy) as port:
        pump = connect(port)
        pump.deadlines = QUICK.within(0.3)
        with pytest.raises(TimedOut, match="deadline of this run"):
            pump.call(b"a")
        pump.close()


def test_cancelling_from_another_thread_ends_a_wait() -> None:
    cancel = CancelToken()
    with serving(silent) as port:
        pump = connect(port, cancel=cancel)
        timer = threading.Timer(0.1, cancel.cancel)
        timer.start()
        with pytest.raises(Interrupted):
            pump.wait(600)
        timer.join()
        pump.close()


def test_a_signal_handler_may_cancel_the_wait_it_interrupts() -> None:
    cancel = CancelToken()
    before = signal.signal(signal.SIGALRM, lambda *_: cancel.cancel())
    try:
        with serving(silent) as port:
            pump = connect(port, deadlines=FOR_EVER, cancel=cancel)
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupted):
                pump.call(b"a")
            pump.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_waiting_gives_nothing_when_nothing_comes_and_the_first_batch_when_it_does() -> None:
    def later(sock: socket.socket) -> None:
        read_line(sock)
        sock.sendall(b"* news\n")
        read_to_end(sock)

    with serving(later) as port:
        pump = connect(port)
        assert pump.wait(0.05) == []
        pump.send(b"go")
        assert pump.wait(5) == [b"* news"]
        pump.close()


def test_a_closed_connection_is_unreachable_and_says_who_closed(under: ServerTls | None) -> None:
    def leave(sock: socket.socket) -> None:
        read_line(sock)
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()

    with serving(wrapped(leave, under)) as port:
        pump = connect(port, under)
        with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port} closed the connection"):
            pump.call(b"a")
        pump.close()


def test_the_good_bye_and_the_end_are_one_write(under: ServerTls | None) -> None:
    """A server's answer cannot come in between."""
    heard: list[bytes] = []
    sent: list[int] = []

    class Counting:
        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock

        def __getattr__(self, name: str) -> object:
            return getattr(self._sock, name)

        def send(self, data: memoryview) -> int:
            sent.append(len(data))
            return self._sock.send(data)

    with serving(wrapped(lambda sock: heard.append(read_to_end(sock)), under)) as port:
        pump = connect(port, under)
        pump.stream.socket = Counting(pump.stream.socket)  # type: ignore[assignment]
        pump.close(b"good-bye")
        pump.close()
    assert heard == [b"good-bye\n"]
    assert len(sent) == 1


def test_what_came_before_the_end_is_still_delivered() -> None:
    def last_words(sock: socket.socket) -> None:
        read_line(sock)
        sock.sendall(b"* bye\n")

    with serving(last_words) as port:
        pump = connect(port)
        [tag] = pump.send(b"a")
        batches = pump.events(tag)
        assert next(batches) == [b"* bye"]
        with pytest.raises(Unreachable):
            next(batches)
        pump.close()


def test_the_last_words_of_the_server_stand_in_the_error() -> None:
    def leave(sock: socket.socket) -> None:
        sock.sendall(b"* too many \x1b[31mconnections\n")
        sock.recv(1, socket.MSG_PEEK)  # closing with something unread makes a reset

    with serving(leave) as port:
        endpoint = Endpoint(Protocol.IMAP, "127.0.0.1", port, Tls.NONE, "u")
        cancel = CancelToken()
        pump = Pump(
            dial(endpoint, QUICK, cancel),
            LineEngine(),
            deadlines=QUICK,
            cancel=cancel,
            farewell=lambda line: line.decode().removeprefix("* "),
        )
        pump.send(b"a")
        poll = select.poll()
        poll.register(pump, select.POLLERR)
        assert poll.poll(5000)  # the reset is here; the next write fails
        with pytest.raises(Unreachable, match=r"\(too many .\[31mconnections\)"):
            pump.call(b"b")
        pump.close()


def test_a_cut_tls_connection_is_truncation_not_an_end(server_tls: ServerTls) -> None:
    def cut(sock: socket.socket) -> None:
        read_line(sock)
        sock.sendall(b"* half of it")
        sock.shutdown(socket.SHUT_RDWR)

    with serving(wrapped(cut, server_tls)) as port:
        pump = connect(port, server_tls)
        with pytest.raises(Unreachable, match="cut"):
            pump.call(b"a")
        pump.close()


def test_a_reset_is_unreachable(under: ServerTls | None) -> None:
    def reset(sock: socket.socket) -> None:
        read_line(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(wrapped(reset, under)) as port:
        pump = connect(port, under)
        with pytest.raises(Unreachable):
            pump.call(b"a")
        pump.close()


def test_an_engine_that_gives_up_is_reported_with_the_server_s_name() -> None:
    class Strict(LineEngine):
        def receive(self, data: bytes, /) -> list[bytes]:
            raise RemoteProtocolError("nonsense")

    with serving(echo) as port:
        cancel = CancelToken()
        stream = dial(Endpoint(Protocol.IMAP, "127.0.0.1", port, Tls.NONE, "u"), QUICK, cancel)
        pump = Pump(stream, Strict(), deadlines=QUICK, cancel=cancel)
        with pytest.raises(RemoteProtocolError, match=rf"127\.0\.0\.1:{port}: nonsense"):
            pump.call(b"a")
        pump.close()


def secure_flow() -> Flow[bytes, bytes, list[bytes]]:
    yield Greet()
    yield Call(b"STARTTLS")
    yield StartTls()
    return (yield Call(b"secret"))


def starttls_pump(port: int, tls: ServerTls) -> Pump[bytes, bytes]:
    from mailcli.net.dial import secure

    endpoint = Endpoint(Protocol.IMAP, "localhost", port, Tls.STARTTLS, "u", ca_file=tls.ca)
    cancel = CancelToken()
    return Pump(
        dial(endpoint, QUICK, cancel),
        LineEngine(greeted=False),
        deadlines=QUICK,
        cancel=cancel,
        start_tls=lambda stream: secure(stream, endpoint, QUICK, cancel),
    )


def test_starttls_turns_the_connection_over_to_tls(server_tls: ServerTls) -> None:
    heard: list[bytes] = []

    def polite(sock: socket.socket) -> None:
        sock.sendall(b"hello\n")
        heard.append(read_line(sock))
        sock.sendall(b"go\n")

        def inside(secured: socket.socket) -> None:
            heard.append(read_line(secured))
            secured.sendall(b"fine\n")
            read_to_end(secured)

        wrapped(inside, server_tls)(sock)

    with serving(polite) as port:
        pump = starttls_pump(port, server_tls)
        assert pump.run(secure_flow()) == [b"fine"]
        assert heard == [b"STARTTLS\n", b"secret\n"]
        pump.close()


def test_octets_behind_the_starttls_reply_abort_before_any_secret_is_written(server_tls: ServerTls) -> None:
    heard: list[bytes] = []
    answered, injected = threading.Event(), threading.Event()

    def injecting(sock: socket.socket) -> None:
        sock.sendall(b"hello\n")
        heard.append(read_line(sock))
        sock.sendall(b"go\n")
        answered.wait(5)
        sock.sendall(b"* you may use PLAIN\n")
        injected.set()
        while data := sock.recv(1000):
            heard.append(data)

    class Waiting(Stream):
        def forbid_early_data(self) -> None:
            answered.set()
            assert injected.wait(5)
            super().forbid_early_data()

    with serving(injecting) as port:
        pump = starttls_pump(port, server_tls)
        pump.stream.__class__ = Waiting  # the attacker is faster than our ClientHello
        with pytest.raises(StartTlsInjection):
            pump.run(secure_flow())
        pump.close()
    assert b"".join(heard) == b"STARTTLS\n"


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    fds = Path("/proc/self/fd")
    if not fds.exists():
        yield
        return
    before = len(list(fds.iterdir()))
    yield
    import gc

    gc.collect()
    assert len(list(fds.iterdir())) <= before + 1
