"""Parsing much mail on two processors: large deliveries, and the index made anew.

One interpreter parses on one processor only, so a long run hires a helper: a process that reads the files
just written (they are in the page cache), parses them and sends back what rows and index want of them. The
deliverer parses too, from the other end of the batch. A helper that fails or dies costs time, not mail: what
it did not answer is parsed here.
"""

from __future__ import annotations

import marshal
import os
import select
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from mailcli.mime import lineends
from mailcli.model.record import NamedTuple
from mailcli.store import index

if TYPE_CHECKING:
    import subprocess

_PORTION: Final = 16
"""Messages a helper is given at once; two portions are on their way so that it never waits."""
_WORTH_IT: Final = 400
"""Messages delivered before a helper is hired: it takes as long to start as to parse some hundred."""

_CODE: Final = "import sys; sys.path[:] = {path!r}; from mailcli.store.parsing import serve; serve()"


class Letter(NamedTuple):
    """A message to parse: its wire form, and the file that has it in stored form."""

    data: bytes
    path: str

    @property
    def size(self) -> int:
        """Octets on the wire."""
        return len(self.data)


class Filed(NamedTuple):
    """A message that is in a file only, and of so many octets on the wire."""

    path: str
    size: int

    @property
    def data(self) -> bytes:
        """Read anew each time: thousands are not to be held at once. Raises OSError."""
        with open(self.path, "rb") as file:
            return lineends.to_wire(file.read(), self.size)


class Parser:
    """Parses the batches of one store. Threads may share it: they wait for one another, since the
    interpreter runs one of them at a time anyway, and the one before then syncs and commits."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._seen = 0
        self._useless = (os.cpu_count() or 1) < 2

    def expect(self, count: int) -> None:
        """So many messages are going to be delivered: a helper that pays starts while they come."""
        self._seen = max(self._seen, count)
        if self._lock.acquire(blocking=False):
            try:
                self._hired()
            finally:
                self._lock.release()

    def begin(self, letters: Sequence[Letter | Filed]) -> Batch:
        """Begin with a batch whose files are there or about to be written; a context manager."""
        self._seen += len(letters)
        self._lock.acquire()
        return Batch(letters, self, self._hired())

    def _hired(self) -> subprocess.Popen[bytes] | None:
        """The helper, once there is enough work for one."""
        if self._owner != os.getpid():
            self._helper, self._owner = None, os.getpid()  # after a fork it is the parent's
        if self._helper is None and not self._useless and self._seen >= _WORTH_IT and sys.executable:
            import subprocess

            try:
                self._helper = subprocess.Popen(  # noqa: S603 - this very program
                    [sys.executable, "-c", _CODE.format(path=sys.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    bufsize=0,
                )
            except OSError:
                self._useless = True
        return self._helper

    def done(self, *, failed: bool) -> None:
        """A batch is over; after a failure there will be no helper again."""
        if failed and self._helper is not None:
            self._useless = True
            self._helper.kill()
            self.close()
        self._lock.release()

    def close(self) -> None:
        """End the helper; it ends by itself when this process does."""
        helper, self._helper = self._helper, None
        if helper is not None and self._owner == os.getpid():
            helper.__exit__(None, None, None)  # closes its input, which ends it, and waits


class Batch:
    """One batch, worked at from both ends: `wrote` as files are written, then `parsed`."""

    def __init__(
        self, letters: Sequence[Letter | Filed], parser: Parser | None, helper: subprocess.Popen[bytes] | None
    ) -> None:
        self._letters = letters
        self._parser = parser
        self._helper = helper
        self._parsed: list[index.Parsed | None] = [None] * len(letters)
        self._written = 0
        self._front = 0
        self._back = len(letters)
        self._away: list[range] = []

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._parser is not None:
            self._parser.done(failed=bool(self._away) or self._broken)

    _broken = False

    def wrote(self, count: int) -> None:
        """The files of the first `count` messages can be read now."""
        self._written = count
        if self._helper is not None and count % _PORTION == 0:
            self._give()

    def parsed(self) -> list[index.Parsed]:
        """Parse what is left, and wait for what the helper has."""
        while self._front < self._back:
            self._give()
            if self._front < self._back:
                self._back -= 1
                self._parsed[self._back] = index.parse(self._letters[self._back].data)
        while self._away and not self._broken:
            self._take()
        return [
            index.parse(letter.data) if parsed is None else parsed
            for letter, parsed in zip(self._letters, self._parsed, strict=True)
        ]

    def _give(self) -> None:
        """Keep two portions with the helper, taking what it has finished."""
        if self._helper is None or self._broken:
            return
        while self._away and not self._broken and _readable(self._helper):
            self._take()
        end = min(self._written, self._back)
        while len(self._away) < 2 and self._front < end and not self._broken:
            portion = range(self._front, min(self._front + _PORTION, end))
            self._front = portion.stop
            self._away.append(portion)
            try:
                assert self._helper.stdin is not None
                _send(
                    self._helper.stdin.fileno(),
                    [(self._letters[n].path, self._letters[n].size) for n in portion],
                )
            except OSError:
                self._broken = True

    def _take(self) -> None:
        assert self._helper is not None
        assert self._helper.stdout is not None
        answers = _receive(self._helper.stdout.fileno())
        if answers is None:
            self._broken = True
            return
        for number, answer in zip(self._away.pop(0), answers, strict=True):
            self._parsed[number] = None if answer is None else index.Parsed._make(answer)


def _readable(helper: subprocess.Popen[bytes]) -> bool:
    assert helper.stdout is not None
    return bool(select.select([helper.stdout], [], [], 0)[0])


def _send(pipe: int, value: list[Any]) -> None:
    """A length and a value. A request is smaller than a pipe's buffer, so asking never blocks."""
    data = marshal.dumps(value)
    view = memoryview(len(data).to_bytes(4, "big") + data)
    while view:
        view = view[os.write(pipe, view) :]


def _receive(pipe: int) -> list[tuple[Any, ...] | None] | None:
    """The next value; None at the end."""
    head = _exactly(pipe, 4)
    data = _exactly(pipe, int.from_bytes(head, "big")) if head else b""
    if not data:
        return None
    found: list[tuple[Any, ...] | None] = marshal.loads(data)  # noqa: S302 - from our own child
    return found


def _exactly(pipe: int, count: int) -> bytes:
    """So many octets, or none if the other end is gone."""
    parts: list[bytes] = []
    while count:
        part = os.read(pipe, min(count, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def serve() -> None:
    """The helper: parse what is asked for until there is no more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    while (portion := _receive(0)) is not None:
        _send(1, [_parse_file(*one) for one in portion if one is not None])


def _parse_file(path: object, size: object) -> tuple[object, ...] | None:
    """What `index.parse` says of a file, as a plain tuple; None if it cannot be read."""
    assert isinstance(path, str)
    assert isinstance(size, int)
    try:
        return tuple(index.parse(Filed(path, size).data))
    except OSError:
        return None
