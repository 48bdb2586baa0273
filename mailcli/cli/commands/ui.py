"""`mailcli ui`: the full-screen reader."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command
from mailcli.errors import UsageError


def run(session: Session, start: tuple[str, ...]) -> int:
    if not (session.streams.stdin_terminal and session.streams.stdout_terminal):
        raise UsageError("the reader needs a terminal", hint="mailcli list and mailcli read work without one")
    assert session.reader is not None
    return session.reader(session.ctx, " ".join(start) or None, session.options.plain)


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
