"""`mailcli attach list|save|open`."""

from __future__ import annotations

from collections.abc import Sequence

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group, Option
from mailcli.cli.views.places import PATHS
from mailcli.cli.views.reading import ATTACHMENTS, Placed
from mailcli.errors import UsageError

_ID = Argument("id", "ID", "The message.", complete="ids")
_CHOICE = Argument(
    "choice", "N|GLOB", "Attachments by position or by name; all without one.", many=True, required=False
)


def list_(session: Session, id: str) -> None:
    from mailcli.app import reading

    message = session.message(id)
    there = reading.attachments(session.ctx, message.id)
    session.end_progress()
    session.out.show(ATTACHMENTS, [Placed(n, part) for n, part in enumerate(there, 1)])


def save(session: Session, id: str, choice: tuple[str, ...], output: str | None) -> None:
    from pathlib import Path

    from mailcli.app import bodies, reading
    from mailcli.app.context import user_path

    chosen = session.messages([id])
    bodies.bring(session.ctx, [message.id for message in chosen])
    session.end_progress()
    for message in chosen:
        if output == "-":
            for _part, data in _one(reading.pick(session.ctx, message.id, choice)):
                session.out.bytes(data)
            continue
        directory = user_path(output) if output else Path()
        session.out.show(
            PATHS, reading.save_attachments(session.ctx, message.id, choice, directory), quiet=True
        )


def _one(chosen: Sequence[tuple[object, bytes]]) -> Sequence[tuple[object, bytes]]:
    if len(chosen) != 1:
        raise UsageError(f"-o - writes one attachment, and {len(chosen)} are chosen", hint="name one")
    return chosen


def open_(session: Session, id: str, choice: tuple[str, ...]) -> None:
    """Hand attachments to the desktop, from a private directory that outlives us."""
    import shutil
    import subprocess
    import tempfile
    from pathlib import Path

    from mailcli.app import reading

    opener = session.streams.environ.get("MAILCLI_OPENER") or shutil.which("xdg-open") or shutil.which("open")
    if not opener:
        raise UsageError("there is no xdg-open here", hint="mailcli attach save, or set MAILCLI_OPENER")
    directory = Path(tempfile.mkdtemp(prefix="mailcli-"))
    saved = reading.save_attachments(session.ctx, session.message(id).id, choice, directory)
    session.end_progress()
    for path in saved:
        subprocess.run([opener, str(path)], check=False, stdin=subprocess.DEVNULL)  # noqa: S603


COMMAND = Group(
    "attach",
    "List, save or open attachments.",
    (
        Command(
            "list",
            "List the attachments of a message.",
            list_,
            arguments=(_ID,),
            about="Piped, a line for each: number, type, size, name.",
            view=ATTACHMENTS,
        ),
        Command(
            "save",
            "Save attachments into a directory.",
            save,
            arguments=(Argument("id", "ID", "The message; - reads ids from stdin.", complete="ids"), _CHOICE),
            options=(Option(("-o", "--output"), "Where to; - is stdout.", "text", "DIR|-", complete="dirs"),),
            about="""
            Without a choice all are saved, without -o into the current directory. No file is overwritten: a
            second report.pdf becomes "report (2).pdf". The paths written are printed.
            """,
            examples=(
                Example("mailcli attach save 7k2m '*.pdf' -o ~/tax", "By name."),
                Example("mailcli attach save 7k2m 1 -o - | tar tz", "The first, to stdout."),
            ),
            view=PATHS,
        ),
        Command(
            "open",
            "Open attachments with the desktop's programs.",
            open_,
            arguments=(_ID, _CHOICE),
            about="The program is $MAILCLI_OPENER, else xdg-open or open.",
        ),
    ),
)
