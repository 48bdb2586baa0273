"""The full-screen reader: what each key does, on the same application functions as the commands.

Nothing here waits. A key asks `Jobs` for work on the local mailbox, which answers in milliseconds,
and for work on the network, which answers when it can; both answer with a message that changes the
screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.color_depth import ColorDepth

from mailcli.app.context import Context, Progress
from mailcli.app.reading import Message as Shown
from mailcli.errors import MailcliError
from mailcli.model import printable
from mailcli.tui import format as formatting
from mailcli.tui import places
from mailcli.tui.acting import Acting
from mailcli.tui.bars import Bars
from mailcli.tui.controls import ListControl, SidebarControl, TextControl
from mailcli.tui.finding import Finding
from mailcli.tui.jobs import Done, Failed, Jobs, Message
from mailcli.tui.keys import KEYS, help_lines
from mailcli.tui.news import News
from mailcli.tui.opening import Opening
from mailcli.tui.places import ALL, Place
from mailcli.tui.rows import PAGE, Rows
from mailcli.tui.screen import PLAIN_STYLE, STYLE, Screen, is_wide
from mailcli.tui.writing import Writing

POLL = 0.5
"""Seconds between looks at the mailbox's version, for what other processes changed."""


class Reader:
    """The state of one run of the reader, and its keys (the methods `keys.KEYS` names)."""

    def __init__(self, ctx: Context, place: Place = ALL) -> None:
        self.ctx = ctx
        self.local = ctx.without_network()
        self.place = place
        self.rows = Rows()
        self.shown: Shown | None = None
        self.showing_help = False
        self.status = ""
        self.failed = False
        self.loaded = False
        self._leaving = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.version = ctx.store.data_version()
        self.sidebar = SidebarControl(self._click_sidebar)
        self.text = TextControl()
        self.bars = Bars(self)
        self.list = ListControl(self.rows, ctx.clock, self.bars.empty, self._click_row)
        self.finding = Finding(self)
        self.acting = Acting(self)
        self.opening = Opening(self)
        self.writing = Writing(self)
        self.news = News(self)
        self.screen = Screen(
            self.sidebar,
            self.list,
            self.text,
            self.finding.prompt,
            title=self.bars.title,
            status=self.bars.line,
            reading=lambda: self.reading,
            searching=lambda: self.finding.searching,
            alone=lambda: self.showing_help,
        )
        plain = bool(ctx.environ.get("NO_COLOR"))
        self.application: Application[None] = Application(
            layout=self.screen.layout,
            key_bindings=self._bindings(),
            style=PLAIN_STYLE if plain else STYLE,
            color_depth=ColorDepth.MONOCHROME if plain else None,
            full_screen=True,
            mouse_support=True,
            enable_page_navigation_bindings=False,
        )
        self.application.ttimeoutlen = 0.05
        ctx.progress = self._progress
        ctx.notice = self.local.notice = self._notice

    @property
    def reading(self) -> bool:
        """Whether the text pane is open."""
        return self.shown is not None or self.showing_help

    # -- life ----------------------------------------------------------------------------------

    def run(self) -> None:
        """Show the reader until the user leaves it."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self.jobs = Jobs(self.post)
        self.reload(first=True)
        self.news.start()
        watcher = loop.create_task(self._watch())
        try:
            await self.application.run_async()
        finally:
            watcher.cancel()
            self.news.stop()
            self.ctx.cancel.cancel()
            self.jobs.close()

    async def _watch(self) -> None:
        """Other processes (a fetch from cron) change the mailbox: show it, cursor kept."""
        while True:
            await asyncio.sleep(POLL)
            version = self.ctx.store.data_version()
            if version != self.version:
                self.version = version
                self.reload()

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        typing = has_focus(self.finding.prompt)
        for key in KEYS:
            action: Callable[[], None] = attrgetter(key.action)(self)
            for name in key.keys:
                bindings.add(name, filter=~typing, eager=name == "escape")(_handler(action))
        bindings.add("enter", filter=typing)(_handler(self.finding.end_search))
        bindings.add("escape", filter=typing, eager=True)(_handler(self.finding.leave_search))
        bindings.add("c-c")(_handler(self._quit))
        bindings.add("c-l")(_handler(lambda: self.application.renderer.clear()))
        return bindings

    # -- loading -------------------------------------------------------------------------------

    def reload(self, *, first: bool = False) -> None:
        """Read folders and rows anew; as many rows as were loaded, so that the cursor stays."""
        wanted = self.place
        limit = PAGE if first else max(PAGE, len(self.rows.rows))

        def work() -> Any:
            return places.sidebar(self.local), places.load(self.local, wanted, limit)

        def then(message: Message) -> None:
            if isinstance(message, Done):
                self.loaded = True
                folders, page = message.result
                self.sidebar.places = folders
                self.sidebar.at = places.nearest(folders, self.place)
                (self.rows.start if first else self.rows.refresh)(page.rows, page.next)
                if first and not self.finding.searching:
                    self.status, self.failed = "", False
            self.answer(message)

        self.jobs.local(work, then, replaces="rows")

    def more(self) -> None:
        if not self.rows.wants_more:
            return
        self.rows.loading = True
        wanted, after = self.place, self.rows.next

        def then(message: Message) -> None:
            if isinstance(message, Done) and wanted == self.place:
                self.rows.append(message.result.rows, message.result.next)
            self.rows.loading = False
            self.answer(message)

        self.jobs.local(lambda: places.load(self.local, wanted, PAGE, after), then)

    def open_place(self, place: Place) -> None:
        """Show another folder or search."""
        self.place = place
        self.shown, self.showing_help = None, False
        self.reload(first=True)
        self.focus()

    # -- moving --------------------------------------------------------------------------------

    def down(self) -> None:
        self._step(1)

    def up(self) -> None:
        self._step(-1)

    def page_down(self) -> None:
        if self.reading and not self.text.scroll(max(1, self.text.height - 1)) and self.shown:
            self.next_message()
        elif not self.reading:
            self._step(max(1, self._height() - 1))
        self.opening.seen_at_end()

    def page_up(self) -> None:
        if self.reading:
            self.text.scroll(-max(1, self.text.height - 1))
        else:
            self._step(-max(1, self._height() - 1))

    def top(self) -> None:
        self._step(-(1 << 30))

    def bottom(self) -> None:
        self._step(1 << 30)

    def _step(self, steps: int) -> None:
        if self._in_sidebar():
            self._step_sidebar(1 if steps > 0 else -1)
        elif self.reading and self.screen.layout.has_focus(self.screen.text):
            self.text.scroll(steps)
            self.opening.seen_at_end()
        else:
            self.rows.move(steps)
            self.more()

    def _step_sidebar(self, step: int) -> None:
        at = self.sidebar.at + step
        while 0 <= at < len(self.sidebar.places) and not self.sidebar.places[at].selectable:
            at += step
        if 0 <= at < len(self.sidebar.places):
            self.sidebar.at = at

    def next_message(self) -> None:
        self._neighbour(1)

    def previous_message(self) -> None:
        self._neighbour(-1)

    def _neighbour(self, step: int) -> None:
        before = self.rows.index
        self.rows.move(step)
        self.more()
        if self.shown is not None and self.rows.index != before:
            self.opening.current()

    def switch(self) -> None:
        if is_wide() and not self._in_sidebar():
            self.screen.layout.focus(self.screen.sidebar)
        else:
            self.focus()

    def enter(self) -> None:
        if self._in_sidebar():
            self.open_place(self.sidebar.places[self.sidebar.at])
        elif self.rows.current is not None:
            self.opening.current()

    def back(self) -> None:
        if self.reading:
            self.shown, self.showing_help = None, False
        elif self._in_sidebar():
            pass
        elif not self.finding.back():
            self._quit()
            return
        self.focus()

    def _quit(self) -> None:
        if self.writing.sending and not self._leaving:
            self._leaving = True
            self.say("a message is still being sent; once more leaves all the same, and keeps its draft")
            return
        self.application.exit()

    def focus(self) -> None:
        self.screen.layout.focus(self.screen.text if self.reading else self.screen.list)

    def _in_sidebar(self) -> bool:
        return self.screen.layout.has_focus(self.screen.sidebar)

    def _height(self) -> int:
        info = self.screen.list.render_info
        return info.window_height if info else 10

    def _click_row(self, n: int) -> None:
        if n < len(self.rows.rows):
            again = n == self.rows.index
            self.rows.move(n - self.rows.index)
            self.focus()
            if again or self.shown is not None:
                self.opening.current()

    def _click_sidebar(self, n: int) -> None:
        if n < len(self.sidebar.places) and self.sidebar.places[n].selectable:
            self.sidebar.at = n
            self.open_place(self.sidebar.places[n])

    # -- reading -------------------------------------------------------------------------------

    def html(self) -> None:
        self.opening.prefer_html = not self.opening.prefer_html
        if self.shown is not None:
            self.opening.current()

    def help(self) -> None:
        def lines(width: int) -> list[formatting.Fragments]:
            made: list[formatting.Fragments] = [[("bold", "Keys")], [("", "")]]
            for keys, text, shell in help_lines():
                made.append(
                    [
                        ("class:header.name", formatting.fit(keys, 14)),
                        ("", formatting.fit(text, min(44, max(20, width - 40)) - 1) + " "),
                        ("class:row.preview", shell),
                    ]
                )
            return made

        self.showing_help = True
        self.text.show(lines)
        self.focus()

    def one(self) -> str | None:
        if self.shown is not None:
            return self.shown.summary.id
        return self.rows.current.id if self.rows.current is not None else None

    # -- bars ----------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        self.status, self.failed = printable.line(text), False

    def fail(self, error: MailcliError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.status, self.failed = printable.line(error.message + hint), True

    def answer(self, message: Message) -> None:
        """What every answer does: show an error, and paint."""
        if isinstance(message, Failed):
            self.fail(message.error)
        self.application.invalidate()

    def _progress(self, progress: Progress) -> None:
        """Called on network threads."""

        def show() -> None:
            if self.finding.working:
                self.finding.working.pop("…", None)
                self.finding.working[progress.account] = progress
                self.application.invalidate()

        self.post(show)

    def _notice(self, text: str) -> None:
        def show() -> None:
            self.say(text)
            self.application.invalidate()

        self.post(show)

    def post(self, change: Callable[[], None]) -> None:
        """Have the screen's own thread do this. From any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(change)


def _handler(action: Callable[[], None]) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        action()
        event.app.invalidate()

    return handle
