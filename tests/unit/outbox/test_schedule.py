from __future__ import annotations

import pytest

from mailcli.errors import MailcliError, MessageRefused, TimedOut
from mailcli.model.draft import Envelope, Outcome
from mailcli.outbox import schedule
from mailcli.outbox.entry import FAILED, QUEUED, SENT, UNKNOWN, Entry, State
from mailcli.outbox.submit import Submission

NOW = 1_000_000.0
A, B = "a@x.test", "b@x.test"


def entry(*recipients: str, partial: bool = False, on_unknown: str = "hold") -> Entry:
    envelope = Envelope("me@x.test", recipients or (A,))
    return Entry("e", "acc", envelope, "id", "s", NOW, NOW, partial=partial, on_unknown=on_unknown)


def outcome(email: str, word: str) -> Outcome:
    return Outcome(email, word, {"sent": 250, "rejected": 550, "deferred": 450}.get(word, 0), "", word)


def after(given: Entry, *words: str, state: State | None = None) -> State:
    state = state or State()
    outcomes = tuple(outcome(r, w) for r, w in zip(state.open(given), words, strict=True))
    return schedule.submitted(given, state, Submission(outcomes), NOW, 0.5)


def test_all_sent_is_the_end() -> None:
    state = after(entry(A, B), "sent", "sent")
    assert (state.phase, state.attempts, state.open(entry(A, B))) == (SENT, 1, ())


def test_one_refused_for_good_fails_the_whole_unless_partial_was_asked_for() -> None:
    state = after(entry(A, B), "rejected", "deferred")
    assert state.phase == FAILED and A in state.note
    partial = entry(A, B, partial=True)
    state = after(partial, "rejected", "deferred")
    assert (state.phase, state.open(partial)) == (QUEUED, (B,))


def test_who_has_the_message_never_gets_it_again() -> None:
    given = entry(A, B, partial=True)
    first = after(given, "sent", "deferred")
    assert (first.phase, first.open(given), first.next_try) == (QUEUED, (B,), NOW + 60)
    second = after(given, "sent", state=first)
    assert (second.phase, second.attempts) == (SENT, 2)


def test_a_refusal_after_others_have_it_is_a_failure_that_remembers_them() -> None:
    given = entry(A, B, partial=True)
    state = after(given, "rejected", state=after(given, "sent", "deferred"))
    assert state.phase == FAILED and state.reached


def test_a_lost_answer_is_held_unless_the_user_said_retry() -> None:
    assert after(entry(), "unknown").phase == UNKNOWN
    assert after(entry(on_unknown="retry"), "unknown").phase == QUEUED


def test_the_pause_doubles_to_four_hours_and_is_spread() -> None:
    assert [schedule.backoff(n, 0.5) for n in (1, 2, 3, 20)] == [60, 120, 240, 4 * 3600]
    assert schedule.backoff(1, 0.0) == 45 and schedule.backoff(1, 0.999) < 75


def test_after_five_days_it_has_failed() -> None:
    given = entry()
    error = TimedOut("silent")
    assert schedule.prevented(given, State(), error, NOW + 5 * 86400 - 1, 0.5).phase == QUEUED
    late = schedule.prevented(given, State(), error, NOW + 5 * 86400 + 1, 0.5)
    assert late.phase == FAILED and late.note.startswith("given up")


@pytest.mark.parametrize(("error", "phase"), [(MessageRefused("too large"), FAILED), (TimedOut("x"), QUEUED)])
def test_what_no_try_can_mend_has_failed_at_once(error: MailcliError, phase: str) -> None:
    assert schedule.prevented(entry(), State(), error, NOW, 0.5).phase == phase
