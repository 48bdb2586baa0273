"""When to act, when to try again, and when the machine slept."""

from __future__ import annotations

from mailcli.app.backoff import Backoff, spread
from mailcli.app.debounce import Debounce
from mailcli.app.suspension import Suspension


def test_pauses_double_up_to_the_most_and_begin_again_after_success() -> None:
    backoff = Backoff(1.0, 300.0, chance=lambda: 1.0)
    assert [backoff.pause() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff.reset()
    assert backoff.pause() == 1


def test_a_pause_is_cut_by_half_at_most() -> None:
    backoff = Backoff(8.0, 300.0, chance=lambda: 0.0)
    assert [backoff.pause(), backoff.pause()] == [4, 8]
    assert all(90 <= spread(100) <= 100 for _ in range(100))


def test_nothing_is_due_before_something_was_noticed() -> None:
    assert Debounce(1.0, 5.0).due == float("inf")


def test_a_single_notice_is_due_after_the_quiet() -> None:
    debounce = Debounce(1.0, 5.0)
    debounce.note(100.0)
    assert debounce.due == 101.0


def test_more_notices_put_it_off_but_not_for_ever() -> None:
    debounce = Debounce(1.0, 5.0)
    due = []
    for tenth in range(0, 100, 5):
        debounce.note(100.0 + tenth / 10)
        due.append(debounce.due)
    assert due[:3] == [101.0, 101.5, 102.0]
    assert due[-1] == 105.0


class _Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_clock_that_ran_on_while_another_stood_still_is_a_sleep() -> None:
    awake, boot, wall = _Clock(), _Clock(), _Clock()
    suspension = Suspension(awake, (boot, wall))
    for clock in (awake, boot, wall):
        clock.now += 3600.0  # a long wait
    assert not suspension.over()
    boot.now += 60.0
    assert suspension.over()
    assert not suspension.over()  # told once
    wall.now += 60.0
    assert suspension.over()


def test_a_clock_that_was_set_back_or_a_little_is_none() -> None:
    awake, wall = _Clock(), _Clock()
    suspension = Suspension(awake, (wall,))
    wall.now -= 86400.0
    assert not suspension.over()
    wall.now += 2.0
    assert not suspension.over()
