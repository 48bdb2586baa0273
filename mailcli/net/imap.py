"""Signed-in IMAP connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.model.account import Endpoint, Secret
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.sessions import Binding, Connection, establish, protected
from mailcli.wire.imap import commands, flows
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.events import Bye, Event

if TYPE_CHECKING:
    from mailcli.net.ahead import Ahead
    from mailcli.net.trace import Transcript

ImapConnection = Connection[Command, Event, flows.Greeted]


def open_imap(
    endpoint: Endpoint,
    secret: Secret | None,
    *,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None = None,
    ahead: Ahead | None = None,
) -> ImapConnection:
    """Sign in to an IMAP server; without a secret it has to say that we are (PREAUTH)."""
    binding = Binding()
    return establish(
        endpoint,
        ImapEngine(disabled=endpoint.disabled),
        flows.sign_in(endpoint, secret, protected=protected(endpoint), binding=binding),
        commands.Logout(),
        secret=secret,
        deadlines=deadlines,
        cancel=cancel,
        transcript=transcript,
        ahead=ahead,
        binding=binding,
        farewell=_farewell,
    )


def _farewell(event: Event) -> str:
    return event.text if isinstance(event, Bye) else ""
