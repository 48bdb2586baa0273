"""What counts as new mail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.app.arrivals import Arrivals
from mailcli.store.store import Store
from mailcli.store.values import Arrival


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "data", tmp_path / "state") as store:
        for folder, special in (("INBOX", "Inbox"), ("Lists", ""), ("Sent", "Sent"), ("Junk", "Spam")):
            store.ensure_folder("work", folder, special=special)
        store.ensure_folder("home", "INBOX", special="Inbox")
        yield store


def put(store: Store, folder: str, *subjects: str, account: str = "work") -> list[str]:
    key = store.folder(account, folder).key
    return store.deliver(
        [
            Arrival(key, f"Message-ID: <{s}@x>\r\nSubject: {s}\r\n\r\n{s}\r\n".encode(), arrived=1e9 + n)
            for n, s in enumerate(subjects)
        ]
    )


def new(arrivals: Arrivals, *accounts: str) -> list[str]:
    return [row.subject for row in arrivals.new(accounts or ("work",))]


def test_what_was_there_is_not_new_and_what_came_is_new_once(store: Store) -> None:
    put(store, "INBOX", "old")
    arrivals = Arrivals(store)
    assert new(arrivals) == []
    put(store, "INBOX", "a", "b")
    put(store, "Lists", "c")
    assert sorted(new(arrivals)) == ["a", "b", "c"]
    assert new(arrivals) == []


def test_oldest_come_first(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "INBOX", "first", "second", "third")
    assert new(arrivals) == ["first", "second", "third"]


def test_sent_drafts_spam_and_trash_are_not_where_mail_arrives(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "Sent", "mine")
    put(store, "Junk", "rubbish")
    assert new(arrivals) == []


def test_what_is_moved_here_keeps_its_id_and_is_not_new(store: Store) -> None:
    (id,) = put(store, "INBOX", "old")
    arrivals = Arrivals(store)
    store.move([id], store.folder("work", "Lists").key)
    assert new(arrivals) == []


def test_what_another_client_moved_is_not_new_though_its_id_is(store: Store) -> None:
    (id,) = put(store, "INBOX", "old")
    arrivals = Arrivals(store)
    store.purge([id], reason="gone from the server")
    put(store, "Lists", "old")
    assert new(arrivals) == []


def test_a_copy_in_another_folder_is_not_new_and_the_original_was(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "INBOX", "a")
    assert new(arrivals) == ["a"]
    put(store, "Lists", "a")
    assert new(arrivals) == []


def test_a_message_that_comes_into_two_folders_at_once_is_told_once_in_the_inbox(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "Lists", "a")
    put(store, "INBOX", "a")
    assert [(row.subject, row.folder) for row in arrivals.new(["work"])] == [("a", "INBOX")]


def test_the_same_mail_twice_in_one_folder_is_two(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "INBOX", "a")
    assert new(arrivals) == ["a"]
    put(store, "INBOX", "a")
    assert new(arrivals) == ["a"]


def test_other_accounts_wait_for_their_turn(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "INBOX", "a")
    put(store, "INBOX", "b", account="home")
    assert new(arrivals, "work") == ["a"]
    assert new(arrivals, "work", "home") == ["b"]


def test_what_does_not_count_is_known_from_then_on(store: Store) -> None:
    arrivals = Arrivals(store)
    put(store, "INBOX", "a", "b")
    assert [r.subject for r in arrivals.new(["work"], counts=lambda r: r.subject == "b")] == ["b"]
    assert new(arrivals) == []
