"""Finding messages: a parsed query in, row ids out, newest first.

Row ids carry the time, so newest first is the order of the key. A query with a limit looks at the
newest few hundred messages first, then at some thousands, then at all: most searches end early,
and none needs more than two passes over the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import UsageError
from mailcli.model.record import NamedTuple
from mailcli.store.checks import Checks, Read
from mailcli.store.criteria import CHECK, Criteria
from mailcli.store.match import Matcher

if TYPE_CHECKING:
    import apsw

    from mailcli.model.query.ast import Query

_WINDOWS: Final = (500, 5000)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_WEIGHTS: Final = (8.0, 4.0, 3.0, 2.0, 2.0, 1.0, 4.0, 1.0, 1.0)
"""bm25's weight of each column of fulltext.COLUMNS: a word in the subject says more."""

_RANK: Final = (
    f"bm25(fts, {', '.join(map(str, _WEIGHTS))})"
    # At equal words a new message counts four times as much as a very old one, half-way at a year.
    " * (0.25 + 0.75 / (1.0 + max(0, :now - (rowid >> 20)) / 31557600.0))"
)

_KNOWN: Final = 1.5
"""So many times more does a message count that is from somebody whom one has written to."""


class Found(NamedTuple):
    """Row ids in the order asked for, and the cursor for the rest (None: there is none)."""

    rids: list[int]
    next: str | None = None


def find(
    connection: apsw.Connection,
    query: Query,
    *,
    limit: int | None = None,
    after: str | None = None,
    sort: str = "date",
    reverse: bool = False,
    threads: bool = False,
    own_addresses: Sequence[str] = (),
    now: float = 0.0,
    read: Read | None = None,
) -> Found:
    """The messages that match, newest (or with `sort="relevance"` best) first.

    `threads`: only the first match of each thread. `after` is a cursor of an earlier answer to
    the same question. `now` (seconds since the epoch) is for relevance. `read` gives the bytes of
    a message for terms that must look into it; without it they match nothing. Raises QueryError
    for folders and accounts that are not there, UsageError for a bad cursor or sort.
    """
    with _Search(connection, query, own_addresses, read) as search:
        if sort == "relevance":
            return search.by_relevance(limit, after, now, threads=threads, reverse=reverse)
        if sort != "date":
            raise UsageError(f'cannot sort by "{sort}"', hint="a search sorts by date or relevance")
        return search.by_date(limit, after, threads=threads, reverse=reverse)


def count(
    connection: apsw.Connection,
    query: Query,
    *,
    own_addresses: Sequence[str] = (),
    read: Read | None = None,
) -> int:
    """How many messages match."""
    with _Search(connection, query, own_addresses, read) as search:
        return search.count()


class _Search:
    """One query on its way: holds the SQL function of its checks while it runs."""

    def __init__(
        self, connection: apsw.Connection, query: Query, own: Sequence[str], read: Read | None
    ) -> None:
        self._connection = connection
        self._checks = Checks(Matcher(connection), read)
        self._criteria = Criteria(connection, query, own, self._checks)

    def __enter__(self) -> _Search:
        self._connection.create_scalar_function(CHECK, self._checks.call)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.create_scalar_function(CHECK, None)
        self._checks.close()

    def count(self) -> int:
        rows = self._rows(f"SELECT count(*) {self._from_all()}", self._range())
        return int(rows[0][0])

    def by_date(self, limit: int | None, after: str | None, *, threads: bool, reverse: bool) -> Found:
        cursor = None if after is None else _number(after)
        low, high = self._range().values()
        if threads:
            return self._first_of_threads(low, high, limit, cursor, reverse=reverse)
        if cursor is not None and reverse:
            low = max(low, cursor + 1)
        elif cursor is not None:
            high = min(high, cursor - 1)
        if limit is None:
            return Found([rid for (rid,) in self._window(low, high, None, reverse=reverse, wide=True)])
        rids: list[int] = []
        for first, last, wide in self._windows(low, high, reverse=reverse):
            rids += [
                rid for (rid,) in self._window(first, last, limit + 1 - len(rids), reverse=reverse, wide=wide)
            ]
            if len(rids) > limit:
                return Found(rids[:limit], str(rids[limit - 1]) if limit else None)
        return Found(rids)

    def by_relevance(
        self, limit: int | None, after: str | None, now: float, *, threads: bool, reverse: bool
    ) -> Found:
        """bm25 over all texts of the query, times recency, times whether one writes to the sender; without
        a text by date."""
        ranking = self._criteria.ranking()
        if ranking is None:
            return self.by_date(limit, after, threads=threads, reverse=reverse)
        expression, needed = ranking
        skip = 0 if after is None else _number(after)
        join = "JOIN" if needed else "LEFT JOIN"
        direction = "DESC" if reverse else "ASC"  # bm25 is negative: the best is the least
        ranked = (
            f"(SELECT rowid AS rid, {_RANK} AS rank FROM fts"
            " WHERE fts MATCH :expression AND rowid BETWEEN :low AND :high)"
        )
        sql = (
            f"SELECT m.rid, m.thread {self._from_all(f' {join} {ranked} s ON s.rid = m.rid')}"
            f" ORDER BY ifnull(s.rank, 0) * iif({_known(self._criteria.sent())}, {_KNOWN}, 1.0) {direction},"
            " m.rid DESC"
        )
        values = {**self._range(), "expression": expression, "now": int(now)}
        if not threads:
            sql += f" LIMIT {-1 if limit is None else limit + 1} OFFSET {skip}"
            rids = [rid for rid, _ in self._rows(sql, values)]
        else:
            best: dict[str, int] = {}
            for rid, thread in self._rows(sql, values):
                best.setdefault(thread, rid)
            rids = list(best.values())[skip:]
        if limit is not None and len(rids) > limit:
            return Found(rids[:limit], str(skip + limit))
        return Found(rids)

    # ---- passes

    def _windows(self, low: int, high: int, *, reverse: bool) -> Iterator[tuple[int, int, bool]]:
        """Ranges of row ids from the beginning of the answer to its end, growing."""
        order = "ASC" if reverse else "DESC"
        for size in _WINDOWS:
            edge: int | None = self._connection.execute(
                f"SELECT rid FROM message WHERE rid BETWEEN ? AND ? ORDER BY rid {order} LIMIT 1 OFFSET ?",
                (low, high, size),
            ).get
            if edge is None:
                break
            yield (low, edge - 1, False) if reverse else (edge + 1, high, False)
            low, high = (edge, high) if reverse else (low, edge)
        yield low, high, True

    def _window(
        self, low: int, high: int, limit: int | None, *, reverse: bool, wide: bool, columns: str = "m.rid"
    ) -> list[tuple[Any, ...]]:
        if low > high:
            return []
        sql = (
            f"SELECT {columns} FROM message m WHERE m.rid BETWEEN :low AND :high"
            f" AND {self._criteria.where(wide=wide)} ORDER BY m.rid {'ASC' if reverse else 'DESC'}"
            f" LIMIT {-1 if limit is None else limit}"
        )
        return self._rows(sql, {"low": low, "high": high})

    def _first_of_threads(
        self, low: int, high: int, limit: int | None, cursor: int | None, *, reverse: bool
    ) -> Found:
        """Each thread once, at its first match. A cursor cannot shorten the way: a thread that was
        given before it must not come again, so the answer is worked out from its beginning."""
        seen: set[str] = set()
        rids: list[int] = []
        for first, last, wide in self._windows(low, high, reverse=reverse):
            found = self._window(first, last, None, reverse=reverse, wide=wide, columns="m.rid, m.thread")
            for rid, thread in found:
                if thread in seen:
                    continue
                seen.add(thread)
                if cursor is not None and (rid <= cursor if reverse else rid >= cursor):
                    continue
                if limit is not None and len(rids) == limit:
                    return Found(rids, str(rids[-1]) if rids else None)
                rids.append(rid)
        return Found(rids)

    def _range(self) -> dict[str, int]:
        """:low and :high, as far as the dates asked for bound them."""
        bounds = self._criteria.bounds()
        return {
            "low": _LOWEST if bounds.low is None else bounds.low,
            "high": _HIGHEST if bounds.high is None else bounds.high,
        }

    def _from_all(self, join: str = "") -> str:
        """Tables and condition of a single pass over everything between :low and :high."""
        where = self._criteria.where(wide=True)
        return f"FROM message m{join} WHERE m.rid BETWEEN :low AND :high AND {where}"

    def _rows(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """All rows at once: no cursor is held while they are worked on."""
        return self._connection.execute(sql, {**self._criteria.values, **values}).fetchall()


def _known(sent: Sequence[int]) -> str:
    """The condition that `m` is from somebody whom one has written to: of the newest messages in these
    folders, the first recipient each. Worked out once for a query, not for each row."""
    if not sent:
        return "0"
    address = "lower(substr({0}, instr({0}, char(31)) + 1))"
    return (
        f"{address.format('m.sender')} IN (SELECT {address.format('first')} FROM"
        " (SELECT substr(recipients, 1, instr(recipients || char(30), char(30)) - 1) AS first FROM message"
        f" WHERE folder IN ({', '.join(map(str, sent))}) ORDER BY rid DESC LIMIT 1000))"
    )


def _number(cursor: str) -> int:
    if not cursor.isdecimal() or len(cursor) > 18:  # SQLite's integers hold no more
        raise UsageError(f'"{cursor}" is no cursor of a search', hint="--after takes `next` of an answer")
    return int(cursor)
