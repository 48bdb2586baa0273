"""What is committed in the transaction of a delivery besides the mail, as plain data: it may be another
process that runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailcli.model.record import NamedTuple
from mailcli.store.values import FolderState, Pop3Row
from mailcli.store.writer import Writer


class Along(NamedTuple):
    """How far folders are agreed, (key, state) each; lines of the POP3 history of an account."""

    cursors: Sequence[tuple[int, FolderState]] = ()
    account: str = ""
    history: Sequence[Pop3Row] = ()

    def write(self, writer: Writer) -> None:
        """In the transaction."""
        for key, state in self.cursors:
            writer.put_cursor(key, state)
        if self.history:
            writer.pop3_record(self.account, self.history)

    def plain(self) -> tuple[Any, ...]:
        """Tuples of what `marshal` knows; `of` makes it this again."""
        cursors = [(key, tuple(state)) for key, state in self.cursors]
        return cursors, self.account, [tuple(row) for row in self.history]

    @classmethod
    def of(cls, plain: tuple[Any, ...]) -> Along:
        """The reverse of `plain`."""
        cursors, account, history = plain
        return cls(
            [(key, FolderState._make(state)) for key, state in cursors],
            account,
            [Pop3Row._make(row) for row in history],
        )
