"""The process that stores large deliveries while this one downloads: one interpreter runs on one processor.

It is told which files lie in tmp/, reads and parses them, and once they are durable runs the transaction that
names them and writes their rows. It answers in the order in which it was asked. After the first failure
it stores nothing more: what it did not store is stored here, which costs time and no mail.
When the index is made anew it parses half of it.
"""

from __future__ import annotations

import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mailcli.store import pipes

if TYPE_CHECKING:
    import subprocess

    from mailcli.store.along import Along
    from mailcli.store.deliver import Placing
    from mailcli.store.site import Site

_CODE: Final = (
    "import sys; sys.path[:] = {path!r}; from mailcli.store.serving import serve; serve(*sys.argv[1:])"
)
_PIPE: Final = 1 << 20
"""So much of what is asked may wait (where the system lets us say so): a whole batch is less."""


class Asked:
    """Something the worker was asked for; `value` is what it answered, None if it could not."""

    def __init__(self) -> None:
        self.answered = False
        self.value: Any = None


class Storing(Asked):
    """A batch that the worker reads, and is then asked to store."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Worker:
    """The process of one store; several threads may deliver through it."""

    def __init__(self, site: Site) -> None:
        import subprocess

        self._owner = os.getpid()
        self._asking = threading.Lock()
        self._hearing = threading.Lock()
        self._batches = 0
        self._asked: deque[Asked] = deque()
        self.broken = False
        self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - this very program
            [
                sys.executable,
                "-c",
                _CODE.format(path=sys.path),
                *(site.tree.root, site.database.path, site.database.lock),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        _widen(self._to)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it may be asked: it has not failed, and is this process's own."""
        return not self.broken and self._owner == os.getpid()

    def begin(self) -> Storing:
        """A new batch."""
        with self._asking:
            self._batches += 1
            return Storing(self._batches)

    def read(self, storing: Storing, files: Sequence[tuple[str, int]]) -> None:
        """Have it read these files (path, octets on the wire) and parse them; more may follow."""
        with self._asking:
            self._tell("read", storing.number, files)

    def store(self, storing: Storing, placings: Iterable[Placing], along: Along) -> None:
        """Have it store the batch, all of whose files it was given to read and are durable. The answer:
        the ids."""
        rows = [(tmp, target, tuple(state)) for tmp, target, state in placings]
        with self._asking:
            self._asked.append(storing)
            self._tell("store", storing.number, rows, along.plain())

    def parse(self, files: Sequence[tuple[str, int]]) -> Asked:
        """Have it parse these files. The answer: the fields of a `Parsed` for each, or None."""
        asked = Asked()
        with self._asking:
            self._asked.append(asked)
            self._tell("parse", 0, [tuple(file) for file in files])
        return asked

    def _tell(self, *request: object) -> None:
        try:
            pipes.send(self._to, request)
        except OSError:
            self.broken = True

    def ready(self) -> bool:
        """Whether there is an answer to take without waiting."""
        return bool(select.select([self._from], [], [], 0)[0])

    def answer(self, asked: Asked) -> Any:
        """Wait for the answer; None if it could not do it, or is gone."""
        with self._hearing:
            while not asked.answered:
                answer = pipes.receive(self._from)
                first = self._asked.popleft()
                first.answered = True
                first.value = answer[0] if answer else None
                self.broken = self.broken or first.value is None
        return asked.value

    def close(self) -> None:
        """End it. It ends by itself when this process does."""
        if self._owner == os.getpid():
            if self.broken:
                self._process.kill()
            self._process.__exit__(None, None, None)  # closes its input, which ends it, and waits


def _widen(pipe: int) -> None:
    import fcntl

    if sys.platform == "linux":
        with suppress(OSError):  # the user has too many pipes: it will do as it is
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
