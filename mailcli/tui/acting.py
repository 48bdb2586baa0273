"""What the reader's keys do to messages: marks, moves, flags, attachments.

Every change is made on the local mailbox at once; the servers are told beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mailcli.app import changing, reading, undoing
from mailcli.app.changing import Change
from mailcli.app.context import Context
from mailcli.app.pushing import push_now
from mailcli.app.undoing import Undone
from mailcli.errors import Unreachable
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.tui.jobs import Done, Failed, Message

if TYPE_CHECKING:
    from mailcli.tui.reader import Reader


class Acting:
    """The changing keys of one reader."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._pushing = False
        self._push_again = False

    def select(self) -> None:
        self.reader.rows.toggle()
        self.reader.more()

    def select_all(self) -> None:
        self.reader.rows.toggle_all()

    def delete(self) -> None:
        self._act(lambda ids: changing.delete(self.reader.local, ids))

    def archive(self) -> None:
        self._act(lambda ids: changing.archive(self.reader.local, ids))

    def spam(self) -> None:
        self._act(lambda ids: changing.spam(self.reader.local, ids))

    def unread(self) -> None:
        self._toggle(SEEN, "seen")

    def flag(self) -> None:
        self._toggle(FLAGGED, "flagged")

    def undo(self) -> None:
        self._turn(undoing.undo, "U redo")

    def redo(self) -> None:
        self._turn(undoing.redo, "u undo")

    def _turn(self, turn: Callable[[Context], Undone | None], follow: str) -> None:
        """Undo or do again, and go to the first message it was about, if the list shows it."""

        def then(message: Message) -> None:
            if isinstance(message, Done) and message.result is not None:
                done: Undone = message.result
                remark = f" ({done.remark})" if done.remark else ""
                self.reader.say(f"{done.summary[:1].upper()}{done.summary[1:]}{remark} · {follow}")
                self.reader.rows.seek(done.ids)
                self.reader.reload()
                self.push()
            self.reader.answer(message)

        def first(message: Message) -> None:
            if isinstance(message, Failed) and isinstance(message.error, Unreachable):
                # A folder's name is turned back on its server first.
                self.reader.jobs.network(lambda: turn(self.reader.ctx), then)
            else:
                then(message)

        self.reader.jobs.local(lambda: turn(self.reader.local), first)

    def _toggle(self, flag: str, name: str) -> None:
        held = {r.id: r.flags for r in self.reader.rows.rows}
        sign = "-" if all(flag in held.get(i, ()) for i in self.reader.rows.targets) else "+"
        self._act(lambda ids: changing.flag(self.reader.local, ids, [sign + name]), leaves=False)

    def _act(self, change: Callable[[list[str]], Change], *, leaves: bool = True) -> None:
        """Change what is selected, or the message at the cursor. `leaves`: it leaves the list, so
        an open message closes."""
        ids = self.reader.rows.targets
        if not ids:
            return
        if leaves and self.reader.shown is not None:
            self.reader.shown = None
            self.reader.focus()
        self.reader.rows.selected.clear()
        if leaves:
            self.reader.rows.leave(ids)
        self.change(lambda: change(ids), leaving=ids if leaves else ())

    def change(
        self, change: Callable[[], Change], *, quiet: bool = False, leaving: Sequence[str] = ()
    ) -> None:
        def then(message: Message) -> None:
            self.reader.rows.left(leaving)
            if isinstance(message, Done):
                done: Change = message.result
                if not quiet:
                    self.reader.say(f"{done.brief} · u undo" if done.undo else done.summary)
                self.reader.reload()
                self.push()
            elif leaving:
                self.reader.reload()
            self.reader.answer(message)

        self.reader.jobs.local(change, then)

    def push(self) -> None:
        """Tell the servers what was changed here, beside everything else; one push at a time, and
        one more for what was changed meanwhile."""
        if self._pushing:
            self._push_again = True
            return
        self._pushing, self._push_again = True, False

        def then(message: Message) -> None:
            self._pushing = False
            if isinstance(message, Done) and message.result.notice and not self.reader.failed:
                self.reader.say(message.result.notice)
            self.reader.answer(message)
            if self._push_again:
                self.push()

        ctx = self.reader.ctx
        self.reader.jobs.network(lambda: push_now(ctx, ctx.config.accounts), then)

    def save(self) -> None:
        id = self.reader.one()
        if id is None:
            return

        def then(message: Message) -> None:
            if isinstance(message, Done):
                names = ", ".join(str(p.name) for p in message.result)
                self.reader.say(f"saved here: {names}" if names else "this message has no attachments")
            self.reader.answer(message)

        self.reader.jobs.network(lambda: reading.save_attachments(self.reader.ctx, id, [], Path.cwd()), then)
