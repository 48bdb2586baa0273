from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from mailcli.errors import AmbiguousId, LocalIOError, Locked, NotFound
from mailcli.model.draft import Envelope, Outcome
from mailcli.model.wishes import Wishes
from mailcli.outbox.entry import COMMITTING, FAILED, QUEUED, Entry, State, encode_entry
from mailcli.outbox.spool import Spool
from mailcli.store import disk

NOW = 1_000_000.0


@pytest.fixture
def box(tmp_path: Path) -> Spool:
    return Spool(str(tmp_path / "outbox"), lambda: NOW)


def entry(data: bytes = b"Subject: s\r\n\r\nbody\r\n", **more: object) -> Entry:
    envelope = Envelope("me@x.test", ("a@x.test",))
    fields = {"queued": NOW, "not_before": NOW, "data": data, **more}
    return Entry("", "acc", envelope, "mid@x", "s", **fields)  # type: ignore[arg-type]


def test_an_entry_comes_back_as_it_was(box: Spool) -> None:
    data = bytes(range(256)) + b"\r\n"
    queued = box.enqueue(entry(data, copy=b"with bcc\n", key="k", partial=True))
    assert box.load(queued.id) == queued._replace(octets=len(data))
    (row,) = box.rows()
    assert (row.entry.data, row.entry.octets, row.word, row.state.next_try) == (b"", len(data), "queued", NOW)


def test_a_state_replaces_the_one_before(box: Spool) -> None:
    id = box.enqueue(entry()).id
    state = State(
        QUEUED, 3, NOW + 60, 0.0, (Outcome("a@x.test", "rejected", 550, "5.1.1", "no"),), "why", "q1"
    )
    box.set_state(id, state)
    assert box.state(id) == state._replace(changed=NOW)


@pytest.mark.parametrize("step", ["create", "write", "fsync", "rename", "fsync directory"])
def test_what_could_not_be_made_durable_is_not_in_the_outbox(
    box: Spool, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    box.remove(box.enqueue(entry()).id)  # the directories are there

    def fail(name: str, path: str) -> None:
        if name == step:
            raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(disk, "failpoint", fail)
    with pytest.raises(LocalIOError, match="queue the message"):
        box.enqueue(entry())
    monkeypatch.setattr(disk, "failpoint", None)
    # After the rename it may be there: then it is whole, and sent twice at worst by the caller's retry.
    assert len(box.rows()) == (1 if step == "fsync directory" else 0)


def test_an_entry_goes_before_its_state(box: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry without a state counts as just queued, and would be sent again."""
    id = box.enqueue(entry()).id
    box.set_state(id, State(COMMITTING))
    gone: list[str] = []
    monkeypatch.setattr(
        disk,
        "failpoint",
        lambda name, path: gone.append(Path(path).name) if name == "unlink" else None,
    )
    box.remove(id)
    assert gone.index(id) < gone.index(f"{id}.state")


def test_what_failed_is_out_of_the_way_and_can_come_back(box: Spool) -> None:
    id = box.enqueue(entry()).id
    box.set_state(id, State(FAILED, note="no"))
    box.fail(id)
    assert [row.word for row in box.rows()] == ["failed"]
    box.set_state(id, State(QUEUED))
    box.revive(id)
    assert [row.word for row in box.rows()] == ["queued"]


@pytest.mark.parametrize("back", [False, True])
def test_a_move_cut_between_its_two_renames_keeps_the_state(
    box: Spool, monkeypatch: pytest.MonkeyPatch, back: bool
) -> None:
    id = box.enqueue(entry()).id
    box.set_state(id, State(FAILED, note="no"))
    if back:
        box.fail(id)
        box.set_state(id, State(QUEUED, 7))
    steps: list[str] = []

    def cut(name: str, _: str) -> None:
        steps.append(name)
        if steps.count("rename") == 2:
            raise OSError(5, "cut")

    monkeypatch.setattr(disk, "failpoint", cut)
    with pytest.raises(LocalIOError):
        (box.revive if back else box.fail)(id)
    monkeypatch.setattr(disk, "failpoint", None)
    (row,) = box.rows()
    assert row.state.attempts == (7 if back else 0)
    assert row.word == ("queued" if back else "failed")


def test_a_locked_entry_is_being_sent(box: Spool) -> None:
    id = box.enqueue(entry()).id
    with box.locked(id):
        assert box.row(id).word == "sending"
        with pytest.raises(Locked), box.locked(id):
            pass
    assert box.row(id).word == "queued"


def test_a_lock_on_an_entry_that_went_meanwhile_is_none(box: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    id = box.enqueue(entry()).id
    opened = os.open

    def late(path: str, *rest: int) -> int:
        fd = opened(path, *rest)
        if path.endswith(id):
            Path(path).unlink()
        return fd

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(NotFound), box.locked(id):
        pass


def test_a_killed_send_is_abandoned_before_its_dot_and_unknown_after_it(box: Spool) -> None:
    first, second = (box.enqueue(entry(kept=False)).id for _ in range(2))
    box.set_state(second, State(COMMITTING))
    assert {row.entry.id: row.word for row in box.rows()} == {first: "abandoned", second: "unknown"}


def test_a_prefix_names_an_entry_if_it_is_the_only_one(box: Spool) -> None:
    ids = [box.enqueue(entry()).id for _ in range(40)]
    assert box.resolve(ids[0]) == ids[0]
    with pytest.raises(NotFound):
        box.resolve("zzzzzzzzz")
    shared = next(i[0] for i in ids if sum(j[0] == i[0] for j in ids) > 1)
    with pytest.raises(AmbiguousId):
        box.resolve(shared)


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"not json\n", b'{"format": 9}\n'])
def test_a_damaged_entry_is_an_error_and_not_a_message(box: Spool, tmp_path: Path, damage: bytes) -> None:
    id = box.enqueue(entry()).id
    (tmp_path / "outbox/entries" / id).write_bytes(damage)
    with pytest.raises(LocalIOError):
        box.load(id)


def test_one_damaged_entry_does_not_hide_the_others(box: Spool, tmp_path: Path) -> None:
    good, bad = (box.enqueue(entry()).id for _ in range(2))
    (tmp_path / "outbox/entries" / bad).write_bytes(b"x")
    assert [row.entry.id for row in box.rows()] == [good]
    assert bad in box.damaged[0]


def test_an_entry_cut_short_is_not_sent(box: Spool, tmp_path: Path) -> None:
    id = box.enqueue(entry()).id
    path = tmp_path / "outbox/entries" / id
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LocalIOError, match="size"):
        box.load(id)


def test_the_sweep_removes_litter_and_old_keys_only(box: Spool, tmp_path: Path) -> None:
    kept = box.enqueue(entry()).id
    box.set_state(kept, State(QUEUED, 1))
    with box.key("d" * 64):
        box.note_result("d" * 64, b"{}")
    litter = tmp_path / "outbox/tmp/old"
    litter.touch()
    os.utime(litter, (NOW - 40 * 3600, NOW - 40 * 3600))
    old = tmp_path / "outbox/keys" / ("d" * 64)
    os.utime(old, (NOW - 31 * 86400, NOW - 31 * 86400))
    orphan = tmp_path / "outbox/entries/gone.state"
    orphan.touch()
    box.sweep()
    assert not litter.exists() and not old.exists() and not orphan.exists()
    assert box.state(kept).attempts == 1


def test_the_key_of_an_entry_that_waits_is_kept_however_old_it_is(box: Spool, tmp_path: Path) -> None:
    box.enqueue(entry()._replace(key="d" * 64))
    for digest in ("d" * 64, "e" * 64):
        with box.key(digest):
            box.note_result(digest, b"{}")
        for name in (digest, f"{digest}.lock"):
            os.utime(tmp_path / "outbox/keys" / name, (NOW - 31 * 86400, NOW - 31 * 86400))
    box.sweep()
    assert box.result("d" * 64) == b"{}" and box.result("e" * 64) is None
    assert (tmp_path / "outbox/keys" / f"{'d' * 64}.lock").exists()


def test_the_state_beside_the_entry_counts_and_not_what_a_cut_move_left(
    box: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revived entry whose state was still in failed/ was sent and noted as committing; the stale state
    there must not make it look queued."""
    id = box.enqueue(entry()).id
    box.set_state(id, State(FAILED, 1))
    box.fail(id)
    box.set_state(id, State(QUEUED, 0))
    renames: list[str] = []

    def cut(name: str, path: str) -> None:
        if name == "rename":
            renames.append(path)
            if len(renames) == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(disk, "failpoint", cut)
    with pytest.raises(KeyboardInterrupt):
        box.revive(id)
    monkeypatch.setattr(disk, "failpoint", None)
    assert box.row(id).word == QUEUED
    box.set_state(id, State(COMMITTING))
    assert box.state(id).phase == COMMITTING
    box.set_state(id, State(FAILED))
    box.fail(id)
    assert box.state(id).phase == FAILED


def test_an_entry_that_failed_again_before_it_was_moved_back_stays_failed(box: Spool) -> None:
    id = box.enqueue(entry()).id
    box.fail(id)
    box.set_state(id, State(FAILED, 2))
    box.fail(id)
    assert box.row(id).word == FAILED


def test_what_is_asked_of_the_server_is_frozen_and_an_older_mailcli_does_not_send_without_it(
    box: Spool,
) -> None:
    plain = encode_entry(entry())[0]
    assert json.loads(plain)["format"] == 1 and b"wishes" not in plain
    wishes = Wishes(notify=("never",), require_tls=True, deliver_by=NOW)
    id = box.enqueue(entry(wishes=wishes)).id
    assert box.load(id).wishes == wishes
    assert json.loads(encode_entry(box.load(id))[0])["format"] == 2
