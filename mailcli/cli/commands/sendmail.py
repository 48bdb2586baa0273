"""`mailcli sendmail`, and mailcli called by the name sendmail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.cli import sendmail
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example
from mailcli.errors import TryAgain, UsageError

if TYPE_CHECKING:
    from mailcli.app.preparing import Prepared
    from mailcli.app.sending import Delivery
    from mailcli.model.wishes import Wishes


def run(session: Session, words: tuple[str, ...]) -> int:
    if words == ("--help",):
        from mailcli.cli.commands.help import COMMAND as HELP

        return HELP.run(session, topic=("sendmail",)) or 0
    from mailcli.mime.encode import refuse_breaks

    refuse_breaks("an argument", *words)
    call = sendmail.parse(words)
    if call.account:
        session.ctx.account = session.ctx.config.account(call.account).name
    if call.mode == "p":
        from mailcli.cli.commands import outbox

        outbox.list_(session)
        return 0
    if call.mode == "q":
        from mailcli.cli.commands import outbox

        return outbox.run(session)
    if call.mode == "i":
        return 0  # newaliases: aliases are read anew each time
    if call.mode == "s":
        from mailcli.cli.smtp_stdio import serve

        return serve(session, submit)
    data = session.streams.stdin.read()
    # A dot ends what is typed. In a pipe it would cut off what a caller wrote who forgot -i, as
    # `set sendmail="mailcli sendmail"` in mutt does.
    typed = call.dots and session.streams.stdin_terminal
    submit(session, sendmail.until_dot(data) if typed else data, call)
    return 0


def submit(session: Session, data: bytes, call: sendmail.Call) -> None:
    """Send one message, or keep it in the outbox when that is not possible now: whoever calls
    sendmail does not come again. Raises what is final."""
    from mailcli.app import preparing, sending

    if not call.recipients and not call.from_header:
        raise UsageError("sendmail: no recipient", hint="name one, or use -t to take them from the header")
    ctx = session.ctx
    prepared = preparing.prepare_raw(
        ctx,
        data,
        recipients=call.recipients,
        sender=call.sender,
        full_name=call.full_name,
        from_header=call.from_header,
        local_names=True,
    )
    how = sending.Delivery(partial=True, wishes=_wishes(call))
    try:
        sent = sending.deliver(ctx, prepared, how)
    except TryAgain as error:
        _keep(session, prepared, how, error.message)
        return
    if call.verbose:
        for outcome in sent.recipients:
            session.out.notice(f"{outcome.outcome} {outcome.email} {outcome.code} {outcome.text}")
    later = tuple(o.email for o in sent.recipients if o.outcome == "deferred")
    if later:
        # Those alone: whoever has it, or is never to have it, is not asked again.
        rest = prepared._replace(envelope=prepared.envelope._replace(recipients=later))
        why = next(o for o in sent.recipients if o.outcome == "deferred")
        _keep(session, rest, how, f"<{why.email}>: {why.code} {why.text}")
    decided = tuple(o for o in sent.recipients if o.outcome != "deferred")
    failed = sending.failure(sent._replace(recipients=decided)) if decided else None
    if failed is not None:
        raise failed


def _keep(session: Session, prepared: Prepared, how: Delivery, why: str) -> None:
    from mailcli.app import outbox

    entry = outbox.entry(prepared, session.ctx.clock(), partial=True, wishes=how.wishes)
    waiting = outbox.enqueue(session.ctx, entry).entry.id
    session.out.notice(f"{why}; it is in the outbox as {waiting} and is sent later")


def _wishes(call: sendmail.Call) -> Wishes:
    from mailcli.model import wishes

    return wishes.Wishes(
        notify=wishes.notify(call.notify) if call.notify else (),
        returns=wishes.returns(call.returns) if call.returns else "",
        envelope_id=wishes.envelope_id(call.envelope_id) if call.envelope_id else "",
    )


COMMAND = Command(
    "sendmail",
    "Send a message the way sendmail(8) is called.",
    run,
    arguments=(
        Argument("words", "ARGUMENT", "sendmail's own options and recipients.", many=True, required=False),
    ),
    about="""
    A drop-in for /usr/sbin/sendmail: cron, git send-email, mutt, mailx and PHP call it so. A link named
    sendmail to mailcli does the same. Everything behind the word is sendmail's: mailcli's own options stand
    before it.

    -t: recipients from the header too; -i, -oi: a line with a single dot does not end the message (it only
    does when typed on a terminal); -f, -r ADDRESS: the envelope's sender; -F NAME: the name in From, where
    there is none; -A NAME: the account; -bs: SMTP on stdin and stdout; -bp: show the outbox; -q: run it;
    -N, -R, -V: which reports to ask for, what they return, and the id they repeat; -v: say what happened.
    Other options of sendmail are taken and mean nothing.

    The account is that of -A, else the one that owns the address in From, else the default one. A recipient
    without @ is an alias (see mailcli-config), or the user who calls: then it is the account's own address.
    When the server is away the message goes into the outbox, and the exit code is 0: it is durable then.
    """,
    examples=(
        Example("git config sendemail.sendmailCmd 'mailcli sendmail'", "git send-email."),
        Example("ln -s $(command -v mailcli) /usr/local/sbin/sendmail", "For cron and all others."),
    ),
    verbatim=True,
)
