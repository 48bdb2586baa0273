"""Undoing changes, doing them again, and the log of them: here at once, then told to the servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.app.context import Context
from mailcli.app.folders import tell
from mailcli.app.pushing import push_now
from mailcli.errors import MailcliError
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.store.journal import Entry


class Undone(NamedTuple):
    """What `undo` (or `redo`, then `back` is false) did to the change `entry`.

    `ids` were changed; `left` had been changed since, and were left; `lost` are not in the recovery area
    any more. `pushed` is whether the servers know already.
    """

    entry: Entry
    back: bool
    ids: tuple[str, ...]
    left: int
    lost: int
    pushed: bool

    @property
    def summary(self) -> str:
        """`undone: archive 3 messages to Archive`."""
        done = "undone" if self.back else "done again"
        return f"{'' if self.anything else 'nothing '}{done}: {self.entry.words}"

    @property
    def anything(self) -> bool:
        """Whether anything was still as it had been left."""
        return bool(self.ids) or not self.left

    @property
    def remark(self) -> str:
        """`2 of 5 had been changed since and were left`, or ""."""
        every = self.left + self.lost + len(set(self.ids))
        parts = []
        if self.left:
            were = "was" if self.left == 1 else "were"
            parts.append(f"{self.left} of {every} had been changed since and {were} left")
        if self.lost:
            are = "is" if self.lost == 1 else "are"
            parts.append(f"{self.lost} of {every} {are} no longer in the recovery area")
        return "; ".join(parts)


def undo(ctx: Context, token: str = "") -> Undone | None:
    """Undo the change of a token, or the user's newest that stands (with `-A` of that account); None:
    there is nothing to undo.

    Raises NotFound for a token that the log does not have, and if the mail it would bring back has
    expired.
    """
    entry = ctx.store.change(token) if token else ctx.store.next_turn(back=True, account=_account(ctx))
    if entry is None:
        ctx.notice("nothing to undo")
    elif entry.undone is not None:
        ctx.notice(f"nothing to undo: {entry.token} ({entry.words}) was undone before")
    else:
        return _turn(ctx, entry, back=True)
    return None


def redo(ctx: Context) -> Undone | None:
    """Do again what was undone last, unless another change was made since; None: there is nothing."""
    entry = ctx.store.next_turn(back=False, account=_account(ctx))
    if entry is None:
        ctx.notice("nothing to do again")
        return None
    return _turn(ctx, entry, back=False)


def log(ctx: Context, limit: int | None = None) -> list[Entry]:
    """The changes of the last 14 days, newest first; with `-A` those of that account."""
    account = _account(ctx)
    if account is None:
        return ctx.store.changes(limit)
    found = [entry for entry in ctx.store.changes() if account in entry.accounts]
    return found if limit is None else found[:limit]


def _account(ctx: Context) -> str | None:
    """The choice of `-A`, if it is one account."""
    return None if ctx.account == "all" else ctx.account


def _turn(ctx: Context, entry: Entry, *, back: bool) -> Undone:
    folder = ctx.store.folder_turn(entry, back=back)
    if folder is not None and folder.verb != "CREATE":
        # On the server first, as by the command itself: a name it refuses changes nothing.
        tell(ctx, folder.account, folder.verb, folder.name, folder.to)
    turned = ctx.store.turn(entry, back=back)
    told = True
    if folder is not None and folder.verb == "CREATE":
        told = _create(ctx, folder.account, folder.name)
    # The account that messages move to comes first: they are expunged once they have been uploaded.
    outcome = push_now(ctx, entry.accounts if back else reversed(entry.accounts))
    if outcome.notice:
        ctx.notice(outcome.notice)
    return Undone(entry, back, turned.ids, turned.left, turned.lost, outcome.done and told)


def _create(ctx: Context, account: str, name: str) -> bool:
    """The next fetch creates a folder that the server could not be told of now."""
    try:
        notice = tell(ctx, account, "CREATE", name)
    except MailcliError as error:
        notice = f"{account}: queued for the next fetch ({error.message})"
    if notice:
        ctx.notice(notice)
    return not notice
