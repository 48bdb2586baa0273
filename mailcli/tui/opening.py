"""Opening messages in the reader. One whose body is only on the server shows its header at once, and its
text when that has come; no key waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mailcli.app import changing, reading
from mailcli.app.context import Context
from mailcli.app.reading import Message as Shown
from mailcli.errors import Interrupted
from mailcli.model import printable
from mailcli.model.flags import SEEN
from mailcli.tui import format as formatting
from mailcli.tui.jobs import Done, Failed, Message

if TYPE_CHECKING:
    from mailcli.tui.reader import Reader

DWELL: Final = 1.5
"""Seconds an open message waits before it counts as seen: moving past marks nothing."""
FETCHING: Final = "fetching the body …"


class Opening:
    """What one reader shows of messages."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.prefer_html = False
        self._awaited = ""  # the message whose header alone is shown

    def current(self) -> None:
        """Open the message at the cursor."""
        row = self.reader.rows.current
        if row is None:
            return
        id, html, local = row.id, self.prefer_html, self.reader.local

        def work() -> Shown:
            (now,) = local.store.get([id])
            if now.remote_only and id not in local.brought:
                return reading.header(local, id)
            return reading.read(local, id, html=html)

        def then(message: Message) -> None:
            if isinstance(message, Done):
                shown: Shown = message.result
                bare = shown.summary.remote_only and id not in local.brought
                self._show(shown, FETCHING if bare else "")
                self._awaited = id if bare else ""
                self.reader.focus()
                if bare:
                    self._fetch(shown, html)
            self.reader.answer(message)

        self.reader.jobs.local(work, then, replaces="message")

    def _fetch(self, bare: Shown, html: bool) -> None:
        """Bring the body, unless the reader has gone on by the time there is a thread for it."""
        id, ctx = bare.summary.id, self.reader.ctx

        def work() -> Shown:
            if self._awaited != id:
                raise Interrupted("another message is read by now")
            return reading.read(ctx, id, html=html)

        def then(message: Message) -> None:
            shown = self.reader.shown
            if self._awaited == id and shown is not None and shown.summary.id == id:
                if isinstance(message, Done):
                    self._awaited = ""
                    self._show(message.result)
                elif isinstance(message, Failed):
                    self._show(bare, f"[{printable.line(message.error.message)}]")
                self.reader.answer(message)
            if isinstance(message, Done):
                self.reader.reload()

        self.reader.jobs.network(work, then)

    def _show(self, shown: Shown, note: str = "") -> None:
        self.reader.shown, self.reader.showing_help = shown, False

        def lines(width: int) -> list[formatting.Fragments]:
            made = formatting.message(shown, width)
            made += [[("class:row.preview", piece)] for piece in formatting.wrap(note, width)] if note else []
            return made

        self.reader.text.show(lines)
        if not note:
            asyncio.get_running_loop().call_later(DWELL, self._dwelt, shown.summary.id)

    def with_body(self, id: str, work: Callable[[Context], Any], then: Callable[[Message], None]) -> None:
        """Do something that needs a message whole: at once if it is here, else when it has come."""
        row = next((r for r in self.reader.rows.rows if r.id == id), None)
        if row is None or not row.remote_only:
            self.reader.jobs.local(lambda: work(self.reader.local), then)
        else:
            self.reader.say(FETCHING)
            self.reader.jobs.network(lambda: work(self.reader.ctx), then)

    # -- seen ----------------------------------------------------------------------------------

    def _dwelt(self, id: str) -> None:
        if self.reader.shown is not None and self.reader.shown.summary.id == id:
            self._mark_seen(id)

    def seen_at_end(self) -> None:
        """The end of a text counts as read; the end of a header does not."""
        shown = self.reader.shown
        if shown is not None and self.reader.text.at_end and self._awaited != shown.summary.id:
            self._mark_seen(shown.summary.id)

    def _mark_seen(self, id: str) -> None:
        row = next((r for r in self.reader.rows.rows if r.id == id), None)
        if row is not None and SEEN not in row.flags:
            local = self.reader.local
            self.reader.acting.change(lambda: changing.mark_seen(local, [id]), quiet=True)
