"""Stopping a run from another thread or a signal handler."""

from __future__ import annotations

import contextlib
import os
import select
import threading

from mailcli.errors import Interrupted


class CancelToken:
    """A flag that every wait on a connection watches.

    `cancel` may be called from any thread and from a signal handler, any number of times; a wait
    under way ends at once with Interrupted. The descriptor is made only when something polls it:
    commands that open no connection never pay for it.
    """

    def __init__(self) -> None:
        self._cancelled = False
        self._making = threading.Lock()
        self._ends: tuple[int, int] | None = None
        self._children: list[CancelToken] = []

    def child(self) -> CancelToken:
        """A token that is cancelled with this one, and may be cancelled alone."""
        made = CancelToken()
        self._children.append(made)
        if self._cancelled:
            made.cancel()
        return made

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        # No lock: a signal handler may run while this thread holds it in `fileno`. The flag is set
        # before the pipe is looked up, and `fileno` makes the pipe before it looks at the flag, so
        # one of the two always writes.
        self._cancelled = True
        if self._ends is not None:
            self._wake(self._ends[1])
        for child in list(self._children):
            child.cancel()

    def check(self) -> None:
        """Raise Interrupted if `cancel` was called."""
        if self._cancelled:
            raise Interrupted("interrupted")

    def wait(self, seconds: float) -> None:
        """Do nothing for so long. Raises Interrupted if `cancel` is called meanwhile, or was."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
        self.check()

    def fileno(self) -> int:
        """A descriptor that is readable once `cancel` was called."""
        with self._making:
            if self._ends is None:
                ends = os.pipe()
                for end in ends:
                    os.set_blocking(end, False)
                self._ends = ends
                if self._cancelled:
                    self._wake(ends[1])
            return self._ends[0]

    def close(self) -> None:
        """Give the descriptor back. The flag stays as it is."""
        with self._making:
            ends, self._ends = self._ends, None
        for end in ends or ():
            os.close(end)

    def __del__(self) -> None:
        for end in self._ends or ():
            os.close(end)

    @staticmethod
    def _wake(end: int) -> None:
        with contextlib.suppress(OSError):  # full: awake already; closed: nobody waits any more
            os.write(end, b"x")
