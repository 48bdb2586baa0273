from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.errors import CannotCreate, Locked, NotFound
from mailcli.store import disk
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import files, letter, open_store, remote


def test_folders_are_nested_directories(store: Store, inbox: int, tmp_path: Path) -> None:
    store.ensure_folder("work", "Projects/Grün/2024")
    directory = tmp_path / "data/mail/work/Projects/Grün/2024"
    assert sorted(p.name for p in directory.iterdir()) == ["cur", "new", "tmp"]
    assert (tmp_path / "data/mail/work/.mailcli").exists()


def test_ensuring_twice_is_the_same_folder(store: Store, inbox: int) -> None:
    key = store.ensure_folder("work", "A", special="Archive", subscribed=False)
    assert store.ensure_folder("work", "A") == key
    assert (store.folder("work", "A").special, store.folder("work", "A").subscribed) == ("Archive", False)
    store.ensure_folder("work", "A", special="", selectable=False)
    found = store.folder("work", "A")
    assert (found.special, found.subscribed, found.selectable) == ("", False, False)
    assert store.ensure_folder("work", "inbox") == inbox


def test_folders_that_differ_in_case_only_have_directories_that_do_not(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    names = ["Work", "work", "WORK", "Work/a", "work/a", "work/A", "é", "e\u0301"]
    keys = [store.ensure_folder("work", name) for name in names]
    assert len(set(keys)) == len(names)
    directories = [p.parent for p in (tmp_path / "data/mail").rglob("cur")]
    folded = {str(d).casefold() for d in directories}
    assert len(folded) == len(directories) == len(names) + 1


def test_a_person_names_folders_by_use_by_name_in_any_case(store: Store, inbox: int) -> None:
    store.ensure_folder("work", "Deleted Items", special="Trash")
    store.ensure_folder("work", "Papierkorb")
    store.ensure_folder("work", "Trash/Old")
    for text, name in {
        "trash": "Deleted Items",
        "Inbox": "INBOX",
        "papierKORB": "Papierkorb",
        "Deleted Items": "Deleted Items",
        "trash/old": "Trash/Old",
    }.items():
        assert store.find_folder("work", text).name == name
    with pytest.raises(NotFound) as caught:
        store.find_folder("work", "Papierkob")
    assert caught.value.hint == "did you mean Papierkorb?"
    with pytest.raises(NotFound):
        store.folder("work", "papierkorb")


def test_counts_of_folders(store: Store, inbox: int, trash: int) -> None:
    store.deliver([remote(inbox, 1), remote(inbox, 2, frozenset())])
    assert [(f.name, f.total, f.unread) for f in store.folders("work")] == [("INBOX", 2, 1), ("Trash", 0, 0)]
    assert store.folders("nobody") == []
    assert store.accounts() == ["work"]


def _tree(store: Store) -> dict[str, int]:
    return {
        name: store.ensure_folder("work", name) for name in ("A", "A/b", "A/b/c", "AB", "INBOX", "INBOX/x")
    }


def test_renaming_takes_all_below_along(store: Store, inbox: int, tmp_path: Path) -> None:
    keys = _tree(store)
    (one,) = store.deliver([remote(keys["A/b"], 1)])
    store.rename_folder(keys["A"], "Fresh/Name")
    names = {f.name for f in store.folders("work")}
    assert names == {"Fresh/Name", "Fresh/Name/b", "Fresh/Name/b/c", "AB", "INBOX", "INBOX/x"}
    assert store.open_bytes(one) == letter(1)
    assert store.get([one])[0].folder == "Fresh/Name/b"
    assert (tmp_path / "data/mail/work/Fresh/Name/b/cur").is_dir()
    assert not (tmp_path / "data/mail/work/A").exists()
    assert store.check() == []
    with pytest.raises(CannotCreate):
        store.rename_folder(keys["AB"], "Fresh/Name")
    assert store.ensure_folder("work", "A") not in keys.values()


def test_renaming_into_itself(store: Store, inbox: int) -> None:
    keys = _tree(store)
    (one,) = store.deliver([remote(keys["A"], 1)])
    store.rename_folder(keys["A"], "A/deeper")
    assert {f.name for f in store.folders("work")} >= {"A/deeper", "A/deeper/b", "A/deeper/b/c"}
    assert store.open_bytes(one) == letter(1)
    assert store.check() == []


def test_the_inbox_is_renamed_alone(store: Store, inbox: int) -> None:
    keys = _tree(store)
    store.rename_folder(keys["INBOX"], "Old")
    assert {f.name for f in store.folders("work")} >= {"Old", "INBOX/x"}


class _Cut(BaseException):
    """The run ends here."""


@pytest.mark.parametrize("at", range(1, 12))
def test_a_rename_that_was_cut_is_completed(store: Store, inbox: int, tmp_path: Path, at: int) -> None:
    keys = _tree(store)
    (one,) = store.deliver([remote(keys["A/b"], 1)])
    count = 0

    def cut(step: str, path: str) -> None:
        nonlocal count
        count += step in ("rename", "mkdir", "commit", "committed")
        if count == at:
            raise _Cut

    disk.failpoint = cut
    with pytest.raises(_Cut):
        store.rename_folder(keys["A"], "B")
    disk.failpoint = None
    store.close()
    with open_store(tmp_path) as again:
        assert again.open_bytes(one) == letter(1)
        again.scan(keys["A/b"], force=True)
        assert again.open_bytes(one) == letter(1)
        assert again.check() == []
        assert {f.name for f in again.folders("work")} & {"A", "B"} == ({"A"} if at == 1 else {"B"})


def test_deleting_a_folder_keeps_its_mail_in_recovery(
    store: Store, inbox: int, trash: int, tmp_path: Path
) -> None:
    key = store.ensure_folder("work", "Gone/Deep")
    one, two = store.deliver([remote(key, 1), remote(key, 2)])
    store.move([two], inbox)
    (tmp_path / "data/mail/work/Gone/Deep/cur/1.foreign.host:2,S").write_bytes(b"A: b\n\n")
    assert store.delete_folder(key) == 2
    assert not (tmp_path / "data/mail/work/Gone/Deep").exists()
    assert len(store.recovery()) == 2
    assert [a.id for a in store.pending("work").appends] == [two]
    assert store.restore([one]) == [one]
    assert store.get([one])[0].folder == "Gone/Deep"
    assert store.check() == []


def test_removing_an_account_sets_its_tree_aside(store: Store, inbox: int, tmp_path: Path) -> None:
    store.deliver([remote(inbox, 1)])
    other = store.ensure_folder("home", "INBOX")
    store.deliver([Arrival(other, letter(2))])
    store.remove_account("work")
    assert store.accounts() == ["home"]
    assert store.count() == 1
    assert len(files(tmp_path)) == 1
    assert len(list((tmp_path / "data/recovery").rglob("cur/*"))) == 1
    assert store.check() == []
    with pytest.raises(NotFound):
        store.remove_account("work")


def test_an_account_is_locked_once(store: Store, tmp_path: Path) -> None:
    with store.lock_account("a/../b"), pytest.raises(Locked, match=r"a/\.\./b"), store.lock_account("a/../b"):
        pass
    with store.lock_account("a/../b"), store.lock_account("other"):
        pass
    assert all(p.parent == tmp_path / "state/locks" for p in (tmp_path / "state").rglob("*.lock"))


def test_settings(store: Store) -> None:
    assert store.setting("query.x") is None
    store.put_setting("query.x", "from:a")
    store.put_setting("query.y", "b")
    store.put_setting("other", "c")
    assert store.setting("query.x") == "from:a"
    assert store.settings("query.") == {"query.x": "from:a", "query.y": "b"}
    store.put_setting("query.x", None)
    assert store.settings("query.") == {"query.y": "b"}
