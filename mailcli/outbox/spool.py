"""The outbox on disk: a directory in which every entry is one file that never changes, beside a
small one that says how far it has come.

    entries/ID          written to tmp/, fsynced, renamed, directory fsynced: then `send` may say 0
    entries/ID.state    replaced as a whole; none yet: just queued
    failed/ID, .state   what was given up, until the user looks
    keys/DIGEST         what became of a message that had an idempotency key

An entry is locked (flock on its file) by whoever sends it; a crash frees it. The entry always goes
before its state: an entry without a state would be sent again.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from mailcli.errors import AmbiguousId, LocalIOError, Locked, NotFound
from mailcli.model.ids import new_id
from mailcli.model.record import NamedTuple
from mailcli.outbox.entry import (
    COMMITTING,
    FAILED,
    QUEUED,
    UNKNOWN,
    Entry,
    State,
    decode_entry,
    decode_state,
    encode_entry,
    encode_state,
)
from mailcli.store import disk

_LINE: Final = 4096
_LITTER: Final = 36 * 3600.0
KEYS_KEPT: Final = 30 * 86400.0
"""Seconds for which the result of an idempotency key is remembered."""


class Row(NamedTuple):
    """An entry without its bytes, its state, and whether a process is sending it just now."""

    entry: Entry
    state: State
    busy: bool = False

    @property
    def word(self) -> str:
        """What `outbox list` calls it. `abandoned`: the record of a plain send that was killed
        before its dot, so that nobody has it."""
        if self.busy:
            return "sending"
        if self.state.phase == COMMITTING:
            return UNKNOWN
        if self.state.phase == QUEUED and not self.entry.kept:
            return "abandoned"
        return self.state.phase


class Spool:
    """The outbox below `directory`, which the first entry makes."""

    def __init__(self, directory: str, clock: Callable[[], float] = time.time) -> None:
        self._root = directory
        self._clock = clock
        self._ahead: dict[str, State] = {}  # states that are written and have no name yet
        self._gone: list[str] = []  # entries removed, and perhaps not yet for good
        self.damaged: list[str] = []
        """Sentences on entries that the last look could not read. They are left as they are."""

    # -- coming and going

    def enqueue(self, entry: Entry, held: list[int] | None = None) -> Entry:
        """Make an entry durable; returns it with its id. When this returns it survives anything.

        With `held` the entry is born locked, its descriptor appended there: the record of a send
        that is running must not look abandoned. Raises LocalIOError, CannotCreate.
        """
        for name in ("tmp", "entries"):
            disk.make_directory(f"{self._root}/{name}")
        with disk.reported("queue the message"):
            while os.path.lexists(self._path(entry.id)) or not entry.id:
                entry = entry._replace(id=new_id())
            tmp = f"{self._root}/tmp/{entry.id}"
            disk.write_new(tmp, *encode_entry(entry))
            if held is not None:
                held.append(_lock(tmp))
            disk.rename(tmp, self._path(entry.id))
            disk.fsync_directory(f"{self._root}/entries")
        return entry

    def remove(self, id: str) -> None:
        """The entry is done: forget it."""
        with disk.reported("take the message out of the outbox"):
            for place in ("entries", "failed"):
                if os.path.lexists(self._path(id, place)):
                    disk.unlink(self._path(id, place))
                    disk.fsync_directory(f"{self._root}/{place}")
                disk.unlink(self._path(id, place) + ".state")

    def drop(self, id: str) -> None:
        """The same, durable with the next state that is set, or when `tidy` returns: in a queue that goes
        out it costs no fsync of its own. A power failure before may bring the entry back, in its state."""
        if not os.path.lexists(self._path(id)):
            return self.remove(id)
        with disk.reported("take the message out of the outbox"):
            disk.unlink(self._path(id))
        self._gone.append(id)

    def tidy(self) -> None:
        """Make what was dropped durable. Only then its states go: an entry that comes back without one
        would be sent again."""
        if self._gone:
            with disk.reported("take the message out of the outbox"):
                disk.fsync_directory(f"{self._root}/entries")
                self._forget()

    def _forget(self) -> None:
        while self._gone:
            disk.unlink(f"{self._path(self._gone.pop())}.state")

    def fail(self, id: str) -> None:
        """Set an entry aside; its state says why."""
        if not os.path.lexists(self._path(id, "failed")):  # where `revive` was cut short
            self._rename(id, "entries", "failed")

    def revive(self, id: str) -> None:
        """Take an entry back from those that failed."""
        if not os.path.lexists(self._path(id)):
            self._rename(id, "failed", "entries")

    def _rename(self, id: str, old: str, new: str) -> None:
        with disk.reported("move the outbox entry"):
            disk.make_directory(f"{self._root}/{new}")
            disk.rename(self._path(id, old), self._path(id, new))
            with suppress(FileNotFoundError):
                disk.rename(f"{self._path(id, old)}.state", f"{self._path(id, new)}.state")
            disk.fsync_directory(f"{self._root}/{new}")
            disk.fsync_directory(f"{self._root}/{old}")

    # -- looking

    def rows(self) -> list[Row]:
        """All entries, oldest first, those that failed too."""
        found = []
        self.damaged = []
        files = self._files("entries") | self._files("failed")
        for name in files:
            try:
                if "." not in name:
                    found.append(self._row(name, touched=f"{name}.state" in files))
            except NotFound:
                continue
            except LocalIOError as error:
                self.damaged.append(f"{name}: {error.message}")
        return sorted(found, key=lambda row: (row.entry.queued, row.entry.id))

    def _files(self, place: str) -> set[str]:
        try:
            return set(os.listdir(f"{self._root}/{place}"))
        except FileNotFoundError:
            return set()

    def row(self, id: str) -> Row:
        """One entry without its bytes. NotFound, LocalIOError if it is damaged."""
        return self._row(id, touched=True)

    def _row(self, id: str, *, touched: bool) -> Row:
        """`touched`: it may have a state. Thousands of entries that wait for the first time have none."""
        path = self._where(id)
        with disk.reported("read the outbox"):
            fd = _opened(path)
            try:
                line = os.read(fd, _LINE)
                while b"\n" not in line and (more := os.read(fd, _LINE)):
                    line += more
                busy = not _free(fd)
            finally:
                os.close(fd)
        entry, _ = decode_entry(line.partition(b"\n")[0])
        if touched or busy or path.endswith(f"/failed/{id}"):
            return Row(entry, self.state(id, entry), busy)
        return Row(entry, State(next_try=entry.not_before), busy)

    def load(self, id: str) -> Entry:
        """One entry with its bytes. NotFound, LocalIOError."""
        with disk.reported("read the outbox"), open(_opened(self._where(id)), "rb") as file:
            entry, copy_octets = decode_entry(file.readline())
            whole = entry._replace(data=file.read(entry.octets), copy=file.read())
            if (len(whole.data), len(whole.copy)) != (entry.octets, copy_octets):
                raise LocalIOError("an outbox entry is damaged: its size is wrong")
            return whole

    def state(self, id: str, entry: Entry | None = None) -> State:
        """How far an entry has come."""
        failed = os.path.lexists(self._path(id, "failed"))
        # Beside its entry; a move that was cut short leaves it behind.
        for place in ("failed", "entries") if failed else ("entries", "failed"):
            held = _contents(f"{self._path(id, place)}.state")
            if held is not None:
                return decode_state(held)
        return State(FAILED if failed else QUEUED, next_try=entry.not_before if entry else 0.0)

    def resolve(self, text: str) -> str:
        """The id that a unique prefix means. NotFound, AmbiguousId."""
        names = self._files("entries") | self._files("failed")
        ids = [name for name in names if "." not in name and name.startswith(text.lower())]
        if not text or not ids:
            raise NotFound(f"nothing in the outbox has the id {text}", hint="mailcli outbox list")
        if len(ids) > 1:
            raise AmbiguousId(f"{text} could be {', '.join(sorted(ids))}", hint="write more of it")
        return ids[0]

    # -- changing

    @contextmanager
    def locked(self, id: str) -> Iterator[None]:
        """Hold an entry for the length of a block. Locked: another process sends it. NotFound: it
        is gone."""
        path = self._where(id)
        fd = _lock(path)
        try:
            if os.fstat(fd).st_nlink == 0:
                raise NotFound(f"{id} is not in the outbox any more")
            yield
        finally:
            os.close(fd)

    def ready(self, id: str, state: State) -> None:
        """Write a state that is to be set soon, so that setting it takes a rename."""
        with disk.reported("note how far the message is"):
            self._write_state(id, state, durable=True)
        self._ahead[id] = state

    def set_state(self, id: str, state: State, *, durable: bool = True) -> None:
        """Replace an entry's state; durable when this returns. Not `durable`: it outlives this
        process, and perhaps not a power failure."""
        path = self._where(id)
        with disk.reported("note how far the message is"):
            if self._ahead.pop(id, None) != state:
                self._write_state(id, state, durable)
            disk.rename(self._tmp(id), f"{path}.state")
            if durable:
                directory = os.path.dirname(path)
                disk.fsync_directory(directory)
                if directory.endswith("entries"):
                    self._forget()
            # What a move that was cut short left in the other place is older.
            other = "entries" if os.path.dirname(path).endswith("failed") else "failed"
            disk.unlink(f"{self._path(id, other)}.state")

    def _write_state(self, id: str, state: State, durable: bool) -> None:
        disk.unlink(self._tmp(id))
        data = encode_state(state._replace(changed=self._clock()))
        disk.write_new(self._tmp(id), data, durable=durable)

    def _tmp(self, id: str) -> str:
        return f"{self._root}/tmp/{id}.{os.getpid()}"

    # -- idempotency keys

    @contextmanager
    def key(self, digest: str) -> Iterator[None]:
        """Hold a key while a message is sent under it. Locked: another send does."""
        disk.make_directory(f"{self._root}/keys")
        path = f"{self._root}/keys/{digest}.lock"
        with disk.reported("open the lock file"):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        fd = _lock(path)
        try:
            os.utime(path)  # `sweep` goes by it
            yield
        finally:
            os.close(fd)

    def result(self, digest: str) -> bytes | None:
        """What was noted under a key."""
        return _contents(f"{self._root}/keys/{digest}")

    def note_result(self, digest: str, data: bytes) -> None:
        """Note what became of a key's message; durable when this returns."""
        with disk.reported("note the result"):
            disk.make_directory(f"{self._root}/tmp")
            disk.unlink(self._tmp(digest))
            disk.write_new(self._tmp(digest), data)
            disk.rename(self._tmp(digest), f"{self._root}/keys/{digest}")
            disk.fsync_directory(f"{self._root}/keys")

    def sweep(self) -> None:
        """Remove what crashes left behind, and keys that are old."""
        old = self._older("keys", KEYS_KEPT)
        in_use = {row.entry.key for row in self.rows()} if old else set()
        for path in [*old, *self._older("tmp", _LITTER)]:
            if os.path.basename(path).partition(".")[0] not in in_use:
                with suppress(OSError):
                    os.unlink(path)
        for place in ("entries", "failed"):
            with suppress(FileNotFoundError):
                names = set(os.listdir(f"{self._root}/{place}"))
                for name in names:
                    id, dot, _ = name.partition(".")
                    if dot and not any(os.path.lexists(self._path(id, p)) for p in ("entries", "failed")):
                        disk.unlink(f"{self._root}/{place}/{name}")

    def _older(self, place: str, age: float) -> list[str]:
        """The files there that were last written longer ago than that."""
        found: list[str] = []
        with suppress(FileNotFoundError), os.scandir(f"{self._root}/{place}") as files:
            for file in files:
                with suppress(OSError):
                    if self._clock() - file.stat(follow_symlinks=False).st_mtime > age:
                        found.append(file.path)
        return found

    def _path(self, id: str, place: str = "entries") -> str:
        return f"{self._root}/{place}/{id}"

    def _where(self, id: str) -> str:
        for place in ("entries", "failed"):
            if os.path.lexists(self._path(id, place)):
                return self._path(id, place)
        raise NotFound(f"{id} is not in the outbox any more")


def _contents(path: str) -> bytes | None:
    """A small file, if it is there."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            data = os.read(fd, _LINE)
            while len(data) % _LINE == 0 and (more := os.read(fd, _LINE)):
                data += more
            return data
        finally:
            os.close(fd)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk.failure(error, "read the outbox") from error


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound(f"{os.path.basename(path)} is not in the outbox any more") from None


def _lock(path: str, wait: float = 0.2) -> int:
    """A descriptor that holds the lock of a file. Locked, NotFound.

    `wait` seconds, since a look (`_free`) holds the lock for a moment, too.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFound("it is not in the outbox any more") from None
    except OSError as error:
        raise disk.failure(error, "open the outbox") from error
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() >= end:
                os.close(fd)
                raise Locked("another mailcli is sending it", hint="try again in a moment") from None
            time.sleep(0.01)


def _free(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True
