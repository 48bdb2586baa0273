"""What the reader says about itself: the title, the status line, and an empty list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.utils import get_cwidth

from mailcli.app.context import Progress
from mailcli.model import printable
from mailcli.tui import format as formatting

if TYPE_CHECKING:
    from mailcli.tui.reader import Reader

_HINT = " j/k move  Enter open  d delete  e archive  r reply  / search  $ fetch  ? keys  q quit"
_SHORT_HINT = "e archive  r reply  / search  ? keys "
_NO_ACCOUNT = """No account yet.

Leave with q, then:  mailcli account add you@example.org
or try:              mailcli demo"""


class Bars:
    """The texts above and below the panes of one reader."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def title(self) -> StyleAndTextTuples:
        sidebar = self.reader.sidebar
        unread = ""
        if sidebar.places and not self.reader.place.query and sidebar.places[sidebar.at].unread:
            unread = f"  {sidebar.places[sidebar.at].unread} unread"
        typed = self.reader.finding.prompt.text
        searching = typed and self.reader.place.query and not self.reader.place.name
        title = printable.line(f"/{typed}" if searching else self.reader.place.title)
        position = ""
        if self.reader.rows.rows:
            more = "+" if self.reader.rows.next else ""
            position = f"{self.reader.rows.index + 1} of {len(self.reader.rows.rows)}{more} "
        selected = f"{len(self.reader.rows.selected)} selected  " if self.reader.rows.selected else ""
        width = self.reader.application.output.get_size().columns
        right = selected + position
        return [("class:bar", formatting.fit(f" {title}{unread}", width - len(right)) + right)]

    def line(self) -> StyleAndTextTuples:
        if working := self.reader.finding.working or self.reader.news.working:
            parts = [_progress_text(p) for p in working.values()]
            return [("class:status", " ⟳ " + " · ".join(parts))]
        if self.reader.status:
            if self.reader.failed:
                return [("class:status.error", " " + self.reader.status)]
            # The keys are shown beside it where there is room.
            width = self.reader.application.output.get_size().columns
            room = width - get_cwidth(self.reader.status) - 2
            hint = _SHORT_HINT if room > len(_SHORT_HINT) else ""
            return [
                ("class:status", " " + formatting.fit(self.reader.status, width - len(hint) - 1)),
                ("class:row.preview", hint),
            ]
        return [("class:row.preview", _HINT)]

    def empty(self) -> str:
        if not self.reader.loaded:
            return ""
        if self.reader.place.query:
            return "Nothing found."
        if not self.reader.ctx.config.accounts and not self.reader.ctx.store.accounts():
            return _NO_ACCOUNT
        return "No mail here yet.\n\n$ fetches it."


def _progress_text(progress: Progress) -> str:
    name = f"{progress.account}: " if progress.account else ""
    if progress.total:
        octets = formatting.size(progress.octets)
        return f"{name}{progress.phase} {progress.done}/{progress.total} {octets}"
    return f"{name}{progress.phase}"
