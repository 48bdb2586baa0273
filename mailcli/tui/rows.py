"""The list as a window of rows: what is loaded, where the cursor is, what is selected. No screen."""

from __future__ import annotations

from collections.abc import Sequence

from mailcli.model.message import Summary

PAGE = 200
"""Rows loaded at once; more come when the cursor nears the end."""
AHEAD = 60


class Rows:
    """Messages of one folder or search, newest first, loaded page by page.

    The cursor is an id, not a number: new mail above it, or messages leaving around it, never
    move it to another message while its own is still there.
    """

    def __init__(self) -> None:
        self.rows: list[Summary] = []
        self.next: str | None = None
        self.loading = False
        self.selected: set[str] = set()
        self.leaving: set[str] = set()
        self._at = 0
        self._sought: frozenset[str] = frozenset()

    @property
    def index(self) -> int:
        """The cursor's place among the loaded rows; 0 when there are none."""
        return self._at

    @property
    def current(self) -> Summary | None:
        return self.rows[self._at] if self.rows else None

    def start(self, rows: Sequence[Summary], cursor: str | None) -> None:
        """Another folder or search: from the top, nothing selected."""
        self.selected.clear()
        self._at = 0
        self.rows = self._staying(rows)
        self.next = cursor

    def refresh(self, rows: Sequence[Summary], cursor: str | None) -> None:
        """The same list, read anew: the cursor stays on its message, or where it was."""
        current = self.current
        self.rows = self._staying(rows)
        self.next = cursor
        held = {row.id: n for n, row in enumerate(self.rows)}
        self.selected &= held.keys()
        if current is not None and current.id in held:
            self._at = held[current.id]
        if back := self._sought & held.keys():
            self._at = min(held[i] for i in back)
        self._sought = frozenset()
        self._at = max(0, min(self._at, len(self.rows) - 1))

    def seek(self, ids: Sequence[str]) -> None:
        """The next `refresh` puts the cursor on the first of these, if it has any."""
        self._sought = frozenset(ids)

    def append(self, rows: Sequence[Summary], cursor: str | None) -> None:
        """The next page."""
        known = {row.id for row in self.rows}
        self.rows.extend(row for row in self._staying(rows) if row.id not in known)
        self.next = cursor
        self.loading = False

    def leave(self, ids: Sequence[str]) -> None:
        """Take these out of the list at once, before the mailbox has let go of them: the next key
        is meant for the message that comes up. They stay away until `left`."""
        self.leaving.update(ids)
        self.selected.difference_update(ids)
        gone = sum(row.id in self.leaving for row in self.rows[: self._at])
        self.rows = self._staying(self.rows)
        self._at = max(0, min(self._at - gone, len(self.rows) - 1))

    def left(self, ids: Sequence[str]) -> None:
        """What becomes of these is settled: show them again wherever the mailbox has them."""
        self.leaving.difference_update(ids)

    def _staying(self, rows: Sequence[Summary]) -> list[Summary]:
        return [row for row in rows if row.id not in self.leaving]

    def move(self, steps: int) -> None:
        """Move the cursor, staying inside."""
        self._at = max(0, min(self._at + steps, len(self.rows) - 1)) if self.rows else 0

    @property
    def wants_more(self) -> bool:
        """Whether the next page should be asked for now."""
        return self.next is not None and not self.loading and self._at + AHEAD >= len(self.rows)

    def toggle(self) -> None:
        """Select the message at the cursor, or not any more, and go on to the next."""
        if self.current is not None:
            self.selected ^= {self.current.id}
            self.move(1)

    def toggle_all(self) -> None:
        """Select all loaded rows; if all are, none."""
        everything = {row.id for row in self.rows}
        self.selected = set() if self.selected == everything else everything

    @property
    def targets(self) -> list[str]:
        """What a command acts on: the selected messages in their order, else the one at the cursor."""
        if self.selected:
            return [row.id for row in self.rows if row.id in self.selected]
        return [self.current.id] if self.current is not None else []
