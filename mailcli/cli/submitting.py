"""The end of `send`, `reply` and `forward`: off to the server, into the outbox, or only printed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mailcli.cli.composing import Letter, refuse_together
from mailcli.cli.session import Session
from mailcli.cli.views.results import PREPARED, SENT
from mailcli.cli.wishing import wishes
from mailcli.errors import Interrupted, TryAgain, UsageError
from mailcli.mime import encode
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.app.preparing import Prepared
    from mailcli.app.sending import Delivery
    from mailcli.app.unsent import Unsent
    from mailcli.model.draft import Draft, Outcome, Sent
    from mailcli.outbox.entry import Entry


class Row(NamedTuple):
    """One recipient's line of the result."""

    outcome: Outcome
    message_id: str
    queue_id: str
    account: str


class DryRun(NamedTuple):
    """A message that is not sent, and the extensions its server must have."""

    message: Prepared
    needs: tuple[str, ...]


def check_options(session: Session, letter: Letter, *others: str | None) -> None:
    """UsageError for what cannot be done, before anything is read or written; MessageMalformed for a
    line break or NUL in any argument: a script that hands one over was given it by somebody else."""
    encode.refuse_breaks("an argument", *_texts((*letter, *others)))
    if letter.draft:
        refuse_together(
            (
                ("--at", letter.at),
                ("--undo", letter.undo),
                ("--queue", letter.queue),
                ("--idempotency-key", letter.idempotency_key),
                ("-n", letter.dry_run),
            ),
            "--draft, which sends nothing,",
        )
    if letter.undo is not None and not session.can_ask:
        raise UsageError(
            "--undo is for a terminal", hint="off a terminal: --queue --at +1min, then outbox cancel"
        )
    if letter.idempotency_key is not None and not letter.idempotency_key.strip():
        raise UsageError("the idempotency key is empty")
    if letter.at is not None:
        _moment(session, letter.at)
    wishes(letter, session.ctx.clock())


def _texts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from _texts(value)


def finish(
    session: Session,
    prepared: Prepared,
    letter: Letter,
    after: Callable[[], Any] = lambda: None,
    *,
    kept: Unsent | None = None,
) -> None:
    """Send a prepared message, keep it in Drafts with --draft, or with --dry-run only print it. Raises
    the error of its outcome.

    `kept` is the file of the editor: it goes once the message is sent, and is named otherwise.
    """
    try:
        if kept is None:
            _remind(session, prepared)
        _finish(session, prepared, letter, after)
    except BaseException:
        if kept is not None:
            kept.leave()
            session.out.notice(f"the text is kept in {kept.path}")
        raise
    if kept is not None:
        kept.drop()


def finish_edited(
    session: Session,
    template: Draft,
    letter: Letter,
    after: Callable[[], Any] = lambda: None,
    *,
    draft_id: str = "",
) -> None:
    """Let the user write first, and then send or keep what was written."""
    from mailcli.cli.composing import edited

    session.end_progress()
    prepared, kept = edited(session, template, letter, draft_id=draft_id)
    if prepared is not None:
        finish(session, prepared, letter, after, kept=kept)


def keep(session: Session, draft: Draft) -> None:
    """Put a letter into Drafts, and say under which id."""
    from mailcli.app import drafts, listing
    from mailcli.cli.views.messages import MESSAGES

    id = drafts.save(session.ctx, draft)
    session.end_progress()
    session.out.show(MESSAGES, listing.resolve(session.ctx, [id]), shorten=session.shorten, show={})
    session.out.remark(f"kept in Drafts: mailcli draft send {id}")


def _remind(session: Session, prepared: Prepared) -> None:
    """A forgotten attachment is a question on a terminal, and a warning in a script."""
    from mailcli.model.draft import Draft

    if not isinstance(prepared.source, Draft) or not session.ctx.config.reminds:
        return
    from mailcli.app.reminding import forgotten

    word = forgotten(prepared.source)
    if not word:
        return
    said = f"the text says {word!r}, and nothing is attached"
    if not session.can_ask:
        session.out.notice(f"{said} (attachment_reminder = false leaves this warning out)")
        return
    from mailcli.cli.ask import confirm

    if not confirm(session.streams, f"{said[0].upper()}{said[1:]}. Send it so?"):
        raise Interrupted("not sent")


def _finish(session: Session, prepared: Prepared, letter: Letter, after: Callable[[], Any]) -> None:
    if letter.dry_run:
        print_only(session, (prepared,))
        return
    if letter.idempotency_key is None and letter.at is None and not letter.undo and not letter.queue:
        from mailcli.app.connecting import deadlines, dial_ahead

        dial_ahead(session.ctx, prepared.account.sending, deadlines(letter.deadline))
    from mailcli.app import sending

    if letter.idempotency_key is None:
        sent = _send(session, prepared, letter, "")
    else:
        from mailcli.app.once import once

        def send(digest: str, rest: Prepared) -> Sent:
            return _send(session, rest, letter, digest)

        sent = once(session.ctx, letter.idempotency_key, prepared, send)
    session.end_progress()
    failed = sending.failure(sent)
    if failed is None or any(outcome.outcome == "sent" for outcome in sent.recipients):
        after()
    rows = [Row(o, sent.message_id, sent.queue_id, sent.account) for o in sent.recipients]
    session.out.outcome(SENT, rows)
    if failed is not None:
        raise failed


def print_only(session: Session, messages: Iterable[Prepared]) -> None:
    """--dry-run: the exact bytes, and on stderr what stands around them."""
    from mailcli.app.preparing import extensions

    rows = []
    for prepared in messages:
        envelope, needs = prepared.envelope, extensions(prepared)
        to = ", ".join(f"<{address}>" for address in envelope.recipients)
        session.out.notice(
            f"not sent: by account {prepared.account.name}, from <{envelope.sender}> to {to}, "
            f"{len(prepared.data)} octets" + (f", needs {' '.join(needs)}" if needs else "")
        )
        rows.append(DryRun(prepared, needs))
    session.out.show(PREPARED, rows)


def _send(session: Session, prepared: Prepared, letter: Letter, digest: str) -> Sent:
    from mailcli.app import outbox, sending

    how = sending.Delivery(
        letter.partial == "deliver",
        letter.deadline,
        letter.ehlo or "",
        letter.on_unknown or "hold",
        digest,
        wishes(letter, session.ctx.clock()),
    )
    if letter.at is not None:
        when = _moment(session, letter.at)
        held = sending.deliver_held(session.ctx, prepared, how, when)
        if held is not None:
            session.out.notice(f"the server keeps it until {_stamp(when)}; it cannot be recalled here")
            return held
        sent = outbox.queue(session.ctx, _entry(session, prepared, how, when))
        session.out.notice(f"it will be sent by the first `mailcli outbox run` or fetch after {_stamp(when)}")
        return sent
    if letter.undo:
        return _recallable(session, _entry(session, prepared, how, session.ctx.clock() + letter.undo))
    if letter.queue:
        return _queue(session, prepared, how)
    try:
        return sending.deliver(session.ctx, prepared, how)
    except TryAgain as error:
        if not session.can_ask or session.options.offline:
            raise
        from mailcli.cli.ask import confirm

        session.end_progress()
        if not confirm(
            session.streams, f"{error.message}. Keep it in the outbox and try later?", default=True
        ):
            raise
        return _queue(session, prepared, how, now=False)


def _queue(session: Session, prepared: Prepared, how: Delivery, *, now: bool = True) -> Sent:
    from mailcli.app import outbox

    entry = _entry(session, prepared, how, 0.0)
    sent = outbox.queue(session.ctx, entry) if now else outbox.standing(outbox.enqueue(session.ctx, entry))
    if any(o.outcome == "deferred" for o in sent.recipients):
        session.out.notice("queued; `mailcli outbox run`, the next fetch or the next send tries again")
    return sent


def _recallable(session: Session, entry: Entry) -> Sent:
    """Count down with the message in the outbox already: a terminal that goes away does not lose
    it. Ctrl-C takes it out."""
    from mailcli.app import outbox

    row = outbox.enqueue(session.ctx, entry)
    try:
        while (left := entry.not_before - session.ctx.clock()) > 0:
            session.streams.say(f"\rsending in {left:.0f} s, Ctrl-C recalls it ")
            time.sleep(min(left, 1.0))
    except (KeyboardInterrupt, Interrupted):
        outbox.recall(session.ctx, row.entry.id)
        session.streams.say("\n")
        raise Interrupted("recalled: it was not sent") from None
    session.streams.say("\r\x1b[K")
    return outbox.attempt(session.ctx, row)


def _entry(session: Session, prepared: Prepared, how: Delivery, when: float) -> Entry:
    from mailcli.app import outbox

    return outbox.entry(
        prepared,
        session.ctx.clock(),
        not_before=when,
        partial=how.partial,
        on_unknown=how.on_unknown,
        ehlo=how.ehlo,
        key=how.key,
        wishes=how.wishes,
    )


def _moment(session: Session, text: str) -> float:
    from mailcli.model.moment import moment

    return moment(text, session.ctx.clock())


def _stamp(when: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S%z", time.localtime(when))
