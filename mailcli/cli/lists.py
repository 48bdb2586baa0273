"""What `list` and `search` share: their options, and how a page is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailcli.cli.session import Session
from mailcli.cli.spec import Option
from mailcli.cli.views.messages import MESSAGES

if TYPE_CHECKING:
    from mailcli.model.message import Page

SCREEN: Final = 50
"""Messages shown on a terminal when no number is given."""

SORTS: Final = ("date", "from", "subject", "size")
LIMIT: Final = Option(("-n", "--limit"), "Show at most this many.", "integer", "N")
THREADS: Final = Option(("--threads",), "One line for each thread: its newest message.")
REVERSE: Final = Option(("--reverse",), "Oldest first; the reverse of the order.")
AFTER: Final = Option(
    ("--after",), 'Go on behind this cursor (the "next" of a --json page).', "text", "CURSOR"
)


def shown_limit(session: Session, limit: int | None) -> int | None:
    """The limit to ask for: a screenful for a person, none for a program."""
    return SCREEN if limit is None and session.out.for_people else limit


def show_page(session: Session, page: Page, *, scope: str = "") -> None:
    """Print a page; a person is told where the rest is, and what `scope` left out."""
    counts = {row.id: count for row, count in zip(page.rows, page.counts, strict=False)}
    session.out.show(MESSAGES, page.rows, following=page.next, shorten=session.shorten, show=counts)
    found = len(page.rows)
    if page.next:
        session.out.remark(f"{found} shown; -n {found * 4} shows more{scope}")
    elif not found:
        session.out.remark(f"nothing here{scope}")
    elif scope:
        session.out.remark(f"{found} found{scope}")
