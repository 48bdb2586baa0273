"""RETR in a window, and DELE of what has become durable meanwhile, over one connection."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from mailcli.errors import MailcliError, RemoteProtocolError
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.pop3 import Pop3Connection
from mailcli.sync.pop3.maildrop import Listed, header_hash
from mailcli.wire.pop3 import commands as pop3
from mailcli.wire.pop3.events import Completed, Content

WINDOW: Final = 128
"""RETRs under way. With 32 a line of 20 ms stands still for half the time (22 KB a message)."""
WINDOW_OCTETS: Final = 4 << 20
LARGEST_OCTETS: Final = 256 << 20
"""A message that goes on beyond this, and beyond twice what LIST said of it, has no end."""


class Received(NamedTuple):
    """A message as it came, and the SHA-256 of it and of its header."""

    listed: Listed
    data: bytes
    digest: bytes
    header: bytes


class Refused(NamedTuple):
    """A message that the server did not give: its -ERR."""

    listed: Listed
    end: Completed


class Retrieval:
    """One session's downloads and deletions.

    `removable` gives the messages that may be deleted and were not given before: only what is
    durable and recorded may ever be in it. Their DELEs travel with the RETRs of the others, but
    nothing is deleted before QUIT is answered +OK (RFC 1939 §6).
    """

    def __init__(
        self, connection: Pop3Connection, removable: Callable[[], Sequence[Listed]], cancel: CancelToken
    ) -> None:
        self._pump = connection.pump
        self._removable = removable
        self._cancel = cancel
        self._ends: dict[int, Completed] = {}
        self._marked: dict[int, Listed] = {}  # by the tag of its DELE
        self._pieces: dict[int, list[bytes]] = {}
        self._came = 0

    @property
    def marked(self) -> int:
        """How many messages the server was asked to delete."""
        return len(self._marked)

    def messages(self, wanted: Sequence[Listed]) -> Iterator[Received | Refused]:
        """The messages in order. Raises what breaks the connection, RemoteProtocolError, Interrupted."""
        waiting = deque(wanted)
        flying: deque[tuple[int, Listed]] = deque()
        octets = 0
        while waiting or flying:
            if len(flying) <= WINDOW // 2:  # several commands in one segment
                octets += self._ask(waiting, flying, octets)
            tag, message = flying.popleft()
            self._wait(tag, message)
            octets -= message.size
            end = self._ends.pop(tag)
            data = b"".join(self._pieces.pop(tag, ()))
            if end.ok:  # hashed here, while another thread stores what came before
                yield Received(message, data, hashlib.sha256(data).digest(), header_hash(data))
            else:
                yield Refused(message, end)
            self._cancel.check()

    def _ask(self, waiting: deque[Listed], flying: deque[tuple[int, Listed]], octets: int) -> int:
        """Fill the window; the octets asked for."""
        removable = self._removable()
        asked: list[Listed] = []
        more = 0
        while (
            waiting
            and len(flying) + len(asked) < WINDOW
            and ((not flying and not asked) or octets + more < WINDOW_OCTETS)
        ):
            asked.append(waiting.popleft())
            more += asked[-1].size
        tags = self._pump.send(
            *(pop3.Dele(m.number) for m in removable), *(pop3.Retr(m.number) for m in asked)
        )
        self._marked.update(zip(tags, removable, strict=False))
        flying.extend(zip(tags[len(removable) :], asked, strict=True))
        return more

    def _wait(self, tag: int, message: Listed) -> None:
        """Until the answer to this RETR is whole."""
        if tag in self._ends:
            return
        for events in self._pump.events(tag):
            for event in events:
                if isinstance(event, Content):
                    self._pieces.setdefault(event.tag, []).append(event.data)
                    self._came += len(event.data)
                elif isinstance(event, Completed):
                    self._ends[event.tag] = event
                    self._came = 0
            if self._came > max(LARGEST_OCTETS, 2 * message.size):
                raise RemoteProtocolError(
                    f"{self._pump.label} announced {message.size} octets for message {message.number} "
                    f"and has sent {self._came} without an end"
                )

    def quit(self) -> tuple[list[Listed], str]:
        """DELE what is left, and QUIT: only its +OK deletes. What is gone now, and what to tell if that
        is not known or was refused."""
        removable = self._removable()
        tags = self._pump.send(*(pop3.Dele(m.number) for m in removable), pop3.Quit())
        self._marked.update(zip(tags, removable, strict=False))
        try:
            for events in self._pump.events(tags[-1]):
                self._ends.update((e.tag, e) for e in events if isinstance(e, Completed))
        except MailcliError as error:
            if not self._marked:
                return [], ""
            return [], f"whether {len(self._marked)} messages were deleted is not known: {error.message}"
        if self._marked and not self._ends[tags[-1]].ok:
            return [], f"{self._pump.label} did not delete: {self._ends[tags[-1]].text}"
        return [m for tag, m in self._marked.items() if self._ends[tag].ok], ""
