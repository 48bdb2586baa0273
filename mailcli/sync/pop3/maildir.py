"""Delivery into a Maildir of somebody else's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mailcli.errors import CannotCreate
from mailcli.mime.lineends import to_store
from mailcli.store import disk
from mailcli.store.values import Pop3Row
from mailcli.sync.pop3.destination import Ledger, Letter


class Maildir:
    """The file's name holds the id that was announced, so that the next run finds what was delivered
    without having been recorded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._host = os.uname().nodename.replace("/", "\\057").replace(":", "\\072") or "localhost"

    def settle(self, fetching: Sequence[Pop3Row]) -> list[Pop3Row]:
        """By the names in new/ and cur/; what was not renamed there is removed from tmp/."""
        self._ready()
        there: set[str] = set()
        with disk.reported("read the Maildir"):
            for part in ("new", "cur"):
                there.update(
                    file.name.split(".")[1] for file in (self.path / part).iterdir() if "." in file.name
                )
            announced = {row.id for row in fetching}
            for file in (self.path / "tmp").iterdir():
                if file.name.count(".") >= 2 and file.name.split(".")[1] in announced:
                    disk.unlink(str(file))
        return [row for row in fetching if row.id in there]

    def _ready(self) -> None:
        if self.path.exists() and not (self.path / "cur").is_dir() and any(self.path.iterdir()):
            raise CannotCreate(f"{self.path} is not a Maildir, and not empty", hint="name another place")
        for part in ("tmp", "new", "cur"):
            disk.make_directory(str(self.path / part))

    def deliver(self, letters: Sequence[Letter], ledger: Ledger) -> list[str]:
        """tmp/, fsync, new/, fsync of the directory."""
        written: list[tuple[str, str]] = []
        with disk.reported(f"deliver into {self.path}"):
            try:
                for row, data in letters:
                    stored, _ = to_store(data)
                    name = f"{int(max(0.0, row.delivered_at or 0.0))}.{row.id}.{self._host}"
                    written.append((f"{self.path}/tmp/{name}", f"{self.path}/new/{name}"))
                    disk.write_new(written[-1][0], stored)
                for tmp, target in written:
                    disk.rename(tmp, target)
                disk.fsync_directory(f"{self.path}/new")
            except OSError:
                for pair in written:
                    for path in pair:
                        disk.unlink(path)
                raise
        ledger.record([letter.row for letter in letters])
        return []
