"""Proxies that speak SOCKS 5 and HTTP's CONNECT for real, on loopback, with or without a password."""

from __future__ import annotations

import base64
import contextlib
import select
import socket

from tests.support.peers import Listening, read_line


class _Relaying(Listening):
    """`asked` has the host and port of every request, as the client wrote them. Names it does not
    resolve: all of them lead to this machine, so that only the proxy can have looked one up."""

    def __init__(self, user: str = "", password: str = "", *, refuse: bool = False) -> None:
        super().__init__()
        self.user, self.password, self.refuse = user, password, refuse
        self.asked: list[tuple[str, int]] = []

    def converse(self, connection: socket.socket) -> None:
        with contextlib.suppress(IndexError):
            place = self.agree(connection)
            if place is None:
                return
            with socket.create_connection(("127.0.0.1", place[1])) as server:
                self._held.append(server)
                self.granted(connection)
                _pass_on(connection, server)

    def agree(self, client: socket.socket) -> tuple[str, int] | None:
        raise NotImplementedError

    def granted(self, client: socket.socket) -> None:
        raise NotImplementedError


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [], 20)[0]:
            data = ready.recv(1 << 16)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def _exactly(client: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += client.recv(count - len(got)) or _gone()
    return got


def _gone() -> bytes:
    raise ConnectionError


class Socks(_Relaying):
    def agree(self, client: socket.socket) -> tuple[str, int] | None:
        _, count = _exactly(client, 2)
        wanted = 2 if self.user else 0
        if wanted not in _exactly(client, count):
            client.sendall(b"\x05\xff")
            return None
        client.sendall(bytes([5, wanted]))
        if self.user:
            user = _exactly(client, _exactly(client, 2)[1])
            password = _exactly(client, _exactly(client, 1)[0])
            good = (user, password) == (self.user.encode(), self.password.encode())
            client.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return None
        kind = _exactly(client, 4)[3]
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        else:
            raw = _exactly(client, 4 if kind == 1 else 16)
            host = socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, raw)
        port = int.from_bytes(_exactly(client, 2), "big")
        self.asked.append((host, port))
        if self.refuse:
            client.sendall(b"\x05\x05\x00\x01" + bytes(6))
            return None
        return host, port

    def granted(self, client: socket.socket) -> None:
        client.sendall(b"\x05\x00\x00\x03\x04here\x00\x50")


class Http(_Relaying):
    def agree(self, client: socket.socket) -> tuple[str, int] | None:
        request = read_line(client).decode().split()
        fields = {}
        while (line := read_line(client).strip()) != b"":
            name, _, value = line.decode().partition(": ")
            fields[name.lower()] = value
        expected = "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.user and fields.get("proxy-authorization") != expected:
            client.sendall(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n")
            return None
        assert request[0] == "CONNECT" and fields["host"] == request[1]
        host, _, port = request[1].rpartition(":")
        self.asked.append((host, int(port)))
        if self.refuse:
            client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return None
        return host, int(port)

    def granted(self, client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 Connection established\r\nVia: here\r\n\r\n")
