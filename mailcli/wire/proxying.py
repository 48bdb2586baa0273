"""Asking a proxy for a connection: SOCKS 5 (RFC 1928, 1929) and HTTP's CONNECT (RFC 9110 §9.3.6).

Conversations without a socket: generators that yield what is to be written and how many octets are
to be read next (UNTIL_BLANK: up to and with the blank line that ends an HTTP header), and are sent
those. Names travel as names: the proxy looks them up. Not one octet is read behind the proxy's
answer, for what follows is the server's.
"""

from __future__ import annotations

import base64
from collections.abc import Generator
from typing import Final

from mailcli.errors import AuthenticationFailed, HostUnknown, MailcliError, RemoteProtocolError, Unreachable
from mailcli.model import printable
from mailcli.model.account import Proxy

UNTIL_BLANK: Final = -1
MAX_HEADER: Final = 16 * 1024

Conversation = Generator[tuple[bytes, int], bytes, None]

_REPLIES: Final = {
    1: "it failed",
    2: "its rules do not allow it",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "the connection was refused",
    6: "it took too long",
}


def conversation(proxy: Proxy, host: str, port: int) -> Conversation:
    """What to say to reach `host` (A-labels, or an address). Raises, while it runs: Unreachable,
    HostUnknown, AuthenticationFailed (the proxy's own), RemoteProtocolError."""
    talk = _http if proxy.kind == "http" else _socks5
    return talk(proxy, host, port)


def _socks5(proxy: Proxy, host: str, port: int) -> Conversation:
    methods = b"\x00\x02" if proxy.user else b"\x00"
    version, method = yield b"\x05" + _counted(methods), 2
    if version != 5:
        raise RemoteProtocolError(f"{proxy.label} does not speak SOCKS 5", hint="is it an http:// proxy?")
    if method == 2 and proxy.user:
        # RFC 1929 has no protection: what is between us and the proxy can read it.
        word = proxy.password.text if proxy.password is not None else ""
        user, password = proxy.user.encode(), word.encode()
        if not 0 < len(password) < 256 or len(user) > 255:
            raise AuthenticationFailed(f"{proxy.label}: its password must have 1 to 255 octets")
        _, status = yield b"\x01" + _counted(user) + _counted(password), 2
        if status:
            raise _no_entry(proxy)
    elif method != 0:
        raise _no_entry(proxy)
    head = yield b"\x05\x01\x00" + _address(host) + port.to_bytes(2, "big"), 4
    if head[0] != 5:
        raise RemoteProtocolError(f"{proxy.label} answered with something that is not SOCKS 5")
    if head[1]:
        raise _unreachable(proxy, host, port, _REPLIES.get(head[1], f"it says {head[1]}"))
    # BND.ADDR and BND.PORT mean nothing to us, and have to be taken off.
    if head[3] == 3:
        (length,) = yield b"", 1
        yield b"", length + 2
    elif head[3] in (1, 4):
        yield b"", (4 if head[3] == 1 else 16) + 2
    else:
        raise RemoteProtocolError(f"{proxy.label} answered with something that is not SOCKS 5")


def _http(proxy: Proxy, host: str, port: int) -> Conversation:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    request = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n"
    if proxy.user:
        word = proxy.password.text if proxy.password is not None else ""
        token = base64.b64encode(f"{proxy.user}:{word}".encode()).decode()
        request += f"Proxy-Authorization: Basic {token}\r\n"
    header = yield f"{request}\r\n".encode("ascii"), UNTIL_BLANK
    status = printable.line(header.split(b"\r\n", 1)[0].decode("latin-1"))[:100]
    version, _, rest = status.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise RemoteProtocolError(f"{proxy.label} does not speak HTTP", hint="is it a socks5:// proxy?")
    code = int(rest[:3])
    if code == 407:
        raise _no_entry(proxy)
    if not 200 <= code < 300:
        raise _unreachable(proxy, host, port, rest)


def _address(host: str) -> bytes:
    import ipaddress

    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + _counted(host.encode("ascii"))
    return (b"\x01" if literal.version == 4 else b"\x04") + literal.packed


def _counted(octets: bytes) -> bytes:
    return bytes([len(octets)]) + octets


def _no_entry(proxy: Proxy) -> AuthenticationFailed:
    what = "did not accept our user name and password" if proxy.user else "wants a user name and a password"
    return AuthenticationFailed(
        f"{proxy.label} {what}", hint='proxy = "…://USER@HOST:PORT" and proxy_password in the configuration'
    )


def _unreachable(proxy: Proxy, host: str, port: int, why: str) -> MailcliError:
    if "unknown host" in why.lower() or "no such host" in why.lower():
        return HostUnknown(f"{proxy.label} knows no host {host}", hint="check `host` in the configuration")
    return Unreachable(f"{proxy.label} cannot connect to {host}:{port}: {why}", hint="try again later")
