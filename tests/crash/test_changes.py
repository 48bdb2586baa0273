"""Changes killed at every step: each message is in one place, and what was told stays told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.model.flags import FLAGGED, SEEN
from mailcli.store.store import Store
from mailcli.store.values import Gone, SyncChanges
from tests.crash.test_delivery import _arrivals, _killed_at, _mailbox
from tests.support.letters import files, letter, open_store

COUNT = 3


def _set_up(root: Path) -> tuple[int, int, list[str]]:
    key = _mailbox(root)
    with open_store(root) as store:
        trash = store.ensure_folder("work", "Trash", special="Trash")
        return key, trash, store.deliver(_arrivals(key, COUNT))


Change = Callable[[Store, int, int, list[str]], object]
CHANGES: dict[str, Change] = {
    "flags": lambda store, inbox, trash, ids: store.set_flags(ids, frozenset({FLAGGED}), frozenset({SEEN})),
    "move": lambda store, inbox, trash, ids: store.move(ids, trash),
    "purge": lambda store, inbox, trash, ids: store.purge(ids),
    "gone": lambda store, inbox, trash, ids: store.apply(SyncChanges(gone=[Gone(i) for i in ids])),
    "restore": lambda store, inbox, trash, ids: (store.purge(ids), store.restore(ids)),
    "copy": lambda store, inbox, trash, ids: store.copy(ids, trash),
    "delete folder": lambda store, inbox, trash, ids: store.delete_folder(inbox),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_killed_at_any_step_loses_nothing(tmp_path: Path, name: str) -> None:
    step = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        inbox, trash, ids = _set_up(root)

        def work(root: Path = root, inbox: int = inbox, trash: int = trash, ids: list[str] = ids) -> None:
            with open_store(root) as store:
                CHANGES[name](store, inbox, trash, ids)

        cut = _killed_at(step, work)
        with open_store(root) as store:
            for _ in range(2):
                for folder in store.sync_folders("work"):
                    store.scan(folder.key, force=True)
            _nothing_lost(store, root, ids, name)
        if not cut:
            break
    assert step > 5


def test_a_move_killed_at_any_step_can_be_given_again_at_once(tmp_path: Path) -> None:
    step = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        _, trash, ids = _set_up(root)

        def work(root: Path = root, trash: int = trash, ids: list[str] = ids) -> None:
            with open_store(root) as store:
                store.move(ids, trash)

        cut = _killed_at(step, work)
        work()
        with open_store(root) as store:
            assert [s.folder for s in store.get(ids)] == ["Trash"] * COUNT
            assert [store.open_bytes(i) for i in ids] == [letter(n) for n in range(1, COUNT + 1)]
            assert store.check() == []
        if not cut:
            break
    assert step > 5


def _nothing_lost(store: Store, root: Path, ids: list[str], name: str) -> None:
    assert store.check() == []
    rows = store.summaries(folders=None).rows
    kept = {e.id for e in store.recovery() if e.file_present}
    assert {r.id for r in rows} | kept >= set(ids)
    assert not {r.id for r in rows} & kept
    assert len(files(root)) == len(rows)
    assert len(list((root / "data").glob("recovery/*"))) == len(kept)
    bodies = sorted(store.open_bytes(r.id) for r in rows)
    letters = [letter(n) for n in range(1, COUNT + 1)]
    if name == "copy":
        assert set(bodies) == set(letters)
        assert len(bodies) <= 2 * COUNT
    else:
        assert len(rows) + len(kept) == COUNT
        assert set(bodies) <= set(letters)
        restored = store.restore(sorted(kept))
        assert sorted(store.open_bytes(i) for i in restored) + bodies
        assert sorted(store.open_bytes(i) for i in ids) == sorted(letters)
