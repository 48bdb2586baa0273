"""What the user does to messages: flags, moving, copying, purging.

A command is one transaction with its line in the journal, whatever it does (`edit`): spam sets a keyword
and moves, to the folders of several accounts perhaps, and is undone as one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mailcli.errors import NotFound
from mailcli.model import flags as flag_words
from mailcli.model.flags import Flags
from mailcli.store import changing, deliver, index, journal, location, reading, recovery
from mailcli.store.changing import Row
from mailcli.store.journal import Note, Step
from mailcli.store.location import Home
from mailcli.store.renames import Renames
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks
from mailcli.store.values import Arrival, Changed
from mailcli.store.writer import Writer

if TYPE_CHECKING:
    import apsw

_COPIED_AT_ONCE: Final = 16 << 20  # octets

T = TypeVar("T")


class Edit:
    """One transaction of changes; `steps` grows with what they do. Good for that transaction only."""

    def __init__(self, site: Site, connection: apsw.Connection, renames: Renames) -> None:
        self._site = site
        self._connection = connection
        self._renames = renames
        self._homes = location.homes(connection)
        self.steps: list[Step] = []

    def set_flags(
        self, ids: Sequence[str], add: Flags = frozenset(), remove: Flags = frozenset()
    ) -> list[Changed]:
        """Add and remove flags; returns what really changed, as it was before."""
        done: list[Row] = []
        for row in changing.fetch_rows(self._connection, ids):
            if changing.change_flags(self._connection, self._renames, row, add, remove):
                done.append(row)
                before = _flags(row)
                after = (before - remove) | add
                self._step("flags", row, added=_text(after - before), removed=_text(before - after))
        index.mark_dirty(self._connection, [row.id for row in done])
        return [_changed(row) for row in done]

    def move(self, ids: Sequence[str], folder: int) -> list[Changed]:
        """Move to a folder, of another account too: uploaded there, then expunged here."""
        if folder not in self._homes:
            raise NotFound(f"there is no folder number {folder}")
        home = self._homes[folder]
        done = [row for row in changing.fetch_rows(self._connection, ids) if row.folder != folder]
        self._site.tree.make_folder(home.path)
        for row in done:
            if row.file is None and self._homes[row.folder].account != home.account:
                raise reading.not_here(row.id)  # there would be nothing to upload
            changing.relocate(self._connection, self._renames, row, home.path, folder)
            if row.at_folder is not None and self._homes[row.at_folder].account != home.account:
                recovery.leave_behind(self._connection, row.id, changing.ELSEWHERE, self._site.clock())
                changing.unbind(self._connection, row.id)
            if self._homes[row.folder].account != home.account:
                recovery.reclaim(self._connection, row.id, home.account_name)
            self._step("move", row, to=home)
        index.mark_dirty(self._connection, [row.id for row in done])
        return [_changed(row) for row in done]

    def purge(self, ids: Sequence[str], reason: str = "purged") -> list[Changed]:
        """Take messages away: to the recovery area, and the next push expunges them on the server."""
        done = changing.fetch_rows(self._connection, ids)
        now = self._site.clock()
        recovery.take_away(self._connection, [row.id for row in done], reason, now, pending=True)
        for row in done:
            self._step("gone", row, added=_text(_flags(row)))
        return [_changed(row) for row in done]

    def _step(
        self, kind: str, row: Row, *, to: Home | None = None, added: str = "", removed: str = ""
    ) -> None:
        home = self._homes[row.folder]
        target = (to.account_name, to.name) if to is not None else ("", "")
        self.steps.append(Step(kind, home.account_name, home.name, row.id, *target, added, removed))


def edit(site: Site, work: Callable[[Edit], T], note: Note | None = None) -> tuple[T, str]:
    """Do `work` in one transaction; with a note, and if anything was done, it is in the journal.

    Returns what `work` does, and the token ("" without an entry).
    """
    token = ""
    with site.database.writing() as connection, Renames(site.tree) as renames:
        done = Edit(site, connection, renames)
        result = work(done)
        if note is not None:
            token = journal.write(connection, note, done.steps, site.clock())
    if any(step.kind == "gone" for step in done.steps):
        recovery.settle(site)
    return result, token


def copy(
    site: Site, destinations: Sequence[tuple[Sequence[str], int]], note: Note | None
) -> tuple[list[str], str]:
    """Copy messages to folders; returns the ids of the copies, and the token.

    Real copies and not links: other programs edit files in place. Several transactions if it is much.
    """
    made: list[str] = []
    batch: list[Arrival] = []
    making = Making(note, site.clock())
    for ids, folder in destinations:
        with site.database.reading() as connection:
            found = changing.fetch_rows(connection, ids)
            arrived: dict[str, Any] = {}
            for some in chunks([row.id for row in found]):
                arrived.update(
                    connection.execute(f"SELECT id, arrived FROM message WHERE id IN ({marks(some)})", some)
                )
        for row in found:
            data = reading.wire(site, row.id)
            batch.append(Arrival(folder, data, _flags(row), arrived[row.id], origin=row.id))
            if sum(len(a.data) for a in batch) > _COPIED_AT_ONCE:
                made += deliver.deliver(site, batch, making.note(batch))
                batch = []
    if batch:
        made += deliver.deliver(site, batch, making.note(batch))
    return made, making.token


class Making:
    """The journal's entry of what a command makes: messages delivered in one transaction or several."""

    def __init__(self, note: Note | None, now: float) -> None:
        self._note = note
        self._now = now
        self.token = ""

    def note(self, batch: Sequence[Arrival]) -> Callable[[Writer], None] | None:
        """What has this batch noted, in the transaction that stores it."""
        return (lambda writer: self._write(writer, tuple(batch))) if self._note is not None else None

    def _write(self, writer: Writer, batch: Sequence[Arrival]) -> None:
        assert self._note is not None
        homes = location.homes(writer.connection)
        steps = [
            Step("made", homes[a.folder].account_name, homes[a.folder].name, i, added=_text(a.flags))
            for a, i in zip(batch, writer.ids, strict=True)
        ]
        if self.token:
            journal.extend(writer.connection, self.token, steps)
        else:
            self.token = journal.write(writer.connection, self._note, steps, self._now)


def _flags(row: Row) -> Flags:
    return flag_words.from_bits(row.bits, row.words)


def _text(flags: Flags) -> str:
    return " ".join(sorted(flags))


def _changed(row: Row) -> Changed:
    return Changed(row.id, row.folder, _flags(row))
