"""The full-screen reader: what each key does, on the same application functions as the commands.

Nothing here waits. A key asks `Jobs` for work on the local mailbox, which answers in milliseconds,
and for work on the network, which answers when it can; both answer with a message that changes the
screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.color_depth import ColorDepth

from mailcli.app import changing, reading
from mailcli.app.changing import Change
from mailcli.app.context import Context, Progress
from mailcli.app.fetching import FetchReport, FetchRequest, fetch
from mailcli.app.pushing import push_now
from mailcli.app.reading import Message as Shown
from mailcli.errors import MailcliError
from mailcli.model import printable
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.tui import format as formatting
from mailcli.tui import places
from mailcli.tui.controls import ListControl, SidebarControl, TextControl
from mailcli.tui.jobs import Done, Failed, Jobs, Message
from mailcli.tui.keys import KEYS, help_lines
from mailcli.tui.places import ALL, Place
from mailcli.tui.rows import PAGE, Rows
from mailcli.tui.screen import PLAIN_STYLE, STYLE, Screen, is_wide
from mailcli.tui.writing import Writing

DWELL = 1.5
"""Seconds an open message waits before it counts as seen: moving past marks nothing."""
_HINT = " j/k move  Enter open  d delete  e archive  r reply  / search  $ fetch  ? keys  q quit"
_NO_ACCOUNT = """No account yet.

Leave with q, then:  mailcli account add you@example.org
or try:              mailcli demo"""
POLL = 0.5
"""Seconds between looks at the mailbox's version, for what other processes changed."""


class Reader:
    """The state of one run of the reader, and its keys (the methods `keys.KEYS` names)."""

    def __init__(self, ctx: Context, place: Place = ALL) -> None:
        self.ctx = ctx
        self.local = ctx.without_network()
        self.place = place
        self.before_search: Place | None = None
        self.rows = Rows()
        self.shown: Shown | None = None
        self.showing_help = False
        self.prefer_html = False
        self.status = ""
        self.failed = False
        self.loaded = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.working: dict[str, Progress] = {}
        self.version = ctx.store.data_version()
        self.sidebar = SidebarControl(self._click_sidebar)
        self.text = TextControl()
        self.list = ListControl(self.rows, ctx.clock, self._empty_text, self._click_row)
        self.prompt = Buffer(multiline=False, on_text_changed=lambda _: self._search_changed())
        self.screen = Screen(
            self.sidebar,
            self.list,
            self.text,
            self.prompt,
            title=self._title,
            status=self._status,
            reading=lambda: self.reading,
            searching=lambda: self.searching,
            alone=lambda: self.showing_help,
        )
        self.searching = False
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
        self.writing = Writing(self)
        ctx.progress = self._progress
        ctx.notice = self._notice

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
        self.jobs = Jobs(self._post)
        self._reload(first=True)
        watcher = loop.create_task(self._watch())
        try:
            await self.application.run_async()
        finally:
            watcher.cancel()
            self.ctx.cancel.cancel()
            self.jobs.close()

    async def _watch(self) -> None:
        """Other processes (a fetch from cron) change the mailbox: show it, cursor kept."""
        while True:
            await asyncio.sleep(POLL)
            version = self.ctx.store.data_version()
            if version != self.version:
                self.version = version
                self._reload()

    def _bindings(self) -> KeyBindings:
        bindings = KeyBindings()
        typing = has_focus(self.prompt)
        for key in KEYS:
            action: Callable[[], None] = getattr(self, key.action)
            for name in key.keys:
                bindings.add(name, filter=~typing, eager=name == "escape")(_handler(action))
        bindings.add("enter", filter=typing)(_handler(self._end_search))
        bindings.add("escape", filter=typing, eager=True)(_handler(self._leave_search))
        bindings.add("c-c")(_handler(self._quit))
        bindings.add("c-l")(_handler(lambda: self.application.renderer.clear()))
        return bindings

    # -- loading -------------------------------------------------------------------------------

    def _reload(self, *, first: bool = False) -> None:
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
                if first and not self.searching:
                    self.status, self.failed = "", False
            self._answer(message)

        self.jobs.local(work, then, replaces="rows")

    def _more(self) -> None:
        if not self.rows.wants_more:
            return
        self.rows.loading = True
        wanted, after = self.place, self.rows.next

        def then(message: Message) -> None:
            if isinstance(message, Done) and wanted == self.place:
                self.rows.append(message.result.rows, message.result.next)
            self.rows.loading = False
            self._answer(message)

        self.jobs.local(lambda: places.load(self.local, wanted, PAGE, after), then)

    def open_place(self, place: Place) -> None:
        """Show another folder or search."""
        self.place = place
        self.shown, self.showing_help = None, False
        self._reload(first=True)
        self._focus()

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
        self._seen_at_end()

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
            self._seen_at_end()
        else:
            self.rows.move(steps)
            self._more()

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
        self._more()
        if self.shown is not None and self.rows.index != before:
            self._open_current()

    def switch(self) -> None:
        if is_wide() and not self._in_sidebar():
            self.screen.layout.focus(self.screen.sidebar)
        else:
            self._focus()

    def enter(self) -> None:
        if self._in_sidebar():
            self.open_place(self.sidebar.places[self.sidebar.at])
        elif self.rows.current is not None:
            self._open_current()

    def back(self) -> None:
        if self.reading:
            self.shown, self.showing_help = None, False
        elif self._in_sidebar():
            pass
        elif self.before_search is not None:
            self.open_place(self.before_search)
            self.before_search = None
        else:
            self._quit()
            return
        self._focus()

    def _quit(self) -> None:
        self.application.exit()

    def _focus(self) -> None:
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
            self._focus()
            if again or self.shown is not None:
                self._open_current()

    def _click_sidebar(self, n: int) -> None:
        if n < len(self.sidebar.places) and self.sidebar.places[n].selectable:
            self.sidebar.at = n
            self.open_place(self.sidebar.places[n])

    # -- reading -------------------------------------------------------------------------------

    def _open_current(self) -> None:
        row = self.rows.current
        if row is None:
            return
        html = self.prefer_html

        def then(message: Message) -> None:
            if isinstance(message, Done):
                shown: Shown = message.result
                self.shown, self.showing_help = shown, False
                self.text.show(lambda width: formatting.message(shown, width))
                self._focus()
                asyncio.get_running_loop().call_later(DWELL, self._dwelt, shown.summary.id)
            self._answer(message)

        self.jobs.local(lambda: reading.read(self.local, row.id, html=html), then, replaces="message")

    def _dwelt(self, id: str) -> None:
        if self.shown is not None and self.shown.summary.id == id:
            self._mark_seen(id)

    def _seen_at_end(self) -> None:
        if self.shown is not None and self.text.at_end:
            self._mark_seen(self.shown.summary.id)

    def _mark_seen(self, id: str) -> None:
        row = next((r for r in self.rows.rows if r.id == id), None)
        if row is not None and SEEN not in row.flags:
            self._change(lambda: changing.flag(self.local, [id], ["+seen"]), quiet=True)

    def html(self) -> None:
        self.prefer_html = not self.prefer_html
        if self.shown is not None:
            self._open_current()

    def help(self) -> None:
        def lines(width: int) -> list[formatting.Fragments]:
            made: list[formatting.Fragments] = [[("bold", "Keys")], [("", "")]]
            for keys, text, shell in help_lines():
                made.append(
                    [
                        ("class:header.name", formatting.fit(keys, 14)),
                        ("", formatting.fit(text, min(44, max(20, width - 40)))),
                        ("class:row.preview", shell),
                    ]
                )
            return made

        self.showing_help = True
        self.text.show(lines)
        self._focus()

    def save(self) -> None:
        id = self._one()
        if id is None:
            return

        def then(message: Message) -> None:
            if isinstance(message, Done):
                names = ", ".join(str(p.name) for p in message.result)
                self._say(f"saved here: {names}" if names else "this message has no attachments")
            self._answer(message)

        self.jobs.network(lambda: reading.save_attachments(self.local, id, [], Path.cwd()), then)

    # -- changing ------------------------------------------------------------------------------

    def select(self) -> None:
        self.rows.toggle()
        self._more()

    def select_all(self) -> None:
        self.rows.toggle_all()

    def delete(self) -> None:
        self._act(lambda ids: changing.delete(self.local, ids))

    def archive(self) -> None:
        self._act(lambda ids: changing.archive(self.local, ids))

    def spam(self) -> None:
        self._act(lambda ids: changing.spam(self.local, ids))

    def unread(self) -> None:
        self._toggle(SEEN, "seen")

    def flag(self) -> None:
        self._toggle(FLAGGED, "flagged")

    def _toggle(self, flag: str, name: str) -> None:
        held = {r.id: r.flags for r in self.rows.rows}
        sign = "-" if all(flag in held.get(i, ()) for i in self.rows.targets) else "+"
        self._act(lambda ids: changing.flag(self.local, ids, [sign + name]), leaves=False)

    def _act(self, change: Callable[[list[str]], Change], *, leaves: bool = True) -> None:
        """Change what is selected, or the message at the cursor. `leaves`: it leaves the list, so
        an open message closes."""
        ids = self.rows.targets
        if not ids:
            return
        if leaves and self.shown is not None:
            self.shown = None
            self._focus()
        self._change(lambda: change(ids))
        self.rows.selected.clear()

    def _change(self, change: Callable[[], Change], *, quiet: bool = False) -> None:
        def then(message: Message) -> None:
            if isinstance(message, Done):
                done: Change = message.result
                if not quiet:
                    self._say(done.summary)
                self._reload()
                self.push()
            self._answer(message)

        self.jobs.local(change, then)

    def push(self) -> None:
        """Tell the servers what was changed here, beside everything else."""

        def then(message: Message) -> None:
            if isinstance(message, Done) and message.result.notice:
                self._say(message.result.notice)
            self._answer(message)

        self.jobs.network(lambda: push_now(self.ctx, self.ctx.config.accounts), then)

    def _one(self) -> str | None:
        if self.shown is not None:
            return self.shown.summary.id
        return self.rows.current.id if self.rows.current is not None else None

    # -- writing -------------------------------------------------------------------------------

    def reply(self) -> None:
        self.writing.reply(self._one(), everyone=False)

    def reply_all(self) -> None:
        self.writing.reply(self._one(), everyone=True)

    def forward(self) -> None:
        self.writing.forward(self._one())

    def write(self) -> None:
        self.writing.new()

    # -- searching and fetching ----------------------------------------------------------------

    def search(self) -> None:
        if self.before_search is None:
            self.before_search = self.place
        self.searching = True
        self.prompt.text = ""
        self.screen.layout.focus(self.prompt)

    def _search_changed(self) -> None:
        text = self.prompt.text.strip()
        if not self.searching or not text:
            return
        # The last word is a prefix while it is being typed.
        live = text + "*" if text[-1].isalnum() and self.prompt.text == text else text
        self.place = Place(text, "all", query=live)
        self._reload(first=True)

    def _end_search(self) -> None:
        text = self.prompt.text.strip()
        if not text:
            self._leave_search()
            return
        self.searching = False
        self.open_place(Place(text, "all", query=text))

    def _leave_search(self) -> None:
        self.searching = False
        home, self.before_search = self.before_search, None
        self.open_place(home or ALL)

    def fetch(self) -> None:
        if self.working:
            self._say("a fetch is running")
            return
        self.working["…"] = Progress("", "connecting", 0, None, 0)

        def then(message: Message) -> None:
            self.working.clear()
            if isinstance(message, Done):
                reports: list[FetchReport] = message.result
                failed = [r.error for r in reports if r.error is not None]
                new = sum(r.new for r in reports)
                if failed:
                    self._fail(failed[0])
                else:
                    self._say(f"{new} new" if new else "nothing new")
                self._reload()
            self._answer(message)

        self.jobs.network(lambda: fetch(self.ctx, FetchRequest()), then)

    # -- bars ----------------------------------------------------------------------------------

    def _title(self) -> StyleAndTextTuples:
        place = self.sidebar.places[self.sidebar.at] if self.sidebar.places and not self.place.query else None
        unread = f"  {place.unread} unread" if place is not None and place.unread else ""
        title = printable.line(self.place.title)
        if self.place.query:
            title = f"/{self.prompt.text}"
        position = ""
        if self.rows.rows:
            more = "+" if self.rows.next else ""
            position = f"{self.rows.index + 1} of {len(self.rows.rows)}{more} "
        selected = f"{len(self.rows.selected)} selected  " if self.rows.selected else ""
        width = self.application.output.get_size().columns
        right = selected + position
        return [("class:bar", formatting.fit(f" {title}{unread}", width - len(right)) + right)]

    def _status(self) -> StyleAndTextTuples:
        if self.working:
            parts = [_progress_text(p) for p in self.working.values()]
            return [("class:status", " ⟳ " + " · ".join(parts))]
        if self.status:
            style = "class:status.error" if self.failed else "class:status"
            return [(style, " " + self.status)]
        return [
            (
                "class:row.preview",
                _HINT,
            )
        ]

    def _empty_text(self) -> str:
        if not self.loaded:
            return ""
        if self.place.query:
            return "Nothing found."
        if not self.ctx.config.accounts and not self.ctx.store.accounts():
            return _NO_ACCOUNT
        return "No mail here yet.\n\n$ fetches it."

    def _say(self, text: str) -> None:
        self.status, self.failed = printable.line(text), False

    def _fail(self, error: MailcliError) -> None:
        hint = f" ({error.hint})" if error.hint else ""
        self.status, self.failed = printable.line(error.message + hint), True

    def _answer(self, message: Message) -> None:
        """What every answer does: show an error, and paint."""
        if isinstance(message, Failed):
            self._fail(message.error)
        self.application.invalidate()

    def _progress(self, progress: Progress) -> None:
        """Called on network threads."""

        def show() -> None:
            if self.working:
                self.working.pop("…", None)
                self.working[progress.account] = progress
                self.application.invalidate()

        self._post(show)

    def _notice(self, text: str) -> None:
        """Called on any thread."""

        def show() -> None:
            self._say(text)
            self.application.invalidate()

        self._post(show)

    def _post(self, change: Callable[[], None]) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(change)


def _handler(action: Callable[[], None]) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        action()
        event.app.invalidate()

    return handle


def _progress_text(progress: Progress) -> str:
    name = f"{progress.account}: " if progress.account else ""
    if progress.total:
        return f"{name}{progress.phase} {progress.done}/{progress.total} {formatting.size(progress.octets)}"
    return f"{name}{progress.phase}"
