"""What `send`, `reply` and `forward` share: their options, the body, the editor, the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mailcli.cli import wishing
from mailcli.cli.session import Session
from mailcli.cli.spec import Option
from mailcli.errors import Interrupted, LocalIOError, MailcliError, NotFound, UsageError
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from mailcli.app.preparing import Prepared, SendRequest
    from mailcli.app.unsent import Unsent
    from mailcli.model.draft import Draft

SUBJECT: Final = Option(("-s", "--subject"), "The subject.", "text", "SUBJECT")
OPTIONS: Final = (
    Option(
        ("-c", "--cc"),
        "A copy to this address; may be repeated.",
        "text",
        "ADDRESS",
        multiple=True,
        complete="addresses",
    ),
    Option(
        ("-b", "--bcc"),
        "A copy the others do not see.",
        "text",
        "ADDRESS",
        multiple=True,
        complete="addresses",
    ),
    Option(
        ("-r", "--from"),
        "Send as this address, by the account it belongs to.",
        "text",
        "ADDRESS",
        dest="sender",
    ),
    Option(
        ("-a", "--attach"),
        "Attach this file; may be repeated.",
        "text",
        "FILE",
        multiple=True,
        complete="files",
    ),
    Option(("-H", "--header"), "Add a header field.", "text", "'NAME: VALUE'", multiple=True),
    Option(("-F", "--file"), "Take the text from this file; - is stdin.", "text", "FILE|-", complete="files"),
    Option(("--html",), "Take an HTML version of the text from this file.", "text", "FILE", complete="files"),
    Option(("--markdown",), "The text is Markdown: send an HTML version made of it, images inside."),
    Option(("--no-signature",), "Leave out the signature of the account."),
    Option(("--draft",), "Keep it in Drafts instead of sending it."),
    Option(("-E", "--not-empty"), "If the text is empty, send nothing and exit 0."),
    Option(
        ("--partial",),
        "When a recipient is refused: send to nobody, or to the others.",
        "choice",
        choices=("abort", "deliver"),
    ),
    Option(("--ehlo",), "The name of this machine for the server.", "text", "NAME"),
    Option(("--deadline",), "Give up after this time.", "number", "SECONDS"),
    Option(("--queue",), "Put it into the outbox, durable before the command ends; sent now or later."),
    Option(("--at",), "Send it then: 'tomorrow 9am', 17:30, +2h, 2026-05-31T08:00.", "text", "WHEN"),
    Option(("--undo",), "Wait so long before it goes; Ctrl-C recalls it.", "integer", "SECONDS"),
    Option(
        ("--idempotency-key",), "Send one message under this key, however often this runs.", "text", "KEY"
    ),
    Option(
        ("--on-unknown",),
        "When the answer of the server is lost: hold the message, or send it again.",
        "choice",
        choices=("hold", "retry"),
    ),
    *wishing.OPTIONS,
    Option(("-n", "--dry-run"), "Print the message as it would be sent, and send nothing."),
)


class Letter(NamedTuple):
    """The options all three share, as parsed."""

    to: tuple[str, ...]
    subject: str | None
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    sender: str | None
    attach: tuple[str, ...]
    header: tuple[str, ...]
    file: str | None
    html: str | None
    not_empty: bool
    partial: str | None
    ehlo: str | None
    deadline: float | None
    queue: bool
    at: str | None
    undo: int | None
    idempotency_key: str | None
    on_unknown: str | None
    dsn: str | None
    dsn_return: str | None
    envelope_id: str | None
    require_tls: bool
    priority: int | None
    deliver_by: str | None
    if_late: str | None
    dry_run: bool
    markdown: bool = False
    no_signature: bool = False
    draft: bool = False


def body(session: Session, letter: Letter) -> str | None:
    """The text given: of -F, else of stdin when that is no terminal; None: the editor is wanted."""
    if letter.file is None and session.streams.stdin_terminal:
        if letter.html is not None:
            return ""
        if session.can_ask:
            return None
        raise UsageError("there is no text", hint="give it on stdin or with -F FILE")
    return _decoded(content(session, letter.file))


def content(session: Session, name: str | None) -> bytes:
    """The bytes of a file, or of stdin for `-` and None. NotFound, LocalIOError."""
    if name is None or name == "-":
        return session.streams.stdin.read()
    from mailcli.app.context import user_path

    try:
        return user_path(name).read_bytes()
    except FileNotFoundError:
        raise NotFound(f"there is no file {name}") from None
    except OSError as error:
        raise LocalIOError(f"cannot read {name}: {error.strerror}") from error


def _decoded(data: bytes) -> str:
    """Text of unknown encoding: UTF-8, else what every byte means in Latin-1; line ends become LF."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def request(session: Session, letter: Letter, text: str) -> SendRequest:
    from mailcli.app.context import user_path
    from mailcli.app.preparing import SendRequest

    return SendRequest(
        to=letter.to,
        cc=letter.cc,
        bcc=letter.bcc,
        subject=letter.subject or "",
        sender=letter.sender,
        text=text,
        html=_decoded(content(session, letter.html)) if letter.html else "",
        attachments=[user_path(name) for name in letter.attach],
        headers=[_header(line) for line in letter.header],
        markdown=letter.markdown,
        base=_beside(letter),
        signed=not letter.no_signature,
    )


def _beside(letter: Letter) -> Path | None:
    """Where the images lie that the text names: beside its file, or (None) here."""
    from mailcli.app.context import user_path

    name = letter.html or (letter.file if letter.markdown else None)
    return None if name in (None, "-") else user_path(name).parent


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise UsageError(f"-H {line!r} has no colon", hint="write -H 'Name: value'")
    return name.strip(" "), value.strip(" ")


def edited(
    session: Session, template: Draft, letter: Letter, *, draft_id: str = ""
) -> tuple[Prepared | None, Unsent]:
    """Let the user write: the draft in $EDITOR until it is a message and the user says send.

    What was written is never lost: the file given back stays until `finish` has sent it. None instead of
    a message: it was put into Drafts, in place of the draft `draft_id` if there is one.
    """
    from pathlib import Path

    from mailcli.app import drafting, drafts, preparing, unsent
    from mailcli.app.inlining import inlined
    from mailcli.cli.ask import answer
    from mailcli.cli.editor import edit

    ctx = session.ctx
    unsent.adopt(ctx)
    asked = request(session, letter, template.text)
    draft = preparing.merged(ctx, template, asked, template.text)
    writing = unsent.Unsent(ctx, draft)
    try:
        while True:
            edit(session.streams, writing.path)
            text = writing.text()
            if text.strip() == writing.before.strip() and not draft_id:
                writing.drop()
                raise Interrupted("nothing was written, so nothing is sent")
            prepared, made = None, None
            try:
                made = drafting.from_text(ctx, draft, text)
                if draft_id and draft.html and made.text != draft.text and not letter.html:
                    made = made._replace(html="")  # it says what the text said before
                whole = inlined(made, asked.base or Path(), markdown=letter.markdown, foreign=template.text)
                prepared = preparing.prepare_draft(ctx, whole)
            except MailcliError as error:
                offered = "Edit again, keep as draft or quit? [E/d/q] " if made else "Edit again? [Y/n] "
                question = f"{error.message}. {offered}"
            else:
                question = _send_question(session, prepared)
            said = answer(session.streams, question).lower()
            if said.startswith("s") and prepared is not None and not letter.draft:
                return prepared, writing
            if made is not None and said.startswith(("d", "s") if letter.draft else "d"):
                id = drafts.save(ctx, made, replacing=draft_id)
                writing.drop()
                session.out.notice(f"kept in Drafts: mailcli draft edit {id}")
                return None, writing
            if said.startswith(("q", "n")):
                raise Interrupted(f"not sent; the text is kept in {writing.path}")
    except BaseException:
        writing.leave()
        raise


def _send_question(session: Session, prepared: Prepared) -> str:
    from mailcli.app.reminding import forgotten
    from mailcli.model.draft import Draft

    word = ""
    if session.ctx.config.reminds and isinstance(prepared.source, Draft):
        word = forgotten(prepared.source)
    warning = f"The text says {word!r}, and nothing is attached. " if word else ""
    people = ", ".join(prepared.envelope.recipients)
    return f"{warning}To {people}: send, edit, keep as draft or quit? [s/e/d/q] "


def nothing_to_send(letter: Letter, text: str | None) -> bool:
    """-E, as s-nail has it."""
    return letter.not_empty and text is not None and not text.strip()


def refuse_together(given: Sequence[tuple[str, object]], other: str) -> None:
    """UsageError if any of these options is given beside `other`."""
    named = [name for name, value in given if value]
    if named:
        raise UsageError(f"{' '.join(named)} and {other} do not go together")
