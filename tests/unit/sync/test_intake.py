import threading
from collections.abc import Callable

import pytest

from mailcli.errors import LocalIOError
from mailcli.sync import intake
from mailcli.sync.intake import Intake


def size(item: int) -> int:
    return item


def at_once(deliver: Callable[[list[int]], None]) -> Callable[[list[int]], Callable[[], None]]:
    """A store that has nothing left to wait for."""

    def store(batch: list[int]) -> Callable[[], None]:
        deliver(batch)
        return lambda: None

    return store


def test_all_is_delivered_in_order_and_in_bounded_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_OCTETS", 100)
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 7)
    batches: list[list[int]] = []
    taken: Intake[int] = Intake(at_once(batches.append), size)
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

    taken: Intake[int] = Intake(at_once(deliver), size)
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

    taken: Intake[int] = Intake(at_once(deliver), size)
    taken.put(1)
    assert delivered.wait(10)
    taken.finish()


def test_a_full_disk_stops_all_who_bring() -> None:
    def deliver(batch: list[int]) -> None:
        raise LocalIOError("disk full")

    taken: Intake[int] = Intake(at_once(deliver), size)
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
    taken: Intake[int] = Intake(at_once(delivered.extend), size)
    taken.put(1)
    taken.put(2)
    taken.abandon()
    assert delivered == [1, 2]


def test_the_next_batch_is_begun_before_the_one_before_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 1)
    two_wait = threading.Event()
    steps: list[str] = []

    def store(batch: list[int]) -> Callable[[], None]:
        two_wait.wait(10)
        steps.append(f"begin {batch[0]}")
        return lambda: steps.append(f"finish {batch[0]}")

    taken: Intake[int] = Intake(store, size)
    for n in (1, 2, 3):
        taken.put(n)
    two_wait.set()
    taken.finish()
    assert steps == ["begin 1", "begin 2", "finish 1", "begin 3", "finish 2", "finish 3"]


def test_a_batch_is_finished_though_no_other_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 1)
    finished = threading.Event()
    taken: Intake[int] = Intake(lambda batch: finished.set, size)
    taken.put(1)
    assert finished.wait(10)
    taken.finish()


@pytest.mark.parametrize("fails", ["begin", "finish"])
def test_what_cannot_be_stored_ends_all_once_the_batch_before_is_finished(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 1)
    finished: list[int] = []

    def store(batch: list[int]) -> Callable[[], None]:
        def finish() -> None:
            if batch == [2] and fails == "finish":
                raise LocalIOError("the disk is full")
            finished.extend(batch)

        if batch == [2] and fails == "begin":
            raise LocalIOError("the disk is full")
        return finish

    taken: Intake[int] = Intake(store, size)
    with pytest.raises(LocalIOError, match="the disk is full"):
        for n in range(1, 100_000):
            taken.put(n)
    with pytest.raises(LocalIOError):
        taken.finish()
    assert finished[0] == 1
    assert len(finished) < 99_998
