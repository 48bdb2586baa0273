"""`mailcli query`."""

from __future__ import annotations

from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example, Group
from mailcli.cli.views.queries import QUERIES


def list_(session: Session) -> None:
    from mailcli.app import queries

    session.out.show(QUERIES, queries.saved(session.ctx))


def save(session: Session, name: str, query: tuple[str, ...]) -> None:
    from mailcli.app import queries

    session.out.show(QUERIES, (queries.save(session.ctx, name, query),), quiet=True)


def delete(session: Session, name: str) -> None:
    from mailcli.app import queries

    session.out.show(QUERIES, (queries.delete(session.ctx, name),), quiet=True)


COMMAND = Group(
    "query",
    "List, save and delete searches by name.",
    (
        Command(
            "list", "List saved queries.", list_, about="Piped: name, query, parted by a tab.", view=QUERIES
        ),
        Command(
            "save",
            "Save a query under a name; it replaces the one that had it.",
            save,
            (
                Argument("name", "NAME", "What follows query: to search for it.", complete="queries"),
                Argument("query", "QUERY", "As for search.", many=True),
            ),
            about="""
            It is checked first. With -A it is saved as a query within that account.
            """,
            examples=(Example("mailcli query save boss from:boss is:unread", "Then: search query:boss."),),
            words=True,
            view=QUERIES,
        ),
        Command(
            "delete",
            "Delete a saved query; no mail is touched.",
            delete,
            (Argument("name", "NAME", complete="queries"),),
            view=QUERIES,
        ),
    ),
    about="They are kept in the configuration under [queries], and are virtual folders of the reader.",
)
