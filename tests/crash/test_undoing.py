"""Changes and their undoing killed at every step: done or not done, told or not told, nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.errors import NotFound
from mailcli.model.flags import FLAGGED
from mailcli.store.journal import Note
from mailcli.store.store import Store
from tests.crash.test_changes import COUNT, Change, _set_up
from tests.crash.test_delivery import _killed_at
from tests.support.letters import letter, open_store

NOTE = Note("change", "of a test")


CHANGES: dict[str, Change] = {
    "flags": lambda s, inbox, trash, ids: s.edit(lambda e: e.set_flags(ids, frozenset({FLAGGED, "x"})), NOTE),
    "move": lambda s, inbox, trash, ids: s.edit(lambda e: e.move(ids, trash), NOTE),
    "spam": lambda s, inbox, trash, ids: s.edit(
        lambda e: (e.set_flags(ids, frozenset({"$Junk", FLAGGED})), e.move(ids, trash)), NOTE
    ),
    "purge": lambda s, inbox, trash, ids: s.edit(lambda e: e.purge(ids), NOTE),
    "copy": lambda s, inbox, trash, ids: s.copies([(ids, trash)], NOTE),
    "delete folder": lambda s, inbox, trash, ids: s.discard_folder(inbox, NOTE),
    "rename folder": lambda s, inbox, trash, ids: s.rename_folder(trash, "Bin", note=NOTE),
}


def _state(store: Store) -> list[tuple[str, str, list[str]]]:
    """Every message where it is, and the folders."""
    rows = store.summaries(folders=None).rows
    held = [(r.id, f"{r.folder}", sorted(r.flags)) for r in rows]
    return sorted([*held, *(("", f.name, []) for f in store.folders("work"))])


def _tidy(store: Store) -> None:
    for _ in range(2):
        for folder in store.sync_folders("work"):
            store.scan(folder.key, force=True)


def _turn(store: Store, *, back: bool) -> None:
    entry = store.next_turn(back=back)
    if entry is not None:
        store.turn(entry, back=back)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_killed_at_any_step_is_in_the_journal_or_has_not_been(tmp_path: Path, name: str) -> None:
    step = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        inbox, trash, ids = _set_up(root)
        with open_store(root) as store:
            before = _state(store)

        def work(root: Path = root, inbox: int = inbox, trash: int = trash, ids: list[str] = ids) -> None:
            with open_store(root) as store:
                CHANGES[name](store, inbox, trash, ids)

        cut = _killed_at(step, work)
        with open_store(root) as store:
            # What the database says, before a scan takes in files that were moved and not yet told of.
            assert (store.changes() != []) == (_state(store) != before), step
            told = store.changes() != []
            _tidy(store)
            if told:
                _turn(store, back=True)
                assert _state(store) == before
            assert store.check() == []
            assert {letter(n) for n in range(1, COUNT + 1)} == _bodies(store)
        if not cut:
            break
    assert step > 4


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_an_undoing_killed_at_any_step_is_done_or_can_be_done_again(
    tmp_path: Path, name: str, back: bool
) -> None:
    step = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        inbox, trash, ids = _set_up(root)
        with open_store(root) as store:
            before = _state(store)
            CHANGES[name](store, inbox, trash, ids)
            after = _state(store)
            if not back:
                _turn(store, back=True)

        def work(root: Path = root) -> None:
            with open_store(root) as store:
                _turn(store, back=back)

        cut = _killed_at(step, work)
        with open_store(root) as store:
            target = before if back else after
            assert (store.next_turn(back=back) is None) == (_state(store) == target), step
            _tidy(store)
            entry = store.next_turn(back=back)
            if entry is not None:
                store.turn(entry, back=back)
            assert store.next_turn(back=back) is None
            assert _state(store) == target, step
            assert store.check() == []
            assert {letter(n) for n in range(1, COUNT + 1)} <= _bodies(store)
        if not cut:
            break
    assert step > 4


def _bodies(store: Store) -> set[bytes]:
    """Of all that is here, or can be brought back."""
    found = {store.open_bytes(r.id) for r in store.summaries(folders=None).rows}
    for entry in store.recovery():
        try:
            (back,) = store.restore([entry.id])
            found.add(store.open_bytes(back))
        except (NotFound, ValueError):
            continue
    return found
