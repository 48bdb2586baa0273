"""What to do about one folder: a pure function from three states to actions.

For every message there are three states: *base*, what we and the server last agreed on; *local*,
what it is here; *remote*, what the server says now. Deciding needs nothing else, so it is decided
here, without a socket or a store, and the executor (`run`) only carries it out.

The whole truth for a message that has a base. Rows: what happened here since. Columns: what
happened on the server since.

                 | same     | flags changed           | gone
    -------------+----------+-------------------------+------------------------------------------
    same         | nothing  | SetFlags                | Gone
    flags        | Store    | SetFlags and Store      | Gone (recoverable: flags alone do not
                 |          | (per-flag merge)        |  bring back what was deleted there)
    moved        | Move     | SetFlags, Store, Move   | Upload to where it is here now
    purged       | Expunge  | Expunge if only \\Seen   | Forget
                 |          | changed, else Revive    |
    hidden       | nothing  | nothing                 | Forget

Hidden is what was deleted here while the account's policy was to delete nothing there. Without
`push` no Store, Move or Expunge is planned: what changed here stays as it is, and stays to be told.

And without a base: a message only the server has is a Download, one only we have is an Append (or
a Copy, when it was copied here from one the server has).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from mailcli.model.flags import DELETED, SEEN, Flags
from mailcli.model.record import NamedTuple
from mailcli.store.values import Agreed


class Purged(NamedTuple):
    """A message purged here whose copy on the server is still to be expunged, or if `hidden` is to
    stay there unseen."""

    id: str
    uid: int
    base: Flags
    hidden: bool = False


class Remote(NamedTuple):
    """What the server said: the flags of messages that are new or may have changed, and who went.

    A UID in neither is unchanged. `permanent` are the flags the folder can keep (RFC 9051 §7.1
    PERMANENTFLAGS), `keywords` whether it takes new ones (`\\*`).
    """

    flags: Mapping[int, Flags]
    vanished: Collection[int]
    permanent: Flags
    keywords: bool


class Policy(NamedTuple):
    """`push` false: nothing here changes the server (`sync = "pull"`, read-only folders). `expunge`
    false: what is purged here stays there (`delete = "nothing"`)."""

    push: bool = True
    expunge: bool = True


PUSH: Final = Policy()


class Download(NamedTuple):
    """A message only the server has."""

    uid: int


class SetFlags(NamedTuple):
    """Agree on flags: `base` is what the server has; `add` and `remove` change those here."""

    id: str
    base: Flags
    add: Flags
    remove: Flags


class Gone(NamedTuple):
    """The server no longer has it: out of the folder here, into the recovery area."""

    id: str


class Upload(NamedTuple):
    """Gone from the server but moved here: it has no place there any more and gets a new one."""

    id: str


class Forget(NamedTuple):
    """Purged here and gone there: nothing is left to do."""

    id: str


class Revive(NamedTuple):
    """Purged here, but marked by somebody on the server since: it is wanted, bring it back."""

    id: str
    uid: int
    flags: Flags


class Hide(NamedTuple):
    """Purged here, and never to be expunged there: known, so that it does not come again."""

    id: str


class Follow(NamedTuple):
    """Moved there: gone from another folder and new in this one, as `uid` (`objects.follow`). `base`, `add`
    and `remove` as in SetFlags; `relocate` unless it was moved here as well."""

    id: str
    uid: int
    base: Flags
    add: Flags
    remove: Flags
    relocate: bool


class Store(NamedTuple):
    """Change flags on the server: the same change for all these messages."""

    uids: tuple[int, ...]
    ids: tuple[str, ...]
    add: Flags
    remove: Flags


class Move(NamedTuple):
    """Move on the server, from the planned folder to that of key `to`."""

    uids: tuple[int, ...]
    ids: tuple[str, ...]
    to: int


class Expunge(NamedTuple):
    """Remove from the server for good."""

    uids: tuple[int, ...]
    ids: tuple[str, ...]


Action = Download | SetFlags | Gone | Upload | Forget | Revive | Hide | Follow | Store | Move | Expunge


class Merged(NamedTuple):
    """The outcome of a flag merge: here, there, how to get the server there, and `ours`, the flags
    that only we can keep."""

    flags: Flags
    there: Flags
    add: Flags
    remove: Flags
    ours: Flags


def merge_flags(
    base: Flags, local: Flags, remote: Flags, *, can_keep: Collection[str] | None = None
) -> Merged:
    """Merge flag by flag: whoever changed a flag since the base wins; both can only have made
    the same change, so there is no conflict.

    `can_keep` are the flags the server can hold (None: any). The others stay ours: they are
    neither compared nor pushed.
    """
    ours: Flags = frozenset()
    if can_keep is not None:
        ours = frozenset(f for f in local if f not in can_keep and f not in remote)
        base = frozenset(f for f in base if f in can_keep or f in remote)
        local -= ours
    added, removed = local - base, base - local
    add, remove = added - remote, removed & remote
    there = (remote | add) - remove
    return Merged(flags=there | ours, there=there, add=add, remove=remove, ours=ours)


def plan(
    folder: int,
    placed: Iterable[Agreed],
    purged: Iterable[Purged],
    remote: Remote,
    policy: Policy = PUSH,
) -> list[Action]:
    """Decide what to do about one folder. Pure, and in an order that is safe to execute as given:
    what is learnt first, then flags, then moves, then removals, then downloads newest first."""
    learnt: list[Action] = []
    stores: dict[tuple[Flags, Flags], list[tuple[int, str]]] = {}
    moves: dict[int, list[tuple[int, str]]] = {}
    expunged: list[tuple[int, str]] = []
    known: set[int] = set()

    for message in placed:
        known.add(message.uid)
        if message.uid in remote.vanished:
            learnt.append(Gone(message.id) if message.folder == folder else Upload(message.id))
            continue
        can_keep = None if remote.keywords else remote.permanent
        now = remote.flags.get(message.uid)
        if now is None and can_keep is None and message.flags == message.base and message.folder == folder:
            continue  # nothing happened to it on either side: most of a large folder
        if now is None and message.base is not None:
            now = message.base if can_keep is None else message.base & can_keep
        if now is None:
            continue  # base lost, and the server was not asked for this one: a full look will be
        base = message.flags & now if message.base is None else message.base
        merged = merge_flags(base, message.flags, now, can_keep=can_keep)
        if policy.push and (merged.add or merged.remove):
            stores.setdefault((merged.add, merged.remove), []).append((message.uid, message.id))
        # Until a Store is confirmed the server has what it said, so that is the base; with what
        # only we can keep, which is agreed by that.
        agreed = now | merged.ours
        here = merged.flags - message.flags, message.flags - merged.flags
        if any(here) or agreed != message.base:
            learnt.append(SetFlags(message.id, agreed, *here))
        if message.folder != folder and policy.push:
            moves.setdefault(message.folder, []).append((message.uid, message.id))

    for tomb in purged:
        known.add(tomb.uid)
        if tomb.uid in remote.vanished:
            learnt.append(Forget(tomb.id))
            continue
        if tomb.hidden:
            continue
        now = remote.flags.get(tomb.uid, tomb.base)
        # \\Deleted may be our own: of an expunge that was cut, or that had to wait (`push.expunge`).
        if now - tomb.base - {SEEN, DELETED}:
            learnt.append(Revive(tomb.id, tomb.uid, now))
        elif policy.push and policy.expunge:
            expunged.append((tomb.uid, tomb.id))
        elif policy.push:
            learnt.append(Hide(tomb.id))

    actions = learnt
    for (add, remove), pairs in stores.items():
        actions.append(Store(*_columns(pairs), add, remove))
    for to, pairs in moves.items():
        actions.append(Move(*_columns(pairs), to))
    if expunged:
        actions.append(Expunge(*_columns(expunged)))
    actions.extend(Download(uid) for uid in sorted(remote.flags.keys() - known, reverse=True))
    return actions


def _columns(pairs: list[tuple[int, str]]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Ascending UIDs with their ids: some servers reject descending sets (QQ)."""
    pairs.sort()
    return tuple(uid for uid, _ in pairs), tuple(id for _, id in pairs)
