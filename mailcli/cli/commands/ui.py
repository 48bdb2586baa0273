"""`mailcli ui`: the full-screen reader."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command
from mailcli.errors import UsageError

if TYPE_CHECKING:
    from mailcli.app.fetching import FetchReport


def run(session: Session, start: tuple[str, ...]) -> int:
    if not (session.streams.stdin_terminal and session.streams.stdout_terminal):
        raise UsageError("the reader needs a terminal", hint="mailcli list and mailcli read work without one")
    assert session.reader is not None
    session.ctx.fetched = partial(_fetched, session)
    return session.reader(session.ctx, " ".join(start) or None, session.options.plain)


def _fetched(session: Session, reports: Sequence[FetchReport]) -> None:
    """The screen is the reader's, so what a hook prints goes nowhere; and nobody who leaves the reader
    waits for one."""
    if any(a.hooks.new_mail or a.hooks.after_fetch for a in session.ctx.config.accounts.values()):
        import threading

        from mailcli.cli import hooks

        run = partial(hooks.after_fetch, session, reports, behind=True)
        threading.Thread(target=run, name="hooks", daemon=True).start()


COMMAND = Command(
    "ui",
    "Open the full-screen reader.",
    run,
    arguments=(
        Argument(
            "start", "FOLDER|QUERY", "What to show first; the inbox without it.", many=True, required=False
        ),
    ),
    about="mailcli without a command does the same. --plain shows numbered lines, for screen readers.",
)
