"""The real program in a pseudo-terminal, its screen as text."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte


class Terminal:
    """Runs `mailcli` on a screen of its own. Waits are for what the screen shows, never for time."""

    def __init__(
        self,
        profile: Path,
        *words: str,
        columns: int = 110,
        lines: int = 30,
        environ: dict[str, str] | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(profile),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "MAILCLI_PROFILE": str(profile),
            "COLUMNS": str(columns),
            "LINES": str(lines),
            **(environ or {}),
        }
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "mailcli", *words], env)
        self.resize(columns, lines)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def keys(self, text: str) -> None:
        os.write(self.fd, text.encode())

    def until(self, *shown: str | Callable[[str], bool], seconds: float = 60) -> str:
        """Wait until the screen has these texts and satisfies these conditions; the screen then. What
        else it will have may still be on its way: a frame comes in pieces."""
        end = time.monotonic() + seconds
        while True:
            text = self.text
            if all(one(text) if callable(one) else one in text for one in shown):
                return text
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"the screen never showed {shown!r}:\n{self.text}")

    def wait(self, seconds: float = 60) -> int:
        """Wait for the program's end; its exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            self._read(0.1)
        raise AssertionError(f"the program did not end:\n{self.text}")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read(self, seconds: float) -> bool:
        """Take what the program wrote; False when nothing comes within the time."""
        ready, _, _ = select.select([self.fd], [], [], max(0, seconds))
        if not ready:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux: EIO once the other end is closed
            return False
        self.raw += data
        self.stream.feed(data)
        return bool(data)
