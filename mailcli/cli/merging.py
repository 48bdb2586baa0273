"""`send --merge`: a table and a text to many messages."""

from __future__ import annotations

import re
from pathlib import Path

from mailcli.cli import composing, failure, submitting
from mailcli.cli.composing import Letter
from mailcli.cli.session import Session
from mailcli.cli.views.results import SENT
from mailcli.errors import UsageError


def send(session: Session, letter: Letter, table: str, rate: str | None, limit: int | None) -> int:
    """Check every row, then queue and send them. The exit code is that of `outbox run`."""
    from mailcli.app import merging, outbox

    interval = 0.0 if rate is None else _interval(rate)
    composing.refuse_together(
        (("--at", letter.at), ("--undo", letter.undo), ("--draft", letter.draft)), "--merge"
    )
    if table == "-" and letter.file in (None, "-"):
        raise UsageError("the rows and the text cannot both be on stdin", hint="give the text with -F FILE")
    text = composing.body(session, letter)
    if text is None:
        raise UsageError("there is no text", hint="give it on stdin or with -F FILE")
    if composing.nothing_to_send(letter, text):
        return 0
    name = "stdin" if table == "-" else Path(table).name
    rows = merging.rows(composing.content(session, table), name)
    template = composing.request(session, letter, text)
    if letter.dry_run:
        made = merging.letters(session.ctx, template, rows if limit is None else rows[:limit], name)
        submitting.print_only(session, list(made))
        return 0
    for _ in merging.letters(session.ctx, template, rows, name):
        pass  # an error of the last row comes before the first is sent
    job = merging.queue(
        session.ctx,
        merging.letters(session.ctx, template, rows, name),
        key=letter.idempotency_key or "",
        interval=interval,
        limit=limit,
        on_unknown=letter.on_unknown or "hold",
    )
    if job.before:
        session.out.notice(f"{job.before} of {len(rows)} rows were sent or queued before: not again")
    codes, outcomes = [], []
    for report in merging.run(session.ctx, job):
        session.end_progress()
        sent = outbox.standing(report.row)
        told = [submitting.Row(o, sent.message_id, sent.queue_id, sent.account) for o in sent.recipients]
        outcomes += told
        if not session.options.json:
            session.out.outcome(SENT, told)
        if report.error is not None:
            session.out.notice(f"{report.row.entry.id}: {failure.sentence(report.error)}")
        codes.append(report.error.exit_code if report.error is not None else 0)
    if session.options.json:
        session.out.outcome(SENT, outcomes)
    waiting = sum(row.entry.key in job.keys and row.word == "queued" for row in outbox.listed(session.ctx))
    if waiting:
        session.out.notice(f"{waiting} wait in the outbox: mailcli outbox run, or the next fetch or send")
    return failure.combined(codes)


def _interval(rate: str) -> float:
    """Seconds between two messages, of `30/min`. UsageError."""
    match = re.fullmatch(r"(\d{1,6})/(s|sec|second|m|min|minute|h|hour|d|day)", rate.strip())
    if match is None or not int(match[1]):
        raise UsageError(f"{rate!r} is no rate", hint="like 30/min or 500/hour")
    return {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2][0]] / int(match[1])
