from __future__ import annotations

import pytest

from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.store import history
from mailcli.store.store import Store
from mailcli.store.values import (
    Agreed,
    Arrival,
    Bound,
    FlagsAgreed,
    FolderState,
    Gone,
    Pop3Row,
    SyncChanges,
)
from mailcli.store.writer import Writer
from tests.support.letters import letter, remote


def test_what_was_fetched_is_agreed(store: Store, inbox: int) -> None:
    ids = store.deliver([remote(inbox, n, frozenset({SEEN, "k"})) for n in (3, 1, 2)])
    flags = frozenset({SEEN, "k"})
    assert store.agreed(inbox) == [
        Agreed(ids[1], 1, flags, flags, inbox, True),
        Agreed(ids[2], 2, flags, flags, inbox, True),
        Agreed(ids[0], 3, flags, flags, inbox, True),
    ]


def test_flags_agreed_are_applied_as_a_difference(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    store.set_flags([one], frozenset({FLAGGED}))  # the user, while the run was under way
    store.apply(SyncChanges(flags=[FlagsAgreed(one, frozenset({SEEN, ANSWERED}), add=frozenset({ANSWERED}))]))
    (row,) = store.agreed(inbox)
    assert row.flags == {SEEN, ANSWERED, FLAGGED}
    assert row.base == frozenset({SEEN, ANSWERED})
    assert store.path(one).name.endswith(":2,FRS")
    (pending,) = store.pending("work").stores
    assert (pending.add, pending.remove) == (frozenset({FLAGGED}), frozenset())


def test_uids_may_be_exchanged_in_one_step(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    store.apply(SyncChanges(bound=[Bound(one, inbox, 2), Bound(two, inbox, 1)]))
    assert [(a.id, a.uid) for a in store.agreed(inbox)] == [(two, 1), (one, 2)]


def test_a_uid_that_another_message_has_is_not_believed(store: Store, inbox: int, trash: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    store.apply(SyncChanges(bound=[Bound(one, inbox, 2)]))
    assert [(a.id, a.uid) for a in store.agreed(inbox)] == [(one, 1), (two, 2)]


def test_an_upload_that_was_downloaded_before_it_was_recognised_is_one_message(
    store: Store, inbox: int
) -> None:
    (mine,) = store.deliver([Arrival(inbox, letter(1), frozenset({SEEN}))])
    store.deliver([remote(inbox, 9)._replace(data=letter(1))])
    store.apply(SyncChanges(bound=[Bound(mine, inbox, 9, frozenset({SEEN}))]))
    assert [(a.id, a.uid) for a in store.agreed(inbox)] == [(mine, 9)]
    assert [e.reason for e in store.recovery()] == ["doubled"]
    assert not store.pending("work")


def test_gone_from_the_server_is_recoverable(store: Store, inbox: int) -> None:
    one, two = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    store.apply(SyncChanges(gone=[Gone(one, "gone from the server")]))
    assert [a.id for a in store.agreed(inbox)] == [two]
    (entry,) = store.recovery()
    assert (entry.id, entry.reason, entry.pending, entry.file_present) == (
        one,
        "gone from the server",
        False,
        True,
    )
    assert store.restore([one]) == [one]
    assert [a.id for a in store.pending("work").appends] == [one]


def test_unbound_is_uploaded_again(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    store.move([one], trash)
    store.apply(SyncChanges(unbound=[one]))
    assert store.agreed(inbox) == []
    assert [(a.id, a.folder) for a in store.pending("work").appends] == [(one, trash)]
    store.apply(SyncChanges(bound=[Bound(one, trash, 5, frozenset({SEEN}))]))
    assert not store.pending("work")


def test_moved_on_the_server_is_moved_here(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    store.apply(SyncChanges(bound=[Bound(one, trash, 4)], relocated=[(one, trash)]))
    assert store.get([one])[0].folder == "Trash"
    assert store.path(one).parent.parent.name == "Trash"
    assert not store.pending("work")


def test_an_error_in_one_part_undoes_all(store: Store, inbox: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])

    def also(_: Writer) -> None:
        raise RuntimeError("cut")

    changes = SyncChanges(
        flags=[FlagsAgreed(one, frozenset(), remove=frozenset({SEEN}))],
        gone=[],
        states=[(inbox, FolderState(uidvalidity=7, uidnext=99))],
    )
    with pytest.raises(RuntimeError):
        store.apply(changes, also=also)
    assert store.folder_state(inbox).uidnext is None
    assert store.get([one])[0].flags == {SEEN}
    assert store.path(one).name.endswith(":2,S")


def test_the_cursor_comes_back_as_it_was(store: Store, inbox: int) -> None:
    state = FolderState(7, 100, 12345678901234, 99, "F-1", frozenset({SEEN, "\\*"}), 1.5)
    store.apply(SyncChanges(states=[(inbox, state)]))
    assert store.folder_state(inbox) == state
    (row,) = store.sync_folders("work")
    assert (row.state, row.key, row.special, row.dirty) == (state, inbox, "Inbox", False)


def test_folders_with_something_to_push_are_dirty(store: Store, inbox: int, trash: int) -> None:
    other = store.ensure_folder("work", "Other")
    one, two, three = store.deliver([remote(inbox, 1), remote(inbox, 2), remote(other, 3)])
    assert not any(f.dirty for f in store.sync_folders("work"))
    store.move([one], trash)
    assert {f.name for f in store.sync_folders("work") if f.dirty} == {"INBOX", "Trash"}
    store.purge([three])
    assert {f.name for f in store.sync_folders("work") if f.dirty} == {"INBOX", "Trash", "Other"}
    store.set_flags([two], frozenset({FLAGGED}))
    store.move([one], inbox)
    assert {f.name for f in store.sync_folders("work") if f.dirty} == {"INBOX", "Other"}


def test_operations_are_remembered_until_they_end(store: Store, inbox: int, trash: int) -> None:
    (one,) = store.deliver([remote(inbox, 1)])
    store.move([one], trash)
    (seq,) = store.begin_operations("move", [one], folder=inbox, destination=trash, uidnext_before=5)
    store.set_stage([seq], "copied")
    (operation,) = store.operations("work")
    assert (operation.id, operation.kind, operation.stage, operation.uidnext_before) == (
        one,
        "move",
        "copied",
        5,
    )
    assert store.operations("elsewhere") == []
    store.apply(SyncChanges(ended=[seq]))
    assert store.operations() == []


def test_pop3_history(store: Store) -> None:
    store.account_key("pop", "pop3")
    key = store.ensure_folder("pop", "INBOX")

    def also(writer: Writer) -> None:
        rows = [Pop3Row("u1", n, 10, "delivered", first_seen=1.0, id=i) for n, i in enumerate(writer.ids)]
        writer.pop3_record("pop", rows)

    ids = store.deliver([Arrival(key, letter(n)) for n in (1, 2)], also=also)
    known = store.pop3_known("pop")
    assert known[("u1", 1)] == Pop3Row("u1", 1, 10, "delivered", first_seen=1.0, id=ids[1])
    assert store.pop3_pending_deletes("pop") == []
    store.purge([ids[1]])
    assert [(r.uidl, r.occurrence) for r in store.pop3_pending_deletes("pop")] == [("u1", 1)]
    store.transact(lambda w: w.expunged([ids[1]]))
    assert store.pop3_pending_deletes("pop") == []
    store.transact(lambda w: w.pop3_forget("pop", [("u1", 0)]))
    assert set(store.pop3_known("pop")) == {("u1", 1)}


def test_the_note_that_nothing_is_left_to_do_ends_with_the_first_change_of_the_history(store: Store) -> None:
    store.account_key("pop", "pop3")
    row = Pop3Row("u", 1, 9, "delivered", id="abcdefgh")

    def noted() -> str:
        store.transact(lambda writer: writer.pop3_settle("pop", "a listing"))
        return store.pop3_settled("pop")

    assert noted() == "a listing"
    store.transact(lambda writer: writer.pop3_record("pop", [row]))
    assert store.pop3_settled("pop") == ""
    assert noted() == "a listing"
    store.transact(lambda writer: writer.pop3_forget("pop", [("u", 1)]))
    assert store.pop3_settled("pop") == ""
    store.transact(lambda writer: writer.pop3_record("pop", [row]))
    assert noted() == "a listing"

    store.transact(lambda writer: history.note_unrecorded(writer.connection, "pop"))
    assert store.pop3_settled("pop") == "", "lines may have been lost with a damaged database"
    assert noted() == "", "and nobody has looked for them yet"
