"""`mailcli export`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.exchange import EXPORTS
from mailcli.errors import UsageError

FORMS = ("mbox", "eml", "maildir")


def run(session: Session, query: tuple[str, ...], output: str, form: str | None) -> None:
    from mailcli.app import exporting
    from mailcli.app.context import user_path

    if output == "-":
        if form not in (None, "mbox"):
            raise UsageError(f"-o - with --as {form}", hint="only an mbox goes to stdout")
        done = exporting.export_to(session.ctx, query, session.streams.stdout)
    else:
        done = exporting.export(session.ctx, query, user_path(output), form)
    session.end_progress()
    if done.missing:
        count = f"{done.missing} message" + ("" if done.missing == 1 else "s")
        session.out.notice(f"left out {count} of which only the header is here: {done.reason}")
    if output != "-":
        session.out.show(EXPORTS, (done,), quiet=True)


COMMAND = Command(
    "export",
    "Write found messages to an mbox, a Maildir or .eml files.",
    run,
    arguments=(Argument("query", "QUERY", "As for search; see mailcli help query.", many=True),),
    options=(
        Option(
            ("-o", "--output"),
            "The file or directory; - is stdout, for an mbox.",
            "text",
            "PATH",
            required=True,
            complete="files",
        ),
        Option(
            ("--as",),
            "The form; without it eml for a directory that is there, else mbox.",
            "choice",
            choices=FORMS,
            dest="form",
        ),
    ),
    about="""
    The messages are written byte for byte, oldest first: into one mbox (mboxrd), as single .eml files
    named by their ids, or into a Maildir with their flags. Nothing that is there is overwritten.

    A word that begins with - is a negated term, as for search.
    """,
    examples=(Example("mailcli export in:Archive before:2024 -o old.mbox", "Everything before 2024."),),
    words=True,
    view=EXPORTS,
)
