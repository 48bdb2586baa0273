"""A connected socket, in the clear or under TLS, that never blocks.

TLS runs over memory buffers (`ssl.MemoryBIO`), not over the socket: the socket is then read and
written like any other, and a TLS engine that wants to read in order to write (or the reverse)
needs no special case in the poll loop. It also lets 256 KiB be taken from the kernel in one call
where OpenSSL alone takes a record of 16 KiB in two.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time

from mailcli.errors import MailcliError, StartTlsInjection, Unreachable
from mailcli.net import tls
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines

READ_SIZE = 256 * 1024
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux


class Stream:
    """Octets to and from one server. `label` (`host:port`) stands in every error.

    `read` and `flush` never block; `readiness` says what to poll for.
    """

    def __init__(self, sock: socket.socket, label: str) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.label = label
        self.tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._clear = memoryview(b"")  # room for what is decrypted
        self._plain = bytearray()  # to be written, not yet encrypted
        self._wire = memoryview(b"")  # to be written, as it goes to the socket
        self._ended = False  # the socket gave EOF
        self._fault: MailcliError | None = None  # what the next read has to raise
        self._unwritable: Unreachable | None = None
        self.octets = 0  # that crossed the wire, both ways
        self.begun = 0  # of what was written, those that may have reached the peer
        self._quickack = _QUICKACK if sock.family in (socket.AF_INET, socket.AF_INET6) else None

    def fileno(self) -> int:
        return self.socket.fileno()

    # -- reading

    @property
    def pending(self) -> bool:
        """Whether `read` may have something that polling the socket would not show."""
        if self.tls is None:
            return False
        return self._incoming.pending > 0 or self.tls.pending() > 0 or self._fault is not None

    def read(self, limit: int = READ_SIZE) -> bytes | None:
        """What has arrived, b"" at the end, None if there is nothing now.

        Raises Unreachable if the connection broke, which an end without TLS's close_notify is.
        """
        if self.tls is None:
            data = self._receive(limit)
            if data is None and self._unwritable is not None:
                raise self._unwritable
            return data
        if not self._ended and self._incoming.pending < limit:
            data = self._receive(limit)
            if data:
                self._incoming.write(data)
            elif data == b"":
                self._incoming.write_eof()
        return self._decrypt(limit)

    def _decrypt(self, limit: int) -> bytes | None:
        assert self.tls is not None
        if self._fault is not None:
            raise self._fault
        # Into one buffer: room for `limit` octets would be made for each record of some thousand.
        clear = self._clear[:limit]
        size = 0
        try:
            while size < len(clear):
                taken: int = self.tls.read(len(clear) - size, clear[size:])  # type: ignore[assignment]
                if not taken:
                    break
                size += taken
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if not size:
                if self._unwritable is not None:
                    raise self._unwritable from None
                return None
        except ssl.SSLZeroReturnError:
            pass  # close_notify: an honest end
        except ssl.SSLError as error:
            self._fault = tls.broken(error, self.label)
            if not size:
                raise self._fault from error
        return bytes(clear[:size])

    def _receive(self, limit: int) -> bytes | None:
        if self._ended:
            return b""
        try:
            data = self.socket.recv(limit)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise self._broke(error) from error
        self.octets += len(data)
        if not data:
            self._ended = True
        elif self._quickack is not None:
            # Linux leaves quick mode by itself; a delayed ACK costs 40 ms where the peer waits
            # for it before its next segment (Nagle at the other side).
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.IPPROTO_TCP, self._quickack, 1)
        return data

    def _broke(self, error: OSError) -> Unreachable:
        reason = (error.strerror or str(error)).lower()
        return Unreachable(f"{self.label}: the connection broke: {reason}", hint="try again later")

    # -- writing

    @property
    def unsent(self) -> bool:
        return self._unwritable is None and bool(self._wire or self._plain or self._outgoing.pending)

    def write(self, data: bytes) -> None:
        """Queue `data`; `flush` sends it."""
        self._plain += data

    def in_transit(self) -> int:
        """Octets that the kernel has taken and the peer has not acknowledged; 0 where it cannot say."""
        import fcntl
        import termios

        try:
            (count,) = struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0\0\0\0"))
        except OSError:
            return 0
        return int(count)

    def flush(self) -> bool:
        """Send what the socket takes now; True if anything moved.

        A connection that does not take any more is not an error yet: the peer's last words may
        still be there to be read (a 421, a BYE). `read` raises it when there are none left.
        """
        moved = False
        while self._unwritable is None:
            if not self._wire and not self._refill():
                return moved
            try:
                sent = self.socket.send(self._wire)
            except (BlockingIOError, InterruptedError):
                return moved
            except OSError as error:
                self._unwritable = self._broke(error)
                self._wire, self._plain = memoryview(b""), bytearray()
                return moved
            self._wire = self._wire[sent:]
            self.octets += sent
            if self.tls is None:
                self.begun += sent
            moved = True
        return moved

    def _refill(self) -> bool:
        """Make the next piece for the socket out of what is queued."""
        if self.tls is None:
            if self._plain:
                self._wire, self._plain = memoryview(bytes(self._plain)), bytearray()
            return bool(self._wire)
        self._encrypt()
        self._wire = memoryview(self._outgoing.read())
        return bool(self._wire)

    def _encrypt(self) -> None:
        assert self.tls is not None
        if not self._plain:
            return
        piece = self._plain[:READ_SIZE]
        try:
            written = self.tls.write(piece)
            del self._plain[:written]
            self.begun += written
        except ssl.SSLWantReadError:
            pass  # a key update is under way: the peer's part has to arrive first
        except ssl.SSLError as error:
            raise tls.broken(error, self.label) from error

    # -- TLS, and the end

    def start_tls(
        self, context: ssl.SSLContext, host: str, *, deadlines: Deadlines, cancel: CancelToken, hint: str = ""
    ) -> None:
        """Do the handshake with `host`, a name in A-labels.

        Raises CertificateRefused, TimedOut, Unreachable, RemoteProtocolError.
        """
        # As octets: for a text Python imports its own IDNA, 2 ms, to no effect on A-labels.
        self._clear = memoryview(bytearray(READ_SIZE))
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host.encode("ascii"))
        end = deadlines.until(deadlines.tls)
        first = b""
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except (ssl.SSLError, ssl.CertificateError) as error:
                with contextlib.suppress(MailcliError):
                    self.flush()  # the alert: tells the server why
                raise tls.refused(error, self.label, host, first) from error
            else:
                break
            self.flush()
            if not self.wait(end, cancel):
                raise deadlines.expired(self.label, "the TLS handshake", deadlines.tls, hint=hint)
            data = self._receive(READ_SIZE)
            if data:
                first = first or data[:200]
                self._incoming.write(data)
            elif data == b"":
                self._incoming.write_eof()
        self.flush()

    def forbid_early_data(self) -> None:
        """Nothing may have arrived between the STARTTLS reply and our ClientHello."""
        try:
            early = self.socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            raise self._broke(error) from error
        if early:
            raise StartTlsInjection(
                f"{self.label}: data arrived before the TLS handshake; connection dropped"
            )
        raise Unreachable(
            f"{self.label} closed the connection instead of starting TLS", hint="try again later"
        )

    def wait(self, end: float, cancel: CancelToken) -> bool:
        """Wait until something can be read (or written, if something is unsent); False at `end`.

        Raises Interrupted when cancelled.
        """
        cancel.check()
        poll = select.poll()
        poll.register(self.socket, select.POLLIN | (select.POLLOUT if self.unsent else 0))
        poll.register(cancel, select.POLLIN)
        ready = poll.poll(max(0.0, (end - time.monotonic()) * 1000))
        cancel.check()
        return bool(ready)

    def close(self) -> None:
        """Send what waits to be written, with close_notify behind it, as far as that is possible at
        once, and close. Never raises."""
        with contextlib.suppress(OSError, MailcliError, ValueError):
            if self.tls is not None:
                self._encrypt()
                if not self._plain:
                    with contextlib.suppress(ssl.SSLError):
                        self.tls.unwrap()
            self.flush()
        self.socket.close()
