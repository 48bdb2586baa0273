"""`mailcli send`."""

from __future__ import annotations

from typing import Any

from mailcli.cli import composing, submitting
from mailcli.cli.composing import OPTIONS, SUBJECT, Letter
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.results import SENT
from mailcli.errors import UsageError


def run(
    session: Session,
    to: tuple[str, ...],
    recipients_from_header: bool,
    raw: bool,
    merge: str | None,
    rate: str | None,
    limit: int | None,
    **options: Any,
) -> int | None:
    letter = Letter(to=to, **options)
    submitting.check_options(session, letter, merge, rate)
    if merge is None and (rate or limit is not None):
        raise UsageError("--rate and --limit go with --merge")
    if merge is not None:
        from mailcli.cli import merging

        if raw or recipients_from_header:
            raise UsageError("--merge goes with a text, not with --raw or -t")
        return merging.send(session, letter, merge, rate, limit)
    _send(session, letter, recipients_from_header, raw)
    return None


def _send(session: Session, letter: Letter, recipients_from_header: bool, raw: bool) -> None:
    from mailcli.app import preparing

    if raw or recipients_from_header:
        _send_raw(session, letter, recipients_from_header)
        return
    text = composing.body(session, letter)
    if composing.nothing_to_send(letter, text):
        return
    if text is None:
        template = preparing.blank_template(session.ctx, letter.sender, letter.to)
        submitting.finish_edited(session, template, letter)
        return
    asked = composing.request(session, letter, text)
    if letter.draft:
        submitting.keep(session, preparing.drafted(session.ctx, asked))
    else:
        submitting.finish(session, preparing.prepare(session.ctx, asked), letter)


def _send_raw(session: Session, letter: Letter, from_header: bool) -> None:
    """The input is a message already; without recipients on the line, the header names them."""
    from mailcli.app import preparing

    composing.refuse_together(
        (
            ("-s", letter.subject),
            ("-c", letter.cc),
            ("-b", letter.bcc),
            ("-a", letter.attach),
            ("-H", letter.header),
            ("--html", letter.html),
            ("--markdown", letter.markdown),
            ("--draft", letter.draft),
        ),
        "--raw or -t, which send a message as it is,",
    )
    data = composing.content(session, letter.file)
    if letter.not_empty and not data.strip():
        return
    prepared = preparing.prepare_raw(
        session.ctx,
        data,
        recipients=letter.to,
        sender=letter.sender,
        from_header=from_header or not letter.to,
    )
    submitting.finish(session, prepared, letter)


COMMAND = Command(
    "send",
    "Send a message.",
    run,
    arguments=(
        Argument("to", "TO", "Addresses, or mailto: URLs.", many=True, required=False, complete="addresses"),
    ),
    options=(
        SUBJECT,
        *OPTIONS,
        Option(
            ("-t", "--recipients-from-header"), "The input is a message; its header names recipients too."
        ),
        Option(("--raw",), "The input is a message, to be sent byte for byte."),
        Option(
            ("--merge",),
            "Send one message for each row of this table (CSV, or JSON lines), {field} filled in.",
            "text",
            "ROWS",
            complete="files",
        ),
        Option(("--rate",), "With --merge: send no faster than this, like 30/min.", "text", "N/min"),
        Option(("--limit",), "With --merge: at most this many messages now.", "integer", "N"),
    ),
    about="""
    The text is read from stdin or the file of -F; on a terminal without either, $EDITOR opens. The
    account is that of -A, else the one that owns the address of -r, else the default.

    Attachments and addresses are checked before any connection is made. Nothing is printed when all went
    well, except on a terminal; --json gives the outcome of each recipient. The message is handed over
    when the exit code is 0. 65: refused; 67: a recipient refused, and unless --partial deliver is given
    sent to nobody; 75: try again later; 79: the connection was lost after the message was sent and before
    the answer, so that it may have arrived; do not blindly send it again.

    With --raw or -t the input is a whole message. It goes out byte for byte, except that Bcc is taken
    out and a missing Date, Message-ID or From is put in.

    With --merge the subject, the text, the recipients, the names of attachments and the values of -H may
    hold {field}: a column of the table. Without a recipient on the line, the column email or to has it. A
    field or a file that is missing for one row is an error before anything is sent. All rows go through
    the outbox in one connection; the same command run again after a kill sends only the rows that are left
    (another --idempotency-key sends all of them again).

    Files that the HTML or the Markdown shows as images travel inside the message.
    """,
    examples=(
        Example('df -h | mailcli send -s "disk $(hostname)" ops@example.org', "From a script."),
        Example("./job 2>&1 | mailcli send -E -s 'job output' me@example.org", "Only if it said anything."),
        Example(
            "mailcli send -s Report -a report.pdf -F text.txt ann@example.org bob@example.org", "A file."
        ),
        Example("mailcli send -t < message.eml", "A message that has its header."),
        Example(
            "mailcli send --merge rows.csv -s 'Hello {name}' -F letter.md --markdown '{email}'",
            "A letter to each row of a table.",
        ),
    ),
    view=SENT,
)
