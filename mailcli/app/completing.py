"""What a shell may offer as the next word, from the local database alone.

Every function answers (value, description) pairs and swallows nothing: the command that calls them
stays silent on any error, since a completion must never disturb the line being typed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailcli.app.context import Context
from mailcli.model.message import Summary

RECENT: Final = 60
"""Messages offered by id."""

Offer = tuple[str, str]


def accounts(ctx: Context) -> Iterator[Offer]:
    for name, account in ctx.config.accounts.items():
        yield name, account.email


def folders(ctx: Context) -> Iterator[Offer]:
    """Folder names; those of the account of `-A` only, if there is one."""
    offered: dict[str, str] = {}
    for folder in ctx.store.folders(ctx.account if ctx.account in ctx.config.accounts else None):
        if folder.selectable:
            offered.setdefault(folder.name, f"{folder.account}, {folder.unread} unread")
    yield from offered.items()


def ids(ctx: Context) -> Iterator[Offer]:
    """The newest messages of all folders."""
    for row in _newest(ctx, RECENT):
        sender = row.sender[0].label if row.sender else ""
        yield row.id, f"{sender}: {row.subject}"


def changes(ctx: Context) -> Iterator[Offer]:
    """The tokens of what can be undone."""
    for entry in ctx.store.changes(RECENT):
        if entry.undone is None:
            yield entry.token, entry.words


def queries(ctx: Context) -> Iterator[Offer]:
    """The names of saved queries."""
    yield from ctx.config.queries.items()


def addresses(ctx: Context) -> Iterator[Offer]:
    """Those one writes to, often and lately first; those in the address book; those who wrote."""
    from mailcli.app import contacts

    for contact in contacts.known(ctx):
        yield contact.email, contact.name


def _newest(ctx: Context, limit: int) -> list[Summary]:
    return list(ctx.store.summaries(folders=None, limit=limit).rows)
