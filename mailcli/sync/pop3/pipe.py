"""Delivery to a command, one message at a time on its stdin, as procmail and maildrop take it.

Exit status 0 means that it has the message. It cannot be asked later whether it does: killed between that
and the record, a run gives it this one message again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mailcli.errors import LocalIOError, TryAgain
from mailcli.mime.lineends import to_store
from mailcli.model import printable
from mailcli.net.cancel import CancelToken
from mailcli.net.deadline import Deadlines
from mailcli.store.values import Pop3Row
from mailcli.sync.pop3.destination import Ledger, Letter

if TYPE_CHECKING:
    import subprocess

LIMIT: Final = 300.0
"""Seconds a command may take over one message."""
_LOOK: Final = 0.2
"""Seconds between two looks at whether the run was interrupted."""
_TEMPORARY: Final = 75  # EX_TEMPFAIL of sysexits.h
_NOT_RUN: Final = (126, 127)  # what sh says of a command that cannot be run, or is not there


class Pipe:
    """A command, run by /bin/sh; no longer than the run itself may last."""

    def __init__(
        self, command: str, environ: Mapping[bytes, bytes], deadlines: Deadlines, cancel: CancelToken
    ) -> None:
        self.command = command
        self._environ = environ
        self._deadlines = deadlines
        self._cancel = cancel

    def settle(self, fetching: Sequence[Pop3Row]) -> list[Pop3Row]:
        """None: nobody can say."""
        del fetching
        return []

    def deliver(self, letters: Sequence[Letter], ledger: Ledger) -> list[str]:
        """Each message is recorded before the command gets the next. One that it refuses stays on the
        server; a command that fails for the time being ends the run."""
        problems = []
        for row, data in letters:
            status, words = self._run(to_store(data)[0])
            said = f": {words}" if words else ""
            if status == 0:
                ledger.record([row])
            elif status == _TEMPORARY or status in _NOT_RUN or status < 0:
                how = f"was ended by signal {-status}" if status < 0 else f"ended with {status}"
                raise TryAgain(
                    f"the command {self._name} {how}{said}; what it did not take is still on the server",
                    hint="the next fetch tries again",
                )
            else:
                ledger.record([row._replace(state="failed", delivered_at=None, id="")])
                problems.append(f"the command {self._name} refused a message with {status}{said}")
        return problems

    @property
    def _name(self) -> str:
        return repr(printable.line(self.command)[:60])

    def _run(self, data: bytes) -> tuple[int, str]:
        """Its exit status, negative for a signal, and its last words on stderr."""
        import subprocess

        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own command
                ["/bin/sh", "-c", self.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=self._environ,
                start_new_session=True,
            )
        except OSError as error:
            raise LocalIOError(f"/bin/sh cannot be run: {error.strerror}") from error
        with process:
            try:
                told = self._fed(process, data)
            except BaseException:
                _end(process)
                raise
        return process.returncode, printable.line(told.decode("utf-8", "replace").strip()[-200:])

    def _fed(self, process: subprocess.Popen[bytes], data: bytes) -> bytes:
        """Give it the message and wait; what it said on stderr."""
        from subprocess import TimeoutExpired

        end = self._deadlines.until(LIMIT)
        given: bytes | None = data
        while True:
            self._cancel.check()
            try:
                return process.communicate(given, timeout=_LOOK)[1]
            except TimeoutExpired:
                given = None  # it remembers what is left to write
            if time.monotonic() >= end:
                raise self._deadlines.expired(f"the command {self._name}", "delivering a message", LIMIT)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The command and what it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
