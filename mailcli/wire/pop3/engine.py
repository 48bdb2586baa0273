"""The POP3 client engine: bytes in, events out (RFC 1939, 2449, 2595, 5034).

Commands are written one at a time until a CAPA has said PIPELINING, and from then on all that are
queued; how many that should be is the caller's choice. Nothing is written behind STLS, AUTH, PASS,
APOP and QUIT until they are answered, unless AUTH or PASS says so (`run_on`). Which answers have
several lines is known by the command alone, so that the -ERR to one RETR does not disturb the next.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from typing import Final

from mailcli.errors import LocalProtocolError, RemoteProtocolError, StartTlsInjection, Unreachable
from mailcli.model import pattern, printable
from mailcli.wire.dotstuff import Unstuffer
from mailcli.wire.engine import Tag
from mailcli.wire.lines import LineBuffer
from mailcli.wire.pop3 import listing
from mailcli.wire.pop3.commands import (
    Apop,
    Authenticate,
    Capa,
    ListSizes,
    Pass,
    Pop3Command,
    Quit,
    Retr,
    Stat,
    Stls,
    Top,
    Uidl,
)
from mailcli.wire.pop3.encode import MAX_LINE, encode
from mailcli.wire.pop3.events import (
    Completed,
    Content,
    Greeting,
    Pop3Event,
    Sizes,
    Statistics,
    Truncated,
    UniqueIds,
    Unparsed,
)
from mailcli.wire.sasl import Exchange

MAX_TABLE: Final = 128 << 20
"""Octets of one LIST, UIDL or CAPA: more than a million messages with long UIDLs."""
MAX_TABLE_LINE: Final = 1 << 20

_BARRIERS: Final = (Stls, Authenticate, Pass, Apop, Quit)
_CONTENT: Final = (Retr, Top)
_MULTI_LINE: Final = (Capa, ListSizes, Uidl, *_CONTENT)
_RESPONSE_ROOM: Final = MAX_LINE - len(b"AUTH SCRAM-SHA-256-PLUS \r\n")

_STATUS: Final = pattern.compile(rb"(\+OK|-ERR)(?:[ \t]+(.*))?", re.IGNORECASE | re.DOTALL)
_CODE: Final = pattern.compile(r"\[([A-Za-z0-9/._-]{1,60})\][ \t]*")
_TIMESTAMP: Final = pattern.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_STATISTICS: Final = pattern.compile(r"([0-9]{1,10})[ \t]+([0-9]{1,19})(?:[ \t].*)?", re.DOTALL)

_GREETING, _READY, _REFUSED, _HANDSHAKE, _CLOSED = range(5)


class _Entry:
    """A queued command, and what has come of it."""

    __slots__ = ("barrier", "cancelled", "command", "exchange", "octets", "tag")

    def __init__(
        self, tag: Tag, command: Pop3Command, octets: bytes, exchange: Exchange | None = None
    ) -> None:
        self.tag = tag
        self.command = command
        self.octets = octets
        self.exchange = exchange
        self.cancelled = False
        runs_on = isinstance(command, (Authenticate, Pass)) and command.run_on
        asks = exchange is not None and not exchange.said_all
        self.barrier = isinstance(command, _BARRIERS) and (asks or not runs_on)


class Pop3Engine:
    """Satisfies `wire.engine.Engine[Pop3Command, Pop3Event]`.

    `disabled` names capabilities (in any case) to treat as if they were not offered; `pipelining`:
    the server has offered it in an earlier session.
    """

    def __init__(self, *, disabled: Iterable[str] = (), pipelining: bool = False) -> None:
        self._disabled = frozenset(name.upper() for name in disabled)
        self._buffer = LineBuffer(bare_lf=True)  # of the status line that is arriving
        self._state = _GREETING
        self._queue: deque[_Entry] = deque()  # not written yet
        self._pending: deque[_Entry] = deque()  # written, not answered
        self._urgent = b""  # the answer to a SASL challenge
        self._last_tag: Tag = 0
        self._completed: Tag = -1
        self._pipelining = self._known_pipelining = pipelining
        self._quitting = False
        self._unstuffer: Unstuffer | None = None  # in the many lines of an answer
        self._status_text = ""  # of that answer
        self._table = bytearray()  # what is not told of that answer yet, if it is a table
        self._table_octets = 0
        self._error: RemoteProtocolError | None = None

    # -- commands ----------------------------------------------------------------------------

    def send(self, command: Pop3Command) -> Tag:
        """Queue a command; see `wire.engine.Engine`.

        Raises MessageMalformed for text that cannot be sent, Unreachable if the server has
        closed, LocalProtocolError for what is out of order.
        """
        name = type(command).__name__
        if self._error or self._quitting:
            raise LocalProtocolError(f"{name} after the end of the session")
        if self._state == _CLOSED:
            raise Unreachable("the connection is at its end")
        if self._state == _REFUSED and not isinstance(command, Quit):
            raise LocalProtocolError(f"{name} after a greeting that allows none")
        if isinstance(command, Authenticate):
            exchange = Exchange(command.mechanism, room=_RESPONSE_ROOM)
            entry = _Entry(0, command, b"AUTH %s\r\n" % exchange.words, exchange)
        else:
            entry = _Entry(0, command, encode(command))
        self._quitting = isinstance(command, Quit)
        self._last_tag = entry.tag = self._last_tag + 1
        self._queue.append(entry)
        return entry.tag

    def outgoing(self) -> bytes:
        """See `wire.engine.Engine`."""
        out = [self._urgent]
        self._urgent = b""
        while self._queue and self._may_write(self._queue[0]):
            entry = self._queue.popleft()
            out.append(entry.octets)
            self._pending.append(entry)
        return b"".join(out)

    def _may_write(self, entry: _Entry) -> bool:
        if self._state == _REFUSED:
            return isinstance(entry.command, Quit)
        if self._state != _READY:
            return False
        if not self._pending:
            return True
        return self._pipelining and not self._pending[-1].barrier

    # -- answers -----------------------------------------------------------------------------

    def receive(self, data: bytes) -> list[Pop3Event]:
        """See `wire.engine.Engine`.

        If what breaks the protocol comes behind good answers, these are returned first, `closed`
        becomes True, and the next call raises. At EOF inside an answer of several lines: a
        Truncated.
        """
        if self._error:
            raise self._error
        if self._state == _CLOSED:
            return []
        if not data:
            self._state = _CLOSED
            return [Truncated(self._pending[0].tag)] if self._unstuffer else []
        events: list[Pop3Event] = []
        try:
            self._consume(data, events)
        except RemoteProtocolError as error:
            self._state = _CLOSED
            self._error = error
            self._urgent = b""
            if not events:
                raise
        return events

    def _consume(self, data: bytes, events: list[Pop3Event]) -> None:
        # Only status lines pass through the buffer, one at a time; the rest is read where it is.
        position = 0
        while position < len(data) and self._state not in (_CLOSED, _HANDSHAKE):
            if self._unstuffer:
                content, position = self._unstuffer.feed(data, position)
                self._content(content, self._unstuffer.ended, events)
                continue
            end = data.find(b"\n", position) + 1 or len(data)
            self._buffer.feed(data[position:end])
            position = end
            held = len(self._buffer)
            line = self._buffer.line()
            if line is not None:
                self._status(line, bare_lf=held - len(line) == 1, events=events)
        if self._state == _HANDSHAKE:
            self._buffer.feed(data[position:])

    def _status(self, line: bytes, *, bare_lf: bool, events: list[Pop3Event]) -> None:
        entry = self._pending[0] if self._pending else None
        if entry and entry.exchange and line[:1] == b"+" and line[:3].upper() != b"+OK":
            self._challenged(entry, entry.exchange, line[1:])
            return
        match = _STATUS.fullmatch(line)
        if not match:
            shown = printable.line(line[:80].decode("utf-8", "replace"))
            raise RemoteProtocolError(f"the server answered with something that is not POP3: {shown!r}")
        ok = match[1][:1] == b"+"
        text = (match[2] or b"").decode("utf-8", "replace")
        code = ""
        if not ok and (found := _CODE.match(text)):
            code, text = found[1].upper(), text[found.end() :]
        if self._completed < 0:
            self._greeted(ok, text, code, events)
        elif entry is None:
            raise RemoteProtocolError(
                f"the server answered without being asked: {printable.line(text[:80])!r}"
            )
        elif ok and isinstance(entry.command, _MULTI_LINE):
            self._unstuffer = Unstuffer(bare_lf=bare_lf)
            self._status_text = text
        else:
            self._answered(entry, ok, code, text, events)

    def _greeted(self, ok: bool, text: str, code: str, events: list[Pop3Event]) -> None:
        self._completed = 0
        timestamp = _TIMESTAMP.search(text) if ok else None
        events.append(Greeting(ok, text, timestamp[0] if timestamp else "", code))
        self._state = _READY if ok else _REFUSED
        while not ok and self._queue and not isinstance(self._queue[0].command, Quit):
            self._complete(self._queue.popleft(), False, code, text, events)

    def _challenged(self, entry: _Entry, exchange: Exchange, challenge: bytes) -> None:
        if entry.cancelled:
            raise RemoteProtocolError("the server goes on with AUTH after it was cancelled")
        if len(self._pending) > 1:  # it takes the next command for the answer
            raise RemoteProtocolError("the server asks a question in AUTH where it has none")
        answer = exchange.answer(challenge)
        entry.cancelled = answer == b"*"
        self._urgent += answer + b"\r\n"

    def _answered(self, entry: _Entry, ok: bool, code: str, text: str, events: list[Pop3Event]) -> None:
        """A status line that is all of its answer."""
        self._pending.popleft()
        if ok and isinstance(entry.command, Stat):
            match = _STATISTICS.fullmatch(text)
            events.append(
                Statistics(int(match[1]), int(match[2])) if match else Unparsed(entry.tag, text.encode())
            )
        self._complete(entry, ok, code, text, events)
        if ok and isinstance(entry.command, Stls):
            self._state = _HANDSHAKE
        elif isinstance(entry.command, Quit):
            self._state = _CLOSED

    def _content(self, content: bytes, ended: bool, events: list[Pop3Event]) -> None:
        entry = self._pending[0]
        if isinstance(entry.command, _CONTENT):
            if content:
                events.append(Content(entry.tag, content))
        else:
            self._table += content
            self._table_octets += len(content)
            if self._table_octets > MAX_TABLE:
                raise RemoteProtocolError(f"the server's table has more than {MAX_TABLE >> 20} MiB")
            self._tabulate(entry, ended, events)
        if ended:
            self._unstuffer = None
            self._table_octets = 0
            self._pending.popleft()
            self._complete(entry, True, "", self._status_text, events)

    def _tabulate(self, entry: _Entry, ended: bool, events: list[Pop3Event]) -> None:
        """Tell of the whole lines of a table that are here: nobody has to hold 50,000 of them."""
        if isinstance(entry.command, Capa):
            if ended:
                offered = listing.capabilities(bytes(self._table), self._disabled)
                self._table.clear()
                self._pipelining = "PIPELINING" in offered
                events.append(offered)
            return
        stop = self._table.rfind(b"\n") + 1
        if stop:
            kind = Sizes if isinstance(entry.command, ListSizes) else UniqueIds
            events.append(kind(entry.tag, bytes(self._table[:stop])))
            del self._table[:stop]
        elif len(self._table) > MAX_TABLE_LINE:
            raise RemoteProtocolError("the server's table has a line without an end")

    def _complete(self, entry: _Entry, ok: bool, code: str, text: str, events: list[Pop3Event]) -> None:
        self._completed = entry.tag
        events.append(Completed(entry.tag, ok, code, text))

    # -- state -------------------------------------------------------------------------------

    def done(self, tag: Tag) -> bool:
        """See `wire.engine.Engine`."""
        return tag <= self._completed

    @property
    def closed(self) -> bool:
        """See `wire.engine.Engine`."""
        return self._state == _CLOSED

    def start_tls(self) -> None:
        """See `wire.engine.Engine`."""
        if self._state != _HANDSHAKE:
            raise LocalProtocolError("a TLS handshake that no STLS has announced")
        if len(self._buffer):
            self._state = _CLOSED
            self._error = StartTlsInjection(
                "the server's answer to STLS came with more bytes behind it",
                hint="someone between may be putting words into the session; nothing was sent",
            )
            raise self._error
        self._state = _READY
        self._pipelining = self._known_pipelining
