"""Commands that change messages: committed here at once, then told to the servers."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote
from typing import NamedTuple

from mailcli.app import bodies
from mailcli.app.context import Context
from mailcli.app.folders import check_name
from mailcli.app.pushing import push_now
from mailcli.errors import NotFound, UsageError
from mailcli.model import flags as flagging
from mailcli.model.flags import Flags
from mailcli.model.message import Summary


class Change(NamedTuple):
    """What a command did. `summary` is for people ("3 moved to Trash"), `undo` a command line that
    turns it back ("" if there is none); `pushed` is whether the servers know already."""

    ids: tuple[str, ...]
    summary: str
    undo: str = ""
    pushed: bool = True


def delete(ctx: Context, ids: Sequence[str], *, purge: bool = False, dry_run: bool = False) -> Change:
    """Move messages to their account's Trash; with `purge`, or from Trash, remove them for good
    (their files stay in the recovery area for 14 days)."""
    rows = ctx.store.get(list(ids))
    if purge:
        if dry_run:
            return Change(tuple(ids), f"{len(rows)} would be removed for good", pushed=False)
        ctx.store.purge([r.id for r in rows])
        bare = sum(r.remote_only for r in rows)
        lost = f"; of {bare} only the header was here, which brings nothing back once the server has done it"
        return _pushed(ctx, rows, f"{_count(rows)} removed for good{lost if bare else ''}")
    return _to_use(ctx, rows, "Trash", dry_run)


def archive(ctx: Context, ids: Sequence[str]) -> Change:
    """Move messages to their account's Archive."""
    return _to_use(ctx, ctx.store.get(list(ids)), "Archive")


def spam(ctx: Context, ids: Sequence[str]) -> Change:
    """Move messages to Spam and mark them as such (RFC 5788's `$Junk`)."""
    ctx.store.set_flags(list(ids), frozenset({"$Junk"}), frozenset({"$NotJunk"}))
    return _to_use(ctx, ctx.store.get(list(ids)), "Spam")


def ham(ctx: Context, ids: Sequence[str]) -> Change:
    """Move messages to the inbox and mark them as no spam."""
    ctx.store.set_flags(list(ids), frozenset({"$NotJunk"}), frozenset({"$Junk"}))
    return _to_use(ctx, ctx.store.get(list(ids)), "Inbox")


def move(ctx: Context, ids: Sequence[str], to: str, *, create: bool = False) -> Change:
    """Move messages to a folder: a name in their own account, or `ACCOUNT:FOLDER`.

    Raises NotFound if there is no such folder, unless `create`.
    """
    rows = ctx.store.get(list(ids))
    there = _named_account(ctx, to)
    bodies.need(ctx, [r.id for r in rows if r.remote_only and there and r.account != there[0]])
    for account, some in _by_account(rows).items():
        ctx.store.move([r.id for r in some], _destination(ctx, account, to, create))
    return _pushed(ctx, rows, f"{_count(rows)} moved to {to}", _back(rows), also=_named_account(ctx, to))


def copy(ctx: Context, ids: Sequence[str], to: str, *, create: bool = False) -> Change:
    """Copy messages to a folder, named as for `move`; the change's ids are those of the copies."""
    rows = ctx.store.get(list(ids))
    bodies.need(ctx, [r.id for r in rows if r.remote_only])
    copies: list[str] = []
    for account, some in _by_account(rows).items():
        copies += ctx.store.copy([r.id for r in some], _destination(ctx, account, to, create))
    undo = f"mailcli delete --purge {' '.join(copies)}"
    done = _pushed(ctx, rows, f"{_count(rows)} copied to {to}", undo, also=_named_account(ctx, to))
    return done._replace(ids=tuple(copies))


def flag(ctx: Context, ids: Sequence[str], words: Sequence[str]) -> Change:
    """Set and clear flags: `+seen`, `-flagged`, `+work` (any IMAP keyword). Raises UsageError."""
    add, remove = parse_flags(words)
    rows = ctx.store.get(list(ids))
    ctx.store.set_flags([r.id for r in rows], add, remove)
    told = " ".join(words)
    turned = " ".join(("-" if w[0] == "+" else "+") + w[1:] for w in words)
    undo = f"mailcli flag {' '.join(r.id for r in rows)} {turned}"
    return _pushed(ctx, rows, f"{_count(rows)} changed: {told}", undo)


def parse_flags(words: Sequence[str]) -> tuple[Flags, Flags]:
    """(to add, to remove) of words such as `+seen -flagged`. Raises UsageError."""
    add: set[str] = set()
    remove: set[str] = set()
    for word in words:
        sign, name = word[:1], word[1:]
        if sign not in {"+", "-"} or not name:
            raise UsageError(f"{word} is no flag change", hint="write +seen or -flagged")
        if not _is_atom(name.lstrip("\\")):
            raise UsageError(
                f"{word} cannot be an IMAP flag",
                hint="letters, digits and signs without spaces, quotes or brackets",
            )
        (add if sign == "+" else remove).add(flagging.from_name(name))
    both = add & remove
    if both:
        raise UsageError(f"{flagging.to_name(both.pop())} is both set and cleared")
    return frozenset(add), frozenset(remove)


def _is_atom(text: str) -> bool:
    """RFC 9051 §9: a flag keyword is an atom."""
    return bool(text) and text.isascii() and not set(text) & set('(){%*"\\] ') and text.isprintable()


def _to_use(ctx: Context, rows: list[Summary], use: str, dry_run: bool = False) -> Change:
    moving: list[Summary] = []
    for account, some in _by_account(rows).items():
        name, key = special_folder(ctx, account, use, create=not dry_run)
        there = [r for r in some if r.folder != name]
        moving += there
        if not dry_run and there:
            ctx.store.move([r.id for r in there], key)
    if dry_run:
        return Change(tuple(r.id for r in moving), f"{len(moving)} would be moved to {use}", pushed=False)
    if not moving and rows:
        hint = " (--purge removes them for good)" if use == "Trash" else ""
        return Change((), f"already in {use}{hint}")
    return _pushed(ctx, moving, f"{_count(moving)} moved to {use}", _back(moving))


def special_folder(ctx: Context, account: str, use: str, *, create: bool = True) -> tuple[str, int]:
    """(name, key) of an account's folder for a special use; made under its own name if missing."""
    try:
        folder = ctx.store.find_folder(account, use)
        return folder.name, folder.key
    except NotFound:
        name = "INBOX" if use == "Inbox" else use
        return name, ctx.store.ensure_folder(account, name, special=use) if create else -1


def _destination(ctx: Context, account: str, to: str, create: bool) -> int:
    owner = _named_account(ctx, to)
    if owner:
        account, to = owner[0], to.partition(":")[2]
    try:
        return ctx.store.find_folder(account, to).key
    except NotFound as error:
        if not create:
            error.hint += "; --create makes it"
            raise
        check_name(to)
        return ctx.store.ensure_folder(account, to)


def _named_account(ctx: Context, to: str) -> list[str]:
    name, colon, _ = to.partition(":")
    known = name in ctx.config.accounts or name in ctx.store.accounts()
    return [name] if colon and known else []


def _by_account(rows: Sequence[Summary]) -> dict[str, list[Summary]]:
    grouped: dict[str, list[Summary]] = {}
    for row in rows:
        grouped.setdefault(row.account, []).append(row)
    return grouped


def _back(rows: Sequence[Summary]) -> str:
    """The command that moves messages back, if they all came from one folder."""
    homes = {(r.account, r.folder) for r in rows}
    if len(homes) != 1:
        return ""
    ((_, folder),) = homes
    return f"mailcli move {' '.join(r.id for r in rows)} --to {quote(folder)}"


def _count(rows: Sequence[Summary]) -> str:
    return f"{len(rows)} message" + ("" if len(rows) == 1 else "s")


def _pushed(
    ctx: Context, rows: Sequence[Summary], summary: str, undo: str = "", also: Sequence[str] = ()
) -> Change:
    outcome = push_now(ctx, [*(r.account for r in rows), *also])
    if outcome.notice:
        ctx.notice(outcome.notice)
    return Change(tuple(r.id for r in rows), summary, undo, outcome.done)
