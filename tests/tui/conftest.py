"""A profile without servers: a local mailbox with some mail, as the reader finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.app.context import Context
from mailcli.model.flags import SEEN
from mailcli.store.values import Arrival
from tests.tui.terminal import Terminal

BASE = 1_700_000_000.0


def letter(n: int, subject: str = "", body: str = "", extra: str = "") -> bytes:
    text = (
        f"From: Sender {n} <s{n}@example.org>\nTo: me@example.org\nSubject: {subject or f'letter {n}'}\n"
        f"Message-ID: <l{n}@example.org>\n"
        f"Date: Tue, 14 Nov 2023 {20 + n // 60}:{n % 60:02}:00 +0000\n{extra}\n"
        f"{body or f'body of letter {n}'}\n"
    )
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A profile whose built-in account has 60 letters, letter 59 the newest; 10 are unread."""
    with_mail(tmp_path, [letter(n) for n in range(60)])
    return tmp_path


def with_mail(directory: Path, letters: list[bytes]) -> None:
    ctx = Context.open(profile=directory, environ={"HOME": str(directory)})
    inbox = ctx.store.ensure_folder("local", "INBOX", special="Inbox")
    arrivals = [
        Arrival(inbox, data, frozenset() if n >= len(letters) - 10 else frozenset({SEEN}), BASE + n)
        for n, data in enumerate(letters)
    ]
    ctx.store.deliver(arrivals)
    ctx.close()


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def start(profile: Path, *words: str, **options: object) -> Terminal:
        made.append(Terminal(profile, *words, **options))  # type: ignore[arg-type]
        return made[-1]

    yield start
    for terminal in made:
        terminal.close()
