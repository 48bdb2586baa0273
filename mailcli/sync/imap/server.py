"""An IMAP server as the synchroniser speaks with it: questions with answers, or an error that
says which question failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from mailcli import __version__
from mailcli.errors import MailcliError, RemoteProtocolError, ServerRefused, Throttled, TryAgain
from mailcli.model import pattern
from mailcli.net.imap import ImapConnection
from mailcli.wire.imap import quirks
from mailcli.wire.imap.commands import Command, Id, Select
from mailcli.wire.imap.events import (
    Bye,
    Capabilities,
    Completed,
    Enabled,
    Event,
    Fetched,
    Opened,
    Quota,
    ServerId,
    UidValidity,
)
from mailcli.wire.imap.uidset import UidSet

E = TypeVar("E")

_PASSING: Final = frozenset({"UNAVAILABLE", "INUSE", "LIMIT", "OVERQUOTA", "SERVERBUG", "CONTACTADMIN"})
"""Response codes (RFC 5530) of a NO that may be a yes later."""

_BACK_OFF: Final = pattern.compile(r"suggested backoff time: (\d{1,9}) milliseconds", re.IGNORECASE)
"""Exchange Online says it with NO or BAD (quirk THROTTLES); nobody else means anything else by it."""

SET_OCTETS: Final = 2048
"""The longest UID set in one command: Office 365 takes lines below 8 KB."""

UNASKED_OCTETS: Final = 256 << 20
"""Octets of message parts in the answers to one question. Bodies are streamed (`download`), or asked
for in pieces far smaller than this."""


class Server:
    """One signed-in connection: its capabilities less those the account has switched off."""

    def __init__(self, connection: ImapConnection, disabled: frozenset[str]) -> None:
        self.pump = connection.pump
        self.label = connection.pump.label
        self._disabled = disabled
        self.capabilities = self._without_disabled(connection.greeted.capabilities)
        greeted = connection.greeted
        self.quirks = quirks.of(
            greeting=greeted.greeting, server_id=greeted.server_id, capabilities=greeted.capabilities
        )
        self.enabled: frozenset[str] = frozenset()
        self.selected: str | None = None
        self.validity: int | None = None  # UIDVALIDITY of the selected mailbox, if it was said
        self.compressed = False
        self._numbered: UidValidity | None = None
        self._bye: Bye | None = None
        self._aside: set[int] = set()
        self.aside_answers: list[Event] = []
        if self.has("ID"):
            # Ahead of the first command, in its flight: Coremail takes no SELECT before (ID_FIRST).
            self.aside(Id((("name", "mailcli"), ("version", __version__))))

    def aside(self, command: Command) -> None:
        """Send a command in one flight with those that follow; it does not matter whether it is refused."""
        self._aside.add(self.pump.engine.send(command))

    def has(self, capability: str) -> bool:
        return capability in self.capabilities

    def ask(self, *commands: Command) -> list[Event]:
        """Send commands as one flight and return all that came until the last was completed; what a
        MESSAGELIMIT left out is asked for as well.

        Raises ServerRefused or TryAgain for the first that was not answered OK.
        """
        tags = self.pump.send(*commands)
        return self.answers(tags, commands)

    def answers(self, tags: list[int], commands: Sequence[Command]) -> list[Event]:
        """Wait for commands already sent; otherwise as `ask`."""
        events = self._gather(tags[-1])
        places = {tag: n for n, tag in enumerate(tags)}
        left: list[Command] = []
        for event in events:
            if isinstance(event, Completed) and event.tag in places:
                place = places[event.tag]
                if event.status != "OK":
                    raise refusal(commands[place], event, self.label)
                left += _left_out(commands, place, event)
        return events + self.ask(*left) if left else events

    def parts(self, uids: Iterable[int]) -> list[UidSet]:
        """Sets that the server takes in one command each, by their length and its MESSAGELIMIT."""
        limits = [n[13:] for n in self.capabilities if n.startswith("MESSAGELIMIT=") and n[13:].isdigit()]
        most = max(1, int(limits[0])) if limits else None
        parts = UidSet.of(uids).chunks(SET_OCTETS)
        return [few for part in parts for few in part.batches(most)] if most else parts

    def try_each(self, *commands: Command) -> tuple[list[Event], dict[int, Completed]]:
        """As `ask`, but a refusal is an answer too: gives also the Completed of each command, by
        its place among `commands`."""
        tags = self.pump.send(*commands)
        events = self._gather(tags[-1])
        places = {tag: n for n, tag in enumerate(tags)}
        done = {places[e.tag]: e for e in events if isinstance(e, Completed) and e.tag in places}
        return events, done

    def until(self, tag: int) -> Iterator[list[Event]]:
        """Batches of events as they arrive, until `tag` has completed. Raises RemoteProtocolError
        for bodies nobody wants."""
        octets = 0
        for batch in self.pump.events(tag):
            octets += sum(len(s.data) for e in batch if isinstance(e, Fetched) for s in e.sections)
            if octets > UNASKED_OCTETS:
                raise RemoteProtocolError(f"{self.label} sends far more than it was asked for")
            self.heed(batch)
            if self._aside:
                batch = [e for e in batch if not (isinstance(e, Completed) and e.tag in self._aside)]
            yield batch
        self.still_there()

    def _gather(self, tag: int) -> list[Event]:
        return [event for batch in self.until(tag) for event in batch]

    def heed(self, events: Iterable[Event]) -> None:
        """Keep what events say of the session itself."""
        for event in events:
            if isinstance(event, Fetched):
                continue  # nearly all are
            if isinstance(event, UidValidity):
                self._numbered = event
            elif isinstance(event, Opened):
                said = self._numbered
                self.selected = None if event.read_only else event.mailbox
                self.validity = said.value if said is not None and said.mailbox == event.mailbox else None
            elif isinstance(event, Enabled):
                self.enabled |= event.names
            elif isinstance(event, ServerId):
                self.quirks |= quirks.of(server_id=event.pairs)
            elif isinstance(event, Capabilities):
                self.capabilities = self._without_disabled(event.names)
            elif isinstance(event, Quota):
                self.aside_answers.append(event)
            elif isinstance(event, Bye):
                self._bye = event

    def still_there(self) -> None:
        """Raises TryAgain if the server has said good-bye, though it answered to the end."""
        if self._bye is not None:
            raise TryAgain(
                f"{self.label} ended the session: {self._bye.text}", hint="run fetch again; it continues"
            )

    def _without_disabled(self, names: frozenset[str]) -> frozenset[str]:
        return frozenset(n for n in names if n not in self._disabled)


def _left_out(commands: Sequence[Command], place: int, answer: Completed) -> list[Command]:
    """What to ask still, since the server did not answer for all messages (RFC 9738)."""
    if answer.code is None or answer.code.name != "MESSAGELIMIT":
        return []
    from mailcli.sync.imap import messagelimit

    rest = messagelimit.rest(commands[place], answer)
    opened = [c for c in commands[:place] if isinstance(c, Select)][-1:]
    return [*(s._replace(qresync=None) for s in opened), rest] if rest else []


def refusal(command: Command, answer: Completed, label: str) -> MailcliError:
    """The error of a NO or BAD, naming the command and its mailbox but never its data."""
    name = type(command).__name__.upper()
    mailbox = getattr(command, "mailbox", "")
    what = f"{name} {mailbox}".rstrip()
    text = f"{label} refused {what}: {answer.text.rstrip('.')}"
    code = answer.code.name if answer.code else ""
    if asked := _BACK_OFF.search(answer.text):
        busy = Throttled(text, hint="try again later")
        busy.seconds = int(asked[1]) / 1000
        return busy
    if answer.status == "BAD":
        return RemoteProtocolError(text, hint="run again with --transcript FILE to see the conversation")
    if code in _PASSING or "throttled" in answer.text.lower():
        return TryAgain(text, hint="try again later")
    return ServerRefused(text)


def only(kind: type[E], events: Iterable[object]) -> list[E]:
    """The events of one kind, in order."""
    return [event for event in events if isinstance(event, kind)]


def last(kind: type[E], events: Iterable[object]) -> E | None:
    """The latest event of one kind."""
    found = only(kind, events)
    return found[-1] if found else None
