"""Small files that must not be lost or half written: configuration, passwords, tokens."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from mailcli.errors import CannotCreate, LocalIOError


def replace_file(path: Path, data: bytes, *, backup: bool = True) -> None:
    """Durably put `data` in the place of `path` (0600), keeping the old file as `.bak`.

    A symbolic link is followed: people keep their configuration in a repository of dotfiles.
    Raises CannotCreate, LocalIOError.
    """
    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreate(f"{path.parent} cannot be made: {error.strerror}") from error
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        _write_new(temporary, data)
        if backup and path.exists():
            spare = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
            os.link(path, spare)
            spare.replace(path.with_name(path.name + ".bak"))
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise LocalIOError(f"{path} cannot be written: {error.strerror}") from error


def _write_new(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
