"""Signed-in connections: dial, greet, STARTTLS, sign in, and close politely; what the three
protocols share of it. `net.imap`, `net.pop3` and `net.smtp` open theirs."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from mailcli.errors import MailcliError
from mailcli.model.account import Endpoint, Secret, Tls
from mailcli.net import tls
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.dial import dial, secure
from mailcli.net.pump import Pump
from mailcli.net.stream import Stream
from mailcli.wire.engine import Engine
from mailcli.wire.flow import Flow

if TYPE_CHECKING:
    from mailcli.net.ahead import Ahead
    from mailcli.net.trace import Trace, Transcript

C = TypeVar("C")
E = TypeVar("E")
G = TypeVar("G")

_IS_IT_TLS = 'if this port begins with TLS (993, 995, 465 do), use `tls = "implicit"`'


class Connection(Generic[C, E, G]):
    """A signed-in connection. `greeted` is what signing in found out. A context manager: it closes
    politely after success, at once after an error."""

    def __init__(self, pump: Pump[C, E], greeted: G, goodbye: C) -> None:
        self.pump = pump
        self.greeted = greeted
        self._goodbye = goodbye

    def close(self) -> None:
        """Say good-bye, unless the conversation is over already, and close. Never raises, and
        waits for nothing: whoever needs the answer (POP3's QUIT) has asked for it before."""
        self.pump.close(*() if self.pump.engine.closed else (self._goodbye,))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.pump.close()


class Binding:
    """What ties signing in to the TLS it happens in: asked for when there is TLS."""

    def __init__(self) -> None:
        self.stream: Stream | None = None

    def __call__(self) -> bytes:
        """tls-server-end-point's octets; b"" without TLS."""
        sock = self.stream.tls if self.stream is not None else None
        return tls.server_end_point(sock) if sock is not None else b""


def establish(
    endpoint: Endpoint,
    engine: Engine[C, E],
    flow: Flow[C, E, G],
    goodbye: C,
    *,
    secret: Secret | None,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None,
    farewell: Callable[[E], str] | None = None,
    ahead: Ahead | None = None,
    binding: Binding | None = None,
) -> Connection[C, E, G]:
    """Connect (or take the connection made `ahead`) and run the flow that signs in. Errors as of
    `dial`, `Pump.run` and the flow."""
    trace = None
    if transcript is not None:
        trace = transcript.connection(endpoint.label, endpoint.protocol)
        trace.hide(*((secret.text,) if secret is not None and secret.text else ()))

    def start_tls(stream: Stream) -> None:
        secure(stream, endpoint, deadlines, cancel)
        _note_tls(stream, trace)

    try:
        stream = dial(endpoint, deadlines, cancel) if ahead is None else ahead.take()
    except MailcliError as error:
        if trace is not None:
            trace.note(error.message)
        raise
    _note_tls(stream, trace)
    if binding is not None:
        binding.stream = stream
    pump = Pump(
        stream,
        engine,
        deadlines=deadlines,
        cancel=cancel,
        trace=trace,
        start_tls=start_tls,
        farewell=farewell,
        greeting_hint="" if endpoint.tls is Tls.IMPLICIT else _IS_IT_TLS,
    )
    try:
        return Connection(pump, pump.run(flow), goodbye)
    except MailcliError as error:
        pump.close()
        if (
            secret is not None and secret.text
        ):  # servers may repeat what they were sent, and errors end up in cron's mail
            from mailcli.net.trace import masked

            error.message = masked(error.message, secret.text)
            error.args = (error.message,)
        raise
    except BaseException:
        pump.close()
        raise


def protected(endpoint: Endpoint) -> bool:
    """Whether credentials may travel before STARTTLS: under TLS, or where `dial` let cleartext be
    (loopback, or `allow_cleartext`)."""
    return endpoint.tls is not Tls.STARTTLS


def _note_tls(stream: Stream, trace: Trace | None) -> None:
    if trace is not None and stream.tls is not None:
        trace.note("{0.version} {0.cipher}".format(tls.facts(stream.tls)))
