"""The directories that mail lies in. Paths are strings; `file` is `cur/NAME`.

Names are `maildir`'s affair; this module is imported by every list and imports little.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from mailcli.store import disk

TMP: Final = "tmp"
SUBDIRECTORIES: Final = (TMP, "new", "cur")
MARKER: Final = ".mailcli"
TMP_LIFETIME: Final = 36 * 3600
"""Seconds after which a file in tmp/ is a leftover (maildir(5))."""


class Tree:
    """The directories below `data`: `mail/` and `recovery/`."""

    def __init__(self, data: str) -> None:
        self.root = data
        self.mail = f"{data}/mail"
        self.recovery = f"{data}/recovery"
        self.sync_whole = disk.can_sync_file_system()
        """Whether large deliveries sync the whole file system; not if others keep it busy."""

    def directory(self, path: str) -> str:
        """A folder's directory, from its `path` column (`account/level/level`)."""
        return f"{self.mail}/{path}"

    def file(self, path: str, file: str) -> str:
        return f"{self.mail}/{path}/{file}"

    def make_account(self, directory: str) -> None:
        """An account's directory with the marker that proves later that its disk is mounted."""
        marker = f"{self.mail}/{directory}/{MARKER}"
        if os.path.exists(marker):
            return
        disk.make_directory(f"{self.mail}/{directory}")
        with disk.reported("create the mailbox"):
            try:
                disk.write_new(marker, b"")
            except FileExistsError:
                return
            disk.fsync_directory(f"{self.mail}/{directory}")

    def has_marker(self, directory: str) -> bool:
        return os.path.exists(f"{self.mail}/{directory}/{MARKER}")

    def make_folder(self, path: str) -> None:
        """tmp, new and cur of a folder."""
        for name in SUBDIRECTORIES:
            disk.make_directory(f"{self.mail}/{path}/{name}")

    def make_folders(self, paths: Iterable[str]) -> None:
        """As `make_folder` for many: every directory that got new names is fsynced once."""
        grown: set[str] = set()
        for path in paths:
            for name in SUBDIRECTORIES:
                grown |= disk.begin_directory(f"{self.mail}/{path}/{name}")
        with disk.reported("create folders"):
            disk.fsync_directories(grown)

    def remove_empty(self, path: str) -> None:
        """A folder's directories, as far as they hold nothing but what is ours."""
        directory = f"{self.mail}/{path}"
        with suppress(OSError):
            for name in SUBDIRECTORIES:
                if os.path.isdir(f"{directory}/{name}"):
                    os.rmdir(f"{directory}/{name}")
            disk.unlink(f"{directory}/{MARKER}")
            os.rmdir(directory)

    def folder_paths(self, directory: str) -> list[str]:
        """Paths below an account's directory that have a cur/; dot directories are not folders."""
        found = []
        for above, names, _ in os.walk(f"{self.mail}/{directory}"):
            if "cur" in names:
                found.append(os.path.relpath(above, self.mail))
            names[:] = sorted(n for n in names if n not in SUBDIRECTORIES and not n.startswith("."))
        return [path for path in found if path != directory]

    def files(self, path: str) -> set[str]:
        """Files of a folder (`cur/NAME`); dot files are not messages."""
        found: set[str] = set()
        for subdirectory in ("new", "cur"):
            try:
                names = os.listdir(f"{self.mail}/{path}/{subdirectory}")
            except FileNotFoundError:
                continue
            found.update([f"{subdirectory}/{name}" for name in names if name[0] != "."])
        return found

    def listing(self, path: str) -> dict[str, str]:
        """Files of a folder with their unique parts: {`cur/NAME`: base}."""
        return {file: file.partition("/")[2].partition(":")[0] for file in self.files(path)}

    def locate(self, path: str, base: str) -> str | None:
        """Where the file with this unique part is now, after another program renamed it."""
        for file, other in self.listing(path).items():
            if other == base:
                return file
        return None

    def recovered(self, name: str) -> str | None:
        """The path of a file in the recovery area, if it is there."""
        path = f"{self.recovery}/{name}"
        return path if os.path.exists(path) else None

    def mtimes(self, path: str) -> tuple[int, int]:
        """(cur, new) modification times in nanoseconds; 0 for a directory that is not there."""
        times = []
        for subdirectory in ("cur", "new"):
            try:
                times.append(os.stat(f"{self.mail}/{path}/{subdirectory}").st_mtime_ns)
            except FileNotFoundError:
                times.append(0)
        return times[0], times[1]

    def sweep(self, path: str, now: float) -> int:
        """Remove leftovers from tmp/ that are older than 36 hours."""
        directory = f"{self.mail}/{path}/{TMP}"
        swept = 0
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return 0
        for name in names:
            file = f"{directory}/{name}"
            try:
                if os.lstat(file).st_mtime < now - TMP_LIFETIME:
                    disk.unlink(file)
                    swept += 1
            except OSError:
                continue
        return swept
