"""Lists and searches, answered from the local mailbox alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mailcli.app.context import Context
from mailcli.errors import NotFound
from mailcli.model.account import LOCAL
from mailcli.model.folder import INBOX
from mailcli.model.message import Lines, Page, Summary

if TYPE_CHECKING:
    from mailcli.model.query.ast import Query


def list_messages(
    ctx: Context,
    folder: str | None = None,
    *,
    limit: int | None = None,
    unread: bool = False,
    threads: bool = False,
    sort: str = "date",
    reverse: bool = False,
    after: str | None = None,
) -> Page:
    """Messages of a folder, newest first; without a folder the inbox of the chosen account.

    Raises NotFound for an unknown folder or account, ConfigError when there is no account at all.
    """
    keys = _folders(ctx, account_names(ctx), folder)
    if not keys:
        return Page([])
    return ctx.store.summaries(
        folders=keys,
        unread=unread,
        limit=limit,
        after=after,
        sort=sort,
        reverse=reverse,
        threads=threads,
    )


def list_in(
    ctx: Context, account: str, folder: str, *, limit: int | None = None, after: str | None = None
) -> Page:
    """As `list_messages`, for an account given by name ("all": that folder of every account)."""
    names = ctx.store.accounts() if account == "all" else [account]
    keys = _folders(ctx, names, folder)
    if not keys:
        return Page([])
    return ctx.store.summaries(folders=keys, limit=limit, after=after)


def _folders(ctx: Context, names: Sequence[str], folder: str | None) -> list[int]:
    """Keys of the folders meant. An account that was never fetched has an empty inbox."""
    keys = []
    for name in names:
        try:
            keys.append(ctx.store.find_folder(name, folder or INBOX).key)
        except NotFound:
            if folder is not None and folder.upper() != INBOX and len(names) == 1:
                raise
    if not keys and folder is not None and folder.upper() != INBOX:
        raise NotFound(f"no account has a folder {folder}", hint="mailcli folder list")
    return keys


def account_names(ctx: Context) -> list[str]:
    """The accounts a command without further words is about: `-A NAME`, all of them for
    `-A all`, else the default one, else the built-in local one."""
    known = list(ctx.config.accounts)
    if ctx.account == "all":
        held = ctx.store.accounts()
        return known + [n for n in held if n not in known]
    if ctx.account == LOCAL and LOCAL not in known:
        return [LOCAL]
    if ctx.account is None and not known:
        if LOCAL in ctx.store.accounts():
            return [LOCAL]
        raise ctx.config.lacking("there is no account yet")
    return [ctx.chosen_account().name]


def search(
    ctx: Context,
    wanted: Sequence[str] | Query,
    *,
    limit: int | None = None,
    sort: str = "date",
    threads: bool = False,
    reverse: bool = False,
    after: str | None = None,
    context: int = 0,
) -> Page:
    """Messages of every account (or that of `-A`) that match a query: its words, or parsed before.

    Previews of at most `context` messages are the places of the hits. Raises QueryError.
    """
    return ctx.store.search(
        _parsed(ctx, wanted),
        limit=limit,
        after=after,
        sort=sort,
        reverse=reverse,
        threads=threads,
        own_addresses=own_addresses(ctx),
        context=context,
    )


def search_lines(ctx: Context, wanted: Sequence[str] | Query, *, ids: bool = False, **asked: Any) -> Lines:
    """As `search`, for lines of text; with `ids` for those alone."""
    own = own_addresses(ctx)
    return ctx.store.search_lines(_parsed(ctx, wanted), ids=ids, own_addresses=own, **asked)


def count(ctx: Context, wanted: Sequence[str] | Query, *, threads: bool = False) -> int:
    """How many messages match a query, given as for `search`, or in how many threads."""
    own = own_addresses(ctx)
    return ctx.store.count_matches(_parsed(ctx, wanted), threads=threads, own_addresses=own)


def own_addresses(ctx: Context) -> list[str]:
    """The user's addresses in all accounts: what `from:me` means."""
    return [email for a in ctx.config.accounts.values() for email in (a.email, *a.aliases) if email]


def explain(ctx: Context, words: Sequence[str]) -> str:
    """The query as it was understood, and how it is answered."""
    from mailcli.model.query.explain import explain as explain_query

    return explain_query(parse(ctx, words))


def parse(ctx: Context, words: Sequence[str], *, typing: bool = False) -> Query:
    """The query of a command's words, joined by spaces as typed; with `typing` the last is not finished."""
    from mailcli.model.query.parse import parse as parse_query

    within = ""
    if ctx.account is not None and ctx.account != "all":
        within = LOCAL if ctx.account == LOCAL else ctx.chosen_account().name
    text = " ".join(words)
    return parse_query(text, now=ctx.clock(), saved=ctx.config.queries, account=within, typing=typing)


def _parsed(ctx: Context, wanted: Sequence[str] | Query) -> Query:
    from mailcli.model.query.ast import Query

    return wanted if isinstance(wanted, Query) else parse(ctx, wanted)


def resolve(ctx: Context, ids: Iterable[str]) -> list[Summary]:
    """The messages meant by ids, unique prefixes, `mid:…` and `t:…`, each once, in order.

    Raises NotFound and AmbiguousId.
    """
    full = [found for text in ids for found in ctx.store.resolve(text)]
    return ctx.store.get(list(dict.fromkeys(full)))


def shortest(ctx: Context, ids: Iterable[str]) -> dict[str, str]:
    """For each id its shortest unique prefix of four characters or more, for terminals."""
    return ctx.store.shortest(ids)
