"""Renaming message files within a transaction.

First the files, durably, then the rows: a run cut between the two looks as if another program had
renamed them, and the next scan takes that over. The other order would undo what the user did.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import TracebackType

from mailcli.store import disk, maildir
from mailcli.store.tree import Tree


class Renames:
    """A context manager inside the transaction; when the block fails all names are as they were."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._done: list[tuple[str, str]] = []
        self._directories: set[str] = set()

    def __enter__(self) -> Renames:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with disk.reported("rename mail"):
                    disk.fsync_directories(self._directories)
                return
        except BaseException:
            self._undo()
            raise
        self._undo()

    def _undo(self) -> None:
        for old, new in reversed(self._done):
            with suppress(OSError):
                os.rename(new, old)

    def rename(self, old: str, new: str) -> None:
        """One file, by full paths. FileNotFoundError if it is not there, never replaces another."""
        if os.path.lexists(new):
            raise FileExistsError(17, "already there", new)
        disk.rename(old, new)
        self._done.append((old, new))
        self._directories.add(os.path.dirname(old))
        self._directories.add(os.path.dirname(new))

    def refile(self, path: str, file: str, to_path: str, letters: str | None, base: str | None = None) -> str:
        """Give a message's file other flags, another folder, another unique part (None: as they are).

        Returns its new `file`. A file that another program renamed meanwhile is looked for by its
        unique part; one that is nowhere raises FileNotFoundError.
        """
        try:
            return self._refile(path, file, to_path, letters, base)
        except FileNotFoundError:
            now = self._tree.locate(path, file.partition("/")[2].partition(":")[0])
            if now is None:
                raise
            return self._refile(path, now, to_path, letters, base)

    def _refile(self, path: str, file: str, to_path: str, letters: str | None, base: str | None) -> str:
        new = file if letters is None else maildir.flagged_name(file, letters)
        if base is not None:
            subdirectory, _, name = new.partition("/")
            new = f"{subdirectory}/{base}{''.join(name.partition(':')[1:])}"
        old_path, new_path = self._tree.file(path, file), self._tree.file(to_path, new)
        if os.path.lexists(new_path) and not os.path.lexists(old_path):
            # Cut between the two, a run has left it where it is wanted; the unique part says so.
            self._directories.update((os.path.dirname(old_path), os.path.dirname(new_path)))
        elif old_path != new_path:
            self.rename(old_path, new_path)
        return new
