"""The system calls by which mail becomes durable, in one place.

Tests cut a run at any of them through `failpoint`; otherwise it is None and costs one comparison.
A failed fsync means that nothing is known about the data: the file is unlinked and the descriptor
never tried again (spec of fsync(2); the page may already be marked clean).
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

from mailcli.errors import CannotCreate, LocalIOError

T = TypeVar("T")
R = TypeVar("R")

failpoint: Callable[[str, str], None] | None = None
"""Called with (step, path) before each step; it may raise OSError or end the process."""

THREADS = 8
"""fsyncs in flight: the file system's journal makes one commit of them."""


def step(name: str, path: str) -> None:
    """Tell the failpoint, if there is one, that `name` is about to happen."""
    if failpoint is not None:
        failpoint(name, path)


@contextmanager
def reported(doing: str) -> Iterator[None]:
    """Turn an OSError into a LocalIOError that says what failed and where."""
    try:
        yield
    except OSError as error:
        raise failure(error, doing) from error


def failure(error: OSError, doing: str) -> LocalIOError:
    """The LocalIOError of an OSError, with a hint where one helps."""
    hint = ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free some space and run it again: nothing was lost"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "check the permissions of the directory"
    where = f": {os.fsdecode(error.filename)}" if error.filename else ""
    return LocalIOError(f"cannot {doing}{where}: {error.strerror or error}", hint=hint)


def write_new(path: str, *pieces: bytes, durable: bool = True) -> None:
    """Create a file with these bytes, one after the other; on an error there is no file.

    Not `durable`: the caller syncs the whole file system before it relies on it.
    """
    step("create", path)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            step("write", path)
            for data in pieces:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view) :]
            if durable:
                step("fsync", path)
                os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(path)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = path
        raise


def rename(old: str, new: str) -> None:
    step("rename", new)
    os.rename(old, new)


def unlink(path: str) -> None:
    """Remove a file; that it is gone already is no error."""
    step("unlink", path)
    with suppress(FileNotFoundError):
        os.unlink(path)


def fsync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    step("fsync directory", path)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        error.filename = path
        raise
    finally:
        os.close(fd)


def can_sync_file_system() -> bool:
    """Whether one syncfs(2) may stand for many fsyncs: since Linux 5.8 it reports write errors."""
    system, _, release, _, _ = os.uname()
    version = tuple(int(n) for n in release.split("-")[0].split(".")[:2] if n.isdigit())
    return system == "Linux" and version >= (5, 8)


def sync_file_system(path: str) -> None:
    """Make all that was written to the file system of a directory durable."""
    import ctypes

    step("syncfs", path)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(fd)


def make_directory(path: str) -> bool:
    """Create a directory (0700) and the missing ones above it, durably. Returns whether it was new.

    Raises CannotCreate.
    """
    grown = begin_directory(path)
    try:
        for parent in sorted(grown):
            fsync_directory(parent)
    except OSError as error:
        raise CannotCreate(f"cannot create directory {path}: {error.strerror}") from error
    return bool(grown)


def begin_directory(path: str) -> set[str]:
    """Create a directory (0700) and the missing ones above it. Returns those that have new names in
    them, to be fsynced by the caller. Raises CannotCreate."""
    if os.path.isdir(path):
        return set()
    parent = os.path.dirname(path)
    grown = begin_directory(parent) if parent and parent != path else set()
    try:
        step("mkdir", path)
        os.mkdir(path, 0o700)
    except FileExistsError:
        if os.path.isdir(path):
            return grown
        raise CannotCreate(f"{path} is in the way: a directory is wanted there") from None
    except OSError as error:
        raise CannotCreate(f"cannot create directory {path}: {error.strerror}") from error
    return grown | {parent or "."}


class Parallel(Generic[T, R]):
    """Work on several items in threads while the caller does something else, until `results`.

    A thread pool of the standard library would do, but its import takes longer than a small fetch.
    """

    def __init__(
        self, work: Callable[[T], R], items: Sequence[T], threads: int = THREADS, *, at_once: bool = False
    ) -> None:
        """`at_once`: start a thread even for a single item (else the caller's does it in `results`)."""
        self._work = work
        self._items = items
        self._results: list[R | None] = [None] * len(items)
        self._numbers = iter(range(len(items)))
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        if len(items) > 1 or (at_once and items):
            self._threads = [
                threading.Thread(target=self._run, name="mailcli-files", daemon=True)
                for _ in range(min(threads, len(items)))
            ]
            for thread in self._threads:
                thread.start()

    def _next(self) -> int | None:
        with self._lock:
            return None if self._error is not None else next(self._numbers, None)

    def _run(self) -> None:
        while (number := self._next()) is not None:
            try:
                self._results[number] = self._work(self._items[number])
            except BaseException as error:
                with self._lock:
                    self._error = self._error or error

    def settle(self) -> BaseException | None:
        """Wait until nothing is under way any more; the first error, if there was one."""
        if not self._threads:
            self._run()
        for thread in self._threads:
            thread.join()
        return self._error

    def results(self) -> list[R]:
        """Wait for all; raises the first error there was (what was not begun by then is left undone)."""
        error = self.settle()
        if error is not None:
            raise error
        return self._results  # type: ignore[return-value]  # every slot is filled by now


def fsync_directories(paths: Iterable[str]) -> None:
    """Make the names in several directories durable, each once."""
    Parallel(fsync_directory, sorted(set(paths))).results()
