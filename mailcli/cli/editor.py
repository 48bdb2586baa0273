"""$EDITOR on a file."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from mailcli.cli.streams import Streams
from mailcli.errors import Interrupted, LocalIOError


def edit(streams: Streams, path: Path) -> None:
    """Let the user edit the file. LocalIOError if the editor cannot be run or fails."""
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
        raise Interrupted(
            f"the editor ended with code {done.returncode}; nothing is sent, the text is kept in {path}"
        )
