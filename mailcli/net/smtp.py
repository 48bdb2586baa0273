"""Signed-in SMTP submission connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.model.account import Endpoint, Secret
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.sessions import Binding, Connection, establish, protected
from mailcli.wire.smtp import commands, flows
from mailcli.wire.smtp.commands import SmtpCommand
from mailcli.wire.smtp.engine import SmtpEngine
from mailcli.wire.smtp.events import Closing, SmtpEvent

if TYPE_CHECKING:
    from mailcli.net.ahead import Ahead
    from mailcli.net.trace import Transcript

SmtpConnection = Connection[SmtpCommand, SmtpEvent, flows.Greeted]


def open_smtp(
    endpoint: Endpoint,
    secret: Secret | None,
    *,
    ehlo: str,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None = None,
    ahead: Ahead | None = None,
) -> SmtpConnection:
    """Greet a submission server as `ehlo`, and sign in if there is a secret."""
    binding = Binding()
    return establish(
        endpoint,
        SmtpEngine(disabled=endpoint.disabled),
        flows.sign_in(
            endpoint, secret, ehlo=ehlo, protected=protected(endpoint), binding=binding, lmtp=endpoint.lmtp
        ),
        commands.Quit(),
        secret=secret,
        deadlines=deadlines,
        cancel=cancel,
        transcript=transcript,
        ahead=ahead,
        binding=binding,
        farewell=_farewell,
    )


def _farewell(event: SmtpEvent) -> str:
    return event.reply.full if isinstance(event, Closing) else ""
