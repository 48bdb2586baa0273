"""Being told by an IMAP server that something changed: NOTIFY, IDLE, or asking now and then.

A watch begins with a look at the counters of all folders, so that nothing falls between the end of
the last synchronisation and the first notification. What changed is then a matter for the ordinary
synchroniser: nothing here reads a message.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from mailcli.errors import Throttled, Unreachable
from mailcli.model.account import Account
from mailcli.model.folder import INBOX
from mailcli.store.values import FolderState
from mailcli.sync.imap.folders import Found, discover, wanted
from mailcli.sync.imap.server import Server, refusal
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import (
    Bye,
    Completed,
    Event,
    Exists,
    Expunged,
    Fetched,
    HighestModseq,
    Idling,
    Listed,
    Note,
    StatusOf,
    UidNext,
    UidValidity,
    Vanished,
)

LONGEST_IDLE: Final = 28 * 60.0
"""RFC 2177: servers may sign out whoever has idled for 30 minutes; 29 is the limit it names."""
LONGEST_NOTIFY: Final = 15 * 60.0
"""Seconds after which the counters are looked at all the same: a connection that a router has
forgotten is silent too."""
_ANSWER: Final = 30.0
"""Seconds for the answer to IDLE and DONE, which cost the server nothing."""
_SHORT_IDLE: Final = 60.0
"""A server that ends IDLE by itself sooner than this does not mean it."""


class Way(Enum):
    """How the server tells."""

    NOTIFY = "notify"  # RFC 5465: all folders, at once
    IDLE = "idle"  # RFC 2177: the inbox at once, the others when asked
    POLL = "poll"


class Watcher:
    """Watches one account on one signed-in connection.

    `begin`, then `wait` any number of times, then `end`: only behind `end` may the connection be
    used for anything else. `way` is how the server tells; it falls back by itself where the server
    refuses. All raise what the connection raises.
    """

    def __init__(self, server: Server, account: Account) -> None:
        self.server = server
        self.way = _best(server)
        self._account = account
        self._notifying = False
        self._idle: int | None = None  # the tag of the IDLE under way
        self._idled_at = 0.0
        self._exists: int | None = None  # of the inbox, while idling
        self._found: dict[str, Found] = {}
        self._seen: dict[str, tuple[int | None, ...]] = {}
        self._changed: set[str] = set()

    @property
    def precise(self) -> bool:
        """Whether the counters show every change: without CONDSTORE a flag changes unseen."""
        return self.server.has("CONDSTORE") or self.server.has("QRESYNC")

    def renew(self, interval: float) -> float:
        """Seconds until `begin` is due again, where folders that do not tell are asked every
        `interval` seconds."""
        if self.way is Way.NOTIFY:
            return LONGEST_NOTIFY
        return min(interval, LONGEST_IDLE)

    def take(self) -> tuple[str, ...]:
        """The folders to open because of what was noticed since the last call; () leaves it to the
        counters, which is right wherever they show every change."""
        changed, self._changed = self._changed, set()
        return () if self.precise else tuple(sorted(changed))

    # -- beginning

    def begin(self, known: Mapping[str, FolderState]) -> bool:
        """Ask to be told. True if the server differs already from what is `known` here, by folder
        name; then there is something to do before waiting.

        A folder that still differs as it did at the last call has been looked at since: there is
        nothing more to be had from it, so it does not count.
        """
        if self.way is Way.NOTIFY:
            self._notify()
        found = discover(self.server, self._account.special)
        self._found = {f.mailbox: f for f in found}
        for folder in found:
            if folder.status is not None and self._takes_part(folder):
                status = folder.status
                counters = (status.messages, status.uidnext, status.uidvalidity, status.highestmodseq)
                self._compare(folder.name, counters, known.get(folder.name))
        if self.way is Way.IDLE and not self._changed:
            self._begin_idle(known.get(INBOX))
        return bool(self._changed)

    def _notify(self) -> None:
        """The folder that the synchroniser left selected would not be told of by STATUS."""
        select: tuple[imap.Command, ...] = (imap.Select(INBOX, read_only=True), imap.Unselect())
        ask = () if self._notifying else (imap.Notify(),)
        _, answers = self.server.try_each(*select, *ask)
        self.server.selected = None
        for command, answer in zip((*select, *ask), answers.values(), strict=True):
            self._heed(command, answer)
        if any(answers[n].status != "OK" for n in answers):
            self.way = Way.IDLE if self.server.has("IDLE") else Way.POLL
        self._notifying = self.way is Way.NOTIFY

    def _heed(self, command: imap.Command, answer: Completed) -> None:
        """A refusal has us watch otherwise; but a server that only wants to be left alone means none."""
        error = None if answer.ok else refusal(command, answer, self.server.label)
        if isinstance(error, Throttled):
            raise error

    def _compare(self, name: str, counters: tuple[int | None, ...], state: FolderState | None) -> None:
        before, self._seen[name] = self._seen.get(name), counters
        if counters != before and (state is None or counters != _counters(state, counters)):
            self._changed.add(name)

    def _takes_part(self, folder: Found) -> bool:
        return folder.name == INBOX or wanted(folder, self._account.folders, ())

    def _begin_idle(self, state: FolderState | None) -> None:
        """EXAMINE says how the inbox is at the very moment from which IDLE tells of changes."""
        self.server.selected = None
        examine, idle = self.server.pump.send(imap.Select(INBOX, read_only=True), imap.Idle())
        end = time.monotonic() + _ANSWER
        counters: dict[type[Event], int | None] = {}
        while True:
            left = end - time.monotonic()
            events = self.server.pump.wait(left) if left > 0 else []
            if not events:
                raise Unreachable(f"{self.server.label} does not answer IDLE", hint="try again later")
            self._check(events)
            for event in events:
                match event:
                    case Exists(_, count):
                        counters[Exists] = count
                    case UidNext(_, value) | UidValidity(_, value) | HighestModseq(_, value):
                        counters[type(event)] = value
                    case Completed(tag, status) if tag in (examine, idle) and status != "OK":
                        self._heed(imap.Idle(), event)
                        self.way = Way.POLL
                    case _:
                        pass
            if self.server.pump.engine.done(idle):  # refused, or ended before it began
                self.way = Way.POLL
                return
            if any(isinstance(event, Idling) for event in events):
                break
        self._idle, self._idled_at = idle, time.monotonic()
        self._exists = counters.get(Exists)
        kinds = (Exists, UidNext, UidValidity, HighestModseq)
        if self.way is Way.IDLE:
            self._compare(INBOX, tuple(counters.get(kind) for kind in kinds), state)
        else:
            self.end()

    # -- waiting

    def wait(self, seconds: float) -> bool:
        """Whether something changed; after `seconds` without news, False."""
        events = self.server.pump.wait(seconds)
        self._check(events)
        before = len(self._changed)
        noticed = [name for event in events if (name := self._name_of(event))]
        self._changed.update(noticed)
        return bool(noticed) or len(self._changed) > before

    def _check(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Bye):
                raise Unreachable(
                    f"{self.server.label} ended the session: {event.text}", hint="try again later"
                )

    def _name_of(self, event: Event) -> str:
        """The folder in which the event says that something changed, "" if it says nothing."""
        match event:
            case StatusOf(mailbox=mailbox) | Listed(name=mailbox):
                found = self._found.get(mailbox)
                return mailbox if found is None else found.name if self._takes_part(found) else ""
            case Exists(_, count):
                before, self._exists = self._exists, count
                return INBOX if count != before else ""
            case Expunged() | Vanished(earlier=False):
                self._exists = None
                return INBOX
            case Fetched():
                return INBOX
            case Note(_, code, _) if code is not None and code.name == "NOTIFICATIONOVERFLOW":
                # RFC 5465 §5.8: the server tells nothing any more.
                self.way, self._notifying = Way.IDLE if self.server.has("IDLE") else Way.POLL, False
                return INBOX
            case Completed(tag) if tag == self._idle:
                self._idle = None
                if time.monotonic() - self._idled_at < _SHORT_IDLE:
                    self.way = Way.POLL
                return INBOX
            case _:
                return ""

    # -- ending

    def end(self) -> None:
        """Have the server listen to other commands again. What it tells meanwhile is not lost: it
        shows in the counters that come next."""
        if self._idle is None:
            return
        self._idle = None
        (done,) = self.server.pump.send(imap.Done())
        for events in self.server.pump.events(done, patience=_ANSWER):
            self._check(events)
            self._changed.update(name for event in events if (name := self._name_of(event)))

    def alive(self) -> None:
        """Ask for a sign of life: after an error of a command the connection may still be good."""
        (tag,) = self.server.pump.send(imap.Noop())
        for events in self.server.pump.events(tag, patience=_ANSWER):
            self._check(events)


def _best(server: Server) -> Way:
    if server.has("NOTIFY") and server.has("UNSELECT"):
        return Way.NOTIFY
    return Way.IDLE if server.has("IDLE") else Way.POLL


def _counters(state: FolderState, like: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """What we hold, as counters; those that the server did not say are not compared."""
    held = (state.server_count, state.uidnext, state.uidvalidity, state.highestmodseq)
    return tuple(None if said is None else ours for said, ours in zip(like, held, strict=True))
