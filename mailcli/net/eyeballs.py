"""From a host's name to a connected socket: Happy Eyeballs (RFC 8305).

All addresses take part, families interleaved, a new attempt every 250 ms while the earlier ones are
still under way, and the first to connect wins. It is the first thing that a run does on the network,
and imports no more than sockets: TLS is imported while the connection is being made.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from mailcli.errors import ConfigError, HostUnknown, MailcliError, TimedOut, Unreachable
from mailcli.model.account import Endpoint
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines

_STAGGER: Final = 0.25  # RFC 8305 §5: "Connection Attempt Delay"

# The least telling first: a machine without IPv6 says "network is unreachable" for every server.
_TELLING: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EHOSTUNREACH)


class Address(NamedTuple):
    family: int
    sockaddr: tuple[str, int] | tuple[str, int, int, int]

    @property
    def loopback(self) -> bool:
        import ipaddress

        return ipaddress.ip_address(self.sockaddr[0].partition("%")[0]).is_loopback


def to_ascii(host: str) -> str:
    """The A-label form of a host name (RFC 5891). Raises ConfigError if it is not a name."""
    if host.isascii():
        return host
    import idna

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ConfigError(f"{host!r} is not a host name: {error}") from error


# -- names to addresses


def resolve(
    endpoint: Endpoint, host: str, end: float, deadlines: Deadlines, cancel: CancelToken
) -> list[Address]:
    """The addresses of the host, in the system's order (RFC 6724)."""
    with contextlib.suppress(socket.gaierror):  # an address needs no looking up
        return _addresses(host.strip("[]"), endpoint.port, socket.AI_NUMERICHOST)
    # getaddrinfo knows no time limit: it runs in a thread that is left behind if it hangs.
    found: list[list[Address] | OSError | UnicodeError] = []
    reader, writer = os.pipe()

    def look_up() -> None:
        try:
            found.append(_addresses(host, endpoint.port, 0))
        except (OSError, UnicodeError) as error:
            found.append(error)
        finally:
            os.close(writer)

    try:
        threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        poll.register(cancel, select.POLLIN)
        cancel.check()
        poll.poll(max(0.0, (end - time.monotonic()) * 1000))
        cancel.check()
    finally:
        os.close(reader)
    if not found:
        raise deadlines.expired(endpoint.label, "looking up the host name", deadlines.connect)
    if isinstance(found[0], Exception):
        raise _unresolved(found[0], endpoint)
    return found[0]


def _addresses(host: str, port: int, flags: int) -> list[Address]:
    seen: dict[Address, None] = {}
    # As octets: for a text Python imports its own IDNA, 2 ms, to no effect on A-labels.
    for family, _, _, _, sockaddr in socket.getaddrinfo(
        host.encode("ascii"), port, type=socket.SOCK_STREAM, flags=flags
    ):
        if family in (socket.AF_INET, socket.AF_INET6):
            seen[Address(family, sockaddr)] = None  # type: ignore[arg-type]
    return list(seen)


def _unresolved(error: Exception, endpoint: Endpoint) -> MailcliError:
    host = endpoint.host
    if isinstance(error, socket.gaierror) and error.errno != socket.EAI_NONAME:
        no_data = getattr(socket, "EAI_NODATA", None)
        if error.errno != no_data:
            return Unreachable(
                f"{endpoint.label}: the host name cannot be looked up now ({error.strerror})",
                hint="check the network connection, then try again",
            )
    return HostUnknown(f"{endpoint.label}: there is no host {host}", hint="check `host` in the configuration")


def interleave(addresses: list[Address]) -> list[Address]:
    """RFC 8305 §4: the preferred family first, then in turn; each family keeps its order."""
    first = [a for a in addresses if a.family == addresses[0].family]
    other = [a for a in addresses if a.family != addresses[0].family]
    mixed: list[Address] = []
    for n in range(max(len(first), len(other))):
        mixed += first[n : n + 1] + other[n : n + 1]
    return mixed


# -- addresses to a socket


def connect(
    endpoint: Endpoint,
    addresses: list[Address],
    end: float,
    deadlines: Deadlines,
    cancel: CancelToken,
    *,
    meanwhile: Callable[[], None] = lambda: None,
) -> socket.socket:
    """The first socket to connect; `meanwhile` is called once the first attempt is under way.

    Raises Unreachable, TimedOut, Interrupted, and what `meanwhile` does.
    """
    waiting = list(addresses)
    trying: dict[int, socket.socket] = {}
    failures: list[OSError] = []
    poll = select.poll()
    poll.register(cancel, select.POLLIN)
    cancel.check()
    try:
        next_start, begun = 0.0, False
        while waiting or trying:
            now = time.monotonic()
            if now >= end:
                raise deadlines.expired(endpoint.label, "connecting", deadlines.connect)
            if waiting and (now >= next_start or not trying):
                sock = _start(waiting.pop(0), failures)
                if sock is not None:
                    trying[sock.fileno()] = sock
                    poll.register(sock, select.POLLOUT)
                    next_start = now + _STAGGER
                if not begun:
                    meanwhile()
                begun = True
                continue
            pause = min(end, next_start) if waiting else end
            for fd, _ in poll.poll(max(0.0, (pause - now) * 1000)):
                cancel.check()
                poll.unregister(fd)
                sock = trying.pop(fd)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    return _tuned(sock)
                sock.close()
                failures.append(OSError(code, os.strerror(code)))
                next_start = 0.0  # RFC 8305 §5: a failure starts the next attempt at once
        raise _refused(endpoint, addresses, failures)
    finally:
        for sock in trying.values():
            sock.close()


def _start(address: Address, failures: list[OSError]) -> socket.socket | None:
    """Begin to connect; None (and the reason noted) if that failed at once."""
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        failures.append(error)
        return None
    sock.setblocking(False)
    try:
        sock.connect(address.sockaddr)
    except BlockingIOError:
        return sock
    except OSError as error:
        failures.append(error)
        sock.close()
        return None
    return sock


def _tuned(sock: socket.socket) -> socket.socket:
    """Small writes leave at once, and a peer that vanished is noticed even in IDLE."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, seconds in (("TCP_KEEPIDLE", 120), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, option):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    return sock


def _refused(endpoint: Endpoint, addresses: list[Address], failures: list[OSError]) -> MailcliError:
    """The error after every address failed: the most telling reason."""

    def telling(error: OSError) -> int:
        return _TELLING.index(error.errno) if error.errno in _TELLING else len(_TELLING)

    worst = max(failures, key=telling, default=OSError(errno.EADDRNOTAVAIL, "no address"))
    reason = (worst.strerror or str(worst)).lower()
    tried = f" ({len(addresses)} addresses tried)" if len(addresses) > 1 else ""
    if worst.errno == errno.ETIMEDOUT:
        return TimedOut(f"cannot connect to {endpoint.label}: {reason}{tried}", hint="try again later")
    hint = "check the network connection, then try again"
    if worst.errno == errno.ECONNREFUSED:
        hint = "is the server running, and is the port right?"
    return Unreachable(f"cannot connect to {endpoint.label}: {reason}{tried}", hint=hint)
