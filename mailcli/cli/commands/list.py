"""`mailcli list`."""

from __future__ import annotations

from mailcli.cli.lists import AFTER, LIMIT, REVERSE, SORTS, THREADS, show_page, shown_limit
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.messages import MESSAGES


def run(
    session: Session,
    folder: str | None,
    limit: int | None,
    unread: bool,
    threads: bool,
    sort: str | None,
    reverse: bool,
    after: str | None,
) -> None:
    from mailcli.app import listing

    page = listing.list_messages(
        session.ctx,
        folder,
        limit=shown_limit(session, limit),
        unread=unread,
        threads=threads,
        sort=sort or "date",
        reverse=reverse,
        after=after,
    )
    show_page(session, page)


COMMAND = Command(
    "list",
    "List the messages of a folder, newest first.",
    run,
    arguments=(
        Argument("folder", "FOLDER", "The folder; INBOX without one.", required=False, complete="folders"),
    ),
    options=(
        LIMIT,
        Option(("--unread",), "Only messages that were not read."),
        THREADS,
        Option(("--sort",), "Order by this instead of the date.", "choice", choices=SORTS),
        REVERSE,
        AFTER,
    ),
    about="""
    Without a folder, the inbox of the account given with -A, or of the default account; -A all lists
    all inboxes. Folder names are written as they are seen, with / between levels; Archive, Trash, Spam,
    Sent and Drafts mean the account's own folder for that use.

    On a terminal a screenful is shown, fitted to its width. Piped, each message is one line of fields
    parted by tabs: id, date, flags, from, subject, folder, size.
    """,
    examples=(
        Example("mailcli list --unread", "What is new in the inbox."),
        Example("mailcli list -A all --json", "All inboxes, for a program."),
        Example("mailcli list Archive -n 10 --format '{date:%F} {subject}'", "A template for each line."),
    ),
    view=MESSAGES,
)
