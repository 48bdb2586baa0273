"""Carries octets between an engine and its socket, and drives flows.

One thread owns a pump. It polls for reading and writing at once, so that neither side can block
the other on full buffers; it ends every wait at a deadline, and at once when cancelled.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from mailcli.errors import MailcliError, RemoteProtocolError, StartTlsInjection, TimedOut, Unreachable
from mailcli.model import printable
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import LEAST_RATE, Deadlines
from mailcli.net.stream import Stream
from mailcli.wire.engine import Engine, Tag
from mailcli.wire.flow import Call, Flow, Greet, StartTls

if TYPE_CHECKING:
    from mailcli.net.trace import Trace

C = TypeVar("C")
E = TypeVar("E")
R = TypeVar("R")

_PROGRESS = 512
"""Octets that count as a sign of life when they complete no event."""
_WRONG = "is this the right port? --transcript FILE shows the conversation"
_GOODBYE = 5.0
"""Seconds for the rest of the answer and the end of the connection after a BYE."""


class Pump(Generic[C, E]):
    """A conversation with one server.

    `stream` is connected (and under TLS if that is implicit); `start_tls` does the handshake of a
    STARTTLS step on it; `farewell` finds the text of an event that announces the end (a BYE), for
    the error when the server then closes; `greeting_hint` goes with the error when no greeting
    comes. After any error the pump is of no more use: close it.
    `received` and `sent` count octets, without TLS's own.
    """

    def __init__(
        self,
        stream: Stream,
        engine: Engine[C, E],
        *,
        deadlines: Deadlines,
        cancel: CancelToken,
        trace: Trace | None = None,
        start_tls: Callable[[Stream], None] | None = None,
        farewell: Callable[[E], str] | None = None,
        greeting_hint: str = "",
    ) -> None:
        self.stream = stream
        self.engine = engine
        self.deadlines = deadlines
        self.cancel = cancel
        self.label = stream.label
        self.received = 0
        self.sent = 0
        self._trace = trace
        self._start_tls = start_tls
        self._farewell = farewell
        self._greeting_hint = greeting_hint
        self._last_words = ""
        self._ended = False

    def fileno(self) -> int:
        return self.stream.fileno()

    # -- talking

    def send(self, *commands: C) -> list[Tag]:
        """Queue commands and write what can be written without waiting; their tags.

        Raises LocalProtocolError for a command that is illegal now, Unreachable.
        """
        tags = [self.engine.send(command) for command in commands]
        self._write()
        return tags

    def events(self, tag: Tag, *, patience: float | None = None) -> Iterator[list[E]]:
        """Batches of events as they arrive, until the command of `tag` has completed.

        Each batch is whole: the last may hold events that belong behind `tag`. `patience` is the
        silence allowed in seconds (default: `deadlines.reply`). Raises TimedOut, Unreachable
        (also when the server closes the connection first), RemoteProtocolError, Interrupted.
        """
        return self._until((tag,), "waiting for a reply", patience or self.deadlines.reply)

    def call(self, *commands: C, behind: Sequence[C] = (), patience: float | None = None) -> list[E]:
        """Send commands as one flight; all events until every one of them has completed (and what came with
        the last). Those `behind` are sent with them, and not waited for."""
        tags = self.send(*commands, *behind)[: len(commands)]
        batches = self._until(tuple(tags), "waiting for a reply", patience or self.deadlines.reply)
        return [event for batch in batches for event in batch]

    def drain(self, *, acknowledged: bool = True) -> list[E]:
        """Wait until the peer has acknowledged all that was sent, as far as the kernel can say (or until
        the kernel has taken it); events that arrive meanwhile. Raises TimedOut, Unreachable."""
        watch = _Watch(self.stream, self.deadlines, "sending", self.deadlines.reply, "")
        events: list[E] = []
        pause = 0.001
        while self.stream.unsent or (acknowledged and self.stream.in_transit()):
            batch = self._turn(watch.end if self.stream.unsent else min(watch.end, time.monotonic() + pause))
            pause = min(pause * 2, 0.05)
            events += batch
            watch.check(alive=bool(batch))
            if self._ended or self.engine.closed:
                raise self._lost()
        return events

    def wait(self, seconds: float) -> list[E]:
        """Events that arrive within `seconds` (the first batch ends the wait); [] if none do.

        For IDLE: silence is no error here, the end of the connection is.
        """
        end = self.deadlines.until(seconds)
        while True:
            batch = self._turn(end)
            if batch:
                return batch
            if self._ended:
                raise self._lost()
            if time.monotonic() >= end:
                return []

    def run(self, flow: Flow[C, E, R]) -> R:
        """Drive a flow to its end; its result. Errors are those of `events`, raised at the flow's step, and
        the flow's own."""
        try:
            step = next(flow)
            while True:
                try:
                    answer = self._step(step)
                except MailcliError as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(answer)
        except StopIteration as stop:
            result: R = stop.value
            return result
        finally:
            flow.close()

    def _step(self, step: Greet | Call[C] | StartTls) -> list[E]:
        if isinstance(step, Greet):
            limit = self.deadlines.greeting
            batches = self._until((0,), "waiting for the greeting", limit, self._greeting_hint)
            return [event for batch in batches for event in batch]
        if isinstance(step, Call):
            return self.call(*step.commands, behind=step.behind)
        self._secure()
        return []

    def _secure(self) -> None:
        if self._start_tls is None:
            raise StartTlsInjection(f"{self.label}: STARTTLS is not configured for this connection")
        self._write()
        if self.stream.unsent or self.stream.tls is not None:
            raise StartTlsInjection(f"{self.label}: STARTTLS in the middle of something else")
        self.stream.forbid_early_data()
        try:
            # Before the handshake: what the engine holds was injected, and nothing reaches it
            # until the handshake is done.
            self.engine.start_tls()
        except RemoteProtocolError as error:
            raise type(error)(f"{self.label}: {error.message}", hint=error.hint) from error
        self._start_tls(self.stream)

    def close(self, *goodbye: C) -> None:
        """Close the connection at once, `goodbye` and the end in one write. Never raises; may be called
        again."""
        if goodbye:
            with contextlib.suppress(MailcliError):
                for command in goodbye:
                    self.engine.send(command)
                self._queue()
        self.stream.close()
        if self._trace is not None:
            self._trace.close()
            self._trace = None

    # -- the loop

    def _until(self, tags: tuple[Tag, ...], phase: str, patience: float, hint: str = "") -> Iterator[list[E]]:
        watch = _Watch(self.stream, self.deadlines, phase, patience, hint)
        while not all(map(self.engine.done, tags)):
            if self._ended:
                raise self._lost()
            closing = self.engine.closed
            batch = self._turn(watch.end if not closing else watch.short())
            if closing and not batch and time.monotonic() >= watch.end:
                raise self._over()
            watch.check(alive=bool(batch))
            if batch:
                yield batch

    def _turn(self, end: float) -> list[E]:
        """Write what can be written, wait, read what there is: one round of the loop."""
        self._write()
        if not self.stream.pending and not self.stream.wait(end, self.cancel):
            return []
        self.cancel.check()
        try:
            data = self.stream.read()
        except Unreachable as error:
            if self._last_words:
                raise self._lost() from error
            raise
        if data is None:
            return []
        self.received += len(data)
        if self._trace is not None:
            self._trace.received(data)
        self._ended = data == b""
        try:
            events = self.engine.receive(data)
        except RemoteProtocolError as error:
            hint = error.hint or _WRONG
            raise type(error)(f"{self.label}: {error.message}", hint=hint) from error
        if self._farewell is not None:
            for event in events:
                self._last_words = self._farewell(event) or self._last_words
        return events

    def _write(self) -> None:
        self._queue()
        self.stream.flush()

    def _queue(self) -> None:
        data = self.engine.outgoing()
        if data:
            self.sent += len(data)
            if self._trace is not None:
                self._trace.sent(data)
            self.stream.write(data)

    def _over(self) -> MailcliError:
        """The engine is at its end, and the server leaves the connection open: why it is over."""
        try:
            self.engine.receive(b"")
        except RemoteProtocolError as error:
            return type(error)(f"{self.label}: {error.message}", hint=error.hint or _WRONG)
        return self._lost()

    def _lost(self) -> MailcliError:
        said = f" ({printable.line(self._last_words)})" if self._last_words else ""
        return Unreachable(f"{self.label} closed the connection{said}", hint="try again later")


class _Watch:
    """The patience of one wait: `end` is when silence becomes an error."""

    def __init__(self, stream: Stream, deadlines: Deadlines, phase: str, patience: float, hint: str) -> None:
        self._stream = stream
        self._deadlines = deadlines
        self._phase = phase
        self._patience = patience
        self._hint = hint
        self._seen = self._window_seen = stream.octets
        self._window = time.monotonic() + deadlines.content
        self.end = deadlines.until(patience)

    def short(self) -> float:
        """The end once the server has said good-bye: what is still to come comes soon."""
        self.end = min(self.end, time.monotonic() + _GOODBYE)
        return self.end

    def check(self, *, alive: bool) -> None:
        """Call after every turn. Raises TimedOut if the peer is silent or drips."""
        now, octets = time.monotonic(), self._stream.octets
        if self._deadlines.overall is not None and now >= self._deadlines.overall:
            raise self._expired()
        if alive or octets - self._seen >= _PROGRESS:
            self._seen = octets
            self.end = self._deadlines.until(self._patience)
        elif now >= self.end:
            raise self._expired()
        if now >= self._window:
            if octets - self._window_seen < LEAST_RATE * self._deadlines.content:
                raise TimedOut(
                    f"{self._stream.label}: less than {LEAST_RATE} octets a second"
                    f" for {self._deadlines.content:g} seconds ({self._phase})",
                    hint="try again later",
                )
            self._window, self._window_seen = now + self._deadlines.content, octets

    def _expired(self) -> TimedOut:
        return self._deadlines.expired(self._stream.label, self._phase, self._patience, hint=self._hint)
