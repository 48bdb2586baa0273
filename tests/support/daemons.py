"""Keep a daemon as a child of the test process: on free ports, ended by its own pid."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import stat
import subprocess
import tempfile
import time
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


def _die_with_parent() -> None:
    """Runs in the child: SIGTERM when the test process is gone, even by SIGKILL (prctl(2))."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a daemon that stays in the foreground, in a session of its own."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return once `port` accepts; raise DaemonFailed when the daemon ends or 10 s have passed."""
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.01)
    raise DaemonFailed(f"{process.args!r} does not listen on {port}\n{tail(log)}")


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def end(process: subprocess.Popen[bytes], grace: float = 0.5) -> None:
    """SIGTERM, then SIGKILL for the daemon's whole process group; returns when it is gone."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the session we made: master and all its children
    process.wait()
