"""The SMTP and LMTP client engine: bytes in, events out (RFC 5321, 2033, 2920, 3030).

What may be written when:

    greeting   nothing before a 220; after any other banner only QUIT
    PIPELINING all that is queued, but EHLO, STARTTLS, AUTH, DATA, NOOP and QUIT end a flight
               (RFC 2920 §3.1, RFC 4954 §4): what is behind them waits until they are answered
    otherwise  one command, then its reply
    Body       after the 354 to its Data, and first in its flight; what is behind it may follow
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from mailcli.errors import (
    LocalProtocolError,
    MessageMalformed,
    RemoteProtocolError,
    StartTlsInjection,
    TryAgain,
    Unreachable,
)
from mailcli.wire.dotstuff import TERMINATOR, stuff
from mailcli.wire.engine import Tag
from mailcli.wire.lines import LineBuffer
from mailcli.wire.sasl import Exchange
from mailcli.wire.smtp.commands import (
    Authenticate,
    Bdat,
    Body,
    Data,
    Ehlo,
    Helo,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    SmtpCommand,
    StartTls,
)
from mailcli.wire.smtp.encode import MAX_LINE, encode, has_smtputf8
from mailcli.wire.smtp.events import Closing, Completed, Greeting, Reply, SmtpEvent
from mailcli.wire.smtp.reply import ReplyReader, extensions, with_status

_END_FLIGHT: Final = (Ehlo, Lhlo, Helo, StartTls, Authenticate, Data, Noop, Quit)
_RESPONSE_ROOM: Final = MAX_LINE - len(b"AUTH SCRAM-SHA-256-PLUS \r\n")

_GREETING, _READY, _REFUSED, _HANDSHAKE, _CLOSED = range(5)


class _Entry:
    """A queued command, and what has come of it."""

    __slots__ = ("cancelled", "command", "exchange", "octets", "replies", "tag")

    def __init__(self, tag: Tag, command: SmtpCommand, octets: bytes) -> None:
        self.tag = tag
        self.command = command
        self.octets = octets
        self.exchange: Exchange | None = None
        self.cancelled = False
        self.replies: list[Reply] = []


class SmtpEngine:
    """Satisfies `wire.engine.Engine[SmtpCommand, SmtpEvent]`.

    `disabled` names extensions (EHLO keywords in any case) to treat as if they were not offered.
    """

    def __init__(self, *, disabled: Iterable[str] = ()) -> None:
        self._disabled = frozenset(name.upper() for name in disabled)
        self._buffer = LineBuffer(bare_lf=True)
        self._reader = ReplyReader()
        self._state = _GREETING
        self._queue: deque[_Entry] = deque()  # not written yet
        self._pending: deque[_Entry] = deque()  # written, not answered
        self._urgent = b""  # the answer to a SASL challenge
        self._last_tag: Tag = 0
        self._completed: Tag = -1
        self._pipelining = False
        self._lmtp = False
        self._smtputf8 = False  # of the last Mail queued
        self._body_due = False  # Data was queued and not refused; its last Body was not queued
        self._in_body = False  # a piece of a Body was written, its end was not
        self._quitting = False
        self._accepted = 0  # recipients of the transaction the replies are in
        self._goodbye: Reply | None = None
        self._error: RemoteProtocolError | None = None

    # -- commands ----------------------------------------------------------------------------

    def send(self, command: SmtpCommand) -> Tag:
        """Queue a command; see `wire.engine.Engine`.

        Raises MessageMalformed for text that cannot be sent, TryAgain or Unreachable if the
        server has closed, LocalProtocolError for what is out of order.
        """
        self._check(command)
        tag = self._last_tag + 1
        entry = _Entry(tag, command, b"")
        if isinstance(command, Authenticate):
            entry.exchange = Exchange(command.mechanism, room=_RESPONSE_ROOM)
            entry.octets = b"AUTH %s\r\n" % entry.exchange.words
        elif isinstance(command, Body):
            entry.octets = _body(command)
            self._body_due = not command.last
        else:
            if isinstance(command, Mail):
                self._smtputf8 = has_smtputf8(command)
            entry.octets = encode(command, smtputf8=self._smtputf8)
            self._body_due = isinstance(command, Data)
        self._quitting = isinstance(command, Quit)
        self._last_tag = tag
        self._queue.append(entry)
        return tag

    def _check(self, command: SmtpCommand) -> None:
        name = type(command).__name__
        if self._goodbye:
            raise TryAgain(f"the server has closed the connection: {self._goodbye.full}")
        if self._error or self._quitting:
            raise LocalProtocolError(f"{name} after the end of the session")
        if self._state == _CLOSED:
            raise Unreachable("the connection is at its end")
        if self._state == _REFUSED and not isinstance(command, Quit):
            raise LocalProtocolError(f"{name} after a greeting that allows none")
        if isinstance(command, Body) != self._body_due:
            raise LocalProtocolError(f"{name} is out of order: Data and Body belong together")

    def outgoing(self) -> bytes:
        """See `wire.engine.Engine`."""
        out = [self._urgent]
        self._urgent = b""
        while self._queue and self._may_write(self._queue[0]):
            entry = self._queue.popleft()
            out.append(entry.octets)
            entry.octets = b""
            if isinstance(entry.command, Body):
                self._in_body = not entry.command.last
                if self._in_body:
                    self._completed = entry.tag
                    continue
            if isinstance(entry.command, Lhlo):
                self._lmtp = True
            self._pending.append(entry)
        return b"".join(out)

    def _may_write(self, entry: _Entry) -> bool:
        if self._state == _REFUSED:
            return isinstance(entry.command, Quit)
        if self._state != _READY:
            return False
        if not self._pending:
            return True
        return self._pipelining and not isinstance(self._pending[-1].command, _END_FLIGHT)

    # -- replies -----------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[SmtpEvent]:
        """See `wire.engine.Engine`.

        If what breaks the protocol comes behind good replies, these are returned first (they may
        say that a message was accepted), `closed` becomes True, and the next call raises.
        """
        if self._error:
            raise self._error
        if not data:
            self._state = _CLOSED
        if self._state == _CLOSED:
            return []
        events: list[SmtpEvent] = []
        self._buffer.feed(data)
        try:
            while self._state not in (_CLOSED, _HANDSHAKE):
                line = self._buffer.line()
                if line is None:
                    break
                reply = self._reader.line(line)
                if reply:
                    self._replied(reply, events)
        except RemoteProtocolError as error:
            self._state = _CLOSED
            self._error = error
            self._urgent = b""
            if not events:
                raise
        return events

    def _replied(self, reply: Reply, events: list[SmtpEvent]) -> None:
        if self._completed < 0:
            self._greeted(reply, events)
        elif self._pending:
            self._answered(self._pending[0], reply, events)
        elif reply.code == 421 or (self._in_body and reply.code >= 400):
            reply = with_status(reply)
            events.append(Closing(reply))
            self._close(reply, events)
        else:
            raise RemoteProtocolError(f"the server answered without being asked: {reply.full}")

    def _greeted(self, reply: Reply, events: list[SmtpEvent]) -> None:
        self._completed = 0
        if reply.ok:
            self._state = _READY
            events.append(Greeting(reply))
            return
        reply = with_status(reply)
        events.append(Greeting(reply))
        if reply.code == 421:
            self._close(reply, events)
            return
        self._state = _REFUSED
        while self._queue and not isinstance(self._queue[0].command, Quit):
            self._drop(self._queue.popleft(), reply, events)

    def _answered(self, entry: _Entry, reply: Reply, events: list[SmtpEvent]) -> None:
        command = entry.command
        if not isinstance(command, (Ehlo, Lhlo, Helo)):
            reply = with_status(reply)
        if entry.exchange and reply.code == 334:
            if entry.cancelled:
                raise RemoteProtocolError("the server goes on with AUTH after it was cancelled")
            answer = entry.exchange.answer(reply.lines[0].encode())
            entry.cancelled = answer == b"*"
            self._urgent += answer + b"\r\n"
            return
        go_ahead = isinstance(command, Data) and reply.code == 354
        if reply.code < 400 and not go_ahead and (isinstance(command, Data) or not reply.ok):
            raise RemoteProtocolError(f"{reply.full} is no answer to {type(command).__name__.upper()}")
        closing = reply.code == 421
        entry.replies.append(reply)
        awaited = self._answers(command)
        if len(entry.replies) < awaited and not closing:
            return
        entry.replies += [reply] * (awaited - len(entry.replies))
        self._pending.popleft()
        self._completed = entry.tag
        stranded = go_ahead and not self._accepted
        self._learn(command, reply, events)
        events.append(Completed(entry.tag, reply, tuple(entry.replies)))
        if closing or stranded or isinstance(command, Quit):
            # Of a 354 without a recipient (RFC 2920 §3.1) one gets out by closing alone: even an
            # empty message would be a message.
            self._close(reply, events)
        elif isinstance(command, Data) and not go_ahead:
            self._drop_body(reply, events)

    def _answers(self, command: SmtpCommand) -> int:
        """How many replies a command gets: in LMTP one per recipient for a message (RFC 2033 §4.2)."""
        if self._lmtp and isinstance(command, (Body, Bdat)) and command.last:
            return max(1, self._accepted)
        return 1

    def _learn(self, command: SmtpCommand, reply: Reply, events: list[SmtpEvent]) -> None:
        if isinstance(command, (Ehlo, Lhlo)) and reply.ok:
            offered = extensions(reply, self._disabled)
            self._pipelining = "PIPELINING" in offered
            events.append(offered)
        elif isinstance(command, Helo):
            self._pipelining = False
        elif isinstance(command, StartTls) and reply.ok:
            self._state = _HANDSHAKE
        elif isinstance(command, Rcpt):
            self._accepted += reply.ok
        if isinstance(command, (Mail, Ehlo, Lhlo, Helo, Rset, Body)) or (
            isinstance(command, Bdat) and command.last
        ):
            self._accepted = 0

    def _drop_body(self, reply: Reply, events: list[SmtpEvent]) -> None:
        while self._queue and isinstance(command := self._queue[0].command, Body):
            self._drop(self._queue.popleft(), reply, events)
            if command.last:
                return
        self._body_due = False  # the rest of the body was not queued yet

    def _close(self, reply: Reply, events: list[SmtpEvent]) -> None:
        self._state = _CLOSED
        self._goodbye = reply if reply.code == 421 else None
        for entry in (*self._pending, *self._queue):
            self._drop(entry, reply, events)
        self._pending.clear()
        self._queue.clear()

    def _drop(self, entry: _Entry, reply: Reply, events: list[SmtpEvent]) -> None:
        self._completed = entry.tag
        if not isinstance(entry.command, Body) or entry.command.last:
            events.append(Completed(entry.tag, reply, (reply,), local=True))

    # -- state -------------------------------------------------------------------------------

    def done(self, tag: Tag) -> bool:
        """See `wire.engine.Engine`."""
        return tag <= self._completed

    @property
    def closed(self) -> bool:
        """True after EOF, 421, the answer to QUIT, and where only closing is left to do: after a
        354 without an accepted recipient."""
        return self._state == _CLOSED

    def start_tls(self) -> None:
        """See `wire.engine.Engine`."""
        if self._state != _HANDSHAKE:
            raise LocalProtocolError("a TLS handshake that no STARTTLS has announced")
        if len(self._buffer):
            self._state = _CLOSED
            self._error = StartTlsInjection(
                "the server's answer to STARTTLS came with more bytes behind it",
                hint="someone between may be putting words into the session; nothing was sent",
            )
            raise self._error
        self._state = _READY
        self._pipelining = False


def _body(command: Body) -> bytes:
    octets = stuff(command.data)
    if command.last:
        return octets + TERMINATOR
    if not command.data.endswith(b"\r\n"):
        raise MessageMalformed("a piece of a message does not end in CRLF")
    return octets
