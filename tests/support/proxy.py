"""A TCP proxy between a client and a test server: it delays, counts, and cuts at a chosen octet.

One loop in one thread. Any amount of data may be in flight, as on a long wire. `python -m
tests.support.proxy TARGET… --delay MS` runs it as a process for the benchmarks: it prints its ports
as a JSON list, answers each line on stdin with the traffic since the last one, and ends at EOF.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import selectors
import socket
import struct
import sys
import threading
import time
from collections import deque
from types import TracebackType
from typing import NamedTuple

CHUNK = 1 << 18
HOST = "127.0.0.1"


class Cut(NamedTuple):
    """Let `octets` of what `side` ("client" or "server") says through, then end the connection:
    `how` is "fin" (both sides see an orderly end), "rst", or "stall" (silence for ever)."""

    side: str
    octets: int
    how: str = "fin"


class Traffic(NamedTuple):
    """One closed connection. `turns` counts how often the client spoke after the server had: the
    round trips it waited for. `up` and `down` are octets from the client and from the server."""

    turns: int
    up: int
    down: int
    seconds: float


class _Lane:
    """One direction: what was read waits here until it is due."""

    def __init__(self, source: socket.socket, sink: socket.socket, name: str) -> None:
        self.source, self.sink, self.name = source, sink, name
        self.queue: deque[tuple[float, bytes]] = deque()  # b"" stands for the end
        self.octets = 0
        self.ended = False  # nothing more will be read
        self.finished = False  # all was passed on
        self.blocked = False  # the receiver does not read: its socket is full


class _Connection:
    def __init__(self, client: socket.socket, target: int, now: float, due: float) -> None:
        self.client = client
        self.server: socket.socket | None = None
        self.target, self.began, self.open_at = target, now, due
        self.lanes: tuple[_Lane, ...] = ()
        self.last_spoke, self.turns = "server", 0
        self.stalled = False
        self.cut_pending = ""

    @property
    def sockets(self) -> list[socket.socket]:
        return [self.client] if self.server is None else [self.client, self.server]


class Proxy:
    """Listens on `port` and passes on to `target` while the `with` block runs.

    `delay` is seconds one way (a round trip takes twice that). The TCP handshake is charged too,
    as on a real wire. Each connection is cut as `cut` says; it may be changed between connections.
    """

    def __init__(self, target: int, *, delay: float = 0.0, cut: Cut | None = None) -> None:
        self.target, self.delay, self.cut = target, delay, cut
        self._closed: list[Traffic] = []
        self._lock = threading.Lock()
        self._open: set[_Connection] = set()
        self._lanes: dict[socket.socket, tuple[_Connection, _Lane]] = {}
        self._selector = selectors.SelectSelector()  # its timeouts are finer than epoll's 1 ms
        self._listener = socket.create_server((HOST, 0), backlog=512)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        self._waker.send(b"x")
        self._thread.join()
        self._waker.close()

    def take(self, connections: int = 0, seconds: float = 5.0) -> list[Traffic]:
        """The connections closed since the last call; waits until there are so many."""
        end = time.monotonic() + seconds
        while True:
            with self._lock:
                if len(self._closed) >= connections or time.monotonic() > end:
                    taken, self._closed = self._closed, []
                    return taken
            time.sleep(0.005)

    # -- the loop -----------------------------------------------------------------------------

    def _run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        try:
            while not self._stopping:
                for key, _ in self._selector.select(self._patience()):
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj is not self._wake:
                        assert isinstance(key.fileobj, socket.socket)
                        self._read(key.fileobj)
                self._pass_on(time.perf_counter())
        finally:
            for connection in list(self._open):
                self._close(connection, "rst")
            self._selector.close()
            self._listener.close()
            self._wake.close()

    def _patience(self) -> float | None:
        if any(lane.blocked for connection in self._open for lane in connection.lanes):
            return 0.001  # a full socket is tried again; megabytes lie in it
        dues = [c.open_at for c in self._open if c.server is None]
        dues += [lane.queue[0][0] for c in self._open if not c.stalled for lane in c.lanes if lane.queue]
        return max(0.0, min(dues) - time.perf_counter()) if dues else None

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            now = time.perf_counter()
            # SYN, SYN-ACK and the ACK that carries the first data: three ways
            self._open.add(_Connection(client, self.target, now, now + 3 * self.delay))

    def _connect(self, connection: _Connection) -> None:
        try:
            connection.server = socket.create_connection((HOST, connection.target))
        except OSError:
            self._close(connection, "rst")
            return
        client, server = connection.client, connection.server
        connection.lanes = (_Lane(client, server, "client"), _Lane(server, client, "server"))
        for lane in connection.lanes:
            lane.source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lane.source.setblocking(False)
            self._lanes[lane.source] = connection, lane
            self._selector.register(lane.source, selectors.EVENT_READ)

    def _read(self, source: socket.socket) -> None:
        if source not in self._lanes:
            return  # closed by an event of this same turn
        connection, lane = self._lanes[source]
        try:
            data = source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._close(connection, "rst")
            return
        now = time.perf_counter()
        if data and lane.name == "client" and connection.last_spoke == "server":
            connection.turns += 1
        connection.last_spoke = lane.name if data else connection.last_spoke
        cut = self.cut
        if cut is not None and cut.side == lane.name and lane.octets + len(data) >= cut.octets:
            data = data[: cut.octets - lane.octets]
            connection.cut_pending = cut.how
            for other in connection.lanes:
                self._ignore(other)
        lane.octets += len(data)
        # what a client says at once (TLS) has travelled while the handshake was charged
        early = lane.name == "client" and lane.octets == len(data) and now - connection.open_at < 0.001
        due = now if early else now + self.delay
        if data or not connection.cut_pending:
            lane.queue.append((due, data))
        if not data:
            self._ignore(lane)

    def _ignore(self, lane: _Lane) -> None:
        if not lane.ended:
            lane.ended = True
            self._selector.unregister(lane.source)
            self._lanes.pop(lane.source, None)

    def _pass_on(self, now: float) -> None:
        for connection in list(self._open):
            if connection.server is None:
                if connection.open_at <= now:
                    self._connect(connection)
                continue
            if connection.stalled:
                continue
            try:
                for lane in connection.lanes:
                    self._drain(lane, now)
            except OSError:
                self._close(connection, "rst")
                continue
            if connection.cut_pending and not any(lane.queue for lane in connection.lanes):
                if connection.cut_pending == "stall":
                    connection.stalled = True
                else:
                    self._close(connection, connection.cut_pending)
            elif all(lane.finished for lane in connection.lanes):
                self._close(connection, "fin")

    def _drain(self, lane: _Lane, now: float) -> None:
        lane.blocked = False
        while lane.queue and lane.queue[0][0] <= now:
            due, data = lane.queue.popleft()
            if not data:
                lane.sink.shutdown(socket.SHUT_WR)
                lane.finished = True
                continue
            try:
                sent = lane.sink.send(data)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                lane.queue.appendleft((due, data[sent:]))
                lane.blocked = True
                return

    def _close(self, connection: _Connection, how: str) -> None:
        self._open.discard(connection)
        for lane in connection.lanes:
            self._ignore(lane)
        for one in connection.sockets:
            if how == "rst":
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
        up, down = (lane.octets for lane in connection.lanes) if connection.lanes else (0, 0)
        seconds = time.perf_counter() - connection.began
        with self._lock:
            self._closed.append(Traffic(connection.turns, up, down, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.proxy")
    parser.add_argument("targets", nargs="+", type=int, metavar="TARGET", help="a port on this machine")
    parser.add_argument("--delay", type=float, default=0.0, help="one way, in milliseconds")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        proxies = [stack.enter_context(Proxy(t, delay=given.delay / 1000)) for t in given.targets]
        print(json.dumps([proxy.port for proxy in proxies]), flush=True)
        for _ in sys.stdin:
            time.sleep(0.05 + given.delay / 250)  # connections just ended are being closed
            rows = [row._asdict() for proxy in proxies for row in proxy.take()]
            print(json.dumps(rows), flush=True)


if __name__ == "__main__":
    main()
