"""Ways to a server that are no plain TCP connection: a Unix socket, a command, a proxy."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING, Final

from mailcli.errors import ConfigError, RemoteProtocolError, Unreachable
from mailcli.model.account import Endpoint, Proxy
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.stream import Stream
from mailcli.wire.proxying import MAX_HEADER, UNTIL_BLANK, conversation

if TYPE_CHECKING:
    import subprocess

_PARTING: Final = 2.0
"""Seconds a command may take to end after its input has ended."""


def unix_socket(endpoint: Endpoint) -> Stream:
    """Connect to a Unix socket. Raises Unreachable, ConfigError for a path that can be none."""
    path = str(endpoint.socket)
    if len(os.fsencode(path)) > 107:  # sun_path of unix(7), with its final zero
        raise ConfigError(f"the path of the socket {path} is too long", hint="at most 107 octets")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)  # to a local listener: at once, or never
    except OSError as error:
        sock.close()
        reason = (error.strerror or str(error)).lower()
        hint = "is the server running, and is the path right?"
        raise Unreachable(f"cannot connect to {path}: {reason}", hint=hint) from error
    return Stream(sock, endpoint.label)


class Tunnel(Stream):
    """The stdin and stdout of a command. Its stderr is ours, so that ssh can say what is wrong."""

    def __init__(self, sock: socket.socket, label: str, process: subprocess.Popen[bytes]) -> None:
        super().__init__(sock, label)
        self._process = process

    def close(self) -> None:
        """Close, and see the command end: by itself if it does so soon. Never raises."""
        import signal
        import subprocess

        super().close()
        for end in (signal.SIGTERM, signal.SIGKILL):
            try:
                self._process.wait(_PARTING)
                return
            except subprocess.TimeoutExpired:
                with contextlib.suppress(OSError):
                    os.killpg(self._process.pid, end)
        self._process.wait()


def tunnel(endpoint: Endpoint) -> Stream:
    """Run the endpoint's command. Raises Unreachable."""
    import subprocess

    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own words
            ["/bin/sh", "-c", endpoint.command],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            # A Ctrl-C is for us: we say good-bye first. And its children end with it.
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise Unreachable(f"{endpoint.label} cannot be run: {error.strerror}") from error
    finally:
        theirs.close()
    return Tunnel(ours, endpoint.label, process)


def through(
    stream: Stream,
    proxy: Proxy,
    host: str,
    port: int,
    *,
    end: float,
    deadlines: Deadlines,
    cancel: CancelToken,
) -> None:
    """Have a proxy connect this stream to the server. Errors as of `wire.proxying`, TimedOut."""
    talk = conversation(proxy, host, port)
    try:
        step = next(talk)
        while True:
            data, wanted = step
            stream.write(data)
            stream.flush()
            step = talk.send(_read(stream, wanted, end, deadlines, cancel))
    except StopIteration:
        return


def _read(stream: Stream, wanted: int, end: float, deadlines: Deadlines, cancel: CancelToken) -> bytes:
    """So many octets and none more: what comes behind is the server's."""
    got = b""
    while (len(got) < wanted) if wanted != UNTIL_BLANK else not got.endswith(b"\r\n\r\n"):
        if wanted == UNTIL_BLANK and len(got) > MAX_HEADER:
            raise RemoteProtocolError(f"{stream.label}: the answer of the proxy does not end")
        if not stream.wait(end, cancel) or time.monotonic() >= end:
            raise deadlines.expired(stream.label, "waiting for the proxy", deadlines.connect)
        stream.flush()
        piece = stream.read(1 if wanted == UNTIL_BLANK else wanted - len(got))
        if piece == b"":
            raise Unreachable(f"{stream.label}: the proxy closed the connection", hint="try again later")
        got += piece or b""
    return got
