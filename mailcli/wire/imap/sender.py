"""The sending half of the engine: the queue, pipelining, barriers and literals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from mailcli.errors import LocalProtocolError
from mailcli.wire.imap import commands as c
from mailcli.wire.imap import events as e
from mailcli.wire.imap.encode import Literal, Segment, Style, encode
from mailcli.wire.imap.entry import (
    ALONE,
    BARRIERS,
    BEFORE_SIGN_IN,
    CHANGES_SELECTION,
    NEEDS_SELECTION,
    Entry,
)
from mailcli.wire.imap.names import Names
from mailcli.wire.sasl import Exchange

_MOST_CHALLENGES: Final = 16
_RESPONSE_ROOM: Final = 8000
"""Octets of an initial response that a command line may carry: servers cut lines at 8 KB or more."""
_LITERAL_MINUS: Final = 4096  # RFC 7888 §5


class Sender:
    """Commands in, octets out, in the order of `queue`, as far ahead of the answers as is legal."""

    def __init__(self) -> None:
        self.names = Names()
        self.capabilities: frozenset[str] = frozenset()
        self.signed_in = False
        self.awaiting_tls = False
        self.compressing = False
        self.logout_tag = 0
        self._secured = False
        self._last = 0  # the highest tag given
        self._queue: deque[Entry] = deque()
        self._sent: dict[int, Entry] = {}  # in the order of writing
        self._waiting: set[int] = set()  # tags not completed
        self._out: list[bytes] = []
        self._paused: deque[Segment] | None = None  # what follows a synchronising literal's marker
        self._paused_tag = 0
        self._barrier: Entry | None = None
        self._selection = 0  # tag of the latest SELECT queued
        self._selectable = False  # whether a mailbox is, or is about to be, selected
        self._exchanges: dict[int, Exchange] = {}  # of AUTHENTICATE, by tag, once it is written

    # --- queueing ---

    def queue(self, command: c.Command) -> int:
        """Raises LocalProtocolError for a command that is illegal now, or cannot be written."""
        if isinstance(command, c.Done):
            return self._queue_done()
        kind = type(command)
        self._check(kind)
        self._try_encoding(command)
        self._last += 1
        tag = self._last
        if kind is c.Select:
            self._selection, self._selectable = tag, True
        elif kind is c.Unselect:
            self._selectable = False
        elif kind is c.Logout:
            self.logout_tag = tag
        elif kind in (c.Login, c.Authenticate):
            self.signed_in = True
        needs = kind in NEEDS_SELECTION
        self._queue.append(Entry(tag, command, self._selection if needs else 0))
        self._waiting.add(tag)
        return tag

    def _check(self, kind: type[c.Command]) -> None:
        name = kind.__name__
        if self.logout_tag:
            raise LocalProtocolError(f"{name} after Logout")
        if kind in (c.Login, c.Authenticate, c.StartTls):
            if self.signed_in:
                raise LocalProtocolError(f"{name} when signed in")
            if kind is c.StartTls and (self._secured or self.awaiting_tls):
                raise LocalProtocolError("StartTls twice")
        elif kind not in BEFORE_SIGN_IN and not self.signed_in:
            raise LocalProtocolError(f"{name} before signing in")
        if kind in NEEDS_SELECTION and not self._selectable:
            raise LocalProtocolError(f"{name} without a selected mailbox")
        if kind is c.Compress and self.compressing:
            raise LocalProtocolError("Compress twice")

    def _queue_done(self) -> int:
        idle = next((q for q in reversed(self._queue) if q.kind is c.Idle), None)
        if idle is None and self._barrier is not None and self._barrier.kind is c.Idle:
            idle = self._barrier
        self._last += 1
        if idle is None:
            return self._last  # the server has ended IDLE before us: nothing is left to do
        if idle.done_tag:
            raise LocalProtocolError("Done twice")
        idle.done_tag = self._last
        self._waiting.add(self._last)
        return self._last

    def _try_encoding(self, command: c.Command) -> None:
        """Raise now what writing it would raise later."""
        style = self._style()
        encode(command, style)
        if not style.utf8 and any(isinstance(q.command, c.Enable) for q in self._all()):
            encode(command, style._replace(utf8=True))

    def _all(self) -> Iterator[Entry]:
        yield from self._sent.values()
        yield from self._queue

    def _style(self) -> Style:
        return Style(self.names, self.names.utf8, "BINARY" in self.capabilities)

    # --- writing ---

    def take(self) -> bytes:
        """All that may be written now."""
        while self._paused is None and not self.awaiting_tls:
            if self._barrier is not None:
                self._end_idle()
                break
            if not self._queue or not self._may_write(self._queue[0]):
                break
            self._write(self._queue.popleft())
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _may_write(self, entry: Entry) -> bool:
        if entry.kind in ALONE:
            return not self._sent
        if entry.kind in CHANGES_SELECTION and entry.selection in self._waiting:
            return False
        return not (self._enabling_utf8() and self._depends_on_utf8(entry))

    def _enabling_utf8(self) -> bool:
        return not self.names.utf8 and any(
            isinstance(q.command, c.Enable) and "UTF8=ACCEPT" in map(str.upper, q.command.names)
            for q in self._sent.values()
        )

    def _depends_on_utf8(self, entry: Entry) -> bool:
        """Names and strings are spelt another way afterwards; plain ones are the same either way."""
        before = self._style()
        return encode(entry.command, before) != encode(entry.command, before._replace(utf8=True))

    def _write(self, entry: Entry) -> None:
        self._sent[entry.tag] = entry
        if entry.kind in BARRIERS:
            self._barrier = entry
        segments: deque[Segment]
        if isinstance(entry.command, c.Authenticate):
            # RFC 4959; an initial response that the command may not carry answers the first challenge.
            room = _RESPONSE_ROOM if "SASL-IR" in self.capabilities else 0
            exchange = self._exchanges[entry.tag] = Exchange(entry.command.mechanism, room=room)
            segments = deque([b"AUTHENTICATE " + exchange.words])
        else:
            segments = deque(encode(entry.command, self._style()))
        segments.appendleft(b"A%d " % entry.tag)
        segments.append(b"\r\n")
        self._write_segments(entry.tag, segments)

    def _write_segments(self, tag: int, segments: deque[Segment]) -> None:
        while segments:
            segment = segments.popleft()
            if not isinstance(segment, Literal):
                self._out.append(segment)
                continue
            size = len(segment.data)
            at_once = "LITERAL+" in self.capabilities or (
                size <= _LITERAL_MINUS and not self.capabilities.isdisjoint(("LITERAL-", "IMAP4REV2"))
            )
            tilde, plus = b"~" if segment.binary else b"", b"+" if at_once else b""
            self._out.append(b"%s{%d%s}\r\n" % (tilde, size, plus))
            segments.appendleft(segment.data)
            if not at_once:
                self._paused, self._paused_tag = segments, tag
                return

    def _end_idle(self) -> None:
        idle = self._barrier
        if idle is not None and idle.done_tag and idle.kind is c.Idle and idle.steps == 1:
            idle.steps = 2
            self._out.append(b"DONE\r\n")

    # --- what the server's answers change ---

    def go_on(self, text: bytes) -> list[e.Event] | None:
        """A continuation request; None if nothing waits for one."""
        if self._paused is not None:
            segments, self._paused = self._paused, None
            self._write_segments(self._paused_tag, segments)
            return []
        barrier = self._barrier
        if barrier is not None and barrier.kind is c.Idle and barrier.steps == 0:
            barrier.steps = 1
            return [e.Idling()]
        if barrier is not None and isinstance(barrier.command, c.Authenticate):
            return self._answer_challenge(barrier, barrier.command, text)
        return None

    def _answer_challenge(self, entry: Entry, command: c.Authenticate, text: bytes) -> list[e.Event] | None:
        if entry.steps < 0:
            return None  # broken off already
        entry.steps += 1
        answer = b"*" if entry.steps > _MOST_CHALLENGES else self._exchanges[entry.tag].answer(text)
        self._out.append(answer + b"\r\n")
        if answer == b"*":
            entry.steps = -1
            refusal = command.mechanism.refusal
            if refusal is None:
                return [e.Cancelled("the server asks without end", "")]
            return [e.Cancelled(refusal.message, refusal.hint)]
        return []

    def awaits(self, tag: int) -> bool:
        """Whether the command of this tag was written and not completed."""
        return tag in self._sent

    def command(self, tag: int) -> c.Command:
        """Of a tag that `awaits`."""
        return self._sent[tag].command

    def done(self, tag: int) -> bool:
        return 0 < tag <= self._last and tag not in self._waiting

    def front(self) -> Entry | None:
        """The oldest command that was written and not completed."""
        return next(iter(self._sent.values()), None)

    def next_select(self) -> tuple[int, c.Select] | None:
        """The oldest SELECT that was written and not completed."""
        for tag, entry in self._sent.items():
            if isinstance(entry.command, c.Select):
                return tag, entry.command
        return None

    def complete(self, tag: int, *, ok: bool) -> list[tuple[int, bool, str]]:
        """The tagged response of a written command. Returns what completes with it: (tag, whether
        it shares the status, why else it was refused unwritten)."""
        entry = self._sent.pop(tag)
        self._waiting.discard(tag)
        if self._paused_tag == tag:
            self._paused = None  # the literal was refused
        also: list[tuple[int, bool, str]] = []
        if entry is self._barrier:
            self._barrier = None
        self._exchanges.pop(tag, None)
        if entry.done_tag:
            self._waiting.discard(entry.done_tag)
            also.append((entry.done_tag, True, ""))
        if entry.kind is c.StartTls:
            self.awaiting_tls = ok
        elif entry.kind is c.Compress:
            self.compressing = ok
        elif not ok and entry.kind in (c.Login, c.Authenticate):
            self.signed_in = False
            also += self._refuse(
                [q for q in self._queue if q.kind not in BEFORE_SIGN_IN], "not sent: signing in failed"
            )
        elif not ok and entry.kind is c.Select:
            self._selectable = self._selectable and self._selection != tag
            also += self._refuse(
                [q for q in self._queue if q.selection == tag], "not sent: the folder was not opened"
            )
        return also

    def _refuse(self, entries: list[Entry], why: str) -> list[tuple[int, bool, str]]:
        also = []
        for entry in entries:
            self._queue.remove(entry)
            for tag in filter(None, (entry.tag, entry.done_tag)):
                self._waiting.discard(tag)
                also.append((tag, False, why))
        return also

    def secured(self) -> None:
        """TLS is up: what the server said in the clear may have been anybody's (RFC 9051 §6.2.1)."""
        self.awaiting_tls = False
        self._secured = True
        self.capabilities = frozenset()
        self.names.forget()
