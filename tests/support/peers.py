"""Small servers in threads, for what no real server can be made to do."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

Conversation = Callable[[socket.socket], None]


class Listening:
    """A server on loopback that holds `converse` with each client, each on a thread of its own. One that
    the client cuts off ends quietly.

    The end of the `with` block is an end of file for all who are still listened to, also those who came
    and went unnoticed: what they said has been heard by then. `stop` is set for those who do not listen.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.stop = threading.Event()
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._wake, self._waker = socket.socketpair()
        self._held: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def converse(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._waker.close()
        self._accepting.join()
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            for one in self._held:
                with contextlib.suppress(OSError):
                    one.shutdown(how)
            for thread in self._threads:
                thread.join(5)

    def settled(self) -> None:
        """Return when the conversations begun so far have ended: a good-bye may be heard late."""
        for thread in list(self._threads):
            thread.join(60)

    def _accept(self) -> None:
        self._listener.setblocking(False)
        with self._listener, self._wake, contextlib.suppress(BlockingIOError):
            while True:
                select.select([self._listener, self._wake], [], [])
                connection, _ = self._listener.accept()
                self._held.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        with connection, contextlib.suppress(OSError):
            self.converse(connection)


class _Serving(Listening):
    def __init__(self, conversations: tuple[Conversation, ...], host: str) -> None:
        super().__init__(host)
        self._left = list(conversations)

    def converse(self, connection: socket.socket) -> None:
        (self._left.pop(0) if self._left else read_to_end)(connection)


@contextlib.contextmanager
def serving(*conversations: Conversation, host: str = "127.0.0.1") -> Iterator[int]:
    """A server that holds these conversations, one per connection in this order, and is silent to those
    who come later; its port."""
    with _Serving(conversations, host) as server:
        yield server.port


@contextlib.contextmanager
def dead_port() -> Iterator[int]:
    """A port of 127.0.0.1 on which nobody listens, and nobody can begin to: connections are refused."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def read_line(connection: socket.socket) -> bytes:
    """Up to and with the next LF."""
    line = b""
    while not line.endswith(b"\n"):
        data = connection.recv(1)
        if not data:
            raise OSError("the client is gone")
        line += data
    return line


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the client closes."""
    chunks = []
    while data := connection.recv(65536):
        chunks.append(data)
    return b"".join(chunks)
