"""Signing in to an IMAP server, without a socket."""

from __future__ import annotations

from typing import NamedTuple

from mailcli.model.account import Endpoint, Secret
from mailcli.wire.flow import Flow
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import Event


class Greeted(NamedTuple):
    """A signed-in session: capabilities after login; the server's ID if it was told; the greeting's
    text; the [ALERT]s met on the way, which must be shown."""

    capabilities: frozenset[str]
    server_id: tuple[tuple[str, str], ...] | None = None
    greeting: str = ""
    alerts: tuple[str, ...] = ()


def sign_in(endpoint: Endpoint, secret: Secret, *, protected: bool) -> Flow[Command, Event, Greeted]:
    raise NotImplementedError
