"""`mailcli import`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.exchange import IMPORTS
from mailcli.errors import PartialFailure


def run(session: Session, paths: tuple[str, ...], to: str | None) -> int:
    from mailcli.app import importing
    from mailcli.app.context import user_path

    done = importing.import_paths(session.ctx, [user_path(path) for path in paths], to)
    session.end_progress()
    for line in done.unreadable:
        session.out.notice(line)
    session.out.show(IMPORTS, (done,), quiet=True)
    return PartialFailure.exit_code if done.unreadable else 0


COMMAND = Command(
    "import",
    "Take in an mbox, a Maildir or .eml files.",
    run,
    arguments=(
        Argument(
            "paths",
            "PATH",
            "An mbox, a Maildir, an .eml file, or a directory of those.",
            many=True,
            complete="files",
        ),
    ),
    options=(
        Option(("--to",), "The folder; made if it is not there.", "text", "FOLDER", complete="folders"),
    ),
    about="""
    Messages go to the account of -A or the default one, and are uploaded by the next fetch; without any
    account, they go to the built-in account local. They are stored byte for byte, and nothing is
    deduplicated. A file named .eml is one message, whatever it begins with. The exit code is 1 if some
    could not be read.
    """,
    examples=(
        Example("mailcli import ~/mail/archive.mbox --to Archive/2024", "An mbox."),
        Example("mailcli import ~/Maildir", "A Maildir, with its flags."),
    ),
    view=IMPORTS,
)
