"""Signed-in connections: dial, greet, STARTTLS, sign in, and close politely."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from mailcli.errors import MailcliError
from mailcli.model.account import Endpoint, Secret, Tls
from mailcli.net import tls
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.dial import dial, secure
from mailcli.net.pump import Pump
from mailcli.net.stream import Stream
from mailcli.net.trace import Trace, Transcript
from mailcli.wire.engine import Engine
from mailcli.wire.flow import Flow
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap import flows as imap_flows
from mailcli.wire.imap.commands import Command as ImapCommand
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.events import Bye
from mailcli.wire.imap.events import Event as ImapEvent
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3 import flows as pop3_flows
from mailcli.wire.pop3.commands import Pop3Command
from mailcli.wire.pop3.engine import Pop3Engine
from mailcli.wire.pop3.events import Pop3Event
from mailcli.wire.smtp import commands as smtp
from mailcli.wire.smtp import flows as smtp_flows
from mailcli.wire.smtp.commands import SmtpCommand
from mailcli.wire.smtp.engine import SmtpEngine
from mailcli.wire.smtp.events import Closing, SmtpEvent

C = TypeVar("C")
E = TypeVar("E")
G = TypeVar("G")

_FAREWELL = 1.0
"""Seconds a good-bye is waited for: long enough for a loopback or a LAN, and nothing depends on it."""


_IS_IT_TLS = 'if this port begins with TLS (993, 995, 465 do), use `tls = "implicit"`'


class Connection(Generic[C, E, G]):
    """A signed-in connection. `greeted` is what signing in found out. A context manager: it closes
    politely after success, at once after an error."""

    def __init__(self, pump: Pump[C, E], greeted: G, goodbye: C) -> None:
        self.pump = pump
        self.greeted = greeted
        self._goodbye = goodbye

    def close(self) -> None:
        """Say good-bye, unless the conversation is over already, and close. Never raises."""
        if not self.pump.engine.closed:
            with contextlib.suppress(MailcliError):
                self.pump.send(self._goodbye)
                self.pump.wait(_FAREWELL)
        self.pump.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.pump.close()


ImapConnection = Connection[ImapCommand, ImapEvent, imap_flows.Greeted]
Pop3Connection = Connection[Pop3Command, Pop3Event, pop3_flows.Greeted]
SmtpConnection = Connection[SmtpCommand, SmtpEvent, smtp_flows.Greeted]


def open_imap(
    endpoint: Endpoint,
    secret: Secret,
    *,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None = None,
) -> ImapConnection:
    """Sign in to an IMAP server."""
    pump: Pump[ImapCommand, ImapEvent] = _pump(
        endpoint,
        ImapEngine(disabled=endpoint.disabled),
        (secret,),
        deadlines,
        cancel,
        transcript,
        _imap_farewell,
    )
    flow = imap_flows.sign_in(endpoint, secret, protected=_protected(endpoint))
    return Connection(pump, _signed_in(pump, flow), imap.Logout())


def open_pop3(
    endpoint: Endpoint,
    secret: Secret,
    *,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None = None,
) -> Pop3Connection:
    """Sign in to a POP3 server."""
    pump: Pump[Pop3Command, Pop3Event] = _pump(
        endpoint, Pop3Engine(disabled=endpoint.disabled), (secret,), deadlines, cancel, transcript, None
    )
    flow = pop3_flows.sign_in(endpoint, secret, protected=_protected(endpoint))
    return Connection(pump, _signed_in(pump, flow), pop3.Quit())


def open_smtp(
    endpoint: Endpoint,
    secret: Secret | None,
    *,
    ehlo: str,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None = None,
) -> SmtpConnection:
    """Greet a submission server, and sign in if there is a secret."""
    secrets = (secret,) if secret is not None else ()
    pump: Pump[SmtpCommand, SmtpEvent] = _pump(
        endpoint,
        SmtpEngine(disabled=endpoint.disabled),
        secrets,
        deadlines,
        cancel,
        transcript,
        _smtp_farewell,
    )
    flow = smtp_flows.sign_in(endpoint, secret, ehlo=ehlo, protected=_protected(endpoint))
    return Connection(pump, _signed_in(pump, flow), smtp.Quit())


def _pump(
    endpoint: Endpoint,
    engine: Engine[C, E],
    secrets: tuple[Secret, ...],
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None,
    farewell: Callable[[E], str] | None,
) -> Pump[C, E]:
    trace = None
    if transcript is not None:
        trace = transcript.connection(endpoint.label, endpoint.protocol)
        trace.hide(*(s.text for s in secrets))

    def start_tls(stream: Stream) -> None:
        secure(stream, endpoint, deadlines, cancel)
        _note_tls(stream, trace)

    try:
        stream = dial(endpoint, deadlines, cancel)
    except MailcliError as error:
        if trace is not None:
            trace.note(error.message)
        raise
    _note_tls(stream, trace)
    return Pump(
        stream,
        engine,
        deadlines=deadlines,
        cancel=cancel,
        trace=trace,
        start_tls=start_tls,
        farewell=farewell,
        greeting_hint="" if endpoint.tls is Tls.IMPLICIT else _IS_IT_TLS,
    )


def _note_tls(stream: Stream, trace: Trace | None) -> None:
    if trace is not None and stream.tls is not None:
        trace.note("{0.version} {0.cipher}".format(tls.facts(stream.tls)))


def _signed_in(pump: Pump[C, E], flow: Flow[C, E, G]) -> G:
    try:
        return pump.run(flow)
    except BaseException:
        pump.close()
        raise


def _protected(endpoint: Endpoint) -> bool:
    """Whether credentials may travel before STARTTLS: under TLS, or where `dial` let cleartext be
    (loopback, or `allow_cleartext`)."""
    return endpoint.tls is not Tls.STARTTLS


def _imap_farewell(event: ImapEvent) -> str:
    return event.text if isinstance(event, Bye) else ""


def _smtp_farewell(event: SmtpEvent) -> str:
    return event.reply.full if isinstance(event, Closing) else ""
