"""One connection fetching chunk after chunk, several ahead of the answers, of whichever folder is next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from mailcli.errors import MailcliError, RemoteProtocolError, Throttled
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.sync.imap.download import META, PIECE, WHOLE, Chunk, Incoming, Queue
from mailcli.sync.imap.server import Server, only, refusal
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Completed, Event, Fetched, Section, UidValidity
from mailcli.wire.imap.uidset import UidSet

IN_FLIGHT: Final = 2
"""Chunks asked for before the first has come; more of them while they are small."""
IN_FLIGHT_MOST: Final = 32
IN_FLIGHT_OCTETS: Final = 16 << 20


class Arrived(NamedTuple):
    """A message as the server gave it, and the folder it was asked for in."""

    folder: Incoming
    message: Fetched


class _Flying:
    """A chunk between its commands and their completion."""

    def __init__(self, chunk: Chunk, opening: int, tag: int) -> None:
        self.chunk = chunk
        self.opening = opening  # tag of the EXAMINE before it, 0: none
        self.tag = tag
        self.wanted = dict.fromkeys(chunk.uids)
        self.words = ""
        self.limited = False  # the server did as many as it does at a time (RFC 9738)
        self.error: MailcliError | None = None


class Retrieval:
    """`put` takes what arrives and gives the seconds it kept us waiting; `heard` is told, now and then,
    how many octets have come in how many seconds of waiting for them."""

    def __init__(
        self,
        server: Server,
        queue: Queue,
        put: Callable[[Arrived], float],
        cancel: CancelToken,
        heard: Callable[[int, float], None] = lambda octets, seconds: None,
    ) -> None:
        self.server = server
        self._queue = queue
        self._put = put
        self._cancel = cancel
        self._heard = heard
        self._flying: deque[_Flying] = deque()
        self._filled = 0  # chunks on their way when more were asked for last
        self._open = server.selected or ""  # the mailbox that the last command sent is about
        self._validity: dict[str, int] = {}
        if server.selected is not None and server.validity is not None:
            self._validity[server.selected] = server.validity

    def run(self, *, until_all_is_done: bool) -> None:
        """Fetch until no chunk waits; with `until_all_is_done` wait also for those that other
        connections have, and take over what they leave. Raises what ends the conversation; what
        had not come is back in the queue then."""
        try:
            while True:
                while self._fill():
                    self._receive(self._flying[0])
                    self._flying.popleft()
                if not (until_all_is_done and self._queue.wait(self._cancel)):
                    return
        finally:
            for flying in self._flying:
                self._queue.put_back(flying.chunk, list(flying.wanted))
            self._flying.clear()

    def _fill(self) -> bool:
        """Ask for more once half of what was asked for has come: each time is a turn. False if nothing
        is on its way."""
        if len(self._flying) <= self._filled // 2:
            while self._room() and self._send_next():
                pass
            self._filled = len(self._flying)
        return bool(self._flying)

    def _room(self) -> bool:
        if self._flying and self._flying[-1].chunk.large:
            return False  # its pieces are asked for at its turn: nothing may be behind it
        if len(self._flying) < IN_FLIGHT:
            return True
        octets = sum(flying.chunk.octets for flying in self._flying)
        return len(self._flying) < IN_FLIGHT_MOST and octets < IN_FLIGHT_OCTETS

    def _send_next(self) -> bool:
        """Ask for the next chunk, opening its folder on the way. False if none waits."""
        chunk = self._queue.take()
        if chunk is None:
            return False
        flying = _Flying(chunk, 0, 0)
        self._flying.append(flying)
        if self._open != chunk.folder.mailbox:
            (flying.opening,) = self.server.pump.send(imap.Select(chunk.folder.mailbox, read_only=True))
            self._open = chunk.folder.mailbox
        if chunk.large:
            return True  # asked for piece by piece, once it is its turn
        (flying.tag,) = self.server.pump.send(imap.Fetch(UidSet.of(chunk.uids), chunk.items))
        return True

    # -- receiving

    def _receive(self, flying: _Flying) -> None:
        """Wait until the oldest chunk is answered, taking in whatever comes meanwhile."""
        for tag in filter(None, (flying.opening, flying.tag)):
            began, before = time.monotonic(), self.server.pump.received
            for batch in self.server.pump.events(tag):
                began += self._take(batch)
                self._cancel.check()
                now, received = time.monotonic(), self.server.pump.received
                self._heard(received - before, now - began)
                began, before = now, received
        self.server.still_there()
        chunk, folder = flying.chunk, flying.chunk.folder
        if flying.error is not None:
            self._queue.abandon(folder, flying.error.message)
        elif chunk.large and not folder.abandoned:
            self._in_pieces(flying)
        lacking = [] if folder.abandoned else list(flying.wanted)
        if flying.limited and len(lacking) < len(chunk.uids):
            self._queue.put_back(chunk, lacking)
        else:
            self._queue.finished(chunk, lacking, words=flying.words)
        flying.wanted.clear()

    def _take(self, batch: list[Event]) -> float:
        """Hand over the messages that were asked for, and only those: a server that sends other
        bodies has them ignored. Not the completion is waited for: Dovecot puts that off while
        another command waits. Returns the seconds this took on the store's account."""
        self.server.heed(batch)
        kept = 0.0
        for event in batch:
            if isinstance(event, Fetched):
                if event.sections and event.uid is not None:
                    kept += self._arrived(event, event.uid)
            elif isinstance(event, UidValidity):
                self._validity[event.mailbox] = event.value
            elif isinstance(event, Completed) and not event.ok:
                self._refused(event)
            elif isinstance(event, Completed) and event.code and event.code.name == "MESSAGELIMIT":
                for flying in self._flying:
                    flying.limited |= flying.tag == event.tag
        return kept

    def _arrived(self, event: Fetched, uid: int) -> float:
        for flying in self._flying:
            folder = flying.chunk.folder
            if (
                uid in flying.wanted
                and folder.mailbox == event.mailbox
                and flying.chunk.section == event.sections[0].name
            ):
                break
        else:
            return 0.0
        if not self._same_numbers(folder) or folder.abandoned or flying.chunk.large:
            return 0.0
        kept = self._put(Arrived(folder, event))
        del flying.wanted[uid]
        return kept

    def _same_numbers(self, folder: Incoming) -> bool:
        """Whether UIDs here are those that were planned with; a server that does not say is believed."""
        if self._validity.get(folder.mailbox, folder.uidvalidity) == folder.uidvalidity:
            return True
        self._queue.abandon(folder, f"{self.server.label} renumbered {folder.name} meanwhile")
        return False

    def _refused(self, event: Completed) -> None:
        for flying in self._flying:
            if event.tag == flying.opening:
                mailbox = flying.chunk.folder.mailbox
                flying.error = refusal(imap.Select(mailbox, read_only=True), event, self.server.label)
                self._open, self.server.selected = "", None
            elif event.tag == flying.tag and flying.error is None:
                self._not_fetched(flying, event)

    def _not_fetched(self, flying: _Flying, event: Completed) -> None:
        """NO may be about a single message that the server cannot read, or that is gone (RFC 2180
        §4.1): the others of its chunk are asked for again. BAD and throttling are about us."""
        error = refusal(imap.Fetch("", WHOLE), event, self.server.label)
        if isinstance(error, RemoteProtocolError | Throttled):
            raise error
        flying.words = event.text

    def _in_pieces(self, flying: _Flying) -> None:
        """One large message, piece by piece; two pieces in flight."""
        chunk = flying.chunk
        (uid,) = chunk.uids
        one = UidSet.of([uid])
        meta: Fetched | None = None
        pieces: dict[int, bytes] = {}
        if not self._same_numbers(chunk.folder):
            return
        for start in range(0, chunk.octets, IN_FLIGHT * PIECE):
            offsets = range(start, min(chunk.octets, start + IN_FLIGHT * PIECE), PIECE)
            items = META if meta is None else ()
            flight = [imap.Fetch(one, (*items, f"BODY.PEEK[]<{o}.{PIECE}>")) for o in offsets]
            events, answers = self.server.try_each(*flight)
            for answer in answers.values():
                if not answer.ok:
                    self._not_fetched(flying, answer)
            for event in only(Fetched, events):
                if event.uid != uid:
                    continue
                if event.internaldate is not None and meta is None:
                    meta = event
                pieces.update((s.origin or 0, s.data) for s in event.sections if s.name == "BODY[]")
            self._cancel.check()
        data = b"".join(pieces[start] for start in sorted(pieces))
        if meta is not None and len(data) >= chunk.octets:
            whole = meta._replace(sections=(Section("BODY[]", None, data),))
            self._put(Arrived(chunk.folder, whole))
            del flying.wanted[uid]
