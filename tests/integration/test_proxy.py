"""The proxy the other tests cut and count with."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.proxy import Cut, Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that greets with `hello` and gives back what it is told."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(one: socket.socket) -> None:
        with one:
            try:
                one.sendall(b"hello")
                while data := one.recv(1 << 16):
                    one.sendall(data)
            except OSError:
                pass

    def accept() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    acceptor.join()


def read(client: socket.socket, octets: int) -> bytes:
    data = b""
    while len(data) < octets:
        some = client.recv(octets - len(data))
        if not some:
            break
        data += some
    return data


def test_octets_and_turns_are_counted(echo: int) -> None:
    with Proxy(echo) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            assert read(client, 5) == b"hello"
            client.sendall(b"one")
            assert read(client, 3) == b"one"
            client.sendall(b"two")
            assert read(client, 3) == b"two"
        (traffic,) = proxy.take(1)
    assert (traffic.turns, traffic.up, traffic.down) == (2, 6, 11)


def test_large_transfers_come_through_whole(echo: int) -> None:
    data = bytes(range(256)) * 20_000
    with Proxy(echo) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        assert read(client, 5) == b"hello"
        threading.Thread(target=client.sendall, args=(data,)).start()
        assert read(client, len(data)) == data


def test_a_client_that_does_not_read_holds_up_nobody_else(echo: int) -> None:
    with (
        Proxy(echo) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as deaf,
        socket.create_connection(("127.0.0.1", proxy.port)) as client,
    ):
        client.settimeout(5)
        deaf.sendall(bytes(30_000_000))  # more than the sockets hold
        assert read(client, 5) == b"hello"


def test_a_round_trip_takes_twice_the_delay_and_the_handshake_counts(echo: int) -> None:
    with Proxy(echo, delay=0.02) as proxy:
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            assert read(client, 5) == b"hello"
            assert time.perf_counter() - began >= 0.079
            began = time.perf_counter()
            client.sendall(b"x")
            assert read(client, 1) == b"x"
            assert time.perf_counter() - began >= 0.039


@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("octets", [0, 1, 4])
def test_the_server_is_cut_off_at_the_octet_asked_for(echo: int, octets: int, how: str) -> None:
    with (
        Proxy(echo, cut=Cut("server", octets, how)) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as client,
    ):
        got = b""
        try:
            while some := client.recv(10):
                got += some
        except ConnectionResetError:
            assert how == "rst"
        else:
            assert how == "fin"
            assert got == b"hello"[:octets]


def test_the_client_is_cut_off_at_the_octet_asked_for(echo: int) -> None:
    with (
        Proxy(echo, cut=Cut("client", 3)) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as client,
    ):
        assert read(client, 5) == b"hello"
        client.sendall(b"abcdef")
        assert client.recv(10) == b""
        assert proxy.take(1)[0].up == 3


def test_a_stalled_connection_stays_open_and_silent(echo: int) -> None:
    with (
        Proxy(echo, cut=Cut("server", 2, "stall")) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as client,
    ):
        assert read(client, 2) == b"he"
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_a_server_that_is_away_is_a_reset(echo: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with (
        Proxy(port) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port)) as client,
        pytest.raises(ConnectionResetError),
    ):
        client.recv(1)
