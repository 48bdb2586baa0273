"""Running the user's own commands for what happens: hooks, and `watch --exec`.

What a mail says reaches the shell as positional parameters, as variables and on stdin, never as
part of the script: there is nothing to quote and nothing to escape from.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from mailcli.app.context import Context

_GRACE: Final = 0.5
"""Seconds between SIGTERM and SIGKILL."""
_LONGEST: Final = 100_000
"""Octets of one parameter or variable: the kernel takes 128 KiB (MAX_ARG_STRLEN), else nothing runs."""


def run(
    ctx: Context,
    script: str,
    parameters: Sequence[str],
    document: bytes,
    variables: Mapping[str, str],
    *,
    silent: bool = False,
) -> str:
    """Run `script` with /bin/sh, its parameters $1 and so on, `document` on stdin; its output goes
    where ours goes, or nowhere if `silent`. Returns how it failed, "" if it did not. On any exception it
    is ended first.
    """
    limit = ctx.config.hook_timeout
    words = [b"/bin/sh", b"-c", os.fsencode(script), b"mailcli", *map(_argument, parameters)]
    starting = _Starting(words, environment(ctx, variables), subprocess.DEVNULL if silent else None)
    try:
        starting.start()
        starting.join()
        process = starting.process
        if process is None:
            return f"cannot be started: {starting.problem}"
        process.communicate(document, timeout=limit)
    except subprocess.TimeoutExpired:
        starting.end()
        return f"took longer than {limit:g} seconds, and was ended"
    except BaseException:
        starting.end()
        raise
    if process.returncode < 0:
        return f"was ended by {signal.Signals(-process.returncode).name}"
    return f"ended with code {process.returncode}" if process.returncode else ""


class _Starting(threading.Thread):
    """Starts a process on a thread of its own, where no signal handler can raise: between the
    fork and the return of Popen an exception would leave a process that nobody knows."""

    def __init__(
        self, words: Sequence[bytes], environment: Mapping[bytes, bytes], output: int | None
    ) -> None:
        super().__init__(name="hook")
        self.process: subprocess.Popen[bytes] | None = None
        self.problem = ""
        self._words = words
        self._environment = environment
        self._output = output

    def run(self) -> None:
        try:
            self.process = subprocess.Popen(  # noqa: S603 - the user's own command
                self._words,
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                env=self._environment,
                start_new_session=True,  # so that what it started can be ended with it
            )
        except OSError as error:
            self.problem = error.strerror or str(error)

    def end(self) -> None:
        """End the process, if there is one or is about to be."""
        with suppress(RuntimeError):  # not even the thread has begun
            self.join()
        if self.process is not None:
            _end(self.process)


def environment(ctx: Context, variables: Mapping[str, str]) -> dict[bytes, bytes]:
    """Ours without the passwords that are kept in it."""
    secret = {
        endpoint.secret.value
        for account in ctx.config.accounts.values()
        for endpoint in (account.incoming, account.sending)
        if endpoint is not None and endpoint.secret is not None and endpoint.secret.kind == "env"
    }
    kept = {os.fsencode(k): os.fsencode(v) for k, v in ctx.environ.items() if k not in secret}
    return kept | {os.fsencode(name): _argument(value) for name, value in variables.items()}


def _argument(text: str) -> bytes:
    """A parameter or variable may hold anything but NUL, and not be endless."""
    data = text.replace("\0", "").encode("utf-8", "replace")
    return data if len(data) <= _LONGEST else data[:_LONGEST].decode("utf-8", "ignore").encode()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and all it started that is still in its session."""
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
        with suppress(OSError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
