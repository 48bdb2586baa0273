"""Commands that change messages: committed here at once, then told to the servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailcli.app import bodies
from mailcli.app.context import Context
from mailcli.app.folders import check_name
from mailcli.app.pushing import push_now
from mailcli.errors import NotFound, UsageError
from mailcli.model import flags as flagging
from mailcli.model.account import LOCAL
from mailcli.model.flags import Flags
from mailcli.model.folder import INBOX, all_mail
from mailcli.model.message import Summary
from mailcli.model.record import NamedTuple
from mailcli.store.journal import Note

if TYPE_CHECKING:
    from mailcli.store.editing import Edit


class Change(NamedTuple):
    """What a command did. `summary` is for people ("3 messages moved to Trash"), `brief` the same for a
    status line ("Deleted 3"); `undo` is the token with which `undo` turns it back ("": nothing was done);
    `pushed` is whether the servers know already."""

    ids: tuple[str, ...]
    summary: str
    undo: str = ""
    pushed: bool = True
    brief: str = ""


def delete(ctx: Context, ids: Sequence[str], *, purge: bool = False, dry_run: bool = False) -> Change:
    """Move messages to their account's Trash; with `purge`, or where the account's policy keeps none,
    remove them for good (their files stay in the recovery area for 14 days)."""
    rows = ctx.store.get(list(ids))
    at_once = [r for r in rows if purge or not _has_trash(ctx, r.account)]
    if not at_once:
        return _to_use(ctx, rows, "Trash", "delete", "Deleted", dry_run=dry_run)
    if len(at_once) < len(rows):  # of accounts with different policies
        first = delete(ctx, [r.id for r in at_once], dry_run=dry_run)
        second = delete(ctx, [r.id for r in rows if r not in at_once], dry_run=dry_run)
        return second._replace(
            ids=(*first.ids, *second.ids),
            summary=f"{first.summary}, {second.summary}",
            pushed=first.pushed and second.pushed,
        )
    if dry_run:
        return Change(tuple(ids), f"{_count(rows)} would be removed for good", pushed=False)
    bare = sum(r.remote_only for r in rows)
    lost = f"; of {bare} only the header was here, which brings nothing back once the server has done it"
    named = [r.id for r in rows]
    _, token = ctx.store.edit(lambda edit: edit.purge(named), Note("delete", "for good"))
    done = Change(
        tuple(named),
        f"{_count(rows)} removed for good{lost if bare else ''}",
        token,
        brief=f"Removed {len(rows)}",
    )
    return _pushed(ctx, rows, done)


def _has_trash(ctx: Context, account: str) -> bool:
    """Whether deleting a message of this account moves it to Trash."""
    config = ctx.config.accounts.get(account)
    return config is None or config.sync.delete == "trash"


def archive(ctx: Context, ids: Sequence[str]) -> Change:
    """Move messages to their account's Archive. Where folders are labels only that of the inbox goes."""
    rows = _in_inbox(ctx, ctx.store.get(list(ids)))
    if ids and not rows:
        return Change((), "already in Archive")
    return _to_use(ctx, rows, "Archive", "archive", "Archived")


def _in_inbox(ctx: Context, rows: Sequence[Summary]) -> list[Summary]:
    """With the copy in the inbox, if there is one, in place of one that has another label."""
    result: list[Summary] = []
    for account, some in _by_account(rows).items():
        labelled = ctx.store.setting(all_mail(account)) is not None
        others = [r for r in some if labelled and r.folder != INBOX and not _leaves(ctx, r)]
        result += [r for r in some if r not in others]
        if others:
            inbox = ctx.store.find_folder(account, INBOX).key
            names = {name for name, _ in ctx.store.objects([r.id for r in others]).values()}
            copies = ctx.store.by_object(account, names, folder=inbox)
            result += ctx.store.get({id for id, _ in copies.values()} - {r.id for r in some})
    return result


def _leaves(ctx: Context, row: Summary) -> bool:
    """Whether what is archived leaves this folder, too: from Spam and Trash it is brought back so."""
    return ctx.store.folder(row.account, row.folder).special in ("Spam", "Trash")


def spam(ctx: Context, ids: Sequence[str]) -> Change:
    """Move messages to Spam and mark them as such (RFC 5788's `$Junk`)."""
    return _to_use(ctx, ctx.store.get(list(ids)), "Spam", "spam", "Spam:", "$Junk", "$NotJunk")


def ham(ctx: Context, ids: Sequence[str]) -> Change:
    """Move messages to the inbox and mark them as no spam."""
    return _to_use(ctx, ctx.store.get(list(ids)), "Inbox", "ham", "No spam:", "$NotJunk", "$Junk")


def move(ctx: Context, ids: Sequence[str], to: str, *, create: bool = False) -> Change:
    """Move messages to a folder: a name in their own account, or `ACCOUNT:FOLDER`.

    Raises NotFound if there is no such folder, unless `create`.
    """
    rows = ctx.store.get(list(ids))
    there = _named_account(ctx, to)
    bodies.need(ctx, [r.id for r in rows if r.remote_only and there and r.account != there[0]])
    targets = [
        ([r.id for r in some], _destination(ctx, account, to, create))
        for account, some in _by_account(rows).items()
    ]
    moved, token = ctx.store.edit(
        lambda edit: [c.id for some, key in targets for c in edit.move(some, key)], Note("move", f"to {to}")
    )
    if rows and not moved:
        return Change((), f"already in {to}")
    done = Change(
        tuple(r.id for r in rows), f"{_count(rows)} moved to {to}", token, brief=f"Moved {len(moved)}"
    )
    return _pushed(ctx, rows, done, also=_named_account(ctx, to))


def copy(ctx: Context, ids: Sequence[str], to: str, *, create: bool = False) -> Change:
    """Copy messages to a folder, named as for `move`; the change's ids are those of the copies."""
    rows = ctx.store.get(list(ids))
    bodies.need(ctx, [r.id for r in rows if r.remote_only])
    targets = [
        ([r.id for r in some], _destination(ctx, account, to, create))
        for account, some in _by_account(rows).items()
    ]
    copies, token = ctx.store.copies(targets, Note("copy", f"to {to}"))
    done = Change(tuple(copies), f"{_count(rows)} copied to {to}", token, brief=f"Copied {len(rows)}")
    return _pushed(ctx, rows, done, also=_named_account(ctx, to))


def flag(ctx: Context, ids: Sequence[str], words: Sequence[str]) -> Change:
    """Set and clear flags: `+seen`, `-flagged`, `+work` (any IMAP keyword). Raises UsageError."""
    add, remove = parse_flags(words)
    rows = ctx.store.get(list(ids))
    named = [r.id for r in rows]
    told = " ".join(words)
    changed, token = ctx.store.edit(lambda edit: edit.set_flags(named, add, remove), Note("flag", told))
    if rows and not changed:
        return Change(tuple(named), f"nothing to change: {told} already")
    brief = f"{told} on {len(changed)}"
    return _pushed(ctx, rows, Change(tuple(named), f"{_count(rows)} changed: {told}", token, brief=brief))


def mark_seen(ctx: Context, ids: Sequence[str]) -> Change:
    """Reading marks as seen. It has no line in the log, which would bury the changes that were meant."""
    rows = ctx.store.get(list(ids))
    ctx.store.set_flags([r.id for r in rows], frozenset({flagging.SEEN}))
    return _pushed(ctx, rows, Change(tuple(r.id for r in rows), f"{_count(rows)} seen"))


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


def _to_use(
    ctx: Context,
    rows: list[Summary],
    use: str,
    verb: str,
    brief: str,
    add: str = "",
    remove: str = "",
    *,
    dry_run: bool = False,
) -> Change:
    """Move messages to their accounts' folders of a special use, with a keyword set and one cleared."""
    targets: list[tuple[list[str], int]] = []
    moving: list[Summary] = []
    for account, some in _by_account(rows).items():
        name, key = special_folder(ctx, account, use, create=not dry_run)
        there = [r for r in some if r.folder != name]
        moving += there
        targets.append(([r.id for r in there], key))
    if dry_run:
        return Change(tuple(r.id for r in moving), f"{_count(moving)} would be moved to {use}", pushed=False)

    def work(edit: Edit) -> None:
        if add:
            edit.set_flags([r.id for r in rows], frozenset({add}), frozenset({remove}))
        for ids, key in targets:
            if ids:
                edit.move(ids, key)

    _, token = ctx.store.edit(work, Note(verb, f"to {use}"))
    if not moving and not token and rows:
        hint = " (--purge removes them for good)" if use == "Trash" else ""
        return Change((), f"already in {use}{hint}")
    touched = moving or rows  # those that were there already may have got the keyword
    summary = f"{_count(moving)} moved to {use}" if moving else f"already in {use}, and marked as {verb}"
    done = Change(tuple(r.id for r in touched), summary, token, brief=f"{brief} {len(touched)}")
    return _pushed(ctx, rows, done)


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
    known = name == LOCAL or name in ctx.config.accounts or name in ctx.store.accounts()
    return [name] if colon and known else []


def _by_account(rows: Sequence[Summary]) -> dict[str, list[Summary]]:
    grouped: dict[str, list[Summary]] = {}
    for row in rows:
        grouped.setdefault(row.account, []).append(row)
    return grouped


def _count(rows: Sequence[Summary]) -> str:
    return f"{len(rows)} message" + ("" if len(rows) == 1 else "s")


def _pushed(ctx: Context, rows: Sequence[Summary], done: Change, also: Sequence[str] = ()) -> Change:
    # `also` first: what moves to another account is expunged only once it has been uploaded there.
    outcome = push_now(ctx, [*also, *(r.account for r in rows)])
    if outcome.notice:
        ctx.notice(outcome.notice)
    return done._replace(pushed=outcome.done)
