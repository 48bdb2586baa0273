"""The reader without a screen (`--plain`): numbered lines and a prompt, for screen readers, slow
lines and `TERM=dumb`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from typing import Final

from mailcli.app import changing, fetching, reading, undoing
from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest
from mailcli.errors import MailcliError, UsageError
from mailcli.model import printable
from mailcli.model.flags import SEEN
from mailcli.model.message import Summary
from mailcli.tui import format as formatting
from mailcli.tui import places
from mailcli.tui.places import ALL, Place
from mailcli.tui.writing import write_plainly

_HELP: Final = """\
NUMBER        read a message             n       the next page
d NUMBER...   delete                     l       this list again
e NUMBER...   archive                    c       choose a folder
f NUMBER...   flag                       /QUERY  search
N NUMBER...   mark as unread             $       fetch mail
r NUMBER      reply      R: to all       u       undo the last change
m             write                      U       do it again
                                         q       quit"""


class PlainReader:
    """One run. What is typed is one command a line; the numbers are those of the last list."""

    def __init__(self, ctx: Context, place: Place) -> None:
        self.ctx = ctx
        self.place = place
        self.rows: Sequence[Summary] = ()
        self.folders: list[Place] = []
        self.next: str | None = None
        self.commands: dict[str, Callable[[list[str]], None]] = {
            "d": lambda words: self._change(changing.delete, words),
            "e": lambda words: self._change(changing.archive, words),
            "f": lambda words: self._change(_flag, words),
            "N": lambda words: self._change(_unread, words),
            "u": lambda words: self._turn(undoing.undo(self.ctx)),
            "U": lambda words: self._turn(undoing.redo(self.ctx)),
            "r": lambda words: self._reply(words, everyone=False),
            "R": lambda words: self._reply(words, everyone=True),
            "m": lambda words: write_plainly(self.ctx, None, everyone=False),
            "l": lambda words: self._list(),
            "n": lambda words: self._list(self.next),
            "c": self._choose,
            "$": lambda words: self._fetch(),
            "?": lambda words: self._print(_HELP),
        }

    def run(self) -> None:
        """Read commands until `q` or the end of input."""
        self._list()
        while True:
            try:
                line = input("mailcli (? for help)> ").strip()
            except (EOFError, KeyboardInterrupt):
                self._print("")
                return
            if line in {"q", "quit"}:
                return
            try:
                self._do(line)
            except MailcliError as error:
                hint = f" ({error.hint})" if error.hint else ""
                self._print(printable.line(error.message + hint))

    def _do(self, line: str) -> None:
        if not line:
            return
        if line.startswith("/"):
            self.place = Place(line[1:], "all", query=line[1:]) if line[1:] else ALL
            self._list()
            return
        words = line.split()
        if words[0].isdigit():
            self._read(words[0])
            return
        command = self.commands.get(words[0])
        if command is None:
            raise UsageError(f"{words[0]} is no command", hint="? lists them")
        command(words[1:])

    def _list(self, after: str | None = None) -> None:
        height = max(5, shutil.get_terminal_size().lines - 3)
        page = places.load(self.ctx, self.place, height, after)
        self.rows, self.next = page.rows, page.next
        self._print(printable.line(self.place.title))
        width, now = shutil.get_terminal_size().columns - 5, self.ctx.clock()
        for n, row in enumerate(self.rows, 1):
            unread = "" if SEEN in row.flags else " (unread)"
            fragments = formatting.row(row, width - len(unread), selected=False, now=now)
            self._print(f"{n:3}  " + "".join(part[1] for part in fragments[1:]).rstrip() + unread)
        if not self.rows:
            self._print("     no messages")

    def _read(self, number: str) -> None:
        shown = reading.read(self.ctx, self._id(number), mark_seen=True)
        width = min(100, shutil.get_terminal_size().columns)
        for fragments in formatting.message(shown, width):
            self._print("".join(part[1] for part in fragments))

    def _change(self, change: Callable[[Context, list[str]], changing.Change], words: list[str]) -> None:
        done = change(self.ctx, [self._id(word) for word in words])
        self._print(f"{done.summary} · u undo" if done.undo else done.summary)

    def _turn(self, done: undoing.Undone | None) -> None:
        if done is None:
            return  # the notice has said so
        self._print(printable.line(f"{done.summary}{f' ({done.remark})' if done.remark else ''}"))
        self._list()

    def _reply(self, words: list[str], *, everyone: bool) -> None:
        if len(words) != 1:
            raise UsageError("reply to one message", hint="r NUMBER")
        write_plainly(self.ctx, self._id(words[0]), everyone=everyone)

    def _choose(self, words: list[str]) -> None:
        """Without a number list the folders, with one open it."""
        if not words:
            self.folders = [p for p in places.sidebar(self.ctx) if p.selectable]
            for n, place in enumerate(self.folders, 1):
                unread = f" ({place.unread} unread)" if place.unread else ""
                self._print(f"{n:3}  {printable.line(place.title)}{unread}")
            self._print("c NUMBER opens one")
            return
        if not words[0].isdigit() or not 0 < int(words[0]) <= len(self.folders):
            raise UsageError(f"{words[0]} is no folder of the list", hint="c lists them")
        self.place = self.folders[int(words[0]) - 1]
        self._list()

    def _fetch(self) -> None:
        reports = fetching.fetch(self.ctx, FetchRequest())
        for report in reports:
            self._print(str(report.error) if report.error else f"{report.account}: {report.new} new")
        self.ctx.fetched(reports)
        self._list()

    def _id(self, number: str) -> str:
        if not number.isdigit() or not 0 < int(number) <= len(self.rows):
            raise UsageError(f"{number} is no number of the list", hint="l shows it again")
        return self.rows[int(number) - 1].id

    def _print(self, text: str) -> None:
        sys.stdout.write(text + "\n")


def _unread(ctx: Context, ids: list[str]) -> changing.Change:
    return changing.flag(ctx, ids, ["-seen"])


def _flag(ctx: Context, ids: list[str]) -> changing.Change:
    return changing.flag(ctx, ids, ["+flagged"])
