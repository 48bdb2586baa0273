"""New mail that appears by itself while the reader is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.app import watching
from mailcli.app.context import Context, Progress
from mailcli.app.lookout import Fetched, Lost, Watching
from mailcli.app.watching import Arrived, Happening
from mailcli.errors import ConfigError
from mailcli.tui.jobs import Failed, Message

if TYPE_CHECKING:
    from mailcli.tui.reader import Reader


class News:
    """The watch of one reader, a job on a network thread. The rows come with the reader's own look
    at the mailbox; here is only said what goes on."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.working: dict[str, Progress] = {}
        self._ctx: Context | None = None

    def start(self) -> None:
        """Watch, unless that is switched off or there is nothing to watch."""
        ctx = self.reader.ctx
        if ctx.offline or not ctx.config.reader_watches:
            return
        watched = self._ctx = ctx.apart()
        watched.account = None  # all accounts, whichever the reader shows
        watched.progress = self._progress

        def work() -> None:
            try:
                happenings = watching.watch(watched)
            except ConfigError:  # no account has a server
                return
            for happening in happenings:
                self.reader.post(lambda happening=happening: self._note(happening))  # type: ignore[misc]
                if isinstance(happening, Fetched):
                    ctx.fetched([happening.report])

        def then(message: Message) -> None:
            self.working.clear()
            if isinstance(message, Failed):
                self.reader.answer(message)

        self.reader.jobs.network(work, then)

    def stop(self) -> None:
        if self._ctx is not None:
            self._ctx.cancel.cancel()

    def _progress(self, progress: Progress) -> None:
        """Called on the threads of the watch."""

        def show() -> None:
            self.working[progress.account] = progress
            self.reader.application.invalidate()

        self.reader.post(show)

    def _note(self, happening: Happening) -> None:
        match happening:
            case Arrived(messages):
                self.reader.say(f"{len(messages)} new")
            case Fetched(report):
                self.working.pop(report.account, None)
            case Lost(account, error, _, refused):
                self.working.pop(account, None)
                if refused:
                    self.reader.fail(error)
                else:
                    self.reader.say(f"{error.message}; trying again")
            case Watching():
                pass
        self.reader.application.invalidate()
