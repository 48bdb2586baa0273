"""Where one profile's mail is: what every part of the store works on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from mailcli.store.database import Database
from mailcli.store.tree import Tree

if TYPE_CHECKING:
    from mailcli.store.worker import Worker

WORTH_A_WORKER: Final = 400
"""Messages to come for which a worker is started: that takes as long as to store some hundred."""


class Site:
    """The database, the Maildir tree and the clock (seconds since the epoch)."""

    def __init__(self, database: Database, tree: Tree, clock: Callable[[], float]) -> None:
        self.database = database
        self.tree = tree
        self.clock = clock
        self._worker: Worker | None = None
        self._stored = 0
        self._starting = Lock()

    def expect(self, count: int) -> None:
        """So many messages are about to be stored: a worker that pays starts while they come."""
        if count < WORTH_A_WORKER or (os.cpu_count() or 1) < 2 or not sys.executable:
            return
        from mailcli.store.worker import Worker

        with self._starting, suppress(OSError):  # without it, all is stored here
            if self._worker is None:
                self._worker = Worker(self)

    def stored(self, count: int) -> None:
        """So many more are being stored: there may be yet more."""
        self._stored += count
        self.expect(self._stored)

    @property
    def worker(self) -> Worker | None:
        """The process that helps with them, if there is one."""
        return self._worker if self._worker is not None and self._worker.usable else None

    def close(self) -> None:
        """End what is running and close the connections."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self.database.close()
