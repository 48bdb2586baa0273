"""How the reader looks: panes, bars and colours. What the keys do is in `reader`."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    Dimension,
    FormattedTextControl,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.styles import Style

from mailcli.tui.controls import ListControl, SidebarControl, TextControl

WIDE = 100
"""Columns from which folders, list and message stand beside each other."""

STYLE = Style.from_dict(
    {
        "bar": "reverse",
        "status": "",
        "status.error": "bold fg:ansired",
        "cursor": "reverse",
        "row.unread": "bold",
        "row.date": "fg:ansicyan",
        "row.mark": "fg:ansiyellow",
        "row.preview": "fg:ansibrightblack",
        "header": "",
        "header.name": "fg:ansicyan",
        "quote": "fg:ansigreen",
        "sidebar.account": "bold fg:ansiblue",
        "sidebar.unread": "bold",
        "sidebar.count": "fg:ansiyellow",
        "empty": "italic",
        "line": "fg:ansibrightblack",
    }
)
PLAIN_STYLE = Style.from_dict(
    {
        "bar": "reverse",
        "cursor": "reverse",
        "row.unread": "bold",
        "sidebar.unread": "bold",
    }
)
"""For NO_COLOR: attributes only."""


def is_wide() -> bool:
    return get_app().output.get_size().columns >= WIDE


class Screen:
    """The windows, and which of them are shown."""

    def __init__(
        self,
        sidebar: SidebarControl,
        rows: ListControl,
        text: TextControl,
        prompt: Buffer,
        *,
        title: Callable[[], StyleAndTextTuples],
        status: Callable[[], StyleAndTextTuples],
        reading: Callable[[], bool],
        searching: Callable[[], bool],
        alone: Callable[[], bool],
    ) -> None:
        wide = Condition(is_wide)
        is_reading = Condition(reading)
        with_list = (wide & ~Condition(alone)) | ~is_reading
        self.sidebar = Window(sidebar, width=26, always_hide_cursor=True)
        self.list = Window(rows, height=Dimension(weight=1), always_hide_cursor=False)
        self.text = Window(text, height=Dimension(weight=2), always_hide_cursor=True)
        self.prompt = Window(BufferControl(prompt), height=1)
        beside = HSplit(
            [
                ConditionalContainer(self.list, with_list),
                ConditionalContainer(Window(height=1, char="─", style="class:line"), with_list & is_reading),
                ConditionalContainer(self.text, is_reading),
            ]
        )
        body = VSplit(
            [
                ConditionalContainer(
                    VSplit([self.sidebar, Window(width=1, char="│", style="class:line")]), wide
                ),
                beside,
            ]
        )
        prompt_line = VSplit([Window(FormattedTextControl([("", "/")]), width=1), self.prompt])
        root = HSplit(
            [
                Window(FormattedTextControl(title), height=1, style="class:bar"),
                body,
                ConditionalContainer(prompt_line, Condition(searching)),
                Window(FormattedTextControl(status), height=1, style="class:status"),
            ]
        )
        self.layout = Layout(root, focused_element=self.list)
