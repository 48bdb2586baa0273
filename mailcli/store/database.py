"""Connections to the one SQLite file, and the transactions on it.

Measured rules: the busy timeout before any other statement (a reader meets SQLITE_BUSY while another
process opens or recovers the log); every write begins with BEGIN IMMEDIATE, under a lock of our own so that
writers queue; readers fetch their rows at once and hold nothing; a connection belongs to one thread and is
never used across a fork.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import apsw

from mailcli.errors import ConfigError, LocalIOError, Locked, MailcliError
from mailcli.store import disk, schema

BUSY_TIMEOUT: Final = 5000  # ms
WRITER_PATIENCE: Final = 30.0  # s; a batch of 500 messages holds the lock for well under one
LOG_LIMIT: Final = 4 << 20
_CACHE_KIB: Final = 16_000

_inherited: list[Any] = []
"""Connections from before a fork: SQLite allows neither to use nor to close them, so they are kept."""


class Damaged(LocalIOError):
    """The database cannot be read. The next opening sets it aside and salvages what it can."""


class Database:
    """`mailcli.db` of one profile, opened when first needed."""

    def __init__(self, path: str, lock: str, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.lock = lock
        self._local = threading.local()
        self._all: list[weakref.ref[apsw.Connection]] = []
        self._guard = threading.Lock()
        self._pid = os.getpid()
        self._written = False

    # -- connections ---------------------------------------------------------------------------

    def connection(self) -> apsw.Connection:
        """This thread's connection. Before there is a database it is an empty one in memory."""
        if os.getpid() != self._pid:
            self._after_fork()
        held: apsw.Connection | None = getattr(self._local, "connection", None)
        if held is not None and not (self._local.in_memory and os.path.exists(self.path)):
            return held
        if os.path.exists(self.path):
            return self._keep(self._open(), in_memory=False)
        empty = apsw.Connection(":memory:")
        schema.migrate(empty, 0)
        return self._keep(empty, in_memory=True)

    def _keep(self, connection: apsw.Connection, *, in_memory: bool) -> apsw.Connection:
        self._local.connection = connection
        self._local.in_memory = in_memory
        with self._guard:
            self._all = [r for r in self._all if r() is not None]
            self._all.append(weakref.ref(connection))
        return connection

    def _after_fork(self) -> None:
        _inherited.extend(r() for r in self._all)
        self._all = []
        self._local = threading.local()
        self._guard = threading.Lock()
        self._pid = os.getpid()
        self._written = False

    def _open(self) -> apsw.Connection:
        with self.translated():
            connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
            version = connection.pragma("user_version")
            if version == schema.VERSION:
                return connection
            connection.close()
        self.create()
        with self.translated():
            return self._connect(apsw.SQLITE_OPEN_READWRITE)

    def _connect(self, flags: int) -> apsw.Connection:
        connection = apsw.Connection(self.path, flags=flags)
        connection.set_busy_timeout(BUSY_TIMEOUT)
        # A reader that closes last must not checkpoint: that is a write outside our lock.
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        connection.execute(
            f"PRAGMA synchronous = FULL; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
            f"PRAGMA journal_size_limit = {LOG_LIMIT}; PRAGMA cache_size = -{_CACHE_KIB}"
        ).fetchall()
        return connection

    def create(self) -> None:
        """Make the database, or bring its schema up to date."""
        disk.make_directory(os.path.dirname(self.path))
        with self.locked(), self.translated():
            self._create_file()
            connection = self._connect(apsw.SQLITE_OPEN_READWRITE)
            try:
                version: Any = connection.pragma("user_version")
                if version > schema.VERSION:
                    raise ConfigError(
                        f"{self.path} was written by a newer mailcli"
                        f" (schema {version}, this one knows {schema.VERSION})",
                        hint="use the newer mailcli, or another --profile",
                    )
                if version == 0:
                    connection.pragma("page_size", schema.PAGE_SIZE)
                    connection.pragma("application_id", schema.APPLICATION_ID)
                    connection.pragma("journal_mode", "wal")
                schema.migrate(connection, version)
            finally:
                connection.close()

    def _create_file(self) -> None:
        """An empty file of our own, so that the mode is 0600 for it and for the log beside it."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with disk.reported("create the database"):
            try:
                os.close(os.open(self.path, flags, 0o600))
            except FileExistsError:
                return
            disk.fsync_directory(os.path.dirname(self.path))

    def close(self) -> None:
        """Close every thread's connection; a writer first shortens the log, if nobody reads just now."""
        if os.getpid() != self._pid:
            self._after_fork()
            return
        with suppress(apsw.Error, MailcliError):
            if self._written:
                self._written = False
                with self.locked(wait=0.2):
                    self.connection().set_busy_timeout(0)
                    self.connection().wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        for reference in self._all:
            if (connection := reference()) is not None:
                with suppress(apsw.Error):
                    connection.close()
        self._all = []
        self._local = threading.local()

    # -- transactions --------------------------------------------------------------------------

    @contextmanager
    def locked(self, wait: float = WRITER_PATIENCE) -> Iterator[None]:
        """The database lock: one writer at a time, checkpoints included."""
        from mailcli.store import locks

        with locks.hold(self.lock, what="the mailbox", wait=wait):
            yield

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """This thread's connection, with SQLite's errors turned into ours."""
        with self.translated():
            yield self.connection()

    @contextmanager
    def snapshot(self) -> Iterator[apsw.Connection]:
        """Several reads that see the same state. Short: it keeps the log from being reused."""
        with self.translated():
            connection = self.connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[apsw.Connection]:
        """One transaction; committed (and durable) when the block ends, rolled back if it raises."""
        if self.read_only:
            raise LocalIOError("the mailbox is open for reading only")
        if not os.path.exists(self.path):
            self.create()
        with self.locked(), self.translated():
            connection = self.connection()
            self._written = True
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                disk.step("commit", self.path)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            disk.step("committed", self.path)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """SQLite's errors as ours; a damaged file is noted, so that the next opening repairs it."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError) as error:
            with suppress(OSError):
                os.close(os.open(f"{self.path}.damaged", os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            raise Damaged(
                f"the database {self.path} is damaged ({error})",
                hint="run the command again: the mailbox repairs itself, no mail is lost",
            ) from error
        except apsw.BusyError as error:
            raise Locked(
                "another program keeps the mailbox database locked", hint="try again in a moment"
            ) from error
        except (apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError) as error:
            raise LocalIOError(
                f"cannot use the database {self.path}: {error}", hint="check the disk's space and permissions"
            ) from error
