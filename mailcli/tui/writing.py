"""Writing from the reader: $EDITOR on the draft's text, a question, and sending beside."""

from __future__ import annotations

import asyncio
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit.application import run_in_terminal

from mailcli.app import drafting, drafts, preparing, sending, unsent
from mailcli.app.context import Context
from mailcli.app.reminding import forgotten
from mailcli.app.unsent import Unsent
from mailcli.errors import MailcliError
from mailcli.model import printable
from mailcli.model.draft import Draft, Sent
from mailcli.tui.jobs import Done, Failed, Message

if TYPE_CHECKING:
    from mailcli.tui.reader import Reader


class Writing:
    """Drafts of one reader. What was written is kept in a file until it has been sent."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.sending = 0

    def write(self) -> None:
        ctx = self.reader.local
        self.reader.jobs.local(lambda: preparing.blank_template(ctx), self._begun(lambda: None))

    def reply(self) -> None:
        self._reply(everyone=False)

    def reply_all(self) -> None:
        self._reply(everyone=True)

    def _reply(self, *, everyone: bool) -> None:
        id = self.reader.one()
        if id is not None:
            self.reader.opening.with_body(
                id,
                lambda ctx: preparing.reply_template(ctx, id, None, everyone=everyone),
                self._begun(lambda: preparing.mark_answered(self.reader.local, id)),
            )

    def forward(self) -> None:
        id = self.reader.one()
        if id is not None:
            self.reader.opening.with_body(
                id,
                lambda ctx: preparing.forward_template(ctx, id, None),
                self._begun(lambda: preparing.mark_answered(self.reader.local, id, forwarded=True)),
            )

    def _begun(self, sent: Callable[[], None]) -> Callable[[Message], None]:
        """What to do with a template: let it be written, and sent, and then do `sent`."""

        def then(message: Message) -> None:
            if isinstance(message, Done):
                asyncio.get_running_loop().create_task(self._write(message.result, sent))
            self.reader.answer(message)

        return then

    async def _write(self, draft: Draft, sent: Callable[[], None]) -> None:
        edited = await run_in_terminal(lambda: edit(self.reader.ctx, draft), in_executor=True)
        if isinstance(edited, str):
            self.reader.say(edited)
        else:
            self._send(*edited, sent)
        self.reader.application.invalidate()

    def _send(self, draft: Draft, writing: Unsent, sent: Callable[[], None]) -> None:
        reader, ctx = self.reader, self.reader.ctx
        reader.say("sending …")
        self.sending += 1

        def work() -> Sent:
            outcome = submit(ctx, draft)
            sent()
            return outcome

        def then(message: Message) -> None:
            self.sending -= 1
            if isinstance(message, Done):
                writing.drop()
                reader.say("sent")
                reader.reload()
                reader.acting.push()
            reader.answer(message)
            if not isinstance(message, Done):
                writing.leave()
                reader.status, reader.failed = _kept(ctx, writing.path) + _why(message), True

        reader.jobs.network(work, then)


def _kept(ctx: Context, path: Path) -> str:
    """Where an unsent draft is, first of all: the end of a status line may be out of sight."""
    home = ctx.environ.get("HOME")
    short = f"~/{path.relative_to(home)}" if home and path.is_relative_to(home) else str(path)
    return f"not sent, kept in {short}"


def _why(message: Message) -> str:
    return printable.line(f": {message.error.message}") if isinstance(message, Failed) else ""


def edit(ctx: Context, draft: Draft) -> tuple[Draft, Unsent] | str:
    """Edit until the user sends or stops. Gives the draft and the file that keeps it, or what to
    say. Runs in the terminal, with the screen put away."""
    unsent.adopt(ctx)
    writing = Unsent(ctx, draft)
    try:
        return _edit(ctx, draft, writing)
    except BaseException:
        writing.leave()
        raise


def _edit(ctx: Context, draft: Draft, writing: Unsent) -> tuple[Draft, Unsent] | str:
    editor = ctx.environ.get("VISUAL") or ctx.environ.get("EDITOR") or "vi"
    while True:
        try:
            subprocess.run([*(shlex.split(editor) or ["vi"]), str(writing.path)], check=True)  # noqa: S603 - the user's own
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            writing.leave()
            return f"the editor failed ({error}); the draft is kept in {writing.path}"
        text = writing.text()
        if text == writing.before:
            writing.drop()
            return "unchanged, not sent"
        result: Draft | None = None
        try:
            result = drafting.from_text(ctx, draft, text)
            question = _question(ctx, result)
        except MailcliError as error:
            question = f"{error}. [e]dit, [k]eep as draft: "
        answer = _ask(question)
        if answer == "y" and result is not None:
            return result, writing
        if answer == "k":
            if result is None:
                writing.leave()
                return f"not sent; the draft is kept in {writing.path}"
            id = drafts.save(ctx, result)
            writing.drop()
            return f"not sent; kept in Drafts as {id}"


def _question(ctx: Context, draft: Draft) -> str:
    word = forgotten(draft) if ctx.config.reminds else ""
    warning = f"The text says {word!r}, and nothing is attached. " if word else ""
    people = ", ".join(a.email for a in (*draft.to, *draft.cc, *draft.bcc))
    who = printable.line(people) or "nobody"
    return f"{warning}Send to {who}? [y]es, [e]dit, [k]eep as draft: "


def submit(ctx: Context, draft: Draft) -> Sent:
    """Send a draft; raises unless every recipient was accepted."""
    outcome = sending.deliver(ctx, preparing.prepare_draft(ctx, draft), sending.Delivery())
    error = sending.failure(outcome)
    if error is not None:
        raise error
    return outcome


def write_plainly(ctx: Context, id: str | None, *, everyone: bool) -> None:
    """Write or reply on the terminal as it is, for the plain reader."""
    if id is None:
        template = preparing.blank_template(ctx)
    else:
        template = preparing.reply_template(ctx, id, None, everyone=everyone)
    edited = edit(ctx, template)
    if isinstance(edited, str):
        sys.stdout.write(edited + "\n")
        return
    draft, writing = edited
    try:
        submit(ctx, draft)
    except BaseException:
        writing.leave()
        raise
    writing.drop()
    if id is not None:
        preparing.mark_answered(ctx, id)
    sys.stdout.write("sent\n")


def _ask(question: str) -> str:
    try:
        return (input(question).strip().lower() or "e")[0]
    except (EOFError, KeyboardInterrupt):
        return "k"
