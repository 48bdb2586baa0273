"""The three panes as `UIControl`s that make only the lines the window shows.

FormattedTextControl would format every row of a folder at every key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prompt_toolkit.data_structures import Point
from prompt_toolkit.layout.controls import UIContent, UIControl
from prompt_toolkit.mouse_events import MouseEvent, MouseEventType

from mailcli.model import printable
from mailcli.tui import format as formatting
from mailcli.tui.format import Fragments
from mailcli.tui.places import Place
from mailcli.tui.rows import Rows


class ListControl(UIControl):
    """The window of rows."""

    def __init__(
        self, rows: Rows, clock: Callable[[], float], empty: Callable[[], str], clicked: Callable[[int], None]
    ) -> None:
        self.rows = rows
        self.clock = clock
        self.empty = empty
        self.clicked = clicked
        self.focused = True

    def is_focusable(self) -> bool:
        return True

    def create_content(self, width: int, height: int) -> UIContent:
        if not self.rows.rows:
            lines = ["", *self.empty().split("\n")]
            return UIContent(lambda n: [("class:empty", "  " + lines[n])], len(lines), show_cursor=False)
        now = self.clock()

        def line(n: int) -> Fragments:
            summary = self.rows.rows[n]
            made = formatting.row(summary, width, selected=summary.id in self.rows.selected, now=now)
            if n == self.rows.index:
                return [(f"{part[0]} class:cursor", part[1]) for part in made]
            return made

        return UIContent(line, len(self.rows.rows), Point(0, self.rows.index), show_cursor=True)

    def mouse_handler(self, mouse_event: MouseEvent) -> object:
        if mouse_event.event_type == MouseEventType.MOUSE_UP:
            self.clicked(mouse_event.position.y)
        elif mouse_event.event_type == MouseEventType.SCROLL_DOWN:
            self.rows.move(3)
        elif mouse_event.event_type == MouseEventType.SCROLL_UP:
            self.rows.move(-3)
        else:
            return NotImplemented
        return None


class TextControl(UIControl):
    """Lines that scroll: a message, or the help. `lines` makes them for a width; they are made
    anew only when the text or the width changes."""

    def __init__(self) -> None:
        self._lines: Callable[[int], Sequence[Fragments]] = lambda width: []
        self._made: Sequence[Fragments] = []
        self._width = -1
        self.top = 0
        self.height = 1

    def show(self, lines: Callable[[int], Sequence[Fragments]]) -> None:
        """Show another text from its beginning."""
        self._lines = lines
        self._width = -1
        self.top = 0

    def is_focusable(self) -> bool:
        return True

    def scroll(self, steps: int) -> bool:
        """Scroll by lines; False when it was at that end already."""
        last = max(0, len(self._made) - self.height)
        before = self.top
        self.top = max(0, min(last, self.top + steps))
        return self.top != before

    @property
    def at_end(self) -> bool:
        return self.top + self.height >= len(self._made)

    def create_content(self, width: int, height: int) -> UIContent:
        if width != self._width:
            self._made = self._lines(max(20, width - 2))
            self._width = width
        self.height = height
        self.top = max(0, min(self.top, max(0, len(self._made) - height)))
        shown = self._made[self.top : self.top + height]
        return UIContent(lambda n: [("", " "), *shown[n]], len(shown), Point(0, 0), show_cursor=False)

    def mouse_handler(self, mouse_event: MouseEvent) -> object:
        if mouse_event.event_type == MouseEventType.SCROLL_DOWN:
            self.scroll(3)
        elif mouse_event.event_type == MouseEventType.SCROLL_UP:
            self.scroll(-3)
        else:
            return NotImplemented
        return None


class SidebarControl(UIControl):
    """Folders of all accounts, the unified inbox first."""

    def __init__(self, clicked: Callable[[int], None]) -> None:
        self.places: list[Place] = []
        self.at = 0
        self.clicked = clicked

    def is_focusable(self) -> bool:
        return True

    def create_content(self, width: int, height: int) -> UIContent:
        def line(n: int) -> Fragments:
            place = self.places[n]
            count = str(place.unread) if place.unread else ""
            name = formatting.fit("  " * place.depth + printable.line(place.label), width - len(count) - 2)
            style = "class:sidebar.unread" if place.unread else "class:sidebar"
            if not place.selectable:
                style = "class:sidebar.account"
            cursor = " class:cursor" if n == self.at else ""
            return [(style + cursor, f" {name}"), (f"class:sidebar.count{cursor}", count + " ")]

        return UIContent(line, len(self.places), Point(0, self.at), show_cursor=False)

    def mouse_handler(self, mouse_event: MouseEvent) -> object:
        if mouse_event.event_type == MouseEventType.MOUSE_UP:
            self.clicked(mouse_event.position.y)
            return None
        return NotImplemented
