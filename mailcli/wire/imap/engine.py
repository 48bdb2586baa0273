"""The IMAP engine: bytes in, events out (RFC 9051, RFC 3501). See `wire.engine` for the contract."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Iterator
from typing import Final

from mailcli.errors import LocalProtocolError, RemoteProtocolError, StartTlsInjection
from mailcli.model import pattern
from mailcli.wire.engine import Tag
from mailcli.wire.imap import commands as c
from mailcli.wire.imap import events as e
from mailcli.wire.imap.fetch import fetched
from mailcli.wire.imap.framing import Framer, Parts
from mailcli.wire.imap.grammar import Malformed
from mailcli.wire.imap.mailbox import Selected
from mailcli.wire.imap.responses import (
    OF_MAILBOX,
    OF_SESSION,
    capabilities,
    code_event,
    quotas,
    status_text,
)
from mailcli.wire.imap.sender import Sender

_TAGGED: Final = pattern.compile(rb"A([0-9]{1,10}) (OK|NO|BAD)(?: (.*))?", re.IGNORECASE | re.DOTALL)
_UNTAGGED: Final = pattern.compile(rb"\* +(?:([0-9]{1,10}) +)?([A-Za-z][A-Za-z0-9-]*)(?= |\Z|\()")
_FETCH: Final = pattern.compile(rb"\* ([0-9]{1,10}) FETCH ")
_INFLATED_PIECE: Final = 1 << 16
_FLOOD: Final = 1_000_000
"""Events of one `receive`: only a deflated flood can reach it."""
_ENDLESS: Final = 2_000_000
"""Responses without a command completing. The largest honest answer has one for each message."""
_NOISE: Final = 100_000
"""Remarks without a meaning to us that are passed on until a command completes; more are dropped."""
_LIMBO: Final = 100_000
_LIMBO_OCTETS: Final = 32 << 20
_SHOWN: Final = 4096


class ImapEngine:
    """One IMAP session. `disabled` names capabilities to overlook (`Endpoint.disabled`)."""

    def __init__(self, *, disabled: Collection[str] = ()) -> None:
        self._framer = Framer()
        self._sender = Sender()
        self._disabled = frozenset(name.upper() for name in disabled)
        self._greeted = False
        self._ended = False  # BYE outside of LOGOUT, or the end of a LOGOUT
        self._said_bye = False
        self._eof = False
        self._failed: RemoteProtocolError | None = None
        self._box = Selected("")
        self._opening: c.Select | None = None  # the SELECT whose answers now come
        self._opening_tag = 0
        # Between two mailboxes: responses that may still be the old one's, or already the new one's.
        self._limbo: list[Parts] | None = None
        self._limbo_octets = 0
        self._responses = 0  # since a command completed, and of these the remarks
        self._remarks = 0
        self._inflate: zlib._Decompress | None = None
        self._deflate: zlib._Compress | None = None

    # --- the contract ---

    def send(self, command: c.Command, /) -> Tag:
        """Queue a command; see `wire.engine`. Once the connection has ended it is never written."""
        if self._failed is not None:
            raise LocalProtocolError("the session has failed")
        return self._sender.queue(command)

    def outgoing(self) -> bytes:
        """What may be written now; see `wire.engine`. Nothing before the greeting."""
        if not self._greeted or self.closed:
            return b""
        data = self._sender.take()
        self._follow()
        if self._deflate is not None and data:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return data

    def receive(self, data: bytes, /) -> list[e.Event]:
        """Bytes to events; see `wire.engine`. Raises RemoteProtocolError only."""
        if self._failed is not None:
            raise self._failed
        events: list[e.Event] = []
        if self._eof:
            return events
        try:
            if data:
                self._take(data, events)
            else:
                self._end(events)
        except RemoteProtocolError as error:
            self._failed = error
            if not events:
                raise
        return events

    def done(self, tag: Tag, /) -> bool:
        return self._greeted if tag == 0 else self._sender.done(tag)

    @property
    def closed(self) -> bool:
        return self._eof or self._ended or self._failed is not None

    def start_tls(self) -> None:
        """See `wire.engine`. Everything learnt before is forgotten."""
        if not self._sender.awaiting_tls:
            raise LocalProtocolError("TLS without STARTTLS")
        if len(self._framer):
            self._failed = StartTlsInjection("the server sent data in the clear after STARTTLS")
            raise self._failed
        self._sender.secured()

    @property
    def capabilities(self) -> frozenset[str]:
        """As last told; empty while unknown."""
        return self._sender.capabilities

    @property
    def utf8(self) -> bool:
        """Whether UTF8=ACCEPT is enabled."""
        return self._sender.names.utf8

    # --- bytes ---

    def _take(self, data: bytes, events: list[e.Event]) -> None:
        if self._sender.awaiting_tls:
            raise StartTlsInjection("the server sent data in the clear after STARTTLS")
        for piece in self._inflated(data) if self._inflate else (data,):
            self._framer.feed(piece)
            while (parts := self._framer.next()) is not None:
                self._response(parts, events)
                if self._sender.awaiting_tls:
                    return  # what is left is injected; start_tls() says so
                if self._sender.compressing and self._inflate is None:
                    self._start_deflate()
                    rest = self._framer.rest()
                    if rest:
                        self._take(rest, events)
                    return
            if len(events) > _FLOOD:
                raise RemoteProtocolError("the server floods the connection")

    def _start_deflate(self) -> None:
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        """In pieces: a few octets may inflate to a thousand times as many (RFC 4978)."""
        assert self._inflate is not None
        try:
            while data:
                if self._inflate.eof:  # a server may end the stream (Dovecot at LOGOUT), not go on
                    raise RemoteProtocolError("the server sent data behind the end of its compression")
                piece = self._inflate.decompress(data, _INFLATED_PIECE)
                data = self._inflate.unconsumed_tail or self._inflate.unused_data
                yield piece
        except zlib.error:
            raise RemoteProtocolError("the server's compressed data is damaged") from None

    def _end(self, events: list[e.Event]) -> None:
        self._eof = True
        self._settle_limbo(events, moved=False)
        tag = self._sender.logout_tag
        if self._sender.awaits(tag):
            # RFC 9051 §3.4: servers may close before the tagged OK has reached us.
            self._sender.complete(tag, ok=True)
            events.append(e.Completed(tag, "OK", None, ""))

    # --- responses ---

    def _response(self, parts: Parts, events: list[e.Event]) -> None:
        first = parts[0]
        self._responses += 1
        if self._responses > _ENDLESS:
            raise RemoteProtocolError(f"the server has sent {_ENDLESS} responses without an end")
        if not self._greeted:
            self._greeting(first, events)
        elif first[:1] == b"*":
            if self._limbo is not None and not self._decided(parts, events):
                return
            self._untagged(parts, events)
        elif first[:1] == b"+":
            self._continue(first, events)
        elif first:  # a blank line means nothing, and some servers send them
            self._tagged(first, events)

    def _greeting(self, first: bytes, events: list[e.Event]) -> None:
        match = re.fullmatch(rb"\* +(OK|PREAUTH|BYE)(?: (.*))?", first, re.IGNORECASE | re.DOTALL)
        if match is None:
            shown = first[:60].decode("ascii", "backslashreplace")
            raise RemoteProtocolError(
                f"this is not an IMAP server: it greets with {shown!r}",
                hint='check host, port and tls; port 993 wants tls = "implicit", 143 "starttls"',
            )
        status = match[1].decode().upper()
        code, text = status_text(match[2] or b"")
        self._learn_capabilities(code, events)
        self._greeted = True
        self._ended = self._said_bye = status == "BYE"
        if status == "PREAUTH":
            self._sender.signed_in = True
        events.append(e.Greeting(status, code, text))

    def _untagged(self, parts: Parts, events: list[e.Event]) -> None:
        try:
            fast = _FETCH.match(parts[0])
            if fast is not None:
                events.append(fetched(parts, self._number(fast[1]), fast.end(), self._box))
                return
            match = _UNTAGGED.match(parts[0])
            if match is None:
                raise Malformed("no response")
            word = match[2].upper()
            if match[1] is not None:
                self._numbered(word, int(match[1]), parts, match.end(), events)
            elif word in OF_MAILBOX:
                event = OF_MAILBOX[word](parts, match.end(), self._box.name)
                if isinstance(event, e.Vanished) and not event.earlier:
                    self._box.vanish()
                events.append(event)
            elif word in OF_SESSION:
                events.append(OF_SESSION[word](parts, match.end(), self._sender.names))
            else:
                self._other(word, parts, match.end(), events)
        except Malformed:
            self._remark(e.Unparsed(_shown(parts)), events)

    def _remark(self, event: e.Event, events: list[e.Event]) -> None:
        self._remarks += 1
        if self._remarks <= _NOISE:
            events.append(event)

    def _numbered(self, word: bytes, n: int, parts: Parts, at: int, events: list[e.Event]) -> None:
        box = self._box
        if n >= 2**32:
            raise Malformed("a number too large")
        if word == b"FETCH":
            events.append(fetched(parts, self._number(b"%d" % n), at, box))
        elif word == b"EXISTS":
            box.resize(n)
            events.append(e.Exists(box.name, n))
        elif word == b"EXPUNGE":
            if n == 0 or (box.exists is not None and n > box.exists):
                raise Malformed("no such message")
            events.append(e.Expunged(box.name, box.expunge(n)))
        elif word != b"RECENT":
            raise Malformed("no response of ours")

    def _number(self, digits: bytes) -> int:
        # A number above EXISTS is let pass: the UID beside it is what counts.
        seq = int(digits)
        if seq == 0 or seq >= 2**32:
            raise Malformed("no such message")
        return seq

    def _other(self, word: bytes, parts: Parts, at: int, events: list[e.Event]) -> None:
        arguments = parts[0][at:].lstrip(b" ")
        if word in (b"OK", b"NO", b"BAD"):
            self._note(word.decode(), arguments, events)
        elif word == b"BYE":
            code, text = status_text(arguments)
            self._said_bye = True
            self._ended = self._ended or not self._sender.logout_tag
            events.append(e.Bye(code, text))
        elif word == b"CAPABILITY":
            self._learn_capabilities(e.Code("CAPABILITY", arguments), events)
        elif word == b"ENABLED":
            names = capabilities(arguments)
            if names & {"UTF8=ACCEPT", "UTF8=ONLY", "IMAP4REV2"}:
                self._sender.names.enable_utf8()
            events.append(e.Enabled(names))
        elif word == b"QUOTA":
            events.extend(quotas(parts, at))
        elif word != b"QUOTAROOT":
            raise Malformed("no response of ours")

    def _note(self, status: str, arguments: bytes, events: list[e.Event]) -> None:
        code, text = status_text(arguments)
        if code is not None:
            if code.name == "CAPABILITY":
                self._learn_capabilities(code, events)
                return
            if code.name == "CLOSED":
                self._closed_early()
            fact = code_event(code, self._box.name)
            if fact is not None:
                events.append(fact)
                return
        self._remark(e.Note(status, code, text), events)

    def _learn_capabilities(self, code: e.Code | None, events: list[e.Event]) -> None:
        if code is not None and code.name == "CAPABILITY":
            names = capabilities(code.args) - self._disabled
            self._sender.capabilities = names
            events.append(e.Capabilities(names))

    def _continue(self, first: bytes, events: list[e.Event]) -> None:
        """`+`: for a literal, a SASL exchange or IDLE; else it means nothing."""
        answered = self._sender.go_on(first[1:].strip())
        events.extend([e.Unparsed(first[:_SHOWN])] if answered is None else answered)

    def _tagged(self, first: bytes, events: list[e.Event]) -> None:
        match = _TAGGED.fullmatch(first)
        tag = int(match[1]) if match else 0
        if match is None or not self._sender.awaits(tag):
            if self._said_bye or (match is not None and self._sender.done(tag)):
                events.append(e.Unparsed(first[:_SHOWN]))
                return
            shown = first[:60].decode("ascii", "backslashreplace")
            raise RemoteProtocolError(f"the server sent a line that answers nothing: {shown!r}")
        status = match[2].decode().upper()
        code, text = status_text(match[3] or b"")
        command = self._sender.command(tag)
        if isinstance(command, c.Select):
            self._opened(tag, command, status, code, events)
        if code is not None:
            self._learn_capabilities(code, events)
            try:
                fact = code_event(code, self._box.name)
                if fact is not None:
                    events.append(fact)
            except Malformed:
                events.append(e.Unparsed(first[:_SHOWN]))
        if isinstance(command, c.Unselect) and status == "OK":
            self._box = Selected("")
        also = self._sender.complete(tag, ok=status == "OK")
        self._responses = self._remarks = 0
        events.append(e.Completed(tag, status, code, text))
        for other, same, why in also:
            events.append(e.Completed(other, status if same else "NO", None, text if same else why))
        if isinstance(command, c.Logout):
            self._ended = True
        self._follow()

    # --- which mailbox is meant ---

    def _follow(self) -> None:
        """If the next command to be answered is a SELECT, its mailbox is about to be meant."""
        front = self._sender.front()
        if front is not None and isinstance(front.command, c.Select) and front.tag != self._opening_tag:
            self._begin(front.tag, front.command)

    def _closed_early(self) -> None:
        """`[CLOSED]` while commands before the SELECT are not completed: servers may answer ahead."""
        following = None if self._opening else self._sender.next_select()
        if following is not None:
            self._opening_tag, self._opening = following
            self._move()

    def _begin(self, tag: int, select: c.Select) -> None:
        self._opening, self._opening_tag = select, tag
        if self._box.name:
            self._limbo = []
        else:
            self._box = Selected(select.mailbox)

    def _decided(self, parts: Parts, events: list[e.Event]) -> bool:
        """Hold a response that comes between two mailboxes; True once it is known whose it is.

        `[CLOSED]` (RFC 9051 §7.1) stands exactly between them; servers without it are taken to have
        nothing more to say of the old mailbox, which the tagged OK then confirms.
        """
        assert self._limbo is not None
        first = parts[0]
        if re.match(rb"\* +OK +\[CLOSED\]", first, re.IGNORECASE):
            self._settle_limbo(events, moved=False)
            self._move()
            return True
        if first[:5].upper() == b"* BYE":
            self._settle_limbo(events, moved=False)
            return True
        self._limbo.append(parts)
        self._limbo_octets += sum(map(len, parts))
        if len(self._limbo) > _LIMBO or self._limbo_octets > _LIMBO_OCTETS:
            self._settle_limbo(events, moved=True)
        return False

    def _settle_limbo(self, events: list[e.Event], *, moved: bool) -> None:
        held, self._limbo = self._limbo, None
        self._limbo_octets = 0
        if held is None:
            return
        if moved:
            self._move()
        for parts in held:
            self._untagged(parts, events)

    def _move(self) -> None:
        assert self._opening is not None
        self._box = Selected(self._opening.mailbox)

    def _opened(
        self, tag: int, select: c.Select, status: str, code: e.Code | None, events: list[e.Event]
    ) -> None:
        if tag != self._opening_tag:
            self._begin(tag, select)  # answered before its turn
        undecided = self._limbo is not None
        self._settle_limbo(events, moved=status == "OK")
        self._opening = None
        if status == "OK":
            read_only = select.read_only
            if code is not None and code.name in ("READ-ONLY", "READ-WRITE"):
                read_only = code.name == "READ-ONLY"
            events.append(e.Opened(self._box.name, read_only))
        elif status == "NO" or not undecided:
            self._box = Selected("")  # after BAD the old one stays (RFC 9051 §6.3.2)


def _shown(parts: Parts) -> bytes:
    """The beginning of a response as it came."""
    raw = b""
    for n, part in enumerate(parts):
        raw += part[:_SHOWN] + (b"" if n % 2 or n == len(parts) - 1 else b"\r\n")
        if len(raw) >= _SHOWN:
            break
    return raw[:_SHOWN]
