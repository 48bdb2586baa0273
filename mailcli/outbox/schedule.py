"""When to try again, and when to give up: pure functions from what happened to the next state.

queued --(dot)--> committing --> every recipient decided: sent, or failed if one was refused
   ^                  |     \\--> answer lost: unknown
   |__ backoff _______|          (hold: it stays so; retry: queued)
"""

from __future__ import annotations

from typing import Final

from mailcli.errors import MailcliError
from mailcli.model.draft import Outcome
from mailcli.outbox.entry import FAILED, QUEUED, SENT, UNKNOWN, Entry, State
from mailcli.outbox.submit import Submission

FIRST: Final = 60.0
LONGEST: Final = 4 * 3600.0
PATIENCE: Final = 5 * 86400.0
"""RFC 5321 §4.5.4.1: give up after 4-5 days."""


def backoff(attempts: int, chance: float) -> float:
    """Seconds until the next try after so many (1 …); `chance` in [0, 1) spreads it by a quarter
    either way, so that many queues do not meet at a server that comes back."""
    doubled = FIRST * 2.0 ** min(max(attempts, 1) - 1, 20)
    return min(doubled, LONGEST) * (0.75 + chance / 2)


def submitted(entry: Entry, state: State, done: Submission, now: float, chance: float) -> State:
    """What a submission has decided. Recipients that were deferred are tried again."""
    if any(o.outcome == "unknown" for o in done.outcomes):
        lost = next(o for o in done.outcomes if o.outcome == "unknown")
        held = decided(state, done.outcomes)
        if entry.on_unknown == "retry":
            return _later(entry, held, f"the answer was lost ({lost.text})", now, chance)
        return held._replace(phase=UNKNOWN, attempts=state.attempts + 1, changed=now, note=lost.text)
    after = decided(state, done.outcomes)
    after = after._replace(queue_id=done.queue_id or state.queue_id, stage=done.stage)
    if not after.open(entry):
        refused = [o for o in after.outcomes if o.outcome != "sent"]
        return after._replace(
            phase=FAILED if refused else SENT,
            attempts=state.attempts + 1,
            changed=now,
            note=told(refused[0]) if refused else "",
        )
    refused = [o for o in done.outcomes if o.outcome == "rejected"]
    if refused and not entry.partial and not after.reached:
        # Nothing went to anybody, and nothing ever will: one address is wrong for good.
        return after._replace(phase=FAILED, attempts=state.attempts + 1, changed=now, note=told(refused[0]))
    deferred = next(o for o in done.outcomes if o.outcome == "deferred")
    return _later(entry, after, told(deferred), now, chance)


def prevented(entry: Entry, state: State, error: MailcliError, now: float, chance: float) -> State:
    """The server could not be asked. What may pass is tried again; a message that no try will make
    acceptable (too large, malformed) has failed."""
    if error.exit_code == 65:
        return state._replace(phase=FAILED, attempts=state.attempts + 1, changed=now, note=error.message)
    return _later(entry, state, error.message, now, chance)


def paused(state: State, error: MailcliError, now: float) -> State:
    """The account cannot sign in: its mail waits, and no try is counted against it."""
    return state._replace(phase=QUEUED, next_try=now + FIRST * 10, changed=now, note=error.message)


def told(outcome: Outcome) -> str:
    """One recipient's refusal in a line."""
    words = " ".join(w for w in (str(outcome.code or ""), outcome.enhanced, outcome.text) if w)
    return f"<{outcome.email}>: {words}"


def decided(state: State, outcomes: tuple[Outcome, ...]) -> State:
    """The state with the recipients of these outcomes that need no further try."""
    final = [o for o in outcomes if o.outcome in ("sent", "rejected")]
    return state._replace(outcomes=(*state.outcomes, *final))


def _later(entry: Entry, state: State, note: str, now: float, chance: float) -> State:
    attempts = state.attempts + 1
    if now - max(entry.queued, entry.not_before) > PATIENCE:
        return state._replace(phase=FAILED, attempts=attempts, changed=now, note=f"given up: {note}")
    return state._replace(
        phase=QUEUED, attempts=attempts, next_try=now + backoff(attempts, chance), changed=now, note=note
    )
