"""The journal of changes: what each command did, message by message, so that it can be undone.

An entry (`change`) is one command's; its steps (`change_step`) say what each message or folder was before.
Both are written in the transaction of the change itself, so that there is never one without the other.
What a synchronisation took away has an entry too; it is undone by its token only.

Messages are named by their ids, folders by account and name: a folder that is deleted and comes back has
another key. `renamed` keeps the names true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import NotFound
from mailcli.model.ids import ALPHABET, new_id
from mailcli.model.record import NamedTuple
from mailcli.store.sql import rows

if TYPE_CHECKING:
    import apsw

TOKEN: Final = 4
"""Letters of a token: 31**4 is 180 times as many as there are entries."""

DDL: Final = (
    # undone: when (NULL: it stands); redo: the place in the order of undoing, NULL once another change came.
    """CREATE TABLE change(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, at REAL NOT NULL,
        touched REAL NOT NULL, verb TEXT NOT NULL, tail TEXT NOT NULL, accounts TEXT NOT NULL,
        messages INTEGER NOT NULL, by_sync INTEGER NOT NULL, undone REAL, redo INTEGER)""",
    # kind: flags, move, gone (to recovery), made (a copy, an import); create, rename, delete,
    # subscribe of a folder (added: on or off).
    # folder: where it was; for what was made where it is. added, removed: flags that changed; of what went
    # or was made `added` has the flags it had. undone: this step is turned back.
    """CREATE TABLE change_step(
        seq INTEGER PRIMARY KEY, change INTEGER NOT NULL, kind TEXT NOT NULL, account TEXT NOT NULL,
        folder TEXT NOT NULL, message TEXT NOT NULL, to_account TEXT NOT NULL, to_folder TEXT NOT NULL,
        added TEXT NOT NULL, removed TEXT NOT NULL, undone INTEGER NOT NULL DEFAULT 0)""",
    "CREATE INDEX change_step_by_change ON change_step(change)",
)
COLUMNS: Final = {
    "change": "seq, token, at, touched, verb, tail, accounts, messages, by_sync, undone, redo",
    "change_step": (
        "seq, change, kind, account, folder, message, to_account, to_folder, added, removed, undone"
    ),
}


class Note(NamedTuple):
    """What a command's change is called: verb and tail with the number between them ("archive",
    "to Archive"). `by_sync`: not the user's doing."""

    verb: str
    tail: str = ""
    by_sync: bool = False


class Step(NamedTuple):
    """What was done to one message or folder; the fields are the columns of `change_step`."""

    kind: str
    account: str
    folder: str
    message: str = ""
    to_account: str = ""
    to_folder: str = ""
    added: str = ""
    removed: str = ""
    seq: int = 0


class Entry(NamedTuple):
    """One change, as `log` shows it. Of its messages `kept` are in the recovery area, the first of them
    until `until` (None: none is). Times in seconds since the epoch."""

    seq: int
    token: str
    at: float
    verb: str
    tail: str
    accounts: tuple[str, ...]
    messages: int
    by_sync: bool
    undone: float | None
    kept: int
    until: float | None

    @property
    def words(self) -> str:
        """What was done, for people: `archive 3 messages to Archive`."""
        count = f"{self.messages} message{'' if self.messages == 1 else 's'}"
        if self.by_sync:
            return f"{count} {self.tail}"
        if self.verb.startswith("folder "):
            return f"{self.verb} {self.tail}" + (f" ({count})" if self.messages else "")
        return f"{self.verb} {count} {self.tail}"


# -- writing -----------------------------------------------------------------------------------


def write(connection: apsw.Connection, note: Note, steps: Sequence[Step], now: float) -> str:
    """Add an entry, in the caller's transaction; returns its token, "" if nothing was done."""
    if not steps:
        return ""
    token = _new_token(connection)
    if not note.by_sync:
        connection.execute("UPDATE change SET redo = NULL WHERE redo IS NOT NULL")
    connection.execute(
        "INSERT INTO change(token, at, touched, verb, tail, accounts, messages, by_sync)"
        " VALUES(?, ?, ?, ?, ?, '', 0, ?)",
        (token, now, now, note.verb, note.tail, int(note.by_sync)),
    )
    extend(connection, token, steps)
    return token


def extend(connection: apsw.Connection, token: str, steps: Sequence[Step]) -> None:
    """More steps of a command that takes several transactions (a large copy or import)."""
    seq, accounts = rows(connection, "SELECT seq, accounts FROM change WHERE token = ?", (token,))[0]
    connection.executemany(
        "INSERT INTO change_step(change, kind, account, folder, message, to_account, to_folder, added,"
        " removed) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(seq, *step[:-1]) for step in steps],
    )
    named = dict.fromkeys(
        [*accounts.split("\n"), *(a for s in steps for a in (s.account, s.to_account))]
    )  # an account's name has no line break
    connection.execute(
        "UPDATE change SET accounts = ?, messages = messages + ? WHERE seq = ?",
        ("\n".join(a for a in named if a), len({s.message for s in steps if s.message}), seq),
    )


def _new_token(connection: apsw.Connection) -> str:
    while True:
        token = new_id()[:TOKEN]
        if not rows(connection, "SELECT 1 FROM change WHERE token = ?", (token,)):
            return token


def turned(connection: apsw.Connection, entry: Entry, now: float, *, back: bool) -> None:
    """Note that an entry was undone (`back`) or done again."""
    connection.execute(
        "UPDATE change SET touched = ?1, undone = CASE WHEN ?2 THEN ?1 END,"
        " redo = CASE WHEN ?2 THEN (SELECT coalesce(max(redo), 0) + 1 FROM change) END WHERE seq = ?3",
        (now, int(back), entry.seq),
    )


def steps_turned(connection: apsw.Connection, done: Iterable[Step], *, back: bool) -> None:
    """Note which steps were undone, or done again."""
    connection.executemany(
        "UPDATE change_step SET undone = ? WHERE seq = ?", [(int(back), step.seq) for step in done]
    )


def renamed(connection: apsw.Connection, account: str, old: str, new: str) -> None:
    """A folder has another name: what is to be put back into it goes there."""
    for table, owner, column in (
        ("change_step", "account", "folder"),
        ("change_step", "to_account", "to_folder"),
        ("recovery", "account", "folder"),
    ):
        but = " AND kind != 'rename'" if table == "change_step" else ""
        connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE {owner} = ? AND {column} = ?{but}", (new, account, old)
        )


# -- reading -----------------------------------------------------------------------------------

_KEPT: Final = (
    "FROM change_step s JOIN recovery r ON r.id = s.message AND r.file IS NOT NULL"
    " WHERE s.change = c.seq AND s.kind = CASE s.undone WHEN 0 THEN 'gone' ELSE 'made' END"
)
_ENTRY: Final = (
    "SELECT c.seq, c.token, c.at, c.verb, c.tail, c.accounts, c.messages, c.by_sync, c.undone,"
    f" (SELECT count(*) {_KEPT}), (SELECT min(r.expires) {_KEPT}) FROM change c"
)


def _entry(row: Sequence[Any]) -> Entry:
    seq, token, at, verb, tail, accounts, messages, by_sync, undone, kept, until = row
    names = tuple(accounts.split("\n")) if accounts else ()
    return Entry(seq, token, at, verb, tail, names, messages, bool(by_sync), undone, kept, until)


def entries(connection: apsw.Connection, limit: int | None) -> list[Entry]:
    """The newest first."""
    return [
        _entry(row)
        for row in rows(
            connection, f"{_ENTRY} ORDER BY c.seq DESC LIMIT ?", (-1 if limit is None else limit,)
        )
    ]


def find(connection: apsw.Connection, token: str) -> Entry:
    """The entry of a token. Raises NotFound."""
    wanted = token.strip().lower()
    found = rows(connection, f"{_ENTRY} WHERE c.token = ?", (wanted,))
    if found:
        return _entry(found[0])
    if len(wanted) == TOKEN and set(wanted) <= set(ALPHABET):
        raise NotFound(
            f"there is no change {wanted} in the log",
            hint="changes are kept for 14 days: mailcli log lists them",
        )
    raise NotFound(f"{token!r} is not the token of a change", hint="mailcli log lists them")


_OF: Final = " AND (?1 IS NULL OR instr(char(10) || c.accounts || char(10), char(10) || ?1 || char(10)))"


def to_undo(connection: apsw.Connection, account: str | None = None) -> Entry | None:
    """The user's newest change that stands (of an account)."""
    where = f"c.undone IS NULL AND c.by_sync = 0{_OF} ORDER BY c.seq DESC LIMIT 1"
    found = rows(connection, f"{_ENTRY} WHERE {where}", (account,))
    return _entry(found[0]) if found else None


def to_redo(connection: apsw.Connection, account: str | None = None) -> Entry | None:
    """What was undone last (of an account), unless another change was made since."""
    where = f"c.redo IS NOT NULL{_OF} ORDER BY c.redo DESC LIMIT 1"
    found = rows(connection, f"{_ENTRY} WHERE {where}", (account,))
    return _entry(found[0]) if found else None


def steps(connection: apsw.Connection, entry: Entry, *, undone: bool) -> list[Step]:
    """The steps that are turned back, or those that stand."""
    return [
        Step(*row)
        for row in rows(
            connection,
            "SELECT kind, account, folder, message, to_account, to_folder, added, removed, seq"
            " FROM change_step WHERE change = ? AND undone = ? ORDER BY seq",
            (entry.seq, int(undone)),
        )
    ]
