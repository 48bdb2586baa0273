"""Messages whole, wherever their bodies are: what is only on the server is fetched when it is wanted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.app.context import Context, Progress
from mailcli.errors import Interrupted, LocalIOError, MailcliError, NotFound, TryAgain
from mailcli.model.account import Account, Protocol
from mailcli.model.message import Summary

if TYPE_CHECKING:
    from mailcli.net.deadline import Deadlines

Take = Callable[[list[tuple[str, bytes]]], bool]
"""Is given bodies as (id, message), and says whether they are kept."""

PASSING_OCTETS: Final = 64 << 20
"""Octets of bodies that are not kept (`keep_bodies = false`) and held while the program runs."""


def wire(ctx: Context, id: str) -> bytes:
    """A message as it was on the wire. Raises NotFound, LocalIOError, and what keeps us from the server."""
    if id not in ctx.brought:
        (row,) = ctx.store.get([id])
        if not row.remote_only:
            return ctx.store.open_bytes(id)
        bring(ctx, [id])
    found = ctx.brought.get(id)
    if isinstance(found, MailcliError):
        del ctx.brought[id]
        raise found
    return ctx.store.open_bytes(id) if found is None else found


def bring(ctx: Context, ids: Sequence[str], *, keep: bool = False) -> None:
    """Fetch the bodies among these that are not here: one connection an account, one flight a folder.

    They are kept, unless the account does not want that (`keep` overrides it). What did not come raises
    its error when `wire` asks for it. The account's lock is not needed: of two who bring the same body
    the store takes one.
    """
    accounts: dict[str, list[Summary]] = {}
    for row in ctx.store.get(ids):
        if row.remote_only and (keep or not isinstance(ctx.brought.get(row.id), bytes)):
            ctx.brought.pop(row.id, None)  # why it did not come the last time
            accounts.setdefault(row.account, []).append(row)
    for name, rows in accounts.items():
        try:
            failed = _bring(ctx, _account(ctx, name), rows, keep)
        except Interrupted:
            raise
        except MailcliError as error:
            there = {row.id for row in ctx.store.get([row.id for row in rows]) if not row.remote_only}
            there.update(ctx.brought)
            failed = {row.id: _away(error, row.id) for row in rows if row.id not in there}
        ctx.brought.update(failed)


def need(ctx: Context, ids: Sequence[str]) -> None:
    """Have the bodies of all of these in the store. Raises the first reason why not."""
    bring(ctx, ids, keep=True)
    reasons = [ctx.brought.pop(row.id, None) for row in ctx.store.get(ids) if row.remote_only]
    for reason in reasons:
        raise reason if isinstance(reason, MailcliError) else NotFound("a body was purged meanwhile")


def _account(ctx: Context, name: str) -> Account:
    account = ctx.config.accounts.get(name)
    if account is None or account.incoming is None:
        raise NotFound(f"account {name} has no server", hint="mailcli account list")
    return account


def _bring(ctx: Context, account: Account, rows: Sequence[Summary], keep: bool) -> dict[str, MailcliError]:
    from mailcli.net.deadline import Deadlines
    from mailcli.sync import announced

    assert account.incoming is not None
    done = octets = 0
    ctx.progress(Progress(account.name, "bodies", 0, len(rows), 0))

    def take(some: list[tuple[str, bytes]]) -> bool:
        nonlocal done, octets
        kept = (keep or account.bodies.keep) and _kept(ctx, account.name, some, must=keep)
        if not kept:
            _pass(ctx, some)
            for id, data in some:
                if announced.is_another(data, ctx.store.header_bytes(id), sizes[id]):
                    ctx.notice(f"{account.name}: {announced.another(id)}")
        done, octets = done + len(some), octets + sum(len(data) for _, data in some)
        ctx.progress(Progress(account.name, "bodies", done, len(rows), octets))
        return kept

    sizes = {row.id: row.size for row in rows}
    if account.incoming.protocol is Protocol.IMAP:
        from mailcli.sync.imap import objects

        found = set()
        for one in objects.here(ctx.store, account.name, list(sizes)):
            take([one])
            found.add(one[0])
        rows = [row for row in rows if row.id not in found]
        if not rows:
            return {}
    # Somebody waits for it: what takes longer than this is as good as away.
    limits = Deadlines(connect=10, tls=10, greeting=15, reply=15, content=60)
    by = _by_pop3 if account.incoming.protocol is Protocol.POP3 else _by_imap
    return by(ctx, account, rows, take, limits)


def _by_imap(
    ctx: Context, account: Account, rows: Sequence[Summary], take: Take, limits: Deadlines
) -> dict[str, MailcliError]:
    from mailcli.app.connecting import open_incoming_imap
    from mailcli.store.partial import Lacking
    from mailcli.sync.imap import bodies
    from mailcli.sync.imap.server import Server

    assert account.incoming is not None
    # Before the UIDs are read, so that these are of this UIDVALIDITY or a newer one, never of an older.
    folders = {folder.key: folder for folder in ctx.store.sync_folders(account.name)}
    wanted: dict[int, list[Lacking]] = {}
    failed: dict[str, MailcliError] = {}
    for row, place in zip(rows, ctx.store.places([row.id for row in rows]), strict=True):
        if place.at_folder is None or place.uid is None:
            failed[row.id] = NotFound(f"the body of {row.id} is on no server any more")
        else:
            wanted.setdefault(place.at_folder, []).append(Lacking(row.id, place.uid, row.size))
    with open_incoming_imap(ctx, account, limits) as connection:
        server = Server(connection, account.incoming.disabled)
        return failed | bodies.bring(server, wanted, folders, take, ctx.cancel)


def _by_pop3(
    ctx: Context, account: Account, rows: Sequence[Summary], take: Take, limits: Deadlines
) -> dict[str, MailcliError]:
    from mailcli.app.connecting import open_incoming_pop3
    from mailcli.sync.pop3 import outlines
    from mailcli.sync.pop3.history import History
    from mailcli.sync.pop3.logins import Logins

    logins = Logins(ctx.store, account.name, ctx.clock)
    if wait := logins.wait():
        raise TryAgain(
            f"the server wants {logins.delay} seconds between two logins; {wait} are left",
            hint="try again then",
        )
    with (
        open_incoming_pop3(ctx, account, limits) as connection,
        ctx.store.pop3_listing(account.name) as listing,
    ):
        logins.note(connection.greeted)
        history = History(ctx.store, account.name, listing, ctx.clock)
        return outlines.bring(connection, history, [row.id for row in rows], take, ctx.cancel)


def _kept(ctx: Context, account: str, some: list[tuple[str, bytes]], *, must: bool) -> bool:
    """Store bodies. A disk that is full keeps nobody from reading: False then, unless they must be kept."""
    from mailcli.sync.announced import unexpected

    try:
        filled = ctx.store.fill_bodies(some)
    except LocalIOError as error:
        if must:
            raise
        ctx.notice(f"{account}: what is fetched to be read is not kept: {error.message}")
        return False
    for one in filled:
        if told := unexpected(one):
            ctx.notice(f"{account}: {told}")
    return True


def _away(error: MailcliError, id: str) -> MailcliError:
    """The same error, about this message."""
    about = copy.copy(error)
    about.message = f"the body of {id} is only on the server: {error.message}"
    about.args = (about.message,)
    if not about.hint or about.exit_code == 75:
        about.hint = f"{error.hint + '; ' if error.hint else ''}mailcli read --headers {id} shows its header"
    return about


def _pass(ctx: Context, some: Sequence[tuple[str, bytes]]) -> None:
    """Hold bodies that are not to be kept, the last ones of them."""
    ctx.brought.update(some)
    held = {id: len(found) for id, found in list(ctx.brought.items()) if isinstance(found, bytes)}
    excess = sum(held.values()) - PASSING_OCTETS
    for id, size in held.items():
        if excess <= 0 or id == some[-1][0]:
            break
        del ctx.brought[id]
        excess -= size
