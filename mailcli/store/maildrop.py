"""What a POP3 server lists, beside what the history knows of it: which is new, which is due, which is gone.

Either may have 200,000 lines. SQLite compares them, in a table of this connection alone that moves to disk
as it grows, so that memory does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from mailcli.store.database import Database
from mailcli.store.history import COLUMNS
from mailcli.store.sql import chunks, marks
from mailcli.store.values import Pop3Row

if TYPE_CHECKING:
    import apsw

Key = tuple[str, int]
Place = tuple[int, str, int, int]
"""Number in the session, UIDL, occurrence, size by LIST."""

_NEVER_DELIVERED: Final = "('failed', 'skipped', 'fetching')"
_MESSAGE: Final = "l.number, l.uidl, l.occurrence, l.size"
_SAME: Final = "p.uidl = l.uidl AND p.occurrence = l.occurrence"


class Listing:
    """One session's listing. It belongs to its thread; what changes in the history shows at once."""

    def __init__(self, database: Database, connection: apsw.Connection, account: str) -> None:
        self._database = database
        self._connection = connection
        self._account = account
        key = connection.execute("SELECT key FROM account WHERE name = ?", (account,)).get
        self._rows = f"pop3_message p WHERE p.account = {key or 0}"
        self._known = f"listed l JOIN pop3_message p ON p.account = {key or 0} AND {_SAME}"

    def enter(self, messages: Iterable[tuple[int, str, int]]) -> None:
        """(number, UIDL, size) of each message. Those that share a UIDL are told apart by their order
        (RFC 1939 §7 forbids it; servers do it)."""
        with self._database.translated():
            self._connection.execute("BEGIN")
            try:
                self._connection.executemany(
                    "INSERT OR IGNORE INTO listed(number, uidl, size) VALUES(?, ?, ?)", messages
                )
                self._connection.execute(
                    "CREATE INDEX temp.listed_by_key ON listed(uidl, occurrence);"
                    "UPDATE listed SET occurrence = o.n FROM (SELECT number, row_number() OVER"
                    " (PARTITION BY uidl ORDER BY number) AS n FROM listed WHERE uidl IN"
                    " (SELECT uidl FROM listed GROUP BY uidl HAVING count(*) > 1)) o"
                    " WHERE o.number = listed.number AND o.n > 1"
                ).fetchall()
            finally:
                self._connection.execute("COMMIT")

    def place(self, occurrences: Iterable[tuple[int, int]]) -> None:
        """(occurrence, number) of messages that the history has under another occurrence."""
        with self._database.translated():
            self._connection.executemany("UPDATE listed SET occurrence = ? WHERE number = ?", occurrences)

    def messages(self, uidls: Sequence[str] | None = None) -> list[Place]:
        """All messages, or those with one of these UIDLs, by number."""
        if uidls is None:
            return list(self._select(f"SELECT {_MESSAGE} FROM listed l"))
        found: list[Place] = []
        for some in chunks(uidls):
            found += self._select(f"SELECT {_MESSAGE} FROM listed l WHERE uidl IN ({marks(some)})", some)
        return sorted(found)

    def rows(self, uidls: Sequence[str]) -> list[Pop3Row]:
        """What the history has under these UIDLs, at any occurrence."""
        return [
            Pop3Row._make(row)
            for some in chunks(uidls)
            for row in self._select(f"SELECT {COLUMNS} FROM {self._rows} AND p.uidl IN ({marks(some)})", some)
        ]

    def count(self) -> int:
        ((number,),) = self._select("SELECT count(*) FROM listed")
        return int(number)

    def familiar(self) -> bool:
        """Whether anything of it is in the history."""
        return bool(list(self._select(f"SELECT 1 FROM {self._known} LIMIT 1")))

    def doubtful(self, slack: int) -> list[str]:
        """UIDLs that the history knows and that alone do not tell which message it is: several have or had
        one, it was deleted there, or its size differs by more than `slack` octets and a twentieth."""
        join = self._known.removesuffix(" AND p.occurrence = l.occurrence")
        found = self._select(
            f"SELECT DISTINCT l.uidl FROM {join} WHERE l.occurrence > 1 OR p.occurrence > 1"
            f" OR p.state = 'deleted' OR (p.state NOT IN {_NEVER_DELIVERED} AND p.size > 0"
            " AND length(p.header_hash) > 0 AND abs(p.size - l.size) > max(?, p.size / 20))",
            (slack,),
        )
        return [uidl for (uidl,) in found]

    def fresh(self) -> Iterator[tuple[Place, Pop3Row | None]]:
        """Messages that were never delivered."""
        join = self._known.replace(" JOIN ", " LEFT JOIN ", 1)
        return self._pairs(join, f"p.state IS NULL OR p.state IN {_NEVER_DELIVERED}")

    def outlined(self) -> Iterator[tuple[Place, Pop3Row | None]]:
        """Messages of which the header alone is here."""
        return self._pairs(self._known, "p.state = 'outlined'")

    def due(
        self, *, delivered: bool, before: float | None, discarded: bool, now: float
    ) -> Iterator[tuple[Place, Pop3Row | None]]:
        """Messages to delete there: those purged here; those delivered if `delivered`, or by `before`; those
        `discarded` by a rule. What has no date counts as delivered `now`."""
        return self._pairs(
            self._known,
            f"p.state NOT IN {_NEVER_DELIVERED} AND ((p.state != 'outlined' AND"
            " (? OR (? AND p.state = 'discarded') OR ifnull(nullif(p.delivered_at, 0), ?) <= ?))"
            " OR (p.state != 'deleted' AND EXISTS(SELECT 1 FROM recovery r WHERE r.id = p.id"
            " AND r.pending = 1 AND r.account = ?)))",
            (delivered, discarded, now, float("-inf") if before is None else before, self._account),
        )

    def changes(self, forgotten: float) -> tuple[list[Key], list[Key], list[Key]]:
        """The history's keys that are listed again, that are listed no more, and those of the latter that
        have been missing since before `forgotten`."""
        back: list[Key] = []
        lost: list[Key] = []
        old: list[Key] = []
        for uidl, occurrence, since, there in self._select(
            "SELECT * FROM (SELECT p.uidl, p.occurrence, p.missing_since AS since,"
            f" EXISTS(SELECT 1 FROM listed l WHERE {_SAME}) AS there FROM {self._rows})"
            " WHERE there = (since IS NOT NULL) OR since < ?",
            (forgotten,),
        ):
            if there:
                back.append((uidl, occurrence))
            else:
                (lost if since is None else old).append((uidl, occurrence))
        return back, lost, old

    def earliest(self) -> tuple[float | None, float | None]:
        """Since when the longest missing message is missing, and when the oldest listed one was delivered."""
        ((missing,),) = self._select(f"SELECT min(p.missing_since) FROM {self._rows}")
        ((delivered,),) = self._select(f"SELECT min(nullif(p.delivered_at, 0)) FROM {self._known}")
        return missing, delivered

    def _pairs(
        self, join: str, condition: str, values: Sequence[object] = ()
    ) -> Iterator[tuple[Place, Pop3Row | None]]:
        sql = f"SELECT {_MESSAGE}, {COLUMNS} FROM {join} WHERE {condition} ORDER BY l.number"
        for row in self._select(sql, values):
            yield row[:4], None if row[4] is None else Pop3Row._make(row[4:])

    def _select(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._database.translated():
            return self._connection.execute(sql, values).fetchall()


@contextmanager
def listing(database: Database, account: str) -> Iterator[Listing]:
    """See Store.pop3_listing."""
    with database.reading() as connection:
        connection.execute(
            "PRAGMA temp_store = FILE; CREATE TEMP TABLE listed(number INTEGER PRIMARY KEY,"
            " uidl TEXT NOT NULL, occurrence INTEGER NOT NULL DEFAULT 1, size INTEGER NOT NULL)"
        ).fetchall()
    try:
        yield Listing(database, connection, account)
    finally:
        with database.translated():
            connection.execute("DROP TABLE temp.listed; PRAGMA temp_store = MEMORY").fetchall()
