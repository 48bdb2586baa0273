import threading

import pytest

from mailcli.errors import LocalIOError
from mailcli.sync import intake
from mailcli.sync.intake import Intake


def size(item: int) -> int:
    return item


def test_all_is_delivered_in_order_and_in_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_OCTETS", 100)
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 7)
    batches: list[list[int]] = []
    taken: Intake[int] = Intake(batches.append, size)
    items = [n % 40 for n in range(200)] + [1000]
    for item in items:
        taken.put(item)
    taken.finish()
    assert [item for batch in batches for item in batch] == items
    assert all(len(batch) <= 7 for batch in batches)
    assert all(len(batch) == 1 or sum(batch) <= 100 for batch in batches)


def test_whoever_brings_waits_while_too_many_octets_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_OCTETS", 10)
    monkeypatch.setattr(intake, "WAITING_OCTETS", 50)
    go_on = threading.Event()

    def deliver(batch: list[int]) -> None:
        go_on.wait(10)

    taken: Intake[int] = Intake(deliver, size)
    brought: list[int] = []

    def bring() -> None:
        for n in range(20):
            taken.put(10)
            brought.append(n)

    bringer = threading.Thread(target=bring)
    bringer.start()
    bringer.join(0.3)
    assert bringer.is_alive()
    assert len(brought) <= 7  # one batch is being stored, five wait
    go_on.set()
    bringer.join(10)
    taken.finish()
    assert len(brought) == 20


def test_on_a_slow_line_mail_does_not_wait_for_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "LINGER", 0.05)
    delivered = threading.Event()

    def deliver(batch: list[int]) -> None:
        delivered.set()

    taken: Intake[int] = Intake(deliver, size)
    taken.put(1)
    assert delivered.wait(10)
    taken.finish()


def test_a_full_disk_stops_all_who_bring() -> None:
    def deliver(batch: list[int]) -> None:
        raise LocalIOError("disk full")

    taken: Intake[int] = Intake(deliver, size)
    taken.put(intake.BATCH_OCTETS)

    def bring() -> None:
        for _ in range(10):
            taken.put(intake.BATCH_OCTETS)

    with pytest.raises(LocalIOError):
        bring()
    with pytest.raises(LocalIOError):
        taken.finish()


def test_what_was_brought_before_the_end_is_delivered_by_abandon() -> None:
    delivered: list[int] = []
    taken: Intake[int] = Intake(delivered.extend, size)
    taken.put(1)
    taken.put(2)
    taken.abandon()
    assert delivered == [1, 2]


def test_of_two_threads_one_begins_with_the_next_batch_while_the_other_stores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 1)
    second = threading.Event()
    ended: list[int] = []

    def deliver(batch: list[int]) -> None:
        if batch == [1]:
            assert second.wait(10)
        second.set()
        ended.extend(batch)

    taken: Intake[int] = Intake(deliver, size, threads=2)
    taken.put(1)
    taken.put(2)
    taken.finish()
    assert sorted(ended) == [1, 2]


def test_what_one_of_two_threads_cannot_store_ends_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 1)
    stored: list[int] = []

    def deliver(batch: list[int]) -> None:
        if batch == [1]:
            raise LocalIOError("the disk is full")
        stored.extend(batch)

    taken: Intake[int] = Intake(deliver, size, threads=2)
    with pytest.raises(LocalIOError, match="the disk is full"):
        for n in range(1, 100_000):
            taken.put(n)
    with pytest.raises(LocalIOError):
        taken.finish()
    assert len(stored) < 99_998
