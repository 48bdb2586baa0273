"""From an endpoint to a connected stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.errors import ConfigError
from mailcli.model.account import Endpoint, Tls
from mailcli.net import eyeballs
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines

if TYPE_CHECKING:
    from mailcli.net.stream import Stream


def dial(endpoint: Endpoint, deadlines: Deadlines, cancel: CancelToken) -> Stream:
    """Connect, and do the TLS handshake if the endpoint's TLS is implicit.

    Raises ConfigError (cleartext to another machine; checked before connecting), HostUnknown,
    Unreachable, TimedOut, CertificateRefused, RemoteProtocolError, Interrupted.
    """
    if endpoint.own_channel:
        from mailcli.net import routes

        return routes.tunnel(endpoint) if endpoint.command else routes.unix_socket(endpoint)
    stream = (
        _direct(endpoint, deadlines, cancel) if endpoint.proxy is None else _via(endpoint, deadlines, cancel)
    )
    if endpoint.tls is Tls.IMPLICIT:
        try:
            secure(stream, endpoint, deadlines, cancel)
        except BaseException:
            stream.close()
            raise
    return stream


def _direct(endpoint: Endpoint, deadlines: Deadlines, cancel: CancelToken) -> Stream:
    end = deadlines.until(deadlines.connect)
    addresses = eyeballs.resolve(endpoint, eyeballs.to_ascii(endpoint.host), end, deadlines, cancel)
    if endpoint.tls is Tls.NONE and not endpoint.allow_cleartext and not all(a.loopback for a in addresses):
        raise _in_the_clear(endpoint)
    return _stream(endpoint, endpoint, addresses, end, deadlines, cancel)


def _stream(
    place: Endpoint,
    endpoint: Endpoint,
    addresses: list[eyeballs.Address],
    end: float,
    deadlines: Deadlines,
    cancel: CancelToken,
) -> Stream:
    """Connect to `place` on the way to the endpoint."""

    def prepare() -> None:
        # Importing TLS takes 10 ms, which the way to the server takes too; and a bad ca_file is told
        # before anything is sent.
        from mailcli.net import stream, tls  # noqa: F401  # the stream comes next

        if endpoint.tls is not Tls.NONE:
            tls.context(endpoint)

    ordered = eyeballs.interleave(addresses)
    sock = eyeballs.connect(place, ordered, end, deadlines, cancel, meanwhile=prepare)
    from mailcli.net.stream import Stream

    return Stream(sock, endpoint.label)


def _via(endpoint: Endpoint, deadlines: Deadlines, cancel: CancelToken) -> Stream:
    """Through the endpoint's proxy, which looks up the name: who asks it to does not want to be seen
    asking DNS, or has none."""
    from mailcli.net import routes

    proxy = endpoint.proxy
    assert proxy is not None
    if endpoint.tls is Tls.NONE and not endpoint.allow_cleartext:
        raise _in_the_clear(endpoint)
    end = deadlines.until(deadlines.connect)
    place = endpoint._replace(host=proxy.host, port=proxy.port)
    addresses = eyeballs.resolve(place, eyeballs.to_ascii(proxy.host), end, deadlines, cancel)
    stream = _stream(place, endpoint, addresses, end, deadlines, cancel)
    try:
        host = eyeballs.to_ascii(endpoint.host).strip("[]")
        routes.through(stream, proxy, host, endpoint.port, end=end, deadlines=deadlines, cancel=cancel)
    except BaseException:
        stream.close()
        raise
    stream.octets = stream.begun = 0  # from here on it is the server's
    return stream


def _in_the_clear(endpoint: Endpoint) -> ConfigError:
    return ConfigError(
        f'{endpoint.label} is on another machine and the configuration says `tls = "none"`',
        hint="use implicit or starttls, or `allow_cleartext = true` if the wire is protected otherwise",
    )


def secure(stream: Stream, endpoint: Endpoint, deadlines: Deadlines, cancel: CancelToken) -> None:
    """The TLS handshake for this endpoint, pins included. Errors as `dial`."""
    from mailcli.net import tls

    hint = ""
    if endpoint.tls is Tls.IMPLICIT:
        hint = 'if this port begins in plain text, use `tls = "starttls"`'
    context = tls.context(endpoint)
    stream.start_tls(context, eyeballs.to_ascii(endpoint.host), deadlines=deadlines, cancel=cancel, hint=hint)
    assert stream.tls is not None
    tls.check_pins(stream.tls, endpoint)
