import threading

import pytest

from mailcli.errors import LocalIOError
from mailcli.sync.deliverer import Deliverer


def test_batches_are_delivered_in_order_before_finish_returns() -> None:
    done: list[int] = []
    deliverer: Deliverer[int] = Deliverer(done.extend)
    for n in range(10):
        deliverer.put([n, n + 100])
    deliverer.finish()
    assert done == [x for n in range(10) for x in (n, n + 100)]


def test_a_full_disk_stops_the_one_who_puts() -> None:
    tried = threading.Event()

    def deliver(batch: list[int]) -> None:
        tried.set()
        raise LocalIOError("disk full")

    deliverer: Deliverer[int] = Deliverer(deliver)
    deliverer.put([1])
    assert tried.wait(5)
    with pytest.raises(LocalIOError):
        deliverer.finish()


def test_nothing_is_delivered_after_a_failure() -> None:
    seen: list[list[int]] = []

    def deliver(batch: list[int]) -> None:
        seen.append(batch)
        raise LocalIOError("disk full")

    deliverer: Deliverer[int] = Deliverer(deliver)
    deliverer.put([1])
    for n in range(2, 4):
        try:
            deliverer.put([n])
        except LocalIOError:
            break
    deliverer.abandon()
    assert seen == [[1]]
