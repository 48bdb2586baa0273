"""Turning a change of the journal back, and doing it again.

Each kind of step has its reverse: flags are set and cleared, messages move back, what went to the recovery
area returns from it and what was made goes there. A step is taken only where the message still is as the
change (or its undoing) left it; the others are counted and left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.errors import NotFound
from mailcli.model import flags as flag_words
from mailcli.model.flags import SEEN, Flags
from mailcli.model.record import NamedTuple
from mailcli.store import changing, folders, journal, location, recovery, refoldering, removing, scanning
from mailcli.store.editing import Edit
from mailcli.store.journal import Entry, Note, Step
from mailcli.store.renames import Renames
from mailcli.store.site import Site
from mailcli.store.sql import chunks, rows

if TYPE_CHECKING:
    import apsw

_BROUGHT_AT_ONCE: Final = 500
"""Messages that return from the recovery area in one transaction: they are parsed and indexed again."""
_OF_FOLDERS: Final = ("create", "rename", "delete", "subscribe")


class Turned(NamedTuple):
    """What undoing (or redoing) an entry did: `ids` were changed; `left` messages (or folders) had been
    changed since, and were left; `lost` are not in the recovery area any more."""

    entry: Entry
    ids: tuple[str, ...]
    left: int
    lost: int


class FolderTurn(NamedTuple):
    """What the server is to be told before a folder is turned: `verb` is RENAME, CREATE, DELETE,
    SUBSCRIBE or UNSUBSCRIBE."""

    account: str
    verb: str
    name: str
    to: str = ""


def turn(site: Site, entry: Entry, *, back: bool, busy: frozenset[str] = frozenset()) -> Turned:
    """See Store.turn. `busy` are accounts that another run is telling its server about."""
    recovery.settle(site)
    with site.database.reading() as connection:
        steps = journal.steps(connection, entry, undone=not back)
    work = _Turn(site, entry, back, busy)
    if any(step.kind in _OF_FOLDERS for step in steps):
        return work.folder(steps)
    return work.messages(steps)


class _Turn:
    """One turn. `done` and `left` are ids of messages, or names of folders."""

    def __init__(self, site: Site, entry: Entry, back: bool, busy: frozenset[str]) -> None:
        self._busy = busy
        self._site = site
        self._entry = entry
        self._back = back
        self._done: dict[str, None] = {}
        self._left: set[str] = set()
        self._lost: set[str] = set()

    def messages(self, steps: Sequence[Step], folder: Step | None = None) -> Turned:
        """Entries of messages; `folder` is the step of the folder that came back for them."""
        returning = [s for s in steps if s.kind == ("gone" if self._back else "made")]
        others = [s for s in steps if s.kind != ("gone" if self._back else "made")]
        self._make_folders(others)
        pieces = list(chunks(returning, _BROUGHT_AT_ONCE)) or [[]]
        for piece in pieces:
            kept = [(step, recovery.read(self._site, step.message)) for step in piece]
            self._find({(step.account, step.folder) for step, one in kept if one is None})
            keys = {
                (step.account, step.folder): self._ensure(step.account, step.folder)
                for step, one in kept
                if one is not None
            }
            last = piece is pieces[-1]
            with self._site.database.writing() as connection, Renames(self._site.tree) as renames:
                done = self._bring_back(connection, renames, kept, keys)
                if last:
                    done += self._change(connection, renames, others)
                    done += [folder] if folder is not None else []
                    self._refuse_nothing()
                    journal.turned(connection, self._entry, self._site.clock(), back=self._back)
                journal.steps_turned(connection, done, back=self._back)
        recovery.settle(self._site)
        return self._result()

    def _result(self) -> Turned:
        return Turned(self._entry, tuple(self._done), len(self._left), len(self._lost))

    def _refuse_nothing(self) -> None:
        if self._lost and not self._done and not self._left:
            raise NotFound(
                f"nothing of this is left to bring back: {self._entry.words}",
                hint="mail is kept for 14 days; mailcli log has what else can be undone",
            )

    def _find(self, places: set[tuple[str, str]]) -> None:
        """Files that are not in the recovery area any more may be back in their folders, if an undoing
        was cut before its rows were committed."""
        with self._site.database.reading() as connection:
            keys = _keys(connection)
        for place in places & keys.keys():
            scanning.scan(self._site, keys[place], force=True)

    # -- messages ------------------------------------------------------------------------------

    def _bring_back(
        self,
        connection: apsw.Connection,
        renames: Renames,
        kept: Sequence[tuple[Step, recovery.Kept | None]],
        keys: dict[tuple[str, str], int],
    ) -> list[Step]:
        present = {r.id for r in changing.present_rows(connection, [s.message for s, _ in kept])}
        done = []
        for step, one in kept:
            if step.message in present:  # it came back another way, or by an undoing that was cut
                self._done[step.message] = None
                done.append(step)
            elif one is None:
                self._lost.add(step.message)
            else:
                key = keys[step.account, step.folder]
                busy = one.entry["account"] in self._busy
                if recovery.bring_back(self._site, connection, renames, one, key, expunging=busy):
                    self._done[step.message] = None
                done.append(step)
        return done

    def _change(self, connection: apsw.Connection, renames: Renames, steps: Sequence[Step]) -> list[Step]:
        """Flags, moves and removals, those that can be grouped in one go."""
        edit = Edit(self._site, connection, renames)
        keys = _keys(connection)
        flags: dict[tuple[Flags, Flags], list[str]] = {}
        moves: dict[int, list[str]] = {}
        going: list[str] = []
        done = []
        present = {r.id: r for r in changing.present_rows(connection, [s.message for s in steps])}
        for step in steps:
            row = present.get(step.message)
            if row is None or not self._as_left(step, row, keys):
                self._left.add(step.message)
                continue
            if step.kind == "flags":
                flags.setdefault(self._flags(step, row), []).append(step.message)
            elif step.kind == "move":
                target = (step.account, step.folder) if self._back else (step.to_account, step.to_folder)
                moves.setdefault(keys[target], []).append(step.message)
            else:
                going.append(step.message)
            done.append(step)
            self._done[step.message] = None
        for (add, remove), ids in flags.items():
            edit.set_flags(ids, add, remove)
        for folder, ids in moves.items():
            edit.move(ids, folder)
        if going:
            edit.purge(going, "undone" if self._back else "purged")
        return done

    def _as_left(self, step: Step, row: changing.Row, keys: dict[tuple[str, str], int]) -> bool:
        """Whether a message still is as the change, or its undoing, left it."""
        if step.kind == "flags":
            return any(self._flags(step, row))
        if step.kind == "move":
            ends = (step.account, step.folder), (step.to_account, step.to_folder)
            here, target = reversed(ends) if self._back else ends
            return row.folder == keys.get(here) and target in keys
        flags = flag_words.from_bits(row.bits, row.words)
        before: Flags = frozenset(step.added.split())
        return row.folder == keys.get((step.account, step.folder)) and not (flags ^ before) - {SEEN}

    def _flags(self, step: Step, row: changing.Row) -> tuple[Flags, Flags]:
        """What is to be added and removed: of the flags that the change touched those that still are as
        it left them."""
        flags = flag_words.from_bits(row.bits, row.words)
        added, removed = frozenset(step.added.split()), frozenset(step.removed.split())
        on, off = (added, removed) if self._back else (removed, added)
        return off - flags, on & flags

    def _make_folders(self, steps: Sequence[Step]) -> None:
        """What moves back finds the folder that was deleted since made again; moving forward does not."""
        if not self._back:
            return
        with self._site.database.reading() as connection:
            keys = _keys(connection)
            moves = [s for s in steps if s.kind == "move" and (s.account, s.folder) not in keys]
            known = set(folders.accounts(connection))
            present = {r.id for r in changing.present_rows(connection, [s.message for s in moves])}
        for account, folder in {(s.account, s.folder) for s in moves if s.message in present}:
            if account in known:
                self._ensure(account, folder)

    def _ensure(self, account: str, folder: str, special: str | None = None) -> int:
        return folders.ensure_folder(self._site, account, folder, special, None, None, None)

    # -- folders -------------------------------------------------------------------------------

    def folder(self, steps: Sequence[Step]) -> Turned:
        """Entries of one folder: created, renamed, subscribed, or deleted with what was in it."""
        (step,) = [s for s in steps if s.kind in _OF_FOLDERS]
        if step.kind == "delete" and self._back:
            self._ensure(step.account, step.folder, step.added)
            return self.messages([s for s in steps if s is not step], folder=step)
        change = folder_turn(self._site, self._entry, back=self._back)

        def mark(connection: apsw.Connection, _home: object = None) -> None:
            if change is not None:
                journal.steps_turned(connection, steps, back=self._back)
            journal.turned(connection, self._entry, self._site.clock(), back=self._back)

        if change is None:
            self._left.add(step.folder)
            with self._site.database.writing() as connection:
                mark(connection)
        elif change.verb in ("CREATE", "SUBSCRIBE", "UNSUBSCRIBE"):
            wanted = None if change.verb == "CREATE" else change.verb == "SUBSCRIBE"
            folders.ensure_folder(self._site, change.account, change.name, None, None, None, wanted, mark)
        else:
            self._turn_folder(change, steps, mark)
        return self._result()

    def _turn_folder(self, change: FolderTurn, steps: Sequence[Step], mark: Callable[..., None]) -> None:
        with self._site.database.reading() as connection:
            key = _keys(connection)[change.account, change.name]
        if change.verb == "RENAME":
            refoldering.rename_folder(self._site, key, change.to, mark)
        else:
            removing.delete_folder(self._site, key, "folder deleted", also=mark)
            self._done.update((s.message, None) for s in steps if s.message)


def folder_turn(site: Site, entry: Entry, *, back: bool) -> FolderTurn | None:
    """See Store.folder_turn."""
    with site.database.reading() as connection:
        steps = journal.steps(connection, entry, undone=not back)
        keys = _keys(connection)
    for step in steps:
        account, name = step.account, step.folder
        if step.kind == "rename":
            here, there = (step.to_folder, name) if back else (name, step.to_folder)
            if (account, here) in keys and (account, there) not in keys:
                return FolderTurn(account, "RENAME", here, there)
        elif step.kind == "subscribe":
            if _subscribed(site, account, name) is ((step.added == "on") is back):
                return FolderTurn(
                    account, "UNSUBSCRIBE" if (step.added == "on") is back else "SUBSCRIBE", name
                )
        elif step.kind in ("create", "delete"):
            if (step.kind == "delete") is back:
                return FolderTurn(account, "CREATE", name)
            known = {s.message for s in steps}
            if (account, name) in keys and _holds_only(site, keys[account, name], known):
                return FolderTurn(account, "DELETE", name)
    return None


def _holds_only(site: Site, key: int, known: set[str]) -> bool:
    scanning.scan(site, key, force=True)
    with site.database.reading() as connection:
        held = rows(connection, "SELECT id FROM message WHERE folder = ?", (key,))
    return {i for (i,) in held} <= known


def create_folder(site: Site, account: str, name: str, note: Note) -> tuple[int, str]:
    """See Store.create_folder."""
    name = folders.canonical(name)
    with site.database.reading() as connection:
        key = _keys(connection).get((account, name))
    if key is not None:
        return key, ""
    token = ""

    def write(connection: apsw.Connection) -> None:
        nonlocal token
        token = journal.write(connection, note, [Step("create", account, name)], site.clock())

    key = folders.ensure_folder(site, account, name, None, None, None, None, write)
    return key, token


def subscribe_folder(site: Site, account: str, name: str, wanted: bool, note: Note) -> str:
    """See Store.subscribe_folder."""
    token = ""

    def write(connection: apsw.Connection) -> None:
        nonlocal token
        step = Step("subscribe", account, name, added="on" if wanted else "off")
        token = journal.write(connection, note, [step], site.clock())

    folders.ensure_folder(site, account, name, None, None, None, wanted, write)
    return token


def _subscribed(site: Site, account: str, name: str) -> bool | None:
    """None: there is no such folder."""
    with site.database.reading() as connection:
        for folder in folders.folders(connection, account):
            if folder.name == name:
                return folder.subscribed
    return None


def _keys(connection: apsw.Connection) -> dict[tuple[str, str], int]:
    return {(h.account_name, h.name): h.key for h in location.homes(connection).values()}
