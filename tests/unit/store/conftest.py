from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.store import disk
from mailcli.store.store import Store
from mailcli.store.values import FolderState
from tests.support.letters import Clock, memory_directory, open_store


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """The store's own tests write thousands of files: into memory."""
    with memory_directory() as directory:
        yield directory


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def inbox(store: Store) -> int:
    """The inbox of the IMAP account `work`, UIDVALIDITY 7."""
    store.account_key("work", "imap")
    key = store.ensure_folder("work", "INBOX")
    store.set_folder_state(key, FolderState(uidvalidity=7))
    return key


@pytest.fixture
def trash(store: Store, inbox: int) -> int:
    return store.ensure_folder("work", "Trash", special="Trash")


@pytest.fixture(autouse=True)
def _no_failpoint() -> Iterator[None]:
    yield
    disk.failpoint = None
