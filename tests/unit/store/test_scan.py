"""What mutt, mu, aerc and a crash leave behind."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.store import recovery, unfinished
from mailcli.store.site import Site
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Bound, Pop3Row, Scan, SyncChanges
from tests.support.letters import NOW, files, letter, litter, open_store, remote


def _age(store: Store, tmp_path: Path) -> None:
    """Directories that changed long enough ago to be believed."""
    for path in (tmp_path / "data/mail").rglob("*"):
        if path.name in ("cur", "new"):
            os.utime(path, (time.time() - 60,) * 2)


def test_an_unchanged_folder_is_not_read(store: Store, inbox: int, tmp_path: Path) -> None:
    store.deliver([remote(inbox, 1)])
    _age(store, tmp_path)
    assert [f.unscanned for f in store.sync_folders("work")] == [True]
    assert store.scan(inbox) == Scan()
    assert store.scan(inbox) == Scan(skipped=True)
    assert [f.unscanned for f in store.sync_folders("work")] == [False]
    assert store.scan(inbox, force=True) == Scan()


def test_a_directory_that_changed_just_now_is_read_again(store: Store, inbox: int) -> None:
    store.deliver([remote(inbox, 1)])
    assert store.scan(inbox) == Scan()
    assert not store.scan(inbox).skipped


def test_flags_that_mutt_set_are_taken_over(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1, frozenset({SEEN, "work"})), remote(inbox, 2, frozenset())])
    first, second = store.path(one), store.path(two)
    first.rename(first.with_name(first.name.replace(":2,S", ":2,FR")))
    second.rename(second.parent.parent / "cur" / f"{second.name}:2,")
    assert store.scan(inbox).flags == (one,)
    assert store.get([one])[0].flags == {FLAGGED, ANSWERED, "work"}
    assert [(p.add, p.remove) for p in store.pending("work").stores] == [
        (frozenset({FLAGGED, ANSWERED}), frozenset({SEEN}))
    ]
    assert store.scan(inbox, force=True) == Scan()
    assert store.open_bytes(two) == letter(2)


def test_a_name_that_aerc_shortened_is_the_same_message(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    path.rename(path.with_name(path.name.replace(",U=1", "").replace(":2,S", ":2,RS")))
    assert store.scan(inbox) == Scan(flags=(one,))
    assert [a.uid for a in store.agreed(inbox)] == [1]


def test_a_foreign_file_is_adopted_under_a_name_of_ours(store: Store, inbox: int, tmp_path: Path) -> None:
    stored = letter(5).replace(b"\r\n", b"\n")
    (tmp_path / "data/mail/work/INBOX/new/1699999999.M1P2.host").write_bytes(stored)
    (tmp_path / "data/mail/work/INBOX/cur/1699999999.M1P3.host:2,FS").write_bytes(b"A: b\r\nmixed\n")
    (tmp_path / "data/mail/work/INBOX/cur/.hidden").write_bytes(b"x")
    (tmp_path / "data/mail/work/INBOX/cur/link").symlink_to("/etc/passwd")
    scan = store.scan(inbox)
    assert len(scan.adopted) == 2
    by_size = {store.get([i])[0].size: i for i in scan.adopted}
    one, two = by_size[len(letter(5))], by_size[len(b"A: b\r\nmixed\n")]
    assert store.open_bytes(one) == letter(5)
    assert store.open_bytes(two) == b"A: b\r\nmixed\n"
    assert store.get([two])[0].flags == {SEEN, FLAGGED}
    assert one in store.path(one).name
    assert {a.id for a in store.pending("work").appends} == {one, two}
    assert store.scan(inbox, force=True) == Scan()


def test_a_file_moved_by_another_program_is_a_move(
    store: Store, inbox: int, trash: int, tmp_path: Path
) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    for i in (one, two):
        path = store.path(i)
        path.rename(tmp_path / "data/mail/work/Trash/cur" / path.name)
    assert sorted(store.scan(inbox).suspects) == sorted([one, two])
    assert not store.agreed(inbox)[0].file_present
    scan = store.scan(trash)
    assert sorted(scan.moved) == sorted([one, two])
    assert scan.adopted == ()
    assert {s.folder for s in store.get([one, two])} == {"Trash"}
    assert [(m.source, m.destination) for m in store.pending("work").moves] == [(inbox, trash)] * 2
    assert store.scan(inbox, force=True) == Scan()


@pytest.mark.parametrize("order", ["from", "to"])
def test_a_mail_that_mutt_moved_under_a_new_name_keeps_id_and_bytes(
    store: Store, inbox: int, trash: int, tmp_path: Path, order: str
) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    head, _, body = path.read_bytes().partition(b"\n\n")
    inserted = head + b"\nStatus: RO\nContent-Length: %d\nLines: 2\n\n" % len(body) + body
    (tmp_path / "data/mail/work/Trash/cur/1700000001.R55.host:2,RS").write_bytes(inserted)
    path.unlink()
    first, second = (inbox, trash) if order == "from" else (trash, inbox)
    store.scan(first)
    store.scan(second)
    assert store.get([one])[0].folder == "Trash"
    assert store.get([one])[0].flags == {SEEN, ANSWERED}
    assert store.open_bytes(one) == letter(1)
    assert store.count() == len(files(tmp_path)) == 1
    assert [m.id for m in store.pending("work").moves] == [one]


def test_a_copy_with_the_same_id_gets_an_id_of_its_own(
    store: Store, inbox: int, trash: int, tmp_path: Path
) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    shutil.copy(path, tmp_path / "data/mail/work/Trash/cur" / path.name)
    shutil.copy(path, path.with_name(path.name.replace(",U=1", ",U=2")))
    (copied,) = store.scan(trash).adopted
    (beside,) = store.scan(inbox).adopted
    assert len({one, copied, beside}) == 3
    assert store.path(one) == path
    assert copied in store.path(copied).name
    assert beside in store.path(beside).name
    assert {(c.id, c.origin) for c in store.pending("work").copies} == {(copied, one), (beside, one)}


def test_a_file_moved_to_another_account_leaves_its_server_once_it_is_uploaded_there(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    store.account_key("home", "imap")
    other = store.ensure_folder("home", "INBOX")
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    path.rename(tmp_path / "data/mail/home/INBOX/cur" / path.name)
    assert store.scan(other).moved == (one,)
    assert store.scan(inbox, force=True) == Scan()
    assert [(a.id, a.folder) for a in store.pending("home").appends] == [(one, other)]
    assert [(t.uid, t.hidden) for t in store.tombstones(inbox)] == [(1, True)]
    store.apply(SyncChanges(bound=[Bound(one, other, 5)]))
    assert [(t.uid, t.hidden) for t in store.tombstones(inbox)] == [(1, False)]
    assert [e.uid for e in store.pending("work").expunges] == [1]


def test_missing_takes_two_looks(store: Store, inbox: int) -> None:
    one, _ = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    path = store.path(one)
    away = path.parent.parent.parent / "away"
    path.rename(away)
    assert store.scan(inbox) == Scan(suspects=(one,))
    assert store.scan(inbox) == Scan(missing=(one,))
    away.rename(path)
    assert store.scan(inbox) == Scan()
    assert store.scan(inbox) == Scan()
    assert all(a.file_present for a in store.agreed(inbox))
    path.unlink()
    store.scan(inbox)
    assert store.scan(inbox).missing == (one,)
    store.purge([one], reason="removed by another program")
    assert [e.uid for e in store.pending("work").expunges] == [1]
    assert [e.file_present for e in store.recovery()] == [False]
    assert store.scan(inbox, force=True) == Scan()


def test_a_file_whose_row_was_lost_is_adopted_with_its_place_on_the_server(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    lost = path.with_name(path.name.replace(one, "abcdefgh").replace("U=1,", "U=2,"))
    lost.write_bytes(letter(2).replace(b"\r\n", b"\n"))
    stale = path.with_name(path.name.replace(one, "abcdefgj").replace("V=7,U=1,", "V=6,U=3,"))
    stale.write_bytes(letter(3).replace(b"\r\n", b"\n"))
    assert sorted(store.scan(inbox).adopted) == ["abcdefgh", "abcdefgj"]
    assert [(a.id, a.uid, a.base) for a in store.agreed(inbox)] == [
        (one, 1, frozenset({SEEN})),
        ("abcdefgh", 2, None),
    ]
    assert [a.id for a in store.pending("work").appends] == ["abcdefgj"]
    assert [a.id for a in store.pending("work").unagreed] == ["abcdefgh"]
    assert store.deliver([remote(inbox, 2)]) == ["abcdefgh"]


def test_what_was_downloaded_again_after_a_cut_is_not_doubled(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    shutil.copy(path, path.with_name(path.name.replace(one, "abcdefgh")))
    assert store.scan(inbox) == Scan()
    assert store.count() == 1
    assert [(e.id, e.reason, e.file_present) for e in store.recovery()] == [("abcdefgh", "doubled", True)]


def test_another_mail_under_a_uid_that_is_taken_is_kept_and_uploaded(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    other = path.with_name(path.name.replace(one, "abcdefgh"))
    other.write_bytes(letter(2).replace(b"\r\n", b"\n"))
    assert store.scan(inbox).adopted == ("abcdefgh",)
    assert [a.id for a in store.agreed(inbox)] == [one]
    assert [a.id for a in store.pending("work").appends] == ["abcdefgh"]


def test_a_pop3_message_adopted_after_a_cut_is_delivered(store: Store) -> None:
    store.account_key("pop", "pop3")
    key = store.ensure_folder("pop", "INBOX")
    (drawn,) = store.new_ids(1)
    store.transact(lambda w: w.pop3_record("pop", [Pop3Row("u", 0, 9, "fetching", id=drawn)]))
    directory = store.path(store.deliver([Arrival(key, letter(1))])[0]).parent
    name = f"{int(NOW)}.{drawn}.host,W={len(letter(2))}"
    (directory / name).write_bytes(letter(2).replace(b"\r\n", b"\n"))
    assert store.scan(key).adopted == (drawn,)
    assert store.pop3_known("pop")[("u", 0)].state == "delivered"
    assert store.pop3_unrecorded("pop") is None  # nothing for later runs to look for


def test_a_purged_file_put_back_by_hand_is_back(store: Store, inbox: int, tmp_path: Path) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    store.purge([one])
    (kept,) = (tmp_path / "data/recovery").iterdir()
    kept.rename(path)
    assert store.scan(inbox).adopted == (one,)
    assert [a.uid for a in store.agreed(inbox)] == [1]
    assert store.recovery() == []
    assert not store.pending("work")


def test_a_message_purged_while_its_folder_is_scanned_stays_purged(
    store: Store, inbox: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purge is committed, and its file has still to be moved: it looks like one put back by hand."""
    (one,) = store.deliver([remote(inbox, 1)])
    finish = unfinished.finish

    def purge(site: Site) -> None:
        finish(site)
        if store.count():
            with open_store(tmp_path) as other, monkeypatch.context() as patch:
                patch.setattr(recovery, "settle", lambda site: None)
                other.purge([one])

    monkeypatch.setattr(unfinished, "finish", purge)
    assert store.scan(inbox, force=True).adopted == ()
    assert (store.count(), [t.id for t in store.tombstones(inbox)]) == (0, [one])
    store.scan(inbox, force=True)
    assert [e.file_present for e in store.recovery()] == [True]
    assert files(tmp_path) == []


def test_old_litter_in_tmp_is_swept(store: Store, inbox: int, tmp_path: Path) -> None:
    directory = tmp_path / "data/mail/work/INBOX/tmp"
    (directory / "old").write_bytes(b"x")
    (directory / "young").write_bytes(b"x")
    os.utime(directory / "old", (NOW - 37 * 3600,) * 2)
    os.utime(directory / "young", (NOW - 35 * 3600,) * 2)
    store.scan(inbox, force=True)
    assert [p.name for p in litter(tmp_path)] == ["young"]
