"""Small servers in threads, for what no real server can be made to do."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

Conversation = Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(*conversations: Conversation, host: str = "127.0.0.1") -> Iterator[int]:
    """A server on loopback that holds these conversations, one per connection in this order; its
    port. A conversation that is cut off by the client ends quietly."""
    listener = socket.create_server((host, 0))
    held: list[socket.socket] = []

    def run() -> None:
        for conversation in conversations:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            connection.settimeout(20)
            with connection, contextlib.suppress(OSError):
                conversation(connection)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in held:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join(5)


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
