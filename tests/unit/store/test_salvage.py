"""Damaged and lost databases: the mail stays, what can be read stays, and it is said."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mailcli.errors import LocalIOError
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.store.journal import Note
from mailcli.store.store import Store
from mailcli.store.values import Arrival, FolderState, Pop3Row
from tests.support.letters import NOW, files, letter, open_store, remote

COUNT = 120


@pytest.fixture
def full(tmp_path: Path) -> dict[str, bytes]:
    """A closed mailbox with two accounts, a purge, POP3 history; the mails by id."""
    with open_store(tmp_path) as store:
        store.account_key("work", "imap")
        inbox, other = store.ensure_folder("work", "INBOX"), store.ensure_folder("work", "A/..")
        store.set_folder_state(inbox, FolderState(7, 500, 99))
        ids = store.deliver([remote(inbox, n) for n in range(1, COUNT + 1)])
        ids += store.deliver([Arrival(other, letter(n), frozenset({FLAGGED}), NOW) for n in (901, 902)])
        store.set_flags(ids[:5], frozenset({"kept"}))
        store.purge([ids.pop()])
        store.account_key("pop", "pop3")
        store.transact(lambda w: w.pop3_record("pop", [Pop3Row("u", 0, 9, "delivered", sha256=b"x" * 32)]))
        return {i: store.open_bytes(i) for i in ids}


def _check(root: Path, mails: dict[str, bytes], *, notice: bool = True) -> Store:
    store = open_store(root)
    try:
        assert bool(store.notices) is notice
        assert {s.id for s in store.summaries(folders=None).rows} == set(mails)
        for identity, data in mails.items():
            assert store.open_bytes(identity) == data
        agreed = store.agreed(store.folder("work", "INBOX").key)
        assert [a.uid for a in agreed] == list(range(1, COUNT + 1))
        assert store.folder_state(store.folder("work", "INBOX").key).uidvalidity == 7
        assert store.check() == []
    except BaseException:
        store.close()
        raise
    return store


def _database(root: Path) -> Path:
    return root / "data/mailcli.db"


def test_the_journal_is_saved_from_a_damaged_database(tmp_path: Path, full: dict[str, bytes]) -> None:
    some = sorted(full)[:3]
    with open_store(tmp_path) as store:
        trash = store.ensure_folder("work", "Trash")
        store.edit(lambda edit: edit.move(some, trash), Note("move", "to Trash"))
        (before,) = store.changes()
    (tmp_path / "data/mailcli.db.damaged").touch()
    with open_store(tmp_path) as store:
        assert store.notices
        assert store.changes() == [before]
        assert set(store.turn(before, back=True).ids) == set(some)


def test_a_lost_database_is_made_again_from_the_files(tmp_path: Path, full: dict[str, bytes]) -> None:
    for path in (tmp_path / "data").glob("mailcli.db*"):
        path.unlink()
    with _check(tmp_path, full) as store:
        rows = store.agreed(store.folder("work", "INBOX").key)
        assert all(a.base is None and a.flags == {SEEN} for a in rows)
    with _check(tmp_path, full, notice=False):
        pass


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough" * 500])
def test_a_file_that_is_no_database_is_set_aside(
    tmp_path: Path, full: dict[str, bytes], content: bytes
) -> None:
    _database(tmp_path).write_bytes(content)
    with _check(tmp_path, full):
        pass
    aside = [p for p in (tmp_path / "data").glob("*.corrupt-*") if not p.name.endswith(("-wal", "-shm"))]
    assert [p.read_bytes() for p in aside] == ([content] if content else [])


def test_a_truncated_database_is_salvaged(tmp_path: Path, full: dict[str, bytes]) -> None:
    path = _database(tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with _check(tmp_path, full):
        pass


@pytest.mark.parametrize("seed", range(8))
def test_pages_of_garbage_cost_no_mail(tmp_path: Path, full: dict[str, bytes], seed: int) -> None:
    path = _database(tmp_path)
    data = bytearray(path.read_bytes())
    dice = random.Random(seed)
    for page in dice.sample(range(1, len(data) // 8192), 12):
        data[page * 8192 : (page + 1) * 8192] = dice.randbytes(8192)
    path.write_bytes(data)
    for _ in range(3):  # damage shows when it is met; the opening after that repairs it
        try:
            with open_store(tmp_path) as store:
                store.check()
                store.summaries(folders=None)
                problems = [p for p in store.check() if p.kind == "database"]
            if not problems:
                break
        except LocalIOError as error:
            assert error.hint
        else:
            (tmp_path / "data/mailcli.db.damaged").touch()
    with _check(tmp_path, full, notice=False):
        pass


def test_state_is_salvaged_from_what_can_be_read(tmp_path: Path, full: dict[str, bytes]) -> None:
    (tmp_path / "data/mailcli.db.damaged").touch()
    with _check(tmp_path, full) as store:
        assert "set aside as mailcli.db.corrupt-" in store.notices[0]
        assert store.folder_state(store.folder("work", "INBOX").key) == FolderState(7, 500, 99)
        flags = [a.flags for a in store.agreed(store.folder("work", "INBOX").key)]
        assert flags[:6] == [frozenset({SEEN, "kept"})] * 5 + [frozenset({SEEN})]
        assert all(a.base == frozenset({SEEN}) for a in store.agreed(store.folder("work", "INBOX").key))
        assert store.pop3_known("pop")[("u", 0)].sha256 == b"x" * 32
        assert len(store.recovery()) == 1
        assert len(store.pending("work").stores) == 5
    assert not (tmp_path / "data/mailcli.db.damaged").exists()


def test_a_salvage_that_was_cut_goes_on(tmp_path: Path, full: dict[str, bytes]) -> None:
    from mailcli.store import disk

    class Cut(BaseException):
        pass

    total = 0
    for at in (1, 2, 3, 4, 6, 8):
        (tmp_path / "data/mailcli.db.damaged").touch()
        count = 0

        def cut(step: str, path: str, at: int = at) -> None:
            nonlocal count
            count += step in ("rename", "commit", "create", "unlink")
            if count == at:
                raise Cut

        disk.failpoint = cut
        try:
            open_store(tmp_path).close()
        except Cut:
            total += 1
        disk.failpoint = None
        with _check(tmp_path, full) as store:
            assert store.pop3_known("pop")
    assert total >= 4
    assert len(files(tmp_path)) == len(full)
