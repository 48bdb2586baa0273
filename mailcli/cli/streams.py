"""The three streams of a process, and what is known about them.

stdout decides form and colour, stdin decides prompts, stderr decides progress.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import BinaryIO

DEFAULT_WIDTH = 80


class Streams:
    """stdin, stdout and stderr as bytes. Text piped on is UTF-8; a terminal gets its own encoding."""

    def __init__(
        self,
        stdin: BinaryIO,
        stdout: BinaryIO,
        stderr: BinaryIO,
        *,
        terminals: tuple[bool, bool, bool] = (False, False, False),
        size: tuple[int, int] = (DEFAULT_WIDTH, 24),
        encoding: str = "utf-8",
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.stdin_terminal, self.stdout_terminal, self.stderr_terminal = terminals
        self.width, self.height = size
        self.encoding = encoding
        self.environ = os.environ if environ is None else environ

    def write(self, text: str) -> None:
        """The result, and nothing else."""
        encoding = self.encoding if self.stdout_terminal else "utf-8"
        self.stdout.write(text.encode(encoding, "replace"))

    def write_bytes(self, data: bytes) -> None:
        self.stdout.write(data)

    def say(self, text: str) -> None:
        """Notices, warnings, errors, questions: stderr, at once. Where they cannot be written they are
        left out: no command stops half-way, or fails, because nobody can be told of it.

        On a terminal both are one screen: what was said of a list stands below it."""
        if self.stdout_terminal:
            self.flush()
        try:
            self.stderr.write(text.encode(self.encoding if self.stderr_terminal else "utf-8", "replace"))
            self.stderr.flush()
        except (OSError, ValueError):
            abandon(self.stderr)

    def flush(self) -> None:
        self.stdout.flush()


def abandon(stream: BinaryIO) -> None:
    """The reader of our pipe has gone, or it cannot be written: what is left goes nowhere, so that
    the interpreter's own flush at exit does not turn the exit code into 120."""
    try:
        descriptor = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, descriptor)
        os.close(null)
    except (OSError, ValueError):
        pass


def standard() -> Streams:
    """The process's own streams; one that is closed reads or writes nothing."""
    terminals = (_terminal(0), _terminal(1), _terminal(2))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return Streams(
        _buffer(sys.stdin, os.O_RDONLY),
        _buffer(sys.stdout, os.O_WRONLY),
        _buffer(sys.stderr, os.O_WRONLY),
        terminals=terminals,
        size=_size(),
        encoding=encoding,
    )


def _buffer(stream: object, flags: int) -> BinaryIO:
    found: BinaryIO | None = getattr(stream, "buffer", None)
    if found is not None:
        return found
    mode = "rb" if flags == os.O_RDONLY else "wb"
    return open(os.devnull, mode)  # type: ignore[return-value]


def _terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _size() -> tuple[int, int]:
    """Columns and lines: COLUMNS and LINES first, then the terminal's own, then 80x24."""
    columns, lines = (os.environ.get(name, "") for name in ("COLUMNS", "LINES"))
    width = int(columns) if columns.isascii() and columns.isdigit() else 0
    height = int(lines) if lines.isascii() and lines.isdigit() else 0
    if not width or not height:
        for descriptor in (1, 2, 0):
            try:
                real = os.get_terminal_size(descriptor)
            except OSError:
                continue
            width, height = width or real.columns, height or real.lines
            break
    return width or DEFAULT_WIDTH, height or 24
