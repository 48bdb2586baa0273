"""Signed-in POP3 connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailcli.model.account import Endpoint, Secret
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.net.sessions import Binding, Connection, establish, protected
from mailcli.wire.pop3 import commands, flows
from mailcli.wire.pop3.commands import Pop3Command
from mailcli.wire.pop3.engine import Pop3Engine
from mailcli.wire.pop3.events import Pop3Event

if TYPE_CHECKING:
    from mailcli.net.ahead import Ahead
    from mailcli.net.trace import Transcript

Pop3Connection = Connection[Pop3Command, Pop3Event, flows.Greeted]


def open_pop3(
    endpoint: Endpoint,
    secret: Secret | None,
    *,
    deadlines: Deadlines,
    cancel: CancelToken,
    transcript: Transcript | None = None,
    ahead: Ahead | None = None,
    known: flows.Offers | None = None,
    behind: Sequence[Pop3Command] = (),
) -> Pop3Connection:
    """Sign in to a POP3 server. `known` and `behind` are those of `flows.sign_in`."""
    binding = Binding()
    pipelining = known is not None and known.after is not None and "PIPELINING" in known.after
    return establish(
        endpoint,
        Pop3Engine(disabled=endpoint.disabled, pipelining=pipelining),
        flows.sign_in(
            endpoint, secret, protected=protected(endpoint), binding=binding, known=known, behind=behind
        ),
        commands.Quit(),
        secret=secret,
        deadlines=deadlines,
        cancel=cancel,
        transcript=transcript,
        ahead=ahead,
        binding=binding,
    )
