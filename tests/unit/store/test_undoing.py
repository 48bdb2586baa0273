"""Changes turned back and done again; what the journal says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.errors import LocalIOError, NotFound
from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.store import disk, expiry, schema
from mailcli.store.journal import Note
from mailcli.store.store import Store
from mailcli.store.undoing import Turned
from mailcli.store.values import Arrival, Bound, Gone, Pending, SyncChanges
from tests.support.letters import Clock, as_first_version, letter, open_store, remote


def move(store: Store, ids: list[str], folder: int) -> str:
    return store.edit(lambda edit: edit.move(ids, folder), Note("move", "to X"))[1]


def flag(store: Store, ids: list[str], *add: str) -> str:
    return store.edit(lambda edit: edit.set_flags(ids, frozenset(add)), Note("flag", " ".join(add)))[1]


def purge(store: Store, ids: list[str]) -> str:
    return store.edit(lambda edit: edit.purge(ids), Note("delete", "for good"))[1]


def undo(store: Store, token: str = "") -> Turned:
    entry = store.change(token) if token else store.next_turn(back=True)
    assert entry is not None
    return store.turn(entry, back=True)


def redo(store: Store) -> Turned:
    entry = store.next_turn(back=False)
    assert entry is not None
    return store.turn(entry, back=False)


def folders(store: Store, ids: list[str]) -> list[str]:
    return [row.folder for row in store.get(ids)]


def test_a_chain_of_undos_walks_back_and_redo_forward(store: Store, inbox: int, trash: int) -> None:
    ids = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    before = store.agreed(inbox)
    first = move(store, ids, trash)
    second = flag(store, ids, FLAGGED)
    assert undo(store).entry.token == second
    assert undo(store).entry.token == first
    assert store.next_turn(back=True) is None
    assert store.agreed(inbox) == before
    assert not store.pending("work")
    assert redo(store).entry.token == first
    assert folders(store, ids) == ["Trash", "Trash"]
    assert redo(store).entry.token == second
    assert all(FLAGGED in row.flags for row in store.get(ids))
    assert store.next_turn(back=False) is None
    assert [e.undone for e in store.changes()] == [None, None]


def test_a_new_change_ends_what_could_be_done_again(store: Store, inbox: int, trash: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    move(store, [one], trash)
    undo(store)
    flag(store, [two], FLAGGED)
    assert store.next_turn(back=False) is None


def test_flags_are_undone_one_by_one(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1, frozenset()), remote(inbox, 2, frozenset({"work"}))])
    flag(store, [one, two], FLAGGED, "work")
    store.set_flags([one, two], frozenset({SEEN, ANSWERED}))
    assert undo(store).left == 0
    assert store.get([one])[0].flags == {SEEN, ANSWERED}
    assert store.get([two])[0].flags == {SEEN, ANSWERED, "work"}


def test_what_was_changed_since_is_left_and_counted(store: Store, inbox: int, trash: int) -> None:
    other = store.ensure_folder("work", "Other")
    ids = store.deliver([remote(inbox, n) for n in range(1, 6)])
    move(store, ids, trash)
    store.move(ids[:1], other)
    store.purge(ids[1:2])
    done = undo(store)
    assert (done.ids, done.left, done.lost) == (tuple(ids[2:]), 2, 0)
    assert folders(store, [ids[0], *ids[2:]]) == ["Other", "INBOX", "INBOX", "INBOX"]
    again = redo(store)
    assert (set(again.ids), again.left) == (set(ids[2:]), 0)
    assert folders(store, ids[:1]) == ["Other"]


def test_flags_that_were_changed_since_are_left(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1, frozenset()), remote(inbox, 2, frozenset())])
    flag(store, [one, two], FLAGGED)
    store.set_flags([one], remove=frozenset({FLAGGED}))
    assert undo(store)[1:] == ((two,), 1, 0)


def test_a_command_that_does_two_things_is_undone_as_one(store: Store, inbox: int, trash: int) -> None:
    ids = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    before = store.agreed(inbox)

    def spam(edit: object) -> None:
        edit.set_flags(ids, frozenset({"$Junk"}))  # type: ignore[attr-defined]
        edit.move(ids, trash)  # type: ignore[attr-defined]

    store.edit(spam, Note("spam", "to Spam"))
    assert len(store.pending("work").moves) == len(store.pending("work").stores) == 2
    assert undo(store).entry.words == "spam 2 messages to Spam"
    assert store.agreed(inbox) == before
    assert not store.pending("work")


def test_undoing_a_purge_before_the_push_cancels_it_exactly(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    before = store.agreed(inbox)
    purge(store, [one])
    (entry,) = store.changes()
    assert entry.kept == 1 and entry.until == pytest.approx(entry.at + 14 * 86400)
    undo(store)
    assert store.agreed(inbox) == before
    assert not store.pending("work")
    assert store.recovery() == []


def test_undoing_a_purge_after_the_expunge_uploads_again(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1, frozenset({SEEN, "work"}))])
    purge(store, [one])
    store.apply(SyncChanges(expunged=[one]))
    undo(store)
    assert store.open_bytes(one) == letter(1)
    assert store.get([one])[0].flags == {SEEN, "work"}
    assert [a.id for a in store.pending("work").appends] == [one]
    redo(store)
    with pytest.raises(NotFound):
        store.get([one])
    assert not store.pending("work")


def test_a_purge_undone_while_another_run_may_be_expunging_it_uploads_again(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    purge(store, [one])
    with store.lock_account("work"):
        undo(store)
    pending = store.pending("work")
    assert [a.id for a in pending.appends] == [one]
    assert [(e.folder, e.uid) for e in pending.expunges] == [(inbox, 1)]
    store.apply(SyncChanges(expunged=[one]))  # what the other run says; it knew the old id
    assert store.open_bytes(one) == letter(1)


def test_mail_that_expired_cannot_be_brought_back(store: Store, inbox: int, tmp_path: Path) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    purge(store, [one])
    store.apply(SyncChanges(expunged=[one]))
    for file in (tmp_path / "data/recovery").iterdir():
        file.unlink()
    with pytest.raises(NotFound, match="nothing of this is left to bring back: delete 1 message for good"):
        undo(store)
    assert store.changes()[0].undone is None
    purge(store, [two])
    assert undo(store).ids == (two,)


def test_undoing_a_copy_takes_the_copies_away_and_redo_brings_them_back(
    store: Store, inbox: int, trash: int
) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    (copy,), token = store.copies([([one], trash)], Note("copy", "to Trash"))
    assert undo(store).entry.token == token
    with pytest.raises(NotFound):
        store.get([copy])
    assert not store.pending("work")
    assert redo(store).ids == (copy,)
    assert store.open_bytes(copy) == letter(1)
    store.set_flags([copy], frozenset({FLAGGED}))
    assert undo(store)[1:] == ((), 1, 0)
    assert store.get([copy])


def test_what_the_server_lost_is_in_the_log_and_undone_by_its_token_only(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    store.apply(SyncChanges(gone=[Gone(one, "gone from the server")]))
    (entry,) = store.changes()
    assert entry.by_sync and entry.words == "1 message of INBOX: gone from the server"
    assert store.next_turn(back=True) is None
    undo(store, entry.token)
    assert store.open_bytes(one) == letter(1)
    assert [a.id for a in store.pending("work").appends] == [one]


def test_a_move_to_another_account_is_cancelled_exactly(store: Store, inbox: int) -> None:
    store.account_key("home", "imap")
    there = store.ensure_folder("home", "INBOX")
    (one,) = store.deliver([remote(inbox, 1)])
    before = store.agreed(inbox)
    move(store, [one], there)
    undo(store)
    assert store.agreed(inbox) == before
    assert not store.pending("work") and not store.pending("home")


def test_a_move_to_another_account_that_was_pushed_is_moved_back(store: Store, inbox: int) -> None:
    store.account_key("home", "imap")
    there = store.ensure_folder("home", "INBOX")
    (one,) = store.deliver([remote(inbox, 1)])
    move(store, [one], there)
    store.apply(SyncChanges(bound=[Bound(one, there, 44, frozenset({SEEN}))]))
    (expunge,) = store.pending("work").expunges
    store.apply(SyncChanges(expunged=[expunge.id]))
    undo(store)
    assert [a.id for a in store.pending("work").appends] == [one]


def test_a_folder_comes_back_with_its_mail(store: Store, inbox: int) -> None:
    key = store.ensure_folder("work", "Old/Stuff")
    ids = store.deliver([Arrival(key, letter(n), frozenset({SEEN}), 1000.0 + n) for n in (1, 2)])
    assert store.discard_folder(key, Note("folder delete", "Old/Stuff"))[0] == 2
    (entry,) = store.changes()
    assert entry.words == "folder delete Old/Stuff (2 messages)" and entry.kept == 2
    assert set(undo(store).ids) == set(ids)
    assert folders(store, ids) == ["Old/Stuff"] * 2
    assert set(redo(store).ids) == set(ids)
    assert "Old/Stuff" not in {f.name for f in store.folders("work")}


def test_a_folder_with_newer_mail_is_not_deleted_again(store: Store, inbox: int) -> None:
    key = store.ensure_folder("work", "Old")
    store.discard_folder(key, Note("folder delete", "Old"))
    undo(store)
    key = store.find_folder("work", "Old").key
    store.deliver([Arrival(key, letter(1))])
    assert redo(store).left == 1
    assert store.find_folder("work", "Old").total == 1


def test_a_created_folder_goes_and_a_renamed_one_gets_its_name_back(store: Store, inbox: int) -> None:
    key, token = store.create_folder("work", "New", Note("folder create", "New"))
    assert token and store.create_folder("work", "New", Note("folder create", "New")) == (key, "")
    (one,) = store.deliver([remote(inbox, 1)])
    move(store, [one], key)
    store.rename_folder(key, "Newer", note=Note("folder rename", "New to Newer"))
    assert undo(store, store.changes()[1].token).ids == (one,)  # the move, to a folder renamed since
    assert folders(store, [one]) == ["INBOX"]
    undo(store)
    assert store.find_folder("work", "New").key == key
    undo(store)
    assert "New" not in {f.name for f in store.folders("work")}
    assert store.next_turn(back=True) is None


def test_a_subscription_is_turned_back(store: Store, inbox: int) -> None:
    def subscribed() -> bool:
        return store.folder("work", "List").subscribed

    store.ensure_folder("work", "List")
    note = Note("folder unsubscribe", "List")
    assert store.subscribe_folder("work", "List", True, note) == ""
    assert store.subscribe_folder("work", "List", False, note)
    undo(store)
    assert subscribed()
    redo(store)
    assert not subscribed()
    store.ensure_folder("work", "List", subscribed=True)
    assert undo(store).left == 1
    assert subscribed()


def test_a_move_out_of_a_folder_that_is_gone_makes_it_again(store: Store, inbox: int) -> None:
    key = store.ensure_folder("work", "Old")
    (one,) = store.deliver([Arrival(key, letter(1))])
    move(store, [one], inbox)
    store.delete_folder(key)
    undo(store)
    assert folders(store, [one]) == ["Old"]


@pytest.mark.parametrize("step", ["commit", "rename"])
def test_a_change_that_fails_leaves_no_entry_and_an_entry_is_never_without_its_change(
    store: Store, inbox: int, trash: int, step: str
) -> None:
    (one,) = store.deliver([remote(inbox, 1)])

    def fail(name: str, path: str) -> None:
        if name == step:
            raise OSError(5, "I/O error", path)

    disk.failpoint = fail
    with pytest.raises(OSError if step == "commit" else LocalIOError, match="I/O error"):
        move(store, [one], trash)
    disk.failpoint = None
    assert store.changes() == []
    assert folders(store, [one]) == ["INBOX"]


def test_nothing_done_is_nothing_logged(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    assert flag(store, [one], SEEN) == ""
    assert move(store, [one], inbox) == ""
    assert store.changes() == []


def test_the_journal_forgets_after_fourteen_days_and_beyond_its_length(
    store: Store, inbox: int, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    flag(store, [one], "a")
    clock.now += 10 * 86400
    for word in "bcd":
        flag(store, [one], word)
    clock.now += 5 * 86400
    store.expire()
    assert [e.tail for e in store.changes()] == ["d", "c", "b"]
    monkeypatch.setattr(expiry, "MOST", 2)
    store.expire()
    assert [e.tail for e in store.changes()] == ["d", "c"]


def test_an_unknown_token_is_said(store: Store, inbox: int) -> None:
    with pytest.raises(NotFound, match="there is no change k7m2 in the log"):
        store.change("k7m2")
    with pytest.raises(NotFound, match="is not the token of a change"):
        store.change("no such thing")


def test_many_come_back_in_pieces(
    store: Store, inbox: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from mailcli.store import undoing

    monkeypatch.setattr(undoing, "_BROUGHT_AT_ONCE", 2)
    ids = store.deliver([remote(inbox, n) for n in range(1, 6)])
    before = store.agreed(inbox)
    purge(store, ids)
    commits = 0

    def cut(name: str, path: str) -> None:
        nonlocal commits
        commits += name == "commit"
        if commits == 2:
            raise OSError(5, "I/O error", path)

    disk.failpoint = cut
    with pytest.raises(OSError, match="I/O"):
        undo(store)
    disk.failpoint = None
    assert len(store.agreed(inbox)) == 2
    assert set(undo(store).ids) == set(ids[2:])
    assert store.agreed(inbox) == before
    assert not store.pending("work")


def test_a_database_of_version_1_gets_a_journal(tmp_path: Path, clock: Clock) -> None:
    with open_store(tmp_path, clock) as store:
        key = store.ensure_folder("work", "INBOX")
        (one,) = store.deliver([Arrival(key, letter(1))])
    as_first_version(tmp_path)
    with open_store(tmp_path, clock) as store:
        flag(store, [one], FLAGGED)
        assert undo(store).ids == (one,)
    assert schema.VERSION >= 2


def test_only_an_entry_that_is_pending_is_pushed(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    move(store, [one], trash)
    undo(store)
    assert store.pending("work") == Pending()
