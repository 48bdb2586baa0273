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
from mailcli.store.ranking import Mark, Ranked
from mailcli.store.sql import by_rids

if TYPE_CHECKING:
    import apsw

    from mailcli.model.query.ast import Query

_WINDOWS: Final = (500, 5000)
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1


class Found(NamedTuple):
    """Rows in the order asked for, each its row id and the columns wanted, and the cursor for the rest
    (None: there is none)."""

    rows: list[tuple[Any, ...]]
    next: str | None = None

    @property
    def rids(self) -> list[int]:
        return [row[0] for row in self.rows]


def find(
    connection: apsw.Connection,
    query: Query,
    *,
    limit: int | None = None,
    after: str | None = None,
    sort: str = "date",
    reverse: bool = False,
    threads: bool = False,
    columns: str = "m.rid",
    own_addresses: Sequence[str] = (),
    now: float = 0.0,
    read: Read | None = None,
) -> Found:
    """The messages that match, newest (or with `sort="relevance"` best) first.

    `threads`: only the first match of each thread. `columns` of `message m`, m.rid first, are what rows
    have. `after` is a cursor of an earlier answer to the same question. `now` (seconds since the epoch)
    is for relevance. `read` gives the bytes of a message for terms that must look into it; without it they
    match nothing. Raises QueryError for folders and accounts that are not there, UsageError for a bad
    cursor or sort.
    """
    with _Search(connection, query, own_addresses, read, columns) as search:
        if sort == "relevance":
            return search.by_relevance(limit, after, now, threads=threads, reverse=reverse)
        if sort != "date":
            raise UsageError(f'cannot sort by "{sort}"', hint="a search sorts by date or relevance")
        return search.by_date(limit, after, threads=threads, reverse=reverse)


def count(
    connection: apsw.Connection,
    query: Query,
    *,
    threads: bool = False,
    own_addresses: Sequence[str] = (),
    read: Read | None = None,
) -> int:
    """How many messages match, or in how many threads."""
    with _Search(connection, query, own_addresses, read) as search:
        return search.count("DISTINCT m.thread" if threads else "*")


class _Search:
    """One query on its way: holds the SQL function of its checks while it runs."""

    def __init__(
        self,
        connection: apsw.Connection,
        query: Query,
        own: Sequence[str],
        read: Read | None,
        columns: str = "m.rid",
    ) -> None:
        self._connection = connection
        self._columns = columns
        self._checks = Checks(Matcher(connection), read)
        self._criteria = Criteria(connection, query, own, self._checks)

    def __enter__(self) -> _Search:
        self._connection.create_scalar_function(CHECK, self._checks.call)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.create_scalar_function(CHECK, None)
        self._checks.close()

    def count(self, what: str) -> int:
        rows = self._rows(f"SELECT count({what}) {self._from_all()}", self._range())
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
        columns = self._columns
        if limit is None:
            return Found(self._window(low, high, None, columns, reverse=reverse, wide=True))
        rows: list[tuple[Any, ...]] = []
        for first, last, wide in self._windows(low, high, reverse=reverse):
            rows += self._window(first, last, limit + 1 - len(rows), columns, reverse=reverse, wide=wide)
            if len(rows) > limit:
                return Found(rows[:limit], str(rows[limit - 1][0]) if limit else None)
        return Found(rows)

    def by_relevance(
        self, limit: int | None, after: str | None, now: float, *, threads: bool, reverse: bool
    ) -> Found:
        """bm25 over all texts of the query, times recency, times whether one writes to the sender; without
        a text by date."""
        ranking = self._criteria.ranking()
        if ranking is None:
            return self.by_date(limit, after, threads=threads, reverse=reverse)
        mark = None if after is None else Mark.read(after)
        sent = self._criteria.sent()
        ranked = Ranked(self._connection, ranking, sent, now, threads=threads, reverse=reverse, after=mark)
        if mark is not None:
            itself = {"low": mark.rid, "high": mark.rid}
            ranked.resume(self._rows(ranked.select("1", None, whole=True), {**itself, **ranked.values}))
        # What was given of threads is known only when all that is better has been seen again.
        most = None if limit is None or (threads and after is not None) else limit + 1
        low, high = self._range().values()
        # The best may be anywhere; but where nothing older can be better than what there is, it ends.
        whole = most is None or reverse
        for first, last, wide in ((low, high, True),) if whole else self._windows(low, high, reverse=False):
            if first <= last:
                where = self._criteria.where(wide=wide)
                window = {"low": first, "high": last}
                ranked.add(self._rows(ranked.select(where, most), {**window, **ranked.values}), most)
            if most is not None and not wide and ranked.settled(first, most):
                break
        marks = ranked.marks()
        if limit is not None and len(marks) > limit:
            marks = marks[:limit]
            return self._found([mark.rid for mark in marks], str(marks[-1]) if marks else after)
        return self._found([mark.rid for mark in marks])

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
        self, low: int, high: int, limit: int | None, columns: str, *, reverse: bool, wide: bool
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
            found = self._window(first, last, None, "m.rid, m.thread", reverse=reverse, wide=wide)
            for rid, thread in found:
                if thread in seen:
                    continue
                seen.add(thread)
                if cursor is not None and (rid <= cursor if reverse else rid >= cursor):
                    continue
                if limit is not None and len(rids) == limit:
                    return self._found(rids, str(rids[-1]) if rids else None)
                rids.append(rid)
        return self._found(rids)

    def _found(self, rids: list[int], following: str | None = None) -> Found:
        """The columns of these rows, which were chosen or put in order by something else."""
        if self._columns == "m.rid":
            return Found([(rid,) for rid in rids], following)
        return Found(by_rids(self._connection, rids, self._columns), following)

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


def _number(cursor: str) -> int:
    if not cursor.isdecimal() or len(cursor) > 18:  # SQLite's integers hold no more
        raise UsageError(f'"{cursor}" is no cursor of a search', hint="--after takes `next` of an answer")
    return int(cursor)
