"""Folders: local at once; the server learns of them at the next fetch, or now where it must."""

from __future__ import annotations

from mailcli.app.context import Context
from mailcli.app.listing import account_names
from mailcli.errors import ServerRefused, UsageError
from mailcli.model.account import Protocol
from mailcli.model.folder import INBOX, Folder
from mailcli.model.record import NamedTuple
from mailcli.store.journal import Note


def folders(ctx: Context) -> list[Folder]:
    """The folders of the account of `-A`, else of all accounts."""
    if ctx.account is not None:
        return [f for name in account_names(ctx) for f in ctx.store.folders(name)]
    return ctx.store.folders()


class Done(NamedTuple):
    """What was done to a folder, in the words of `changing.Change`; `notice` is what else to know of it
    ("" if nothing)."""

    summary: str
    undo: str = ""
    notice: str = ""
    pushed: bool = True
    ids: tuple[str, ...] = ()


def create(ctx: Context, name: str) -> Done:
    """Make a folder here; an IMAP server is told at once, or at the next fetch."""
    account = _one(ctx)
    check_name(name)
    _, token = ctx.store.create_folder(account, name, Note("folder create", name))
    notice = tell(ctx, account, "CREATE", name)
    return Done(f"folder {name} created", token, notice, pushed=not notice)


def rename(ctx: Context, name: str, to: str) -> Done:
    """Rename a folder with all below it, on the server first: a name it refuses changes nothing."""
    account = _one(ctx)
    check_name(to)
    folder = ctx.store.find_folder(account, name)
    if folder.name == INBOX:
        raise UsageError("the inbox keeps its name")
    tell(ctx, account, "RENAME", folder.name, to)
    note = Note("folder rename", f"{folder.name} to {to}")
    token = ctx.store.rename_folder(folder.key, to, note=note)
    return Done(f"folder {folder.name} renamed to {to}", token)


def delete(ctx: Context, name: str) -> Done:
    """Delete a folder, on the server first; its messages go to the recovery area for 14 days."""
    account = _one(ctx)
    folder = ctx.store.find_folder(account, name)
    if folder.name == INBOX:
        raise UsageError("the inbox cannot be deleted")
    tell(ctx, account, "DELETE", folder.name)
    count, token = ctx.store.discard_folder(folder.key, Note("folder delete", folder.name))
    messages = f"{count} message{' is' if count == 1 else 's are'}"
    notice = f"{messages} kept for recovery for 14 days" if count else ""
    return Done(f"folder {folder.name} deleted", token, notice)


def subscribe(ctx: Context, name: str, *, wanted: bool = True) -> Done:
    """Subscribe to a folder, or end it (RFC 9051 §6.3.7)."""
    account = _one(ctx)
    folder = ctx.store.find_folder(account, name)
    tell(ctx, account, "SUBSCRIBE" if wanted else "UNSUBSCRIBE", folder.name)
    note = Note("folder subscribe" if wanted else "folder unsubscribe", folder.name)
    token = ctx.store.subscribe_folder(account, folder.name, wanted, note)
    return Done(f"{'subscribed' if wanted else 'unsubscribed'} {folder.name}", token)


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


def tell(ctx: Context, account: str, verb: str, name: str, to: str = "") -> str:
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
    from mailcli.app.connecting import deadlines, named, open_incoming_imap
    from mailcli.sync.imap.folders import change

    held = _held(ctx, account, name) if verb == "DELETE" else None
    with named(config), open_incoming_imap(ctx, config, deadlines(20)) as connection:
        answer = change(connection, config.incoming.disabled, verb, name, to, held)
        if answer:
            refused = f"{config.incoming.label} refused to {verb.lower()} {name}: {answer}"
            raise ServerRefused(refused, hint="`mailcli fetch` shows its folders as they are there")
    return ""


def _held(ctx: Context, account: str, name: str) -> int:
    """How many of the messages that the server has in a folder are here, or in the recovery area."""
    key = ctx.store.folder(account, name).key
    purged = sum(e.folder == key for e in ctx.store.pending(account).expunges)
    return sum(a.file_present for a in ctx.store.agreed(key)) + purged
