"""Flows: conversations of several turns, as generators that never touch a socket.

A flow yields one of the steps below and is sent the events that answer it, so that signing in can
be tested with a list of replies, and so that a step cannot be skipped: the next one does not exist
until the generator reaches it.

    def sign_in(...) -> Flow[ImapCommand, ImapEvent, Session]:
        greeting = yield Greet()               # the server's greeting
        events = yield Call(Capability())      # one flight: send, wait for the end of all
        yield StartTls()                       # handshake now
        return Session(...)

The driver is `net.pump.Pump.run`; tests drive flows by hand.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Generic, TypeVar

C = TypeVar("C")
E = TypeVar("E")
R = TypeVar("R")


class Greet:
    """Wait for the greeting. The flow is sent the events up to and with it."""


class Call(Generic[C]):
    """Queue commands as one flight and wait until the last is completed; `behind` are queued with them,
    and not waited for.

    The flow is sent every event from the queueing up to and with the last Completed, and those that came
    in one piece with it.
    """

    def __init__(self, *commands: C, behind: Sequence[C] = ()) -> None:
        self.commands = commands
        self.behind = behind


class StartTls:
    """Do the TLS handshake now and tell the engine; the flow is sent []."""


Flow = Generator[Greet | Call[C] | StartTls, list[E], R]
