"""The shape the three protocol engines share.

An engine holds no socket, clock, thread or file. Bytes from the server go in, events come out;
commands go in, bytes for the server come out. Whoever owns the socket (`net.pump`) carries bytes
between the two. Being alike in three methods is all the engines have in common: there is no base
class.

Law, held by property tests: whatever bytes arrive, `receive` returns events or raises
RemoteProtocolError, and how the bytes were split never changes the events.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

Command_contra = TypeVar("Command_contra", contravariant=True)
Event = TypeVar("Event")

Tag = int
"""Names a command in its `Completed` event. Counts from 1 in the order of `send`."""


class Engine(Protocol[Command_contra, Event]):
    """What `net.pump` needs of a protocol engine."""

    def send(self, command: Command_contra, /) -> Tag:
        """Queue a command, behind all queued before it. It is pipelined unless a barrier stands
        before it (STARTTLS, AUTHENTICATE, COMPRESS, IDLE).

        Raises LocalProtocolError if the command is illegal in this state, MessageMalformed for text
        that the protocol cannot carry. After the end of the connection an engine may raise
        Unreachable or TryAgain here, or take the command and never write it.
        """
        ...

    def outgoing(self) -> bytes:
        """Take what may be written now; b"" if nothing. Stalls at a synchronising literal, a
        SASL challenge or a barrier until the server has answered."""
        ...

    def receive(self, data: bytes, /) -> list[Event]:
        """Take bytes from the server, give the events they complete. b"" is EOF.

        Raises RemoteProtocolError when the stream cannot be understood any more, after which the
        engine refuses all further use. If good answers came before the break, an engine may give
        these first, be `closed`, and raise at the next call.
        """
        ...

    def done(self, tag: Tag, /) -> bool:
        """Whether the command of this tag has completed; tag 0 is the greeting."""
        ...

    @property
    def closed(self) -> bool:
        """True after EOF, or once the server has said good-bye."""
        ...

    def start_tls(self) -> None:
        """The socket's owner has just completed a TLS handshake: forget all that was learnt in
        the clear (RFC 9051 §6.2.1). Raises StartTlsInjection if undigested bytes are held."""
        ...
