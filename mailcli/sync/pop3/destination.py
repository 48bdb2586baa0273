"""Where a POP3 account's mail is delivered: a folder here, or somewhere else.

A destination makes messages durable and has them recorded, in this order, so that a message is deleted on
the server only after both. What a run that was killed between the two had delivered is recognised by
`settle` at the beginning of the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from mailcli.errors import ConfigError
from mailcli.model.record import NamedTuple
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Pop3Row

FORMS = ("folder", "maildir", "mbox", "pipe")
"""What `deliver` may begin with; a colon and the place follow."""


class Letter(NamedTuple):
    """A message to deliver, and the line that the history gets for it."""

    row: Pop3Row
    data: bytes


class Top(NamedTuple):
    """The header of a message too large to come whole, and the line that the history gets for it."""

    row: Pop3Row
    header: bytes


class Ledger(Protocol):
    """The history, to those who deliver."""

    def record(self, rows: Sequence[Pop3Row]) -> None:
        """Write these rows down."""

    def learn(self, rows: Sequence[Pop3Row]) -> None:
        """These rows were written down together with the mail."""


class Destination(Protocol):
    """What takes the messages. All of it raises LocalIOError, CannotCreate, TryAgain."""

    def settle(self, fetching: Sequence[Pop3Row]) -> list[Pop3Row]:
        """Those of these announced messages that a killed run has delivered."""

    def deliver(self, letters: Sequence[Letter], ledger: Ledger) -> list[str]:
        """Deliver and record. What is returned tells of messages that were not taken, and stay."""


class Folder:
    """A folder of the account, in the mailbox here."""

    def __init__(self, store: Store, account: str, name: str, special: str | None = None) -> None:
        self._store = store
        self._account = account
        self._folder = store.ensure_folder(account, name, special=special)

    def settle(self, fetching: Sequence[Pop3Row]) -> list[Pop3Row]:
        """None: scanning adopts such a file, and says so in the history itself."""
        del fetching
        self._store.scan(self._folder)
        return []

    def deliver(self, letters: Sequence[Letter], ledger: Ledger) -> list[str]:
        """The rows are committed together with the messages'."""
        return self.begin(letters, ledger)()

    def begin(self, letters: Sequence[Letter], ledger: Ledger) -> Callable[[], list[str]]:
        """`deliver`, in the background; what is returned waits for it."""
        from mailcli.store.along import Along  # a run that finds nothing new stores nothing

        rows = [letter.row for letter in letters]
        arrivals = [
            Arrival(self._folder, data, arrived=row.delivered_at or 0.0, id=row.id, sha256=row.sha256)
            for row, data in letters
        ]
        storing = self._store.begin_delivery(arrivals, Along(account=self._account, history=rows))

        def finish() -> list[str]:
            storing.finish()
            ledger.learn(rows)
            return []

        return finish

    def outline(self, tops: Sequence[Top], ledger: Ledger) -> None:
        """Deliver headers, whose bodies stay on the server. The rows are committed together with theirs."""
        from mailcli.store.partial import Outline

        rows = [top.row for top in tops]
        self._store.deliver_outlines(
            [
                Outline(self._folder, header, row.size, arrived=row.first_seen, id=row.id)
                for row, header in tops
            ],
            also=lambda writer: writer.pop3_record(self._account, rows),
        )
        ledger.learn(rows)


def begin(destination: Destination, letters: Sequence[Letter], ledger: Ledger) -> Callable[[], list[str]]:
    """Deliver in the background what can be; what is returned waits for it, or does it."""
    if not letters:
        return list
    if isinstance(destination, Folder):
        return destination.begin(letters, ledger)
    return partial(destination.deliver, letters, ledger)


def split(deliver: str) -> tuple[str, str]:
    """`maildir:PATH` in its two parts. Raises ConfigError."""
    form, colon, place = deliver.partition(":")
    if form not in FORMS or not colon or not place.strip():
        raise ConfigError(
            f"deliver: {deliver!r} is no destination",
            hint='"folder:NAME", "maildir:PATH", "mbox:PATH" or "pipe:COMMAND"',
        )
    return form, place.strip()
