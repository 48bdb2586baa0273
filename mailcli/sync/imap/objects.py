"""Messages that the server knows by one name in all folders: EMAILID (RFC 8474 §5.1), and X-GM-MSGID of
Gmail, whose folders are labels. A body that is here is not downloaded for another folder, and a message
that went from one folder to another there keeps its id here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.errors import NotFound
from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple
from mailcli.store.values import Arrival
from mailcli.sync.imap import plan as planner
from mailcli.sync.imap.plan import merge_flags

if TYPE_CHECKING:
    from mailcli.store.store import Store
    from mailcli.store.writer import Writer
    from mailcli.sync.imap.delta import Delta
    from mailcli.sync.imap.download import Incoming
    from mailcli.sync.imap.reconcile import Planned
    from mailcli.sync.imap.selection import News
    from mailcli.sync.imap.server import Server

_AT_ONCE: Final = 200
_OCTETS_AT_ONCE: Final = 8 << 20


def item(server: Server) -> tuple[str, ...]:
    """What FETCH has to ask for, if there is such a name."""
    if server.has("X-GM-EXT-1"):
        return ("X-GM-MSGID",)
    return ("EMAILID",) if server.has("OBJECTID") else ()


def wanted(
    server: Server, delta: Delta, actions: Sequence[planner.Action]
) -> tuple[dict[int, Flags], set[str]]:
    """What is to be kept of a delta for what follows here: the flags of what is new, and the ids of what
    is gone."""
    if not item(server):
        return {}, set()
    new = [a.uid for a in actions if isinstance(a, planner.Download)]
    gone = {a.id for a in actions if isinstance(a, planner.Gone | planner.Upload)}
    return {uid: delta.remote.flags[uid] for uid in new if uid in delta.objects}, gone


# -- from one folder to another ------------------------------------------------------------------


def follow(store: Store, planned: Sequence[Planned]) -> None:
    """Find in the plans what is gone from one folder and new in another: it was moved there, so it is to
    move here."""
    left = {a.id: f for f in planned for a in f.actions if isinstance(a, planner.Gone | planner.Upload)}
    came: dict[str, list[tuple[Planned, int]]] = {}
    for folder in planned if left else ():
        for action in folder.actions:
            if isinstance(action, planner.Download) and (name := folder.delta.objects.get(action.uid)):
                came.setdefault(name, []).append((folder, action.uid))
    held = {m.id: m for folder in planned for m in folder.placed} if came else {}
    found: dict[str, planner.Follow] = {}
    there: dict[tuple[int, int], planner.Follow] = {}
    for identity, (name, size) in store.objects(list(left)).items() if came else ():
        source = left[identity]
        before = held.get(identity)
        alike = (p for p in came.get(name, ()) if p[0] is not source and p[0].delta.sizes.get(p[1]) == size)
        place = next(alike, None)
        if before is None or place is None:
            continue
        came[name].remove(place)
        folder, uid = place
        now = folder.delta.remote.flags.get(uid, frozenset())
        merged = merge_flags(before.flags & now if before.base is None else before.base, before.flags, now)
        add, remove = merged.flags - before.flags, before.flags - merged.flags
        relocate = before.folder == source.row.key  # else it goes to where it is here with the next push
        one = planner.Follow(identity, uid, now, add, remove, relocate)
        found[identity] = there[folder.row.key, uid] = one
    for folder in planned if found else ():
        key = folder.row.key
        folder.actions[:] = [
            there.get((key, a.uid), a) if isinstance(a, planner.Download) else a
            for a in folder.actions
            if not (isinstance(a, planner.Gone | planner.Upload) and a.id in found)
        ]


# -- one body for all folders --------------------------------------------------------------------


def here(store: Store, account: str, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """(id, message) of those whose body is not in their folder, but in another one."""
    names = store.objects(ids)
    held = store.by_object(account, {name for name, _ in names.values()})
    for identity, (name, size) in names.items():
        source, octets = held.get(name, ("", -1))
        if octets == size:
            try:
                yield identity, store.open_bytes(source)
            except NotFound:  # purged meanwhile
                continue


class _Copy(NamedTuple):
    """A message that is to come from here; `flags` are those the server has."""

    folder: Incoming
    uid: int
    object: str
    size: int
    flags: Flags


class Shared:
    """The bodies that need not be downloaded, or only once."""

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account
        self._copies: list[_Copy] = []
        self._folders: dict[int, Incoming] = {}

    def set_apart(self, coming: Sequence[Incoming], news: Sequence[News]) -> None:
        """Take from what is to be downloaded all bodies but the first of each object, and that too if it
        is here already."""
        wanted = {name for folder in coming for uid in folder.uids if (name := folder.objects.get(uid))}
        if not wanted:
            return
        seen = {name: size for name, (_, size) in self._store.by_object(self._account, wanted).items()}
        for folder, one in zip(coming, news, strict=True):
            apart: list[int] = []
            for uid in folder.uids:
                name, size = folder.objects.get(uid, ""), folder.size(uid)
                if seen.get(name) == size:  # else it is another message, whatever the server calls it
                    flags = one.delta.remote.flags.get(uid, frozenset())
                    self._copies.append(_Copy(folder, uid, name, size, flags))
                    apart.append(uid)
                elif name:
                    seen[name] = size
            if apart:
                folder.set_apart(apart)
                self._folders[folder.key] = folder

    def place(self) -> int:
        """Copy them, now that the others are durable; returns how many. What cannot be copied is left to
        the next run, which downloads it."""
        if not self._copies:
            return 0
        placed = 0
        for some in self._batches():
            held = self._store.by_object(self._account, {copy.object for copy in some})
            arrivals = [a for copy in some if (a := self._arrival(copy, held.get(copy.object, ("", 0))[0]))]
            self._store.deliver(arrivals)
            for arrival in arrivals:
                self._folders[arrival.folder].apart -= 1
            placed += len(arrivals)

        def commit_cursors(writer: Writer) -> None:
            for folder in self._folders.values():
                if folder.arrived and not folder.apart:
                    writer.put_cursor(folder.key, folder.cursor)

        self._store.transact(commit_cursors)
        return placed

    def _arrival(self, copy: _Copy, source: str) -> Arrival | None:
        """None if the body is not here after all."""
        try:
            (row,) = self._store.get([source])
            data = self._store.open_bytes(source)
        except NotFound:  # purged meanwhile
            return None
        folder = copy.folder
        return Arrival(
            folder.key,
            data,
            copy.flags,
            row.arrived,
            copy.uid,
            folder.uidvalidity,
            on_server=True,
            object_id=copy.object,
        )

    def _batches(self) -> Iterator[list[_Copy]]:
        batch: list[_Copy] = []
        octets = 0
        for copy in self._copies:
            if batch and (octets + copy.size > _OCTETS_AT_ONCE or len(batch) == _AT_ONCE):
                yield batch
                batch, octets = [], 0
            batch.append(copy)
            octets += copy.size
        if batch:
            yield batch
