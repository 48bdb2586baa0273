from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.errors import LocalIOError, NotFound
from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.store import disk
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Bound, Pending, PendingMove, PendingStore, SyncChanges
from tests.support.letters import Clock, files, letter, remote


def test_flags_change_in_row_and_name(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1, frozenset()), remote(inbox, 2)])
    changed = store.set_flags([one, two], frozenset({SEEN, FLAGGED, "work"}))
    assert [c.flags for c in changed] == [frozenset(), frozenset({SEEN})]
    assert store.path(one).name.endswith(":2,FS")
    assert store.path(one).parent.name == "cur"
    assert store.get([one])[0].flags == {SEEN, FLAGGED, "work"}
    store.set_flags([one], remove=frozenset({SEEN, FLAGGED, "work"}))
    assert store.path(one).exists()
    assert store.get([one])[0].flags == frozenset()
    assert store.set_flags([one], remove=frozenset({SEEN})) == []


def test_what_differs_from_the_server_is_pending(store: Store, inbox: int, trash: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    assert not store.pending("work")
    store.set_flags([one], frozenset({FLAGGED, "x"}), frozenset({SEEN}))
    store.move([two], trash)
    assert store.pending("work") == Pending(
        moves=(PendingMove(two, inbox, 2, trash),),
        stores=(PendingStore(one, inbox, 1, frozenset({FLAGGED, "x"}), frozenset({SEEN})),),
    )
    store.set_flags([one], frozenset({SEEN}), frozenset({FLAGGED, "x"}))
    store.move([two], inbox)
    assert not store.pending("work")


def test_only_imap_accounts_have_anything_pending(store: Store) -> None:
    key = store.ensure_folder("local", "INBOX")
    (one,) = store.deliver([Arrival(key, letter(1))])
    store.set_flags([one], frozenset({SEEN}))
    assert not store.pending("local")
    store.account_key("local", "imap")
    assert [a.id for a in store.pending("local").appends] == [one]


def test_moving_keeps_the_id_and_drops_the_stale_uid(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1, frozenset())])
    (changed,) = store.move([one], trash)
    assert (changed.id, changed.folder) == (one, inbox)
    path = store.path(one)
    assert path.parent.parent.name == "Trash"
    assert ",U=" not in path.name
    assert store.open_bytes(one) == letter(1)
    assert store.get([one])[0].folder == "Trash"
    assert store.move([one], trash) == []


def test_moving_a_message_whose_file_is_gone_changes_nothing(store: Store, inbox: int, trash: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    store.path(two).unlink()
    with pytest.raises(LocalIOError):
        store.move([one, two], trash)
    assert store.path(one).parent.parent.name == "INBOX"
    assert {s.folder for s in store.get([one, two])} == {"INBOX"}


@pytest.mark.parametrize("step", ["rename", "fsync directory", "commit"])
def test_a_failing_disk_undoes_a_change(store: Store, inbox: int, trash: int, step: str) -> None:
    ids = store.deliver([remote(inbox, n) for n in (1, 2, 3)])
    names = [store.path(i) for i in ids]
    count = 0

    def fail(name: str, path: str) -> None:
        nonlocal count
        count += name == step
        if name == step and count == (2 if step == "rename" else 1):
            raise OSError(errno.EIO, "I/O error", path)

    changes: list[Callable[[], object]] = [
        lambda: store.move(ids, trash),
        lambda: store.set_flags(ids, frozenset({FLAGGED})),
    ]
    for change in changes:
        count = 0
        disk.failpoint = fail
        with pytest.raises((LocalIOError, OSError)):
            change()
        disk.failpoint = None
        if step != "commit":
            assert [store.path(i) for i in ids] == names
        assert {s.folder for s in store.get(ids)} == {"INBOX"}
        for i, name in zip(ids, names, strict=True):
            if store.path(i) != name:  # a failed commit: the scan puts it right
                store.path(i).rename(name)


def test_a_copy_is_a_message_of_its_own(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    (copy,) = store.copy([one], trash)
    assert copy != one
    assert store.open_bytes(copy) == letter(1)
    (pending,) = store.pending("work").copies
    assert (pending.id, pending.origin, pending.source, pending.uid) == (copy, one, inbox, 1)
    assert pending.destination == trash
    store.purge([one])
    assert [a.id for a in store.pending("work").appends] == [copy]


def test_purged_mail_is_kept_for_fourteen_days(
    store: Store, inbox: int, clock: Clock, tmp_path: Path
) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    store.purge([one])
    with pytest.raises(NotFound):
        store.get([one])
    assert [e.id for e in store.pending("work").expunges] == [one]
    (entry,) = store.recovery()
    assert (entry.id, entry.folder, entry.reason, entry.pending) == (one, "INBOX", "purged", True)
    store.apply(SyncChanges(expunged=[one]))
    assert not store.pending("work")
    assert len(files(tmp_path)) == 1
    clock.now += 13.9 * 86400
    assert store.expire() == 0
    clock.now += 0.2 * 86400
    assert store.expire() == 1
    assert list((tmp_path / "data/recovery").iterdir()) == []
    assert store.recovery() == []
    assert store.get([two])


def test_restoring_before_the_expunge_is_as_if_nothing_had_been(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    before = store.agreed(inbox)
    store.purge([one])
    assert store.restore([one]) == [one]
    assert store.agreed(inbox) == before
    assert not store.pending("work")
    assert store.open_bytes(one) == letter(1)
    assert store.recovery() == []


def test_restoring_after_the_expunge_uploads_again(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1, frozenset({SEEN, "work"}))])
    store.purge([one])
    store.apply(SyncChanges(expunged=[one]))
    store.restore([one])
    assert [a.id for a in store.pending("work").appends] == [one]
    assert store.get([one])[0].flags == {SEEN, "work"}
    with pytest.raises(NotFound):
        store.restore([one])


def test_a_message_moved_to_another_account_is_expunged_only_when_it_is_there(
    store: Store, inbox: int
) -> None:
    store.account_key("home", "imap")
    there = store.ensure_folder("home", "INBOX")
    (one,) = store.deliver([remote(inbox, 1)])
    store.move([one], there)
    assert [a.id for a in store.pending("home").appends] == [one]
    assert store.pending("work").expunges == ()
    store.apply(SyncChanges(bound=[Bound(one, there, 44, frozenset({SEEN}))]))
    assert not store.pending("home")
    (expunge,) = store.pending("work").expunges
    assert (expunge.folder, expunge.uid) == (inbox, 1)


def test_flags_of_a_message_whose_file_another_program_renamed(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    path = store.path(one)
    path.rename(path.with_name(path.name + "R"))
    store.set_flags([one], frozenset({FLAGGED}))
    assert store.path(one).exists()
    assert ANSWERED not in store.get([one])[0].flags  # the scan will tell of that


def test_an_unknown_id_changes_nothing(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    changes: list[Callable[[], object]] = [
        lambda: store.move([one, "zzzzzzzz"], trash),
        lambda: store.set_flags([one, "zzzzzzzz"], frozenset({FLAGGED})),
        lambda: store.purge([one, "zzzzzzzz"]),
    ]
    for change in changes:
        with pytest.raises(NotFound, match="zzzzzzzz"):
            change()
    assert not store.pending("work")
