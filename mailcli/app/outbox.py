"""The outbox: messages that wait for their server, their hour, or a word from the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING

from mailcli.app.connecting import deadlines, named, open_incoming_imap, open_sending, own_name
from mailcli.app.context import Context
from mailcli.errors import (
    ConfigError,
    Locked,
    MailcliError,
    MessageRefused,
    NotFound,
    OutcomeUnknown,
    RecipientRefused,
    TryAgain,
)
from mailcli.model.account import Account, Protocol
from mailcli.model.draft import Outcome, Sent
from mailcli.model.flags import SEEN, Flags
from mailcli.model.record import NamedTuple
from mailcli.model.wishes import NONE, Wishes
from mailcli.outbox import keys
from mailcli.outbox.entry import COMMITTING, FAILED, HELD, QUEUED, SENT, UNKNOWN, Entry, State
from mailcli.outbox.spool import Row, Spool

if TYPE_CHECKING:
    from mailcli.app.preparing import Prepared
    from mailcli.net.smtp import SmtpConnection
    from mailcli.outbox.run import Result, Run


class Report(NamedTuple):
    """What a run did with one entry: `error` is None if all recipients have the message."""

    row: Row
    error: MailcliError | None


def spool(ctx: Context) -> Spool:
    """The outbox of this profile."""
    return Spool(f"{ctx.paths.data}/outbox", ctx.clock)


def entry(
    prepared: Prepared,
    now: float,
    *,
    not_before: float = 0.0,
    kept: bool = True,
    partial: bool = False,
    on_unknown: str = "hold",
    ehlo: str = "",
    key: str = "",
    wishes: Wishes = NONE,
) -> Entry:
    """A prepared message as an outbox entry, without its id yet."""
    return Entry(
        id="",
        account=prepared.account.name,
        envelope=prepared.envelope,
        message_id=prepared.message_id,
        subject=prepared.subject,
        queued=now,
        not_before=not_before or now,
        kept=kept,
        partial=partial,
        on_unknown=on_unknown,
        ehlo=ehlo,
        key=key,
        wishes=wishes._replace(binary=True) if prepared.binary else wishes,
        composed=prepared.composed,
        octets=len(prepared.data),
        data=prepared.data,
        copy=b"" if prepared.copy == prepared.data else prepared.copy,
    )


def enqueue(ctx: Context, waiting: Entry) -> Row:
    """Put a message into the outbox; it is durable when this returns. Raises LocalIOError."""
    box = spool(ctx)
    return box.row(box.enqueue(waiting).id)


def queue(ctx: Context, waiting: Entry) -> Sent:
    """Put a message into the outbox, and try it at once if its time has come.

    Whatever becomes of the try, the message is durable. Recipients that are still to be tried are
    "deferred"; see `standing`.
    """
    row = enqueue(ctx, waiting)
    if not ctx.offline and waiting.not_before <= ctx.clock():
        return attempt(ctx, row)
    return standing(row)


def attempt(ctx: Context, row: Row) -> Sent:
    """Try one entry, along with what else of its account is due."""
    for report in run(ctx, [row.entry.account], everything=False):
        if report.row.entry.id == row.entry.id:
            return standing(report.row)
    return standing(row)


def standing(row: Row) -> Sent:
    """What an entry amounts to, as the result of the `send` that made it. `stage` is "queued" as
    long as the outbox goes on with it."""
    entry, state = row.entry, row.state
    word, text, stage = "deferred", f"in the outbox as {entry.id}", "queued"
    if row.busy:
        text = f"being sent from the outbox as {entry.id}"
    elif state.phase in (COMMITTING, UNKNOWN):
        word, text = "unknown", state.note or "interrupted while the server was answering"
    elif state.phase == FAILED:
        word, text, stage = "rejected", state.note, state.stage or "message"
    rest = [Outcome(recipient, word, 0, "", text) for recipient in state.open(entry)]
    return Sent(entry.account, entry.message_id, state.queue_id, (*state.outcomes, *rest), stage)


def listed(ctx: Context) -> list[Row]:
    """What is in the outbox, oldest first; of the account of `-A` only, if one was chosen."""
    chosen = None if ctx.account in (None, "all") else ctx.chosen_account().name
    box = spool(ctx)
    rows = [row for row in box.rows() if chosen in (None, row.entry.account)]
    for line in box.damaged:
        ctx.notice(f"outbox: {line}")
    return rows


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


# -- running -----------------------------------------------------------------------------------


def run(ctx: Context, accounts: Iterable[str] | None = None, *, everything: bool = True) -> list[Report]:
    """Try what is due (`everything`: also what waits for its next try), account by account.

    What a crash left in the middle comes first: its outcome is looked for, never guessed.
    """
    from mailcli.outbox.run import due

    box = spool(ctx)
    wanted = None if accounts is None else set(accounts)
    rows = [row for row in box.rows() if wanted is None or row.entry.account in wanted]
    reports: list[Report] = []
    for name in dict.fromkeys(row.entry.account for row in rows):
        some = [row for row in rows if row.entry.account == name]
        try:
            with _account_lock(ctx, name):
                reports += _tidy(ctx, box, some)
                waiting = due(box_rows(box, some), ctx.clock(), everything=everything)
                if waiting:
                    reports += _send(ctx, box, name, waiting)
        except Locked:
            ctx.notice(f"{name}: its outbox is being sent by another mailcli")
    box.sweep()
    return reports


def flush(ctx: Context, accounts: Iterable[str]) -> None:
    """Send what is due for these accounts along with something else; failures are notices."""
    if ctx.offline:
        return
    try:
        for report in run(ctx, accounts, everything=False):
            if report.error is not None:
                ctx.notice(f"outbox {report.row.entry.id}: {report.error.message}")
    except MailcliError as error:
        ctx.notice(f"outbox: {error.message}")


def box_rows(box: Spool, rows: Sequence[Row]) -> list[Row]:
    """The same entries as they are now, those that are still there."""
    found = []
    for row in rows:
        try:
            found.append(box.row(row.entry.id))
        except NotFound:
            continue
    return found


def _account_lock(ctx: Context, name: str) -> AbstractContextManager[None]:
    from mailcli.store import locks, maildir

    path = f"{ctx.paths.state}/locks/outbox-{maildir.encode_level(name)}.lock"
    return locks.hold(path, what=f"the outbox of {name}")


def _runner(ctx: Context, box: Spool, account: Account) -> Run:
    from mailcli.outbox.run import Run

    def connect(first: Entry) -> SmtpConnection:
        with named(account):
            return open_sending(ctx, account, deadlines(), first.ehlo or own_name())

    def copy(sent: Entry) -> None:
        keep_copy(ctx, account, sent.copy or sent.data, sent.message_id)

    return Run(box, connect, copy if account.save_sent else None, clock=ctx.clock, cancel=ctx.cancel)


def _send(ctx: Context, box: Spool, name: str, rows: Sequence[Row]) -> list[Report]:
    account = ctx.config.accounts.get(name)
    if account is None or account.sending is None:
        error = ConfigError(
            f"the account {name} cannot send any more",
            hint="mailcli outbox cancel, or give it an SMTP server",
        )
        return [Report(row, error) for row in rows]
    results = _runner(ctx, box, account).over(rows)
    if any(outcome.outcome == "sent" for r in results for outcome in r.state.outcomes):
        push_copy(ctx, account)
    return [Report(Row(r.entry, r.state), failure(r)) for r in results]


def _tidy(ctx: Context, box: Spool, rows: Sequence[Row]) -> list[Report]:
    """Finish what was accepted, and look for what is unknown where its server files a copy."""
    from mailcli.outbox.run import recovered

    reports = []
    with recovered(box, rows) as found:
        for row in found:
            account = ctx.config.accounts.get(row.entry.account)
            if account is None:
                continue
            state = row.state
            if state.phase == UNKNOWN and not account.save_sent and _is_in_sent(ctx, account, row.entry):
                now = tuple(Outcome(r, "sent", 0, "", "found in Sent") for r in state.open(row.entry))
                state = state._replace(phase=SENT, outcomes=(*state.outcomes, *now), filed=True)
            if state.phase == SENT:
                _look_at_sent(ctx, account)
                after = _runner(ctx, box, account).finish(row.entry, state)
                reports.append(Report(Row(row.entry, after), None))
            elif row.entry.on_unknown == "retry" and row.entry.kept:
                box.set_state(row.entry.id, state._replace(phase=QUEUED, next_try=ctx.clock()))
            elif row.state.note.startswith("interrupted"):
                reports.append(Report(row, _unknown(row.entry)))
    return reports


def _look_at_sent(ctx: Context, account: Account) -> None:
    """A run that was killed may have left the copy there without its row: take notice of it, else it
    would be kept twice."""
    with suppress(NotFound):
        ctx.store.scan(ctx.store.find_folder(account.name, "Sent").key)


def failure(result: Result) -> MailcliError | None:
    """The error an entry's result stands for; None when all recipients have it."""
    state = result.state
    if state.phase == SENT:
        return None
    if state.phase == UNKNOWN:
        return _unknown(result.entry)
    if state.phase == FAILED:
        refused = [o for o in state.outcomes if o.outcome == "rejected"]
        kind = RecipientRefused if refused and state.note.startswith("<") else MessageRefused
        return kind(f"not sent: {state.note}", hint=f"mailcli outbox show {result.entry.id}")
    if result.error is not None:
        return result.error
    return TryAgain(f"not sent yet: {state.note}", hint="it stays in the outbox and is tried again")


def _unknown(lost: Entry) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{lost.id} may have been sent: the answer of the server was lost",
        hint=f"ask the recipient, then mailcli outbox retry {lost.id} or cancel {lost.id}",
    )


def _is_in_sent(ctx: Context, account: Account, lost: Entry) -> bool:
    """Whether the server filed a copy: then the message was accepted. Not knowing is no."""
    incoming = account.incoming
    if incoming is None or incoming.protocol is not Protocol.IMAP or ctx.offline or not lost.message_id:
        return False
    from mailcli.sync.imap.folders import to_server
    from mailcli.sync.imap.searching import holds
    from mailcli.sync.imap.server import Server

    try:
        folder = ctx.store.find_folder(account.name, "Sent")
        row = next(r for r in ctx.store.sync_folders(account.name) if r.key == folder.key)
        with open_incoming_imap(ctx, account, deadlines(20)) as connection:
            server = Server(connection, incoming.disabled)
            return holds(server, to_server(row.name, row.delimiter), lost.message_id)
    except (MailcliError, StopIteration):
        return False


# -- the copy in Sent --------------------------------------------------------------------------


def keep_copy(ctx: Context, account: Account, data: bytes, message_id: str) -> None:
    """Keep what was sent, once. A failure here never turns a sent message into a failed one."""
    if not account.save_sent:
        return
    from mailcli.app.changing import special_folder
    from mailcli.store.values import Arrival

    seen: Flags = frozenset({SEEN})
    try:
        name, key = special_folder(ctx, account.name, "Sent")
        if message_id and _is_here(ctx, account, name, message_id):
            return
        ctx.store.deliver([Arrival(key, data, seen, ctx.clock())])
    except MailcliError as error:
        ctx.notice(f"the message was sent, but its copy could not be kept in Sent: {error.message}")


def _is_here(ctx: Context, account: Account, folder: str, message_id: str) -> bool:
    try:
        rows = ctx.store.get(ctx.store.resolve(f"mid:{message_id}"))
    except NotFound:
        return False
    return any((row.account, row.folder) == (account.name, folder) for row in rows)


def push_copy(ctx: Context, account: Account) -> None:
    """Tell the server of the copy at once; else the next fetch does."""
    if not account.save_sent:
        return
    from mailcli.app.pushing import push_now

    pushed = push_now(ctx, [account.name])
    if pushed.notice:
        ctx.notice(pushed.notice)
