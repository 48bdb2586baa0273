"""$EDITOR for a message: a private file, kept if anything goes wrong afterwards."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from mailcli.cli.streams import Streams
from mailcli.errors import Interrupted, LocalIOError


def edit(streams: Streams, path: Path) -> str:
    """Let the user edit the file; its new text. LocalIOError if the editor cannot be run or fails."""
    environ = streams.environ
    command = shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "vi")
    try:
        done = subprocess.run([*command, str(path)], check=False)  # noqa: S603
    except OSError as error:
        raise LocalIOError(
            f"cannot run the editor {command[0]}: {error.strerror}", hint="set EDITOR"
        ) from error
    if done.returncode != 0:
        raise Interrupted(f"the editor ended with code {done.returncode}; nothing was done")
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def private_file(text: str, suffix: str) -> Path:
    """A new file only its owner can read."""
    descriptor, name = tempfile.mkstemp(prefix="mailcli-", suffix=suffix)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    return Path(name)
