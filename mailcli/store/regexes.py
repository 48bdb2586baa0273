"""A user's regular expression on texts of others, within bounds.

Python's `re` backtracks, lets no other thread run meanwhile and cannot be stopped; who wrote the mail
chose the text. So a pattern is tried here only where the number of its tries has a small bound that is
known beforehand; everything else is matched by a child process, which is ended when its time is over.

What has a bound: alternatives of single characters, classes and anchors in a row, without groups. With
n characters of text and k repetitions in the longest alternative there are at most (n + 1) ** (k + 1)
tries: a start and an end for each.
"""

from __future__ import annotations

import os
import select
import sys
import time
from typing import TYPE_CHECKING, Final

from mailcli.errors import LocalIOError, QueryError
from mailcli.model import pattern
from mailcli.model.query.regex import compile_regex

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

SECONDS: Final = 3.0
"""What one text may take."""
SECONDS_IN_ALL: Final = 30.0
"""What one query may take: there may be very many texts of just under SECONDS."""

_TRIES: Final = 200_000  # some milliseconds
_PIECE: Final = pattern.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\{\d*,?\d*\}|.", 16)  # re.DOTALL

# Imports neither this package nor `site`: 9 ms. A request is a length and a text, an answer one octet.
# The alarm is for the case that nobody is there any more to end it; without a handler it ends the process.
_CHILD: Final = """
import re, signal, sys, warnings
alarm = getattr(signal, "alarm", lambda seconds: None)
warnings.simplefilter("ignore")
read, write = sys.stdin.buffer.read, sys.stdout.buffer
def text():
    head = read(4)
    return read(int.from_bytes(head, "big")).decode("utf-8", "surrogatepass") if len(head) == 4 else None
search = re.compile(text(), re.IGNORECASE | re.MULTILINE).search
while (given := text()) is not None:
    alarm(5)
    write.write(b"1" if search(given) else b"0")
    write.flush()
    alarm(0)
"""


def repetitions(source: str) -> int | None:
    """The most repetitions in one alternative of a pattern that compiles; None if it has groups."""
    counts = [0]
    for piece in _PIECE.findall(source):
        if piece in "()":
            return None
        if piece == "|":
            counts.append(0)
        elif piece in "*+?" or (piece[0] == "{" and len(piece) > 1):
            counts[-1] += 1
    return max(counts)


class Regexes:
    """The expressions of one query. `close` ends the children."""

    def __init__(self) -> None:
        self._children: list[_Child] = []
        self._left = SECONDS_IN_ALL

    def matcher(self, source: str) -> Callable[[str], bool]:
        """Whether a text has a match. QueryError if that takes too long."""
        search = compile_regex(source).search
        count = repetitions(source)
        child = _Child(source)
        self._children.append(child)

        def holds(text: str) -> bool:
            if count is not None and (len(text) + 1) ** (count + 1) <= _TRIES:
                return search(text) is not None
            if count == 0:  # no choice anywhere: as fast as comparing
                return search(text) is not None
            began = time.monotonic()
            answer = child.ask(text, min(SECONDS, self._left))
            self._left -= time.monotonic() - began
            if answer is None or self._left <= 0:
                raise QueryError(
                    f"the regular expression /{source}/ takes too long",
                    hint="name more of what is sought, and no repetition inside of a repetition, as in (a+)+",
                )
            return answer

        return holds

    def close(self) -> None:
        for child in self._children:
            child.close()


class _Child:
    """A process that knows one pattern; started when it is first asked."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, text: str, seconds: float) -> bool | None:
        """Its answer; None if there was none in so many seconds, and then it is ended."""
        if self._process is None:
            self._start()
        deadline = time.monotonic() + seconds
        try:
            self._send(text, deadline)
            answer = self._answer(deadline)
        except OSError:
            answer = None
        if answer is None:
            self.close()
        return answer

    def _start(self) -> None:
        import subprocess

        try:
            self._process = subprocess.Popen(  # noqa: S603 - Python itself
                [sys.executable, "-I", "-S", "-c", _CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for us
            )
        except OSError as error:
            raise LocalIOError(
                f"cannot start a process to try /{self._source}/ in: {error.strerror}",
                hint="try again when fewer programs are running",
            ) from error
        assert self._process.stdin is not None
        os.set_blocking(self._process.stdin.fileno(), False)
        self._send(self._source, time.monotonic() + SECONDS)

    def _send(self, text: str, deadline: float) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        data = text.encode("utf-8", "surrogatepass")
        view = memoryview(len(data).to_bytes(4, "big") + data)
        while view:
            try:
                view = view[os.write(pipe, view) :]
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0 or not select.select([], [pipe], [], left)[1]:
                    raise TimeoutError from None

    def _answer(self, deadline: float) -> bool | None:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        return {b"1": True, b"0": False}.get(os.read(pipe, 1))

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.__exit__(None, None, None)  # closes the pipes and waits
