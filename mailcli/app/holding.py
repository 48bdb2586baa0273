"""What a person does with entries of the outbox: look at one, keep it back, try it again, take it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailcli.app.context import Context
from mailcli.app.outbox import spool, standing
from mailcli.model.draft import Sent
from mailcli.outbox import keys
from mailcli.outbox.entry import FAILED, HELD, QUEUED, State
from mailcli.outbox.spool import Row, Spool


def show(ctx: Context, id: str) -> tuple[Row, bytes]:
    """One entry, and the bytes that would be sent. NotFound, AmbiguousId."""
    box = spool(ctx)
    full = box.resolve(id)
    return box.row(full), box.load(full).data


def hold(ctx: Context, ids: Sequence[str]) -> list[Row]:
    """Keep entries back until `retry`."""
    return [_change(ctx, id, lambda row: row.state._replace(phase=HELD)) for id in _resolved(ctx, ids)]


def retry(ctx: Context, ids: Sequence[str]) -> list[Row]:
    """Have entries tried again: those that wait, were held, failed, or were left by a plain `send`
    that was killed. One whose outcome is unknown is sent again, too: it is the user who says so."""
    box = spool(ctx)
    now = ctx.clock()

    def again(row: Row) -> State:
        # Who refused may have changed his mind; who has it gets no second one.
        has_it = tuple(o for o in row.state.outcomes if o.outcome == "sent")
        return State(QUEUED, 0, now, outcomes=has_it, queue_id=row.state.queue_id)

    rows = []
    for id in _resolved(ctx, ids):
        row = box.row(id)
        if row.state.phase == FAILED:
            with box.locked(id):
                box.set_state(id, again(row))
                box.revive(id)
        elif not row.entry.kept:
            row = _adopt(box, row, again(row))
            id = row.entry.id
        else:
            _change(ctx, id, again)
        rows.append(box.row(id))
    return rows


def _adopt(box: Spool, row: Row, state: State) -> Row:
    """Make a queue entry of the record of a plain send: a new one first, then the old one goes."""
    with box.locked(row.entry.id):
        old = box.load(row.entry.id)
        adopted = box.enqueue(old._replace(id="", kept=True, not_before=state.next_try))
        if state.outcomes:
            box.set_state(adopted.id, state)
        box.remove(old.id)
    return box.row(adopted.id)


def cancel(ctx: Context, ids: Sequence[str]) -> list[Row]:
    """Take entries out of the outbox, unsent. A script that comes again with the key of one does not
    send it either. Locked: one is being sent just now."""
    box = spool(ctx)
    rows = []
    for id in _resolved(ctx, ids):
        with box.locked(id):
            row = box.row(id)._replace(busy=False)
            if row.word != "abandoned":  # its script was killed, and comes again
                keys.settle(box, row.entry.key, _cancelled(row))
            rows.append(row)
            box.remove(id)
    return rows


def recall(ctx: Context, id: str) -> None:
    """Take an entry out whose command is still waiting: nothing has come of its key."""
    box = spool(ctx)
    with box.locked(id):
        box.remove(id)


def _cancelled(row: Row) -> Sent:
    sent = standing(row)
    if sent.stage != "queued":
        return sent
    everyone = [
        o._replace(outcome="rejected", text="cancelled in the outbox") if o.outcome == "deferred" else o
        for o in sent.recipients
    ]
    return sent._replace(recipients=tuple(everyone), stage="message")


def _resolved(ctx: Context, ids: Sequence[str]) -> list[str]:
    box = spool(ctx)
    return list(dict.fromkeys(box.resolve(id) for id in ids))


def _change(ctx: Context, id: str, how: Callable[[Row], State]) -> Row:
    box = spool(ctx)
    with box.locked(id):
        box.set_state(id, how(box.row(id)))
    return box.row(id)
