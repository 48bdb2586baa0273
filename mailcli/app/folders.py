"""Folders: local at once; the server learns of them at the next fetch, or now where it must."""

from __future__ import annotations

from mailcli.app.context import Context
from mailcli.app.listing import account_names
from mailcli.errors import ServerRefused, UsageError
from mailcli.model.account import Protocol
from mailcli.model.folder import INBOX, Folder


def folders(ctx: Context) -> list[Folder]:
    """The folders of the account of `-A`, else of all accounts."""
    if ctx.account is not None:
        return [f for name in account_names(ctx) for f in ctx.store.folders(name)]
    return ctx.store.folders()


def create(ctx: Context, name: str) -> str:
    """Make a folder here; an IMAP server is told at once, or at the next fetch. Returns a notice
    for people, "" if all is done."""
    account = _one(ctx)
    check_name(name)
    ctx.store.ensure_folder(account, name)
    return _tell(ctx, account, "CREATE", name)


def rename(ctx: Context, name: str, to: str) -> str:
    """Rename a folder with all below it, on the server first: a name it refuses changes nothing."""
    account = _one(ctx)
    check_name(to)
    folder = ctx.store.find_folder(account, name)
    if folder.name == INBOX:
        raise UsageError("the inbox keeps its name")
    _tell(ctx, account, "RENAME", folder.name, to)
    ctx.store.rename_folder(folder.key, to)
    return ""


def delete(ctx: Context, name: str) -> str:
    """Delete a folder, on the server first; its messages go to the recovery area for 14 days."""
    account = _one(ctx)
    folder = ctx.store.find_folder(account, name)
    if folder.name == INBOX:
        raise UsageError("the inbox cannot be deleted")
    _tell(ctx, account, "DELETE", folder.name)
    count = ctx.store.delete_folder(folder.key)
    return f"{count} messages are kept for recovery for 14 days" if count else ""


def subscribe(ctx: Context, name: str, *, wanted: bool = True) -> str:
    """Subscribe to a folder, or end it (RFC 9051 §6.3.7)."""
    account = _one(ctx)
    folder = ctx.store.find_folder(account, name)
    _tell(ctx, account, "SUBSCRIBE" if wanted else "UNSUBSCRIBE", folder.name)
    ctx.store.ensure_folder(account, folder.name, subscribed=wanted)
    return ""


def _one(ctx: Context) -> str:
    names = account_names(ctx)
    if len(names) != 1:
        raise UsageError("a folder belongs to one account", hint="name it with -A ACCOUNT")
    return names[0]


def check_name(name: str) -> None:
    """Raise UsageError for what no new folder may be called."""
    levels = name.split("/")
    if not all(levels) or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise UsageError(f"{name!r} cannot be a folder's name")


def _tell(ctx: Context, account: str, verb: str, name: str, to: str = "") -> str:
    """Have an IMAP account's server do it now. CREATE may wait, the others must not: undone here
    and done there, the next fetch would turn them back."""
    config = ctx.config.accounts.get(account)
    if config is None or config.incoming is None or config.incoming.protocol is not Protocol.IMAP:
        return ""
    if not config.sync.pushes:
        if verb == "CREATE":
            return f'{name} stays on this side only: {account} has sync = "pull"'
        raise UsageError(f'{account} has sync = "pull": its folders are changed on the server only')
    if verb == "CREATE" and ctx.offline:
        return "queued: the next fetch creates it on the server"
    from mailcli.app.connecting import deadlines, open_incoming_imap
    from mailcli.sync.folders import change

    with open_incoming_imap(ctx, config, deadlines(20)) as connection:
        answer = change(connection, config.incoming.disabled, verb, name, to)
    if answer:
        raise ServerRefused(f"{config.incoming.label} refused to {verb.lower()} {name}: {answer}")
    return ""
