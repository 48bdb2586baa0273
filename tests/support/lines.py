"""A toy protocol for tests of the pump: a command is a line, a line that comes back completes it."""

from __future__ import annotations

from mailcli.errors import StartTlsInjection


class LineEngine:
    """`mailcli.wire.engine.Engine` for it. The first line from the server is the greeting (tag 0)
    if `greeted` is false; a line that begins with `*` completes nothing."""

    def __init__(self, *, greeted: bool = True) -> None:
        self._out: list[bytes] = []
        self._held = b""
        self._sent = 0
        self._done = 0 if greeted else -1
        self.closed = False

    def send(self, command: bytes, /) -> int:
        self._out.append(command + b"\n")
        self._sent += 1
        return self._sent

    def outgoing(self) -> bytes:
        out, self._out = b"".join(self._out), []
        return out

    def receive(self, data: bytes, /) -> list[bytes]:
        self.closed = self.closed or data == b""
        *lines, self._held = (self._held + data).split(b"\n")
        self._done += sum(not line.startswith(b"*") for line in lines)
        return lines

    def done(self, tag: int, /) -> bool:
        return tag <= self._done

    def start_tls(self) -> None:
        if self._held:
            raise StartTlsInjection("octets are held")
