"""`mailcli search`."""

from __future__ import annotations

from mailcli.cli.lists import AFTER, LIMIT, REVERSE, THREADS, show_page, shown_limit
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Option
from mailcli.cli.views.messages import MESSAGES
from mailcli.errors import NoMatch

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
) -> int:
    from mailcli.app import listing

    if explain:
        session.out.text(listing.explain(session.ctx, query).rstrip("\n") + "\n")
        return 0
    only_whether = exit_code and session.options.quiet  # as grep -q: the exit code is the answer
    if count or only_whether:
        found = listing.count(session.ctx, query)
        if not only_whether:
            session.out.value(found)
    else:
        page = listing.search(
            session.ctx,
            query,
            limit=shown_limit(session, limit),
            sort=sort or "date",
            threads=threads,
            reverse=reverse,
            after=after,
        )
        show_page(session, page, scope="" if _names_a_folder(query) else _SCOPE)
        found = len(page.rows)
    return NoMatch.exit_code if exit_code and not found else 0


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
        Option(("--count",), "Print only how many there are."),
        Option(("-e", "--exit-code"), "Exit 1 if nothing is found; with -q print nothing at all."),
        Option(("--explain",), "Print how the query was understood instead of searching."),
    ),
    about="""
    All accounts are searched (with -A only that one), newest first, but not Spam and Trash unless the
    query names a folder with in:.

    A word that begins with - is a negated term, not an option: search -from:boss. Options are exactly
    those below, -n5 included; after -- everything is a word. The words are joined by spaces, so that a
    phrase needs quotes of its own: search '"launch plan"'.
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
