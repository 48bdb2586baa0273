from __future__ import annotations

import itertools

from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import letter


def _threads(store: Store, ids: list[str]) -> list[set[int]]:
    """Which of the letters (by position) are together."""
    together: dict[str, set[int]] = {}
    for number, row in enumerate(store.get(ids)):
        together.setdefault(row.thread, set()).add(number)
    return sorted(together.values(), key=min)


def test_a_reply_joins_its_thread_whatever_comes_first(store: Store, inbox: int) -> None:
    mails = [letter(1), letter(2, references=[1]), letter(3, references=[1, 2]), letter(4)]
    for offset, order in enumerate(itertools.permutations(range(4))):
        shift = [m.replace(b"@example.org>", b"@%d.example>" % offset) for m in mails]
        ids = [""] * 4
        for n in order:
            (ids[n],) = store.deliver([Arrival(inbox, shift[n])])
        assert _threads(store, ids) == [{0, 1, 2}, {3}]


def test_replies_to_a_mail_that_is_not_here_are_one_thread(store: Store, inbox: int) -> None:
    ids = store.deliver([Arrival(inbox, letter(n, references=[99])) for n in (1, 2)])
    assert _threads(store, ids) == [{0, 1}]


def test_threads_that_meet_become_one(store: Store, inbox: int) -> None:
    ids = store.deliver(
        [Arrival(inbox, letter(n, references=refs)) for n, refs in [(1, []), (2, [1]), (3, []), (4, [3])]]
    )
    assert _threads(store, ids) == [{0, 1}, {2, 3}]
    ids += store.deliver([Arrival(inbox, letter(5, references=[2, 4]))])
    assert _threads(store, ids) == [{0, 1, 2, 3, 4}]
    ids += store.deliver([Arrival(inbox, letter(6, references=[3]))])
    assert _threads(store, ids) == [{0, 1, 2, 3, 4, 5}]


def test_in_reply_to_alone_is_enough(store: Store, inbox: int) -> None:
    reply = letter(2, extra="In-Reply-To: <m1@example.org>")
    ids = store.deliver([Arrival(inbox, letter(1)), Arrival(inbox, reply)])
    assert _threads(store, ids) == [{0, 1}]


def test_mails_without_any_id_stand_alone(store: Store, inbox: int) -> None:
    ids = store.deliver([Arrival(inbox, b"Subject: x\r\n\r\n"), Arrival(inbox, b"Subject: x\r\n\r\n")])
    assert _threads(store, ids) == [{0}, {1}]


def test_ten_thousand_references_are_bounded(store: Store, inbox: int) -> None:
    ids = store.deliver([Arrival(inbox, letter(1, references=range(2, 10_000)))])
    ids += store.deliver([Arrival(inbox, letter(2)), Arrival(inbox, letter(9_999))])
    assert _threads(store, ids) == [{0, 1, 2}]
