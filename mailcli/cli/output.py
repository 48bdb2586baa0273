"""Where results go: one traversal of the rows, printed in the form that was asked for.

Commands hand over values with their view; the form (--json, --format, --ids, a terminal's table,
tab-separated lines) is decided here and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mailcli.errors import UsageError
from mailcli.model import printable

if TYPE_CHECKING:
    from mailcli.cli.spec import Globals
    from mailcli.cli.streams import Streams
    from mailcli.cli.views.view import Look, View


class Output:
    """The result of a command on stdout, its notices on stderr (in --json: in the document)."""

    def __init__(self, streams: Streams, options: Globals, *, clock: Callable[[], float] = time.time) -> None:
        self.streams = streams
        self.options = options
        self._clock = clock
        self.warnings: list[str] = []
        forms = [f for f, given in (("--json", options.json), ("--ids", options.ids)) if given]
        forms += ["--format"] if options.format is not None else []
        if len(forms) > 1:
            raise UsageError(f"{' and '.join(forms)} do not go together")

    @property
    def colour(self) -> bool:
        """--color, then NO_COLOR (no-color.org), then whether stdout is a terminal that can."""
        if self.options.color in ("always", "never"):
            return self.options.color == "always"
        environ = self.streams.environ
        return self.streams.stdout_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    @property
    def for_people(self) -> bool:
        """Whether a person will see the result as laid out for a terminal."""
        return self.streams.stdout_terminal and not self._structured and not self.options.null

    @property
    def _structured(self) -> bool:
        return self.options.json or self.options.ids or self.options.format is not None

    @property
    def as_lines(self) -> bool:
        """Whether rows become tab-separated lines, or ids alone."""
        return not (self.options.json or self.options.format is not None or self.for_people)

    @property
    def end(self) -> str:
        """What ends a line."""
        return "\0" if self.options.null else "\n"

    def pieces(self, rows: Iterable[str]) -> None:
        """Lines that are laid out and harmless, with their ends."""
        from mailcli.cli import printers

        for piece in printers.pieces(rows):
            self.streams.write(piece)

    def show(
        self,
        view: View,
        rows: Iterable[Any],
        *,
        following: str | None = None,
        shorten: Callable[[Sequence[str]], Mapping[str, str]] | None = None,
        show: Any = None,
        quiet: bool = False,
        between: str = "",
    ) -> None:
        """Print rows in the form asked for.

        `following` is the cursor behind the last row; `shorten` gives ids' shortest prefixes, asked
        for only where a person reads; `show` is passed on to the view's layout. With `quiet` the
        result is only a confirmation: -q leaves it out unless another form was asked for. `between`
        parts the rows of views that have a text of their own.
        """
        if quiet and self.options.quiet and not self._structured:
            return
        if view.raw is not None and not self._structured:
            for row in rows:
                self.bytes(view.raw(row))
            return
        for piece in self._form(view, rows, following, shorten, show, between):
            self.streams.write(piece)

    def _form(
        self,
        view: View,
        rows: Iterable[Any],
        following: str | None,
        shorten: Callable[[Sequence[str]], Mapping[str, str]] | None,
        show: Any,
        between: str,
    ) -> Iterator[str]:
        from mailcli.cli import printers  # not needed for help, and dear beside it

        options, end = self.options, self.end
        if options.json:
            return printers.pieces(printers.json_document(view, rows, following, self.warnings))
        if options.format is not None:
            from mailcli.cli.template import Template

            return printers.pieces(printers.templated(Template(options.format, view), rows, end))
        if options.ids:
            if view.ident is None:
                raise UsageError("--ids: this command's results have no ids")
            return printers.pieces(printers.ids(view, rows, end))
        if view.text is not None:
            return printers.text(view, rows, self.look(show=show), between)
        if not self.for_people or view.columns is None:
            return printers.pieces(printers.tsv(view, rows, end))
        from mailcli.cli import grid

        held = list(rows)
        short = shorten([i for row in held for i in view.ident(row)]) if shorten and view.ident else {}
        return printers.pieces(grid.table(view, held, self.look(short, show), self.colour))

    def stream(self, view: View, rows: Iterable[Any], *, line: Callable[[Any], str]) -> None:
        """Print rows of a result that has no end, at once: with --json an object on each line, for a
        person `line`, else as `show` does."""
        from mailcli.cli import printers

        if self.options.json:
            pieces: Iterable[str] = (printers.json_line(view, row) + self.end for row in rows)
        elif self.for_people:
            pieces = (line(row) + "\n" for row in rows)
        else:
            pieces = self._form(view, rows, None, None, None, "")
        for piece in pieces:
            self.streams.write(piece)
        self.streams.flush()

    def look(self, short: Mapping[str, str] | None = None, show: Any = None) -> Look:
        from mailcli.cli.views.view import Look

        streams = self.streams
        return Look(streams.width, self._clock(), short or {}, self.for_people, show)

    def value(self, value: object) -> None:
        """One bare value: a count, a setting; of a table a line for each of its values."""
        if self.options.json:
            from mailcli.cli import printers

            self.streams.write(printers.json_value(value, self.warnings))
        else:
            self.streams.write("".join(printable.line(line) + self.end for line in _lines(value)))

    def text(self, text: str) -> None:
        """Text that is the result itself and safe: help, a schema, a script."""
        self.streams.write(text)

    def block(self, text: str) -> None:
        """Text of others, of several lines."""
        shown = printable.block(text)
        self.streams.write(shown if shown.endswith("\n") or not shown else shown + "\n")

    def bytes(self, data: bytes) -> None:
        """Bytes that are the result: as they are when piped, as harmless text on a terminal."""
        if self.streams.stdout_terminal:
            self.block(data.decode("utf-8", "replace"))
        else:
            self.streams.write_bytes(data)

    def outcome(self, view: View, rows: Iterable[Any]) -> None:
        """Print what has become of messages. A pipe that nobody reads and a full disk make what was sent no
        failure, and what was refused no success: the exit code goes by the messages alone."""
        try:
            self.show(view, rows, quiet=True)
            self.streams.flush()
        except OSError as error:
            from mailcli.cli.streams import abandon

            abandon(self.streams.stdout)
            if not isinstance(error, BrokenPipeError):
                self.streams.say(f"mailcli: the outcome could not be printed: {error.strerror}\n")

    def notice(self, text: str) -> None:
        """One line that is not the result: to stderr, or among the document's warnings."""
        line = printable.line(text)
        if self.options.json:
            self.warnings.append(line)
        elif not self.options.quiet:
            self.streams.say(f"mailcli: {line}\n")

    def remark(self, text: str) -> None:
        """A word of help beside a result, for a person only."""
        if self.for_people and not self.options.quiet and self.streams.stderr_terminal:
            self.streams.say(f"{printable.line(text)}\n")


def _lines(value: object, name: str = "") -> Iterator[str]:
    """`accounts.work.email = x` for what is inside a table; truth values as TOML has them."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _lines(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _lines(inner, name)
    else:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield f"{name} = {text}" if name else text
