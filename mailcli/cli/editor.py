"""$EDITOR for a message: a private file, kept if anything goes wrong afterwards."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from mailcli.cli.streams import Streams
from mailcli.errors import CannotCreate, Interrupted, LocalIOError


def edit(streams: Streams, path: Path) -> str:
    """Let the user edit the file; its new text. LocalIOError if the editor cannot be run or fails."""
    environ = streams.environ
    wanted = environ.get("VISUAL") or environ.get("EDITOR") or ""
    try:
        command = shlex.split(wanted) or ["vi"]
    except ValueError as error:
        raise LocalIOError(f"the editor {wanted!r} is no command: {error}", hint="set EDITOR") from error
    try:
        done = subprocess.run([*command, str(path)], check=False)  # noqa: S603
    except OSError as error:
        raise LocalIOError(
            f"cannot run the editor {command[0]}: {error.strerror}", hint="set EDITOR"
        ) from error
    if done.returncode != 0:
        raise Interrupted(f"the editor ended with code {done.returncode}; nothing was done")
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def private_file(directory: Path, text: str) -> Path:
    """A new file that only its owner can read, in a directory of its own that outlives a reboot.
    Raises CannotCreate."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix="draft-", suffix=".eml", dir=directory)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except OSError as error:
        raise CannotCreate(f"cannot create a draft in {directory}: {error.strerror}") from error
    return Path(name)
