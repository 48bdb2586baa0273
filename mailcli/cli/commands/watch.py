"""`mailcli watch`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from mailcli.cli import cells, dates, failure
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.messages import MESSAGES
from mailcli.errors import MailcliError, PartialFailure
from mailcli.model import printable

if TYPE_CHECKING:
    from types import FrameType

    from mailcli.cli.shell import ShellTemplate
    from mailcli.model.message import Summary
    from mailcli.net.cancel import CancelToken


def run(session: Session, accounts: tuple[str, ...], command: str | None, once: bool) -> int:
    from mailcli.app import watching
    from mailcli.app.lookout import Fetched, Lost, Watching
    from mailcli.app.watching import Arrived
    from mailcli.cli import hooks

    template = None
    if command is not None:
        from mailcli.cli.shell import ShellTemplate

        template = ShellTemplate(command, MESSAGES)
    states = _States(session)
    happenings = watching.watch(session.ctx, accounts, patient=not once)
    with _terminable(session.ctx.cancel) as ended, closing(happenings):
        try:
            for happening in happenings:
                match happening:
                    case Arrived(messages):
                        good = _tell(session, template, messages, once)
                        if once:
                            return 0 if good else PartialFailure.exit_code
                    case Fetched(report):
                        session.end_progress()
                        hooks.after_fetch(session, [report])
                    case Lost(account, error, _, refused):
                        states.lost(account, error, refused)
                    case Watching(account, way):
                        states.watched(account, way)
        except KeyboardInterrupt:
            if not ended:
                raise
    return 0


def _tell(session: Session, template: ShellTemplate | None, messages: list[Summary], once: bool) -> bool:
    """Print the messages, or run the command for each; whether all of that went well."""
    session.end_progress()
    if template is not None:
        from mailcli.cli import hooks

        failed = [row for row in messages if not hooks.run_for(session, template, row)]
        return not failed
    if once:
        session.out.show(MESSAGES, messages, shorten=session.shorten)
    else:
        session.out.stream(MESSAGES, messages, line=lambda row: _line(session, row))
    return True


def _line(session: Session, row: Summary) -> str:
    """`14:05  work  Alice Ng  Launch plan`: when it came, where, from whom, about what."""
    clock = dates.moment(session.clock(), None).strftime("%H:%M")
    sender = printable.line(row.sender[0].label) if row.sender else ""
    account = printable.line(row.account)
    subject = printable.line(row.subject) or "(no subject)"
    text = f"{clock}  {account}  {cells.fit(sender, min(24, session.streams.width // 4))}  {subject}"
    return cells.cut(text, session.streams.width)


class _States:
    """What is said of each account's connection: that it was lost, once, and that it is back."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._said: dict[str, str] = {}

    def watched(self, account: str, way: str) -> None:
        if self._said.pop(account, ""):
            self._say(f"{account}: watched again")
        elif self._session.options.verbose:
            self._say(f"{account}: watched ({way})")

    def lost(self, account: str, error: MailcliError, refused: bool) -> None:
        if self._said.get(account) == error.message:
            return
        self._said[account] = error.message
        if refused:
            self._session.end_progress()
            failure.tell(self._session.streams, self._session.options, error)
        else:
            self._say(f"{error.message}; trying again")

    def _say(self, text: str) -> None:
        self._session.end_progress()
        if not self._session.options.quiet:
            self._session.streams.say(f"mailcli: {printable.line(text)}\n")


@contextmanager
def _terminable(token: CancelToken) -> Iterator[list[int]]:
    """For the block SIGTERM ends the watch in good order, as systemd expects it; the list then holds
    its number."""
    ended: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        ended.append(number)
        token.cancel()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield ended
    finally:
        signal.signal(signal.SIGTERM, before)


COMMAND = Command(
    "watch",
    "Wait for new mail, and tell of it or run a command.",
    run,
    arguments=(
        Argument(
            "accounts", "ACCOUNT", "All, if none is named.", many=True, required=False, complete="accounts"
        ),
    ),
    options=(
        Option(
            ("--exec",),
            "Run this for each new message, like './page.sh {id}'.",
            "text",
            "CMD",
            dest="command",
        ),
        Option(("--once",), "End with 0 as soon as something new has arrived."),
    ),
    about="""
    Every account is fetched, and fetched again whenever its server says that something changed (IMAP
    NOTIFY or IDLE), or every watch_interval where it does not say. Changes made here are pushed, the
    outbox is sent when it is due. New mail is printed, a line for each message: in any folder but
    Sent, Drafts, Trash and Spam, and each once, also if another fetch brought it.

    With --exec nothing is printed. The command is run by the shell for each message, one after the
    other. A field in braces, as in --format, stands for its value, quoted already; the message is
    JSON on stdin; MAILCLI_ID, MAILCLI_ACCOUNT, MAILCLI_FOLDER, MAILCLI_FROM, MAILCLI_SUBJECT,
    MAILCLI_DATE and MAILCLI_MESSAGE_ID are set.

    A lost connection is made again. --json prints an object a line; with --once, the document of list.
    """,
    examples=(
        Example("mailcli watch --exec './page.sh {id}'", "A command for every new message."),
        Example("mailcli watch --exec 'notify-send -- {from.name} {subject}'", "On the desktop."),
        Example("mailcli watch work --once && make", "Wait for one message."),
    ),
    view=MESSAGES,
)
