from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from mailcli.model.flags import SEEN
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import NOW, letter, open_store, remote


def _dump(path: Path, columns: str) -> list[tuple[object, ...]]:
    return (
        apsw.Connection(str(path / "data/mailcli.db"))
        .execute(f"SELECT {columns} FROM message ORDER BY id")
        .fetchall()
    )


_STATE = "id, folder, at_folder, uid, base_bits, base_words, origin, file, size, sha256, bits, words, arrived"
_DERIVED = "rid, date, zone, subject, sender, recipients, cc, message_id, in_reply_to, preview, attachments"


def test_rebuilding_restores_all_that_is_derived(store: Store, inbox: int, tmp_path: Path) -> None:
    store.deliver([remote(inbox, n)._replace(data=letter(n, references=[n - 1])) for n in range(1, 30)])
    before = _dump(tmp_path, f"{_STATE}, {_DERIVED}")
    threads = len(store.summaries(folders=None, threads=True).rows)
    store.close()
    raw = apsw.Connection(str(tmp_path / "data/mailcli.db"))
    raw.execute("UPDATE message SET subject = 'x', sender = '', thread = id, date = 1, preview = ''")
    raw.execute("UPDATE message SET rid = rid - 1000000000000000")
    raw.execute("DELETE FROM thread_ref; INSERT INTO fts(fts) VALUES('delete-all')")
    raw.close()
    with open_store(tmp_path) as again:
        assert {p.kind for p in again.check()} == {"unindexed"}
        steps: list[tuple[int, int]] = []
        assert again.rebuild(lambda done, total: steps.append((done, total))) == []
        assert steps[-1] == (29, 29)
        assert again.check() == []
        assert len(again.summaries(folders=None, threads=True).rows) == threads == 1
        assert again.status().complete
    assert _dump(tmp_path, f"{_STATE}, {_DERIVED}") == before


def test_rebuilding_says_which_files_are_gone_and_keeps_their_rows(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    store.path(one).unlink()
    assert [(p.kind, p.id) for p in store.check()] == [("missing-file", one)]
    assert [(p.kind, p.id) for p in store.rebuild()] == [("missing-file", one)]
    assert [s.subject for s in store.get([one, two])] == ["Letter 1", "Letter 2"]
    assert store.status().indexed == 2


def test_rebuilding_adopts_files_without_rows(store: Store, inbox: int, tmp_path: Path) -> None:
    (tmp_path / "data/mail/work/INBOX/new/1.foreign.host").write_bytes(letter(1))
    assert [p.kind for p in store.check()] == ["unknown-file"]
    assert store.rebuild() == []
    assert store.count(inbox) == 1
    assert store.check() == []


def test_an_interrupted_rebuild_is_known_and_can_be_repeated(store: Store, inbox: int) -> None:
    store.deliver([remote(inbox, n) for n in range(1, 450)])

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.rebuild(stop)
    assert not store.status().complete
    assert {p.kind for p in store.check()} == {"unindexed", "incomplete"}
    assert store.count() == 449
    assert store.rebuild() == []
    assert store.check() == []
    assert store.status().complete


def test_figures(store: Store, inbox: int, trash: int) -> None:
    (one, _) = store.deliver([remote(inbox, 1), Arrival(trash, letter(2), frozenset({SEEN}), NOW)])
    store.purge([one])
    status = store.status()
    assert (status.messages, status.indexed, status.folders, status.threads) == (1, 1, 2, 1)
    assert (status.pending, status.recovery, status.remote_only) == (2, 1, 0)
    assert status.database_size > 0
    assert status.mail_size == len(letter(2))
