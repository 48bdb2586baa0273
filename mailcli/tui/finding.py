"""Searching as one types, and fetching: what fills the reader's list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.buffer import Buffer

from mailcli.app.context import Progress
from mailcli.app.fetching import FetchReport, FetchRequest, fetch
from mailcli.tui.jobs import Done, Message
from mailcli.tui.places import ALL, Place

if TYPE_CHECKING:
    from mailcli.tui.reader import Reader


class Finding:
    """The prompt of one reader's search, and its fetches."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.prompt = Buffer(multiline=False, on_text_changed=lambda _: self._search_changed())
        self.searching = False
        self.before: Place | None = None
        self.working: dict[str, Progress] = {}

    def back(self) -> bool:
        """Leave the results for what was listed before; False if there are none to leave."""
        if self.before is None:
            return False
        home, self.before = self.before, None
        self.reader.open_place(home)
        return True

    def search(self) -> None:
        if self.before is None:
            self.before = self.reader.place
        self.searching = True
        self.prompt.text = ""
        self.reader.screen.layout.focus(self.prompt)

    def _search_changed(self) -> None:
        text = self.prompt.text.strip()
        if not self.searching or not text:
            return
        self.reader.place = Place(text, "all", query=self.prompt.text, live=True)
        self.reader.reload(first=True)

    def end_search(self) -> None:
        text = self.prompt.text.strip()
        if not text:
            self.leave_search()
            return
        self.searching = False
        self.reader.open_place(Place(text, "all", query=text))

    def leave_search(self) -> None:
        self.searching = False
        home, self.before = self.before, None
        self.reader.open_place(home or ALL)

    def fetch(self) -> None:
        if self.working:
            self.reader.say("a fetch is running")
            return
        self.working["…"] = Progress("", "connecting", 0, None, 0)

        def then(message: Message) -> None:
            self.working.clear()
            if isinstance(message, Done):
                reports: list[FetchReport] = message.result
                failed = [r.error for r in reports if r.error is not None]
                new = sum(r.new for r in reports)
                if failed:
                    self.reader.fail(failed[0])
                else:
                    self.reader.say(f"{new} new" if new else "nothing new")
                self.reader.reload()
            self.reader.answer(message)

        def work() -> list[FetchReport]:
            reports = fetch(self.reader.ctx, FetchRequest())
            self.reader.ctx.fetched(reports)
            return reports

        self.reader.jobs.network(work, then)
