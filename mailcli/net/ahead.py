"""Connecting while the caller does something else."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from mailcli.net.dial import dial

if TYPE_CHECKING:
    from mailcli.model.account import Endpoint
    from mailcli.net.cancel import CancelToken
    from mailcli.net.deadline import Deadlines
    from mailcli.net.stream import Stream

_FRESH: Final = 20.0
"""Seconds a server may be kept waiting for our first word. Somebody who types the password of a
keyring takes longer, and servers hang up on those who do not sign in."""


class Ahead:
    """A `dial` on a thread of its own, begun at once: the name is looked up, the connection made and
    TLS begun while the caller imports what speaks the protocol, opens the store and gets the
    password. Then it is taken, once, or closed."""

    def __init__(self, endpoint: Endpoint, deadlines: Deadlines, cancel: CancelToken) -> None:
        self._dialling = cancel.child()
        self._arguments = endpoint, deadlines, cancel
        self._lock = threading.Lock()
        self._stream: Stream | None = None
        self._error: BaseException | None = None
        self._ready = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._dial, name=f"dial {endpoint.host}", daemon=True)
        self._thread.start()

    def _dial(self) -> None:
        try:
            endpoint, deadlines, _ = self._arguments
            stream = dial(endpoint, deadlines, self._dialling)
        except BaseException as error:  # told to whoever takes it
            self._error = error
            return
        with self._lock:
            self._stream, self._ready = stream, time.monotonic()
            if self._closed:
                stream.close()

    def take(self) -> Stream:
        """The connected stream; waits for it. Raises what `dial` does."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        stream, self._stream = self._stream, None
        if stream is not None and time.monotonic() - self._ready < _FRESH:
            return stream
        if stream is not None:
            stream.close()
        return dial(*self._arguments)

    def close(self) -> None:
        """Give it up, unless it was taken. Waits for its thread, which ends at once: one that is left
        in a handshake when the program ends can take it down with a broken memory access."""
        self._dialling.cancel()
        self._thread.join()
        with self._lock:
            self._closed = True
            if self._stream is not None:
                self._stream.close()
                self._stream = None
