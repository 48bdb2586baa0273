"""The IMAP engine: bytes in, events out (RFC 9051, RFC 3501). See `wire.engine` for the contract."""

from __future__ import annotations

from collections.abc import Collection

from mailcli.wire.engine import Tag
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import Event


class ImapEngine:
    """One IMAP session. `disabled` names capabilities to overlook."""

    def __init__(self, *, disabled: Collection[str] = ()) -> None:
        self.capabilities: frozenset[str] | None = None

    def send(self, command: Command, /) -> Tag:
        raise NotImplementedError

    def outgoing(self) -> bytes:
        raise NotImplementedError

    def receive(self, data: bytes, /) -> list[Event]:
        raise NotImplementedError

    def done(self, tag: Tag, /) -> bool:
        raise NotImplementedError

    @property
    def closed(self) -> bool:
        raise NotImplementedError

    def start_tls(self) -> None:
        raise NotImplementedError
