"""Delivery into an mbox (RFC 4155, mboxrd), beside other programs that deliver into it or read it.

What is about to be appended is written down first: where, how long, and its hash. So a run that follows a
killed one knows what of it is there, and takes away a half-written end.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mailcli.errors import LocalIOError, Locked
from mailcli.mime import mbox, read
from mailcli.model.record import NamedTuple
from mailcli.net.deadline import Deadlines
from mailcli.store import disk
from mailcli.store.store import Store
from mailcli.store.values import Pop3Row
from mailcli.sync.pop3.destination import Ledger, Letter

_PATIENCE: Final = 30.0
"""Seconds to wait for another program's lock."""
_STALE: Final = 300.0
"""Seconds after which a dot lock is one that was left behind (liblockfile and mutt say the same)."""
_INTENT: Final = "pop3 mbox "
"""A setting, with the account's name behind it: what is being appended."""


class _Entry(NamedTuple):
    """One message of an intent: its name on the server, its length in the file, its hash."""

    uidl: str
    occurrence: int
    length: int
    sha256: str


class Mbox:
    """A file that grows by whole messages only."""

    def __init__(self, path: Path, store: Store, account: str, deadlines: Deadlines) -> None:
        self.path = path
        self._deadlines = deadlines
        self._store = store
        self._setting = _INTENT + account

    def settle(self, fetching: Sequence[Pop3Row]) -> list[Pop3Row]:
        """By what was written down; without an end that was not written to its end."""
        intent = self._store.setting(self._setting)
        if intent is None:
            return []
        noted = json.loads(intent)
        done: set[tuple[str, int]] = set()
        if noted["path"] == str(self.path) and self.path.exists():
            with disk.reported(f"read {self.path}"), self._locked() as fd:
                done = self._found(fd, noted["offset"], [_Entry(*entry) for entry in noted["entries"]])
        self._store.put_setting(self._setting, None)
        return [row for row in fetching if (row.uidl, row.occurrence) in done]

    def _found(self, fd: int, offset: int, entries: Sequence[_Entry]) -> set[tuple[str, int]]:
        done = set()
        expected = sum(entry.length for entry in entries)
        for entry in entries:
            data = os.pread(fd, entry.length, offset)
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                break
            done.add((entry.uidl, entry.occurrence))
            offset += entry.length
            expected -= entry.length
        rest = os.fstat(fd).st_size - offset
        if done and not rest:
            os.fsync(fd)  # it may have been killed before its own
        if 0 < rest <= expected and b"\nFrom " not in os.pread(fd, rest, offset):
            os.ftruncate(fd, offset)  # ours, half a message; another program's would have a line of its own
            os.fsync(fd)
        return done

    def deliver(self, letters: Sequence[Letter], ledger: Ledger) -> list[str]:
        """Append, fsync; cut back to where it was if that fails."""
        blocks = [_block(letter) for letter in letters]
        with disk.reported(f"deliver into {self.path}"), self._locked() as fd:
            offset = os.fstat(fd).st_size
            lead = _separator(fd, offset)
            entries = [
                _Entry(row.uidl, row.occurrence, len(block), hashlib.sha256(block).hexdigest())
                for (row, _), block in zip(letters, blocks, strict=True)
            ]
            noted = {"path": str(self.path), "offset": offset + len(lead), "entries": entries}
            self._store.put_setting(self._setting, json.dumps(noted))
            try:
                self._append(fd, lead + b"".join(blocks))
            except BaseException:
                with suppress(OSError):
                    os.ftruncate(fd, offset)
                    os.fsync(fd)
                raise
            ledger.record([letter.row for letter in letters])
            self._store.put_setting(self._setting, None)
        return []

    def _append(self, fd: int, data: bytes) -> None:
        disk.step("write", str(self.path))
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        disk.step("fsync", str(self.path))
        os.fsync(fd)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file, open for appending, held by a dot lock (where the directory allows one) and by
        fcntl, as Debian's policy and procmail have it: the two that mail programs agree on."""
        disk.make_directory(str(self.path.parent))
        new = not self.path.exists()
        end = self._deadlines.until(_PATIENCE)
        with self._dotlocked(end):
            fd = os.open(
                self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                if new:
                    disk.fsync_directory(str(self.path.parent))
                while True:
                    try:
                        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except (BlockingIOError, PermissionError):
                        self._wait(end)
                yield fd
            finally:
                os.close(fd)

    @contextmanager
    def _dotlocked(self, end: float) -> Iterator[None]:
        lock = Path(f"{self.path}.lock")
        while True:
            try:
                fd = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                os.write(fd, _holder(os.getpid()))
                os.close(fd)
                break
            except FileExistsError:
                if _left_behind(lock):
                    lock.unlink(missing_ok=True)
                else:
                    self._wait(end)
            except PermissionError:  # /var/mail that only a group may write: fcntl has to do
                yield
                return
        try:
            yield
        finally:
            with suppress(FileNotFoundError):
                lock.unlink()

    def _wait(self, end: float) -> None:
        if time.monotonic() >= end:
            raise Locked(f"another program holds {self.path}", hint="the next fetch tries again")
        time.sleep(0.05)


def _holder(process: int) -> bytes:
    return f"{process} mailcli@{os.uname().nodename}\n".encode()


def _left_behind(lock: Path) -> bool:
    """Whether a dot lock is of a run of ours that is no more, or too old to be anybody's."""
    try:
        held = lock.read_bytes()[:300]
        age = time.time() - lock.stat().st_mtime
    except OSError:
        return False
    number = held.split(b" ")[0].decode("latin-1")
    if number.isdecimal() and held == _holder(int(number)) and not Path(f"/proc/{number}").exists():
        return Path("/proc/self").exists()
    return age > _STALE


def _block(letter: Letter) -> bytes:
    sender = read.envelope(letter.data).sender
    return mbox.entry(
        letter.data, sender=sender[0].email if sender else "", when=letter.row.delivered_at or 0.0
    )


def _separator(fd: int, size: int) -> bytes:
    """What has to stand between a file's end and the next `From ` line. Raises LocalIOError for a file
    that is no mbox."""
    if not size:
        return b""
    if os.pread(fd, 5, 0) != b"From ":
        raise LocalIOError("it is not an mbox", hint="name another file")
    end = os.pread(fd, 2, max(0, size - 2))
    return b"" if end == b"\n\n" else b"\n" if end.endswith(b"\n") else b"\n\n"
