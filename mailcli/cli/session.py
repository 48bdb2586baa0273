"""One run of one command: its options, streams and output, and the application's context."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mailcli.cli.output import Output
from mailcli.cli.spec import Globals
from mailcli.cli.streams import Streams
from mailcli.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from mailcli.app.context import Context
    from mailcli.cli.progress import Progress as Bar
    from mailcli.model.message import Summary
    from mailcli.net.cancel import CancelToken

MANY = 20
"""More messages than this are changed on a terminal only after a question."""


class Session:
    """What a command is given. The context is opened when first asked for."""

    def __init__(
        self,
        streams: Streams,
        options: Globals,
        *,
        clock: Callable[[], float] = time.time,
        reader: Callable[[Context, str | None, bool], int] | None = None,
    ) -> None:
        self.streams = streams
        self.options = options
        self.clock = clock
        self.reader = reader
        self.out = Output(streams, options, clock=clock)
        self._bar: Bar | None = None
        self._before: Any = None
        self._ctx: Context | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_progress()
        if self._ctx is not None:
            self._ctx.close()
        if self._before is not None:
            import signal

            signal.signal(signal.SIGINT, self._before)

    @property
    def ctx(self) -> Context:
        """The application's context, by the global options."""
        if self._ctx is None:
            self._ctx = self._open()
        return self._ctx

    def _open(self) -> Context:
        from mailcli.app.context import Context

        options = self.options
        environ = self.streams.environ
        return Context.open(
            profile=options.profile,
            config=options.config,
            account=options.account,
            offline=options.offline,
            transcript=options.transcript or None,
            progress=self._progress,
            notice=self._notice,
            interruptible=self._watch_interrupt,
            environ=environ,
        )

    def _watch_interrupt(self, token: CancelToken) -> None:
        """From now on Ctrl-C cancels the token before it unwinds the main thread."""
        import signal

        def interrupt(_signal: int, _frame: FrameType | None) -> None:
            token.cancel()
            raise KeyboardInterrupt

        with suppress(ValueError):  # another thread may have been the first to connect
            self._before = signal.signal(signal.SIGINT, interrupt)

    @property
    def can_ask(self) -> bool:
        """Prompts need a terminal to read from and one to be seen on."""
        return self.streams.stdin_terminal and self.streams.stderr_terminal and not self.options.no_input

    def messages(self, words: Sequence[str]) -> list[Summary]:
        """The messages these ids name, `-` read from stdin. NotFound, AmbiguousId."""
        from mailcli.cli.ids import expand

        named = expand(words, self.streams.stdin, null=self.options.null)
        if not named:
            return []
        from mailcli.app import listing

        return listing.resolve(self.ctx, named)

    def message(self, word: str) -> Summary:
        """The one message an id names; of several copies of one message, the first."""
        found = self.messages([word])
        if not found or any(m.message_id != found[0].message_id or not m.message_id for m in found[1:]):
            raise UsageError(f"{word!r} names {len(found)} messages, and one is wanted")
        return found[0]

    def shorten(self, ids: Iterable[str]) -> dict[str, str]:
        from mailcli.app import listing

        return listing.shortest(self.ctx, ids)

    def sure(self, question: str, count: int, yes: bool) -> None:
        """Ask on a terminal before more than a few messages change; Interrupted if the answer is no."""
        if yes or count <= MANY or not self.can_ask:
            return
        from mailcli.cli.ask import confirm

        if not confirm(self.streams, question):
            raise Interrupted("nothing was changed")

    def end_progress(self) -> None:
        """Take the progress line off the screen before the result is printed."""
        if self._bar is not None:
            self._bar.end()
            self._bar = None

    def _notice(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        self.out.notice(text)

    def _progress(self, step: Any) -> None:
        if self._bar is None:
            if self.options.quiet or self.options.json:
                return
            if not self.streams.stderr_terminal and not self.options.verbose:
                return
            from mailcli.cli.progress import Progress as Bar

            self._bar = Bar(self.streams, lines=not self.streams.stderr_terminal)
        self._bar.step(step)
