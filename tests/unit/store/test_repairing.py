"""Each thing that may be out of step is broken on purpose, found, and put right."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest

from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import NOW, letter, open_store, remote


def _break(directory: Path, sql: str) -> None:
    raw = apsw.Connection(str(directory / "data/mailcli.db"))
    raw.execute(sql)
    raw.close()


def test_a_mailbox_in_step_needs_no_repair(store: Store, inbox: int) -> None:
    store.deliver([remote(inbox, 1)])
    assert store.repair() == []


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("unindexed", "DELETE FROM fts WHERE rowid IN (SELECT rid FROM message LIMIT 2)"),
        ("unindexed", "INSERT INTO fts(fts) VALUES('delete-all')"),
        ("ghosts", "INSERT INTO fts(rowid, subject) VALUES(7, 'Letter nobody')"),
        ("threads", "UPDATE message SET thread = id WHERE rid = (SELECT max(rid) FROM message)"),
        ("incomplete", "INSERT INTO setting VALUES('index.rebuilding', '1')"),
    ],
)
def test_the_index_is_brought_in_step(store: Store, inbox: int, tmp_path: Path, kind: str, sql: str) -> None:
    store.deliver([remote(inbox, n)._replace(data=letter(n, references=[n - 1])) for n in range(1, 6)])
    store.close()
    _break(tmp_path, sql)
    with open_store(tmp_path) as again:
        assert [p.kind for p in again.check()] == [kind]
        assert [(p.kind, p.repaired) for p in again.repair()] == [(kind, True)]
        assert again.check() == []
        assert again.status().indexed == 5
        assert again.status().threads == 1


def test_a_file_without_a_row_is_taken_in(store: Store, inbox: int, tmp_path: Path) -> None:
    (tmp_path / "data/mail/work/INBOX/new/1.foreign.host").write_bytes(letter(1))
    assert [(p.kind, p.repaired) for p in store.repair()] == [("unknown-file", True)]
    assert store.count(inbox) == 1
    assert store.check() == []


def test_of_a_message_whose_file_is_gone_stays_what_the_server_can_give_again(
    store: Store, inbox: int
) -> None:
    here, there, whole = store.deliver(
        [Arrival(inbox, letter(1), arrived=NOW), remote(inbox, 2), remote(inbox, 3)]
    )
    for one in (here, there):
        store.path(one).unlink()
    assert {(p.kind, p.id, p.repaired) for p in store.repair()} == {
        ("missing-file", here, True),
        ("missing-file", there, True),
    }
    assert store.check() == []
    assert [s.subject for s in store.get([there, whole])] == ["Letter 2", "Letter 3"]
    assert store.ids() == {there, whole}
    assert [lacking.id for lacking in store.lacking(inbox)] == [there]
    assert store.missing("work") == []


def test_a_file_under_another_name_is_found_and_its_row_kept(store: Store, inbox: int) -> None:
    (one,) = store.deliver([Arrival(inbox, letter(1), arrived=NOW)])
    path = store.path(one)
    elsewhere = path.parent.parent / "cur" / f"other.{one}.mailcli:2,F"
    path.rename(elsewhere)
    assert store.check() != []
    assert all(p.repaired for p in store.repair())
    assert store.check() == []
    assert len(store.ids()) == 1


def test_mail_that_is_only_out_of_sight_is_not_let_go(store: Store, inbox: int, tmp_path: Path) -> None:
    (one,) = store.deliver([Arrival(inbox, letter(1), arrived=NOW)])
    shutil.move(tmp_path / "data/mail/work", tmp_path / "unmounted")
    found = store.repair()
    assert "not-mounted" in {p.kind for p in found}
    assert not any(p.repaired for p in found)
    assert store.ids() == {one}
    shutil.move(tmp_path / "unmounted", tmp_path / "data/mail/work")
    assert store.check() == []
