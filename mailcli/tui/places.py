"""What the list can show: the unified inbox, a folder, a search. The sidebar's rows."""

from __future__ import annotations

from collections.abc import Sequence

from mailcli.app import listing
from mailcli.app.context import Context
from mailcli.errors import NotFound
from mailcli.model.folder import INBOX, Folder
from mailcli.model.message import Page
from mailcli.model.record import NamedTuple


class Place(NamedTuple):
    """A row of the sidebar, or a search (`name`: that of a saved one). `account` is "all" for the unified
    inbox; `folder` and `query` say what to list; an account's own row lists nothing (`selectable` false).
    A query that is being typed (`live`) may end in the middle of a word, and its best hits come first."""

    label: str
    account: str
    folder: str = ""
    query: str = ""
    unread: int = 0
    depth: int = 0
    name: str = ""
    selectable: bool = True
    live: bool = False

    @property
    def title(self) -> str:
        if self.query:
            return self.name or f"/{self.query}"
        return self.label if self.account == "all" else f"{self.account}  {self.folder}"


ALL = Place("All Inboxes", "all", INBOX)


def sidebar(ctx: Context) -> list[Place]:
    """The unified inbox, saved queries as virtual folders, then every account with its folders."""
    folders = ctx.store.folders()
    unread = sum(f.unread for f in folders if f.name == INBOX)
    rows = [ALL._replace(unread=unread)]
    rows += [Place(name, "all", query=f'query:"{name}"', name=name) for name in ctx.config.queries]
    accounts = dict.fromkeys([*ctx.config.accounts, *(f.account for f in folders)])
    for account in accounts:
        rows.append(Place(account, account, selectable=False))
        rows += _rows([f for f in folders if f.account == account and f.selectable])
    return rows


def _rows(folders: Sequence[Folder]) -> list[Place]:
    """Folders below those that hold them; what lies below a name that is no folder keeps it: `Foo/Baz`."""
    names = {f.name for f in folders}
    rows = []
    for folder in folders:
        above = [n for n, c in enumerate(folder.name) if c == "/" and folder.name[:n] in names]
        label = "Inbox" if folder.name == INBOX else folder.name[above[-1] + 1 if above else 0 :]
        rows.append(Place(label, folder.account, folder.name, unread=folder.unread, depth=len(above) + 1))
    return rows


def load(ctx: Context, place: Place, limit: int, after: str | None = None) -> Page:
    """A page of what a place lists. Raises QueryError for a search that does not parse (yet)."""
    if place.query:
        query = listing.parse(ctx, [place.query], typing=place.live)
        return listing.search(
            ctx, query, limit=limit, after=after, sort="relevance" if place.live else "date"
        )
    return listing.list_in(ctx, place.account, place.folder, limit=limit, after=after)


def nearest(places: Sequence[Place], wanted: Place) -> int:
    """Where a place is in the sidebar after it was read anew; 0 if it is gone."""
    for n, place in enumerate(places):
        if (place.account, place.folder, place.query) == (wanted.account, wanted.folder, wanted.query):
            return n
    return 0


def named(ctx: Context, text: str) -> Place:
    """The place a person means on the command line: a folder if there is one of that name, else
    a search."""
    accounts = listing.account_names(ctx)
    for account in accounts:
        try:
            folder = ctx.store.find_folder(account, text)
        except NotFound:
            continue
        return Place(folder.name, account, folder.name)
    return Place(text, "all", query=text)
