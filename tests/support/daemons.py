"""Keep a daemon as a child of the test process: on free ports, ended by its own pid."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HOST = "127.0.0.1"


class DaemonFailed(RuntimeError):
    """A daemon did not come up; the message holds the tail of its log."""


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on, below the range the kernel gives to outgoing connections.

    Several test processes draw at once, so a port may be gone when the daemon binds it: callers
    draw again then.
    """
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            probe = socket.socket()
            try:
                probe.bind((HOST, random.randrange(10_000, 32_000)))
            except OSError:
                probe.close()
            else:
                held.append(probe)
        return [probe.getsockname()[1] for probe in held]
    finally:
        for probe in held:
            probe.close()


def work_directory(prefix: str) -> Path:
    """A directory that daemons of other users can enter, with a path short enough for the unix
    sockets in it (108 octets)."""
    parent = Path(tempfile.gettempdir()).resolve()
    reachable = all(place.stat().st_mode & stat.S_IXOTH for place in (parent, *parent.parents))
    if len(str(parent)) > 40 or (os.getuid() == 0 and not reachable):
        parent = Path("/tmp")
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    made.chmod(0o755)
    return made


class Daemon:
    """A daemon that stays in the foreground, in a session of its own.

    A shell beside it waits for the end of a pipe only we hold: should the test process be killed,
    it ends the daemon's whole process group. (PR_SET_PDEATHSIG would not do: Postfix's master
    changes its effective user, which clears it.)
    """

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", f"read -r _; kill -s KILL -- -{self._process.pid}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def wait_until_listening(self, port: int) -> None:
        """Return once `port` accepts; raise DaemonFailed when it ends or 10 s have passed."""
        end = time.monotonic() + 10
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
                return
            time.sleep(0.01)
        raise DaemonFailed(f"{self._process.args!r} does not listen on {port}\n{tail(self.log)}")

    def end(self, grace: float = 0.5) -> None:
        """SIGTERM, then SIGKILL for the whole process group; returns when it is gone."""
        assert self._watch.stdin is not None
        self._watch.kill()
        self._watch.wait()
        self._watch.stdin.close()
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def started(ports: Sequence[int], start: Callable[[list[int]], Daemon]) -> Daemon:
    """A daemon that listens on all these ports; on others if they are taken, or 0."""
    for attempt in itertools.count(1):
        used = list(ports) if ports[0] and attempt == 1 else free_ports(len(ports))
        daemon = start(used)
        try:
            for port in used:
                daemon.wait_until_listening(port)
        except DaemonFailed as problem:
            daemon.end()
            if "Address already in use" not in str(problem) or attempt == 5:
                raise
        else:
            return daemon
    raise AssertionError


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""
