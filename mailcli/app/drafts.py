"""Drafts: letters not sent yet, kept in the account's Drafts folder, here and on its server.

What replaces a draft is stored before the old one goes, so that no crash is between having one and having
none; the old one then goes to Trash, as whatever is deleted does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailcli.app import bodies
from mailcli.app.addressing import local_zone, replying_account, sending_account
from mailcli.app.changing import Change, delete, special_folder
from mailcli.app.context import Context
from mailcli.app.pushing import push_now
from mailcli.errors import NotFound, UsageError
from mailcli.mime import compose, redraft
from mailcli.model.account import Account
from mailcli.model.draft import Draft
from mailcli.model.flags import ANSWERED, DRAFT, SEEN
from mailcli.model.message import Summary

if TYPE_CHECKING:
    from mailcli.app.preparing import Prepared


def listed(ctx: Context) -> list[Summary]:
    """The drafts of all accounts, or of that of `-A`, newest first."""
    chosen = None if ctx.account in (None, "all") else ctx.chosen_account().name
    keys = []
    for name in [chosen] if chosen else [*ctx.config.accounts]:
        try:
            keys.append(ctx.store.find_folder(name, "Drafts").key)
        except NotFound:
            continue
    return list(ctx.store.summaries(folders=keys).rows) if keys else []


def save(ctx: Context, draft: Draft, *, replacing: str = "") -> str:
    """Keep a draft in the Drafts of the account its sender belongs to, and tell the server. Gives its
    id. The one it replaces goes then."""
    account = _account(ctx, draft)
    data = compose.compose(draft._replace(flowed=False), smtputf8=True, keep_bcc=True)
    from mailcli.store.values import Arrival

    _, key = special_folder(ctx, account.name, "Drafts")
    (id,) = ctx.store.deliver([Arrival(key, data, frozenset({SEEN, DRAFT}), ctx.clock())])
    pushed = push_now(ctx, [account.name])
    if pushed.notice:
        ctx.notice(pushed.notice)
    if replacing:
        discard(ctx, [replacing])
    return id


def _account(ctx: Context, draft: Draft) -> Account:
    return sending_account(ctx, draft.sender.email)


def opened(ctx: Context, id: str) -> Draft:
    """The draft that a message of a Drafts folder holds. Raises UsageError for any other message."""
    row = _row(ctx, id)
    account = replying_account(ctx, row.account, None)
    now = ctx.clock()
    return redraft.redraft(
        bodies.wire(ctx, id),
        sender=account.sender,
        date=now,
        zone=local_zone(now),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )


def _row(ctx: Context, id: str) -> Summary:
    (row,) = ctx.store.get([id])
    try:
        drafts = ctx.store.find_folder(row.account, "Drafts").name
    except NotFound:
        drafts = "Drafts"
    if row.folder != drafts and DRAFT not in row.flags:
        raise UsageError(f"{id} is no draft: it is in {row.folder}", hint="mailcli draft list shows them")
    return row


def prepare(ctx: Context, id: str) -> Prepared:
    """A draft ready to go, by the account that keeps it."""
    from mailcli.app.preparing import prepare_draft

    row = _row(ctx, id)
    prepared = prepare_draft(ctx, opened(ctx, id))
    kept_by = ctx.config.accounts.get(row.account)
    if ctx.account is None and kept_by is not None and kept_by.sending is not None:
        prepared = prepared._replace(account=kept_by)
    return prepared


def discard(ctx: Context, ids: Iterable[str]) -> Change:
    """Move drafts to Trash. Raises UsageError if one is none."""
    named = list(ids)
    for id in named:
        _row(ctx, id)
    return delete(ctx, named)


def sent(ctx: Context, draft: Draft, id: str = "") -> None:
    """After a draft was sent: it goes, and the messages it answers are marked."""
    if id:
        discard(ctx, [id])
    for parent in draft.in_reply_to:
        try:
            ids = ctx.store.resolve(f"mid:{parent}")
        except NotFound:
            continue
        ctx.store.set_flags(ids, frozenset({ANSWERED}))
        push_now(ctx, [row.account for row in ctx.store.get(ids)])
