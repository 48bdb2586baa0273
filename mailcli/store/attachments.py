"""The text of attachments in the index: read by a child process, kept in a table of its own.

A document is as dear to read as its sender wished, so a child reads it that may have only so much memory
and processor time, may write no file, and is ended when it does not answer. Reading is apart from delivery:
it is done in lots, and what was read is kept (deflated), so that an index made anew need not read again. A
message whose attachments cannot be read is kept as one without text in them, and not tried again.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import MailcliError
from mailcli.mime import lineends
from mailcli.store import enclosed, fulltext, index, reading
from mailcli.store.site import Site
from mailcli.store.sql import chunks, rows

if TYPE_CHECKING:
    import subprocess

    import apsw

SECONDS: Final = 30.0
"""What the attachments of one message may take."""
MEMORY: Final = 768 << 20
"""Octets of address space of the child; Python itself takes some 60 MB of it."""
_LARGEST_ANSWER: Final = 8 << 20
_AT_ONCE: Final = 50

_CODE: Final = "import sys; sys.path[:] = {path!r}; from mailcli.store.attachments import serve; serve()"


def index_all(
    site: Site, progress: Callable[[int, int], None] | None, seconds: float | None
) -> tuple[int, int]:
    """See Store.index_attachments."""
    with site.database.reading() as connection:
        ids = [
            i
            for (i,) in rows(
                connection,
                "SELECT id FROM message WHERE attachments > 0 AND file IS NOT NULL"
                " AND id NOT IN (SELECT id FROM attachment_text) ORDER BY rid DESC",
            )
        ]
    until = None if seconds is None else time.monotonic() + seconds
    done = found = 0
    reader = Reader()
    try:
        for some in chunks(ids, _AT_ONCE):
            if until is not None and time.monotonic() > until:
                break
            texts = {i: reader.text(site, i) for i in some}
            with site.database.writing() as connection:
                for identity, text in texts.items():
                    found += _store(site, connection, identity, text)
            done += len(some)
            if progress is not None:
                progress(done, len(ids))
    finally:
        reader.close()
    return found, len(ids) - done


def _store(site: Site, connection: apsw.Connection, identity: str, text: str | None) -> bool:
    """Keep what was read, and index it. None: the file could not be read now."""
    row = rows(connection, "SELECT rid FROM message WHERE id = ?", (identity,))
    if text is None or not row:
        return False
    enclosed.keep(connection, identity, text)
    if not text:
        return False
    try:
        columns = index.parse(reading.wire(site, identity)).text
    except MailcliError:
        return False
    fulltext.remove(connection, row[0][0])
    fulltext.insert(connection, row[0][0], enclosed.included(connection, identity, columns))
    return True


class Reader:
    """The child, started when it is first needed and anew after it was ended."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def text(self, site: Site, identity: str) -> str | None:
        """The text in the attachments of a message, "" where none can be read; None without a file."""
        try:
            stored, size = reading.stored(site, identity)
        except MailcliError:
            return None
        return self.extract(lineends.to_wire(stored, size))

    def extract(self, data: bytes) -> str:
        """The same of a message's wire form."""
        try:
            answer = self._ask(data)
        except OSError:
            answer = None
        if answer is None:
            self.close()
            return ""
        return answer.decode("utf-8", "replace").replace("\0", " ")

    def _ask(self, data: bytes) -> bytes | None:
        child = self._child or self._start()
        deadline = time.monotonic() + SECONDS
        assert child.stdin is not None
        assert child.stdout is not None
        view = memoryview(len(data).to_bytes(8, "big") + data)
        while view:
            if not select.select([], [child.stdin], [], max(0, deadline - time.monotonic()))[1]:
                return None
            try:
                view = view[os.write(child.stdin.fileno(), view) :]
            except BlockingIOError:
                continue
        head = _read(child.stdout.fileno(), 8, deadline)
        size = int.from_bytes(head, "big") if head is not None else _LARGEST_ANSWER + 1
        return _read(child.stdout.fileno(), size, deadline) if size <= _LARGEST_ANSWER else None

    def _start(self) -> subprocess.Popen[bytes]:
        import subprocess

        self._child = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-c", _CODE.format(path=sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        assert self._child.stdin is not None
        os.set_blocking(self._child.stdin.fileno(), False)
        return self._child

    def close(self) -> None:
        """End the child, whatever it does."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.__exit__(None, None, None)


def _read(pipe: int, count: int, deadline: float) -> bytes | None:
    parts: list[bytes] = []
    while count:
        if not select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        part = os.read(pipe, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def serve() -> None:
    """The child: limits first, then a message in and its text out until there is no more."""
    from mailcli.mime import documents

    limit(MEMORY)
    source: Any = sys.stdin.buffer
    out: Any = sys.stdout.buffer
    alarm = _alarm()
    while len(head := source.read(8)) == 8:
        alarm(int(SECONDS) + 5)  # for the case that nobody is there any more to end it
        try:
            text = documents.text_of(source.read(int.from_bytes(head, "big"))).encode("utf-8", "replace")
        except (MemoryError, RecursionError):
            text = b""
        out.write(len(text).to_bytes(8, "big") + text)
        out.flush()
        alarm(0)


def _alarm() -> Callable[[int], object]:
    import signal

    made: Callable[[int], object] = getattr(signal, "alarm", lambda seconds: None)
    return made


def limit(memory: int) -> None:
    """No more memory than this, no files; nothing where the system has no such limits."""
    try:
        import resource
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))
