"""`search --server`: the servers are asked too, and their answers merged with our own.

What is here is judged here, by the same index as always. A server is believed only about messages
whose body was not brought over, so that a search means the same with and without it wherever all
mail is here, and terms the server does not know (`has:attachment`, `-tag:`) go on to hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from mailcli.app import arrivals
from mailcli.app.connecting import deadlines, named, open_incoming_imap
from mailcli.app.context import Context
from mailcli.app.listing import parse
from mailcli.errors import Locked, MailcliError
from mailcli.model.account import Account, Protocol
from mailcli.model.query.ast import Among, Leaf, Node, Query, Text, disjunction, leaves, replaced
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.store.values import SyncFolder
    from mailcli.sync.imap.searching import Hit
    from mailcli.sync.imap.server import Server

PATIENCE = 30.0
"""Seconds for the answer of one account: a server without an index reads all mail."""
MOST_BROUGHT = 500
"""Messages of an account that were not here and come, with their headers, because they were found."""


class Merged(NamedTuple):
    """The query with what the servers found put into it, and the servers that gave no answer."""

    query: Query
    errors: tuple[MailcliError, ...]


def merged(ctx: Context, words: Sequence[str]) -> Merged:
    """Ask the IMAP servers of the accounts a query speaks of. Raises QueryError, UsageError."""
    from mailcli.sync.imap.searching import can_ask

    query = parse(ctx, words)
    texts = list(
        dict.fromkeys(t._replace(at=0) for t in leaves(query.node) if isinstance(t, Text) and can_ask(t))
    )
    found: dict[Text, set[str]] = {}
    errors: list[MailcliError] = []
    for account in _asked(ctx, query) if texts else ():
        try:
            with named(account):
                for text, ids in _ask(ctx, account, query, texts).items():
                    found.setdefault(text, set()).update(ids)
        except MailcliError as error:
            errors.append(error)
    return Merged(query._replace(node=_with(query.node, found)), tuple(errors))


def _asked(ctx: Context, query: Query) -> list[Account]:
    accounts = [ctx.config.accounts[query.account]] if query.account in ctx.config.accounts else []
    if not query.account:
        accounts = list(ctx.config.accounts.values())
    return [a for a in accounts if a.incoming is not None and a.incoming.protocol is Protocol.IMAP]


def _with(node: Node, found: Mapping[Text, set[str]]) -> Node:
    """Each text or one of the messages in which a server found it."""

    def either(leaf: Leaf) -> Node:
        if isinstance(leaf, Text) and (ids := found.get(leaf._replace(at=0))):
            return disjunction((leaf, Among(leaf.text, frozenset(ids))))
        return leaf

    return replaced(node, either)


def _ask(ctx: Context, account: Account, query: Query, texts: Sequence[Text]) -> dict[Text, set[str]]:
    """The messages without a body here in which the server found each text."""
    from mailcli.sync.imap.folders import to_server
    from mailcli.sync.imap.searching import Place, ask
    from mailcli.sync.imap.server import Server

    assert account.incoming is not None
    folders = {row.key: row for row in ctx.store.sync_folders(account.name)}
    places = {
        row.key: Place(to_server(row.name, row.delimiter), row.state.uidvalidity)
        for row in folders.values()
        if row.selectable
        and row.state.uidvalidity is not None
        and (query.everywhere or row.special not in ("Spam", "Trash"))
    }
    with open_incoming_imap(ctx, account, deadlines(PATIENCE)) as connection:
        server = Server(connection, account.incoming.disabled)
        hits = ask(server, places, texts)
        _bring(ctx, account, server, query, hits, folders)
    found: dict[Text, set[str]] = {}
    for folder in {hit.folder for hit in hits}:
        lacking = {m.uid: m.id for m in ctx.store.agreed(folder) if not m.file_present}
        for hit in hits:
            if hit.folder == folder:
                found.setdefault(hit.text, set()).update(lacking[u] for u in hit.uids if u in lacking)
    return found


def _bring(
    ctx: Context,
    account: Account,
    server: Server,
    query: Query,
    hits: Sequence[Hit],
    folders: Mapping[int, SyncFolder],
) -> None:
    """The headers of what the server found and we do not have: mail that came since the last fetch, or
    that is left out here. The newest of them; a run that is under way brings them itself."""
    from mailcli.sync.imap.searching import bring, candidates

    said: dict[Text, set[tuple[int, int]]] = {}
    for hit in hits:
        said.setdefault(hit.text, set()).update((hit.folder, uid) for uid in hit.uids)
    likely = candidates(query.node, said)
    if not likely:
        return
    with suppress(Locked), ctx.store.lock_account(account.name):
        ordered: list[tuple[int, int, int]] = []  # (rank in its folder, folder, UID)
        for key in {folder for folder, _ in likely}:
            held = {m.uid for m in ctx.store.agreed(key)} | {t.uid for t in ctx.store.tombstones(key)}
            unknown = sorted({uid for f, uid in likely if f == key} - held, reverse=True)
            ordered += [(rank, key, uid) for rank, uid in enumerate(unknown)]
        wanted: dict[int, list[int]] = {}
        for _, key, uid in sorted(ordered)[:MOST_BROUGHT]:
            wanted.setdefault(key, []).append(uid)
        if len(ordered) > MOST_BROUGHT:
            ctx.notice(
                f"{account.name}: the server found {len(ordered)} more; the newest {MOST_BROUGHT} came"
            )
        if wanted:
            outlines = bring(server, wanted, folders, ctx.cancel, ctx.clock)
            ids = ctx.store.deliver_outlines(outlines)
            if account.hooks.new_mail:  # what came since the last fetch is news at the next one
                nexts = {key: folder.state.uidnext or 0 for key, folder in folders.items()}
                arrivals.put_off(
                    ctx.store,
                    account.name,
                    [i for i, o in zip(ids, outlines, strict=True) if (o.uid or 0) >= nexts[o.folder]],
                )
