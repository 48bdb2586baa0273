"""A relay that ends a connection at an octet, served by the process that waits for the client.

Unlike `tests.support.proxy` it has no thread, so that the client may be a fork of the same process.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from typing import NamedTuple

from tests.support.crash.children import LIMIT
from tests.support.proxy import HOST, Cut

CHUNK = 1 << 16


class Passed(NamedTuple):
    """What went through: connections made to the server, whether the cut fell, and all octets each
    side said on the first connection, chunk by chunk."""

    connections: int
    cut: bool
    client: tuple[bytes, ...]
    server: tuple[bytes, ...]

    def said(self, side: str) -> bytes:
        return b"".join(self.client if side == "client" else self.server)


class Relay:
    """Listens on `port`. The first connection of each `serve` is cut, later ones are not."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0), backlog=64)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]

    def close(self) -> None:
        self._listener.close()

    def serve(self, ending: int, target: int, cut: Cut | None = None) -> Passed:
        """Pass on to the port `target` until the descriptor `ending` can be read."""
        run = _Run(self._listener, target, cut)
        try:
            run.until(ending)
        finally:
            run.close()
        return Passed(run.connections, run.fallen, tuple(run.said["client"]), tuple(run.said["server"]))


class _Run:
    def __init__(self, listener: socket.socket, target: int, cut: Cut | None) -> None:
        self.target, self.cut = target, cut
        self.connections, self.fallen = 0, False
        self.said: dict[str, list[bytes]] = {"client": [], "server": []}
        self._octets = {"client": 0, "server": 0}
        self._pairs: dict[socket.socket, tuple[socket.socket, str, bool]] = {}
        self._dead: set[socket.socket] = set()  # cut: what they say is read and dropped
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)

    def until(self, ending: int) -> None:
        self._selector.register(ending, selectors.EVENT_READ)
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            for key, _ in self._selector.select(1.0):
                if key.fileobj == ending:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    assert isinstance(key.fileobj, socket.socket)
                    self._read(key.fileobj)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection((HOST, self.target))
        first = self.connections == 0
        self.connections += 1
        for source, sink, side in ((client, server, "client"), (server, client, "server")):
            source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs[source] = sink, side, first
            self._selector.register(source, selectors.EVENT_READ)
        if first and self.cut is not None and self.cut.octets == 0:
            self._fall(client, server)

    def _read(self, source: socket.socket) -> None:
        if source not in self._pairs:
            return
        sink, side, first = self._pairs[source]
        try:
            data = source.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(source)
            if source not in self._dead:
                with contextlib.suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
            return
        if source in self._dead:
            return
        falls = False
        if first:
            if self.cut is not None and side == self.cut.side:
                left = self.cut.octets - self._octets[side]
                falls = len(data) >= left
                data = data[:left]
            self._octets[side] += len(data)
            self.said[side].append(data)
        with contextlib.suppress(OSError):
            sink.sendall(data)
        if falls:
            self._fall(source, sink)

    def _fall(self, *ends: socket.socket) -> None:
        assert self.cut is not None
        self.fallen = True
        self._dead.update(ends)
        for one in ends:
            with contextlib.suppress(OSError):
                if self.cut.how == "fin":
                    one.shutdown(socket.SHUT_WR)
                elif self.cut.how == "rst":
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    with contextlib.suppress(KeyError):
                        self._selector.unregister(one)
                    del self._pairs[one]
                    one.close()

    def close(self) -> None:
        for one in self._pairs:
            one.close()
        with contextlib.suppress(BlockingIOError):
            while True:
                self._listener.accept()[0].close()
        self._selector.close()
