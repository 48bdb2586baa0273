"""Small mails and mailboxes for the store's tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from mailcli.model.flags import SEEN, Flags
from mailcli.store.store import Store
from mailcli.store.values import Arrival

NOW = 1_700_000_000.0


class Clock:
    """A clock that goes when told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def letter(
    number: int,
    *,
    references: Iterable[int] = (),
    date: str = "Mon, 13 Nov 2023 10:00:00 +0100",
    sender: str = "Ann Author <ann@example.org>",
    subject: str = "",
    body: str = "",
    extra: str = "",
) -> bytes:
    """A mail in wire form; its Message-ID is <m{number}@example.org>."""
    named = " ".join(f"<m{n}@example.org>" for n in references)
    lines = [
        f"From: {sender}",
        "To: Bob Reader <bob@example.net>",
        f"Subject: {subject or f'Letter {number}'}",
        f"Message-ID: <m{number}@example.org>",
        *([f"References: {named}"] if named else []),
        *([f"Date: {date}"] if date else []),
        *([extra] if extra else []),
        "",
        body or f"Words of letter {number}.",
        "",
    ]
    return "\r\n".join(lines).encode()


def open_store(root: Path, clock: Clock | None = None, *, read_only: bool = False) -> Store:
    return Store(root / "data", root / "state", clock=clock or Clock(), read_only=read_only)


def as_first_version(root: Path) -> None:
    """Take from a mailbox's database what later migrations brought."""
    database = apsw.Connection(str(root / "data/mailcli.db"))
    database.execute("DROP TABLE change; DROP TABLE change_step")
    database.execute("DROP TABLE outline; DROP INDEX message_lacking; ALTER TABLE folder DROP COLUMN skipped")
    database.execute("DROP INDEX pop3_fetching")
    database.execute("ALTER TABLE folder DROP COLUMN withheld")
    database.execute("DROP TRIGGER IF EXISTS attachment_text_gone; DROP TABLE IF EXISTS attachment_text")
    database.execute("DROP INDEX message_by_object")
    database.pragma("user_version", 1)
    database.close()


def remote(folder: int, number: int, flags: Flags = frozenset({SEEN})) -> Arrival:
    """A letter that the server has in the folder as UID `number`."""
    return Arrival(
        folder,
        letter(number),
        flags,
        NOW - 1000 + number,
        uid=number,
        uidvalidity=7,
        on_server=True,
    )


@contextmanager
def memory_directory() -> Iterator[Path]:
    """A directory in memory if the machine has that: what is tested is the order of things, not the disk."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 512 << 20
    directory = Path(tempfile.mkdtemp(prefix="mailcli-test-", dir=memory if roomy else None))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def files(root: Path) -> list[Path]:
    """All message files of the mail tree."""
    return sorted(p for p in (root / "data" / "mail").rglob("*") if p.parent.name in ("cur", "new"))


def litter(root: Path) -> list[Path]:
    """What lies in tmp/."""
    return sorted(p for p in (root / "data" / "mail").rglob("tmp/*"))
