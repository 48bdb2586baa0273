"""`mailcli search`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mailcli.cli import failure
from mailcli.cli.lists import AFTER, LIMIT, REVERSE, THREADS, show_page, shown_limit
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.messages import MESSAGES, lines
from mailcli.errors import NoMatch

if TYPE_CHECKING:
    from mailcli.errors import MailcliError
    from mailcli.model.message import Lines, Page
    from mailcli.model.query.ast import Query

_PREVIEWED = 100
_SCOPE = " (Spam and Trash are not searched; in:any searches everything)"


def run(
    session: Session,
    query: tuple[str, ...],
    limit: int | None,
    sort: str | None,
    threads: bool,
    reverse: bool,
    after: str | None,
    count: bool,
    exit_code: bool,
    explain: bool,
    server: bool,
    save: str | None,
) -> int:
    from mailcli.app import listing

    if save is not None:
        from mailcli.app import queries

        queries.save(session.ctx, save, query)
    if explain:
        session.out.text(listing.explain(session.ctx, query).rstrip("\n") + "\n")
        return 0
    wanted: Sequence[str] | Query = query
    errors: tuple[MailcliError, ...] = ()
    if server:
        from mailcli.app import searching

        wanted, errors = searching.merged(session.ctx, query)
        for error in errors:
            session.ctx.notice(error.message)
    only_whether = exit_code and session.options.quiet  # as grep -q: the exit code is the answer
    if count or only_whether:
        found = listing.count(session.ctx, wanted, threads=threads)
        if not only_whether:
            session.out.value(found)
    else:
        asked: dict[str, Any] = {
            "limit": shown_limit(session, limit),
            "sort": sort or "date",
            "threads": threads,
            "reverse": reverse,
            "after": after,
        }
        page: Page | Lines
        if session.out.as_lines:
            page = listing.search_lines(session.ctx, wanted, ids=session.options.ids, **asked)
            session.out.pieces(lines(page, session.out.end))
        else:
            page = listing.search(session.ctx, wanted, context=_context(session), **asked)
            show_page(session, page, scope="" if _names_a_folder(query) else _SCOPE)
        found = len(page.rows)
    if errors:
        return failure.combined(error.exit_code for error in errors)
    return NoMatch.exit_code if exit_code and not found else 0


def _context(session: Session) -> int:
    """For how many messages at most their files are read, for a preview that somebody looks at."""
    options = session.options
    return _PREVIEWED if options.json or "{preview" in (options.format or "") else 0


def _names_a_folder(query: tuple[str, ...]) -> bool:
    words = " ".join(query).replace("(", " ").replace("-", " ").split()
    return any(word.startswith("in:") for word in words)


COMMAND = Command(
    "search",
    "Find messages in all accounts.",
    run,
    arguments=(
        Argument("query", "QUERY", "Words, and terms such as from:alice; see mailcli help query.", many=True),
    ),
    options=(
        LIMIT,
        Option(
            ("--sort",), "Newest first, or the best match first.", "choice", choices=("date", "relevance")
        ),
        THREADS,
        REVERSE,
        AFTER,
        Option(("--count",), "Print only how many there are (with --threads: threads)."),
        Option(("-e", "--exit-code"), "Exit 1 if nothing is found; with -q print nothing at all."),
        Option(("--server",), "Ask the IMAP servers too, for messages whose text is not here."),
        Option(("--save",), "Save the query under this name too; then query:NAME finds it.", "text", "NAME"),
        Option(("--explain",), "Print how the query was understood instead of searching."),
    ),
    about="""
    All accounts are searched (with -A only that one), newest first, but not Spam and Trash unless the
    query names a folder with in:.

    A word that begins with - is a negated term, not an option: search -from:boss. Options are exactly
    those below, -n5 included; after -- everything is a word. The words are joined by spaces, so that a
    phrase needs quotes of its own: search '"launch plan"'.

    With --json and --format the preview of a message is the place where the words stand in its text,
    if no more than 100 messages are shown (see -n); else it is the beginning of the text.
    """,
    examples=(
        Example("mailcli search from:alice has:attachment newer_than:3w", "Fields are joined by and."),
        Example("mailcli search -e is:unread from:boss -q && notify-send Boss", "As a condition."),
        Example("mailcli search 'older_than:1y has:list' | mailcli archive -", "Ids go down the pipe."),
        Example("mailcli search larger:10M --format '{size}\\t{id}\\t{subject}' | sort -rn", "For sort."),
    ),
    words=True,
    view=MESSAGES,
)
