"""The order by relevance: weighted bm25, times recency, times whether one writes to the sender.

bm25 of all messages that have a common word takes long, and most of them are old: windows of messages are
ranked from the newest on, until nothing that is older could come in between. That needs a bound for what
bm25 can be, which follows from how many messages have a word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import UsageError
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    import apsw

_WEIGHTS: Final = (8.0, 4.0, 3.0, 2.0, 2.0, 1.0, 4.0, 1.0, 1.0)
"""bm25's weight of each column of fulltext.COLUMNS: a word in the subject says more."""

_OLD: Final = 0.25
_HALF: Final = 31_557_600  # s
"""At equal words a new message counts four times as much as a very old one, half-way at a year."""

_KNOWN: Final = 1.5
"""So many times more does a message count that is from somebody whom one has written to."""

_MOST: Final = 2.2
"""What FTS5 gives a phrase at most, in units of its idf: k1 + 1 (sqlite.org/fts5.html §5.1.1)."""


class Ranking(NamedTuple):
    """The expressions whose bm25 is the relevance, and whether every hit must match one of them."""

    expressions: tuple[str, ...]
    needed: bool


class Mark(NamedTuple):
    """The last row of a page, as a cursor. The time of the first page goes along, as ranks age."""

    now: int
    rid: int
    rank: float

    @classmethod
    def read(cls, text: str) -> Mark:
        """Raises UsageError."""
        now, _, rest = text.partition("/")
        rid, _, rank = rest.partition("/")
        try:
            return cls(int(now), int(rid), float(rank))
        except ValueError:
            raise UsageError(
                f'"{text}" is no cursor of a search by relevance', hint="--after takes `next` of an answer"
            ) from None

    def __str__(self) -> str:
        return f"{self.now}/{self.rid}/{self.rank!r}"


class Ranked:
    """The best hits so far. `select` is asked of windows of row ids, from the newest to the oldest."""

    def __init__(
        self,
        connection: apsw.Connection,
        ranking: Ranking,
        sent: Sequence[int],
        now: float,
        *,
        threads: bool,
        reverse: bool,
        after: Mark | None = None,
    ) -> None:
        """`sent`: the folders with what one has written; `reverse`: the worst first."""
        self._connection = connection
        self._ranking = ranking
        self._sent = sent
        self._now = int(now) if after is None else after.now
        self._after = after
        self._threads = threads
        self._reverse = reverse
        self._best: list[tuple[float, int, str]] = []
        self._peak: float | None = None
        self.values = {"expression": " OR ".join(ranking.expressions), "now": self._now}
        if after is not None:
            self.values |= {"rank": after.rank, "key": -after.rid}

    def select(self, where: str, most: int | None, *, whole: bool = False) -> str:
        """The hits of the window :low to :high, as `add` takes them: rank (the best is the least), row id
        turned round, thread. Behind the cursor, but with `whole`."""
        recency = f"({_OLD} + {1 - _OLD} / (1.0 + max(0, :now - (rowid >> 20)) / {float(_HALF)}))"
        ranked = (
            f"SELECT rowid AS rid, bm25(fts, {', '.join(map(str, _WEIGHTS))}) * {recency} AS rank FROM fts"
            " WHERE fts MATCH :expression AND rowid BETWEEN :low AND :high"
        )
        # Left to itself, SQLite works the ranks out anew for each message that another index offers first.
        join = "s CROSS JOIN message m" if self._ranking.needed else "message m LEFT JOIN s"
        select = (
            f"WITH s AS MATERIALIZED ({ranked})"
            f" SELECT ifnull(s.rank, 0) * iif({_known(self._sent)}, {_KNOWN}, 1.0) AS rank, -m.rid AS key,"
            f" m.thread FROM {join} ON s.rid = m.rid"
            f" WHERE m.rid BETWEEN :low AND :high AND {where}"
        )
        if self._after is not None and not self._threads and not whole:
            further = (
                "rank < :rank OR (rank = :rank AND key > :key)"
                if self._reverse
                else "(rank, key) > (:rank, :key)"
            )
            select = f"SELECT * FROM ({select}) WHERE {further}"
        order = f"ORDER BY 1 {'DESC' if self._reverse else 'ASC'}, 2"
        return f"{select} {order}{'' if most is None or self._threads else f' LIMIT {most}'}"

    def resume(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """The rank that the row of the cursor has now, if it is there: each arrival changes all ranks."""
        assert self._after is not None
        if rows:
            self._after = self._after._replace(rank=rows[0][0])
            self.values["rank"] = rows[0][0]

    def add(self, rows: Sequence[tuple[Any, ...]], most: int | None) -> None:
        """Take the rows of one more window, and keep the best."""
        sign = -1 if self._reverse else 1
        best: Sequence[Any] = rows
        if self._best:
            best = sorted([*self._best, *rows], key=lambda row: (sign * row[0], row[1]))
        if self._threads:
            firsts: dict[str, Any] = {}
            for row in best:
                firsts.setdefault(row[2], row)
            best = list(firsts.values())
        self._best = list(best[:most])

    def settled(self, rid: int, most: int) -> bool:
        """Whether so many are known that nothing older than this row id can be as good."""
        if len(self._best) < most:
            return False
        if self._peak is None:
            self._peak = self._bound()
        age = max(0, self._now - (rid >> 20))
        return -self._best[-1][0] > self._peak * (_OLD + (1 - _OLD) / (1 + age / _HALF))

    def marks(self) -> list[Mark]:
        """The best, in order. A thread that was given before a cursor does not come again."""
        best = self._best
        if self._after is not None and self._threads:
            sign = -1 if self._reverse else 1
            given = sign * self._after.rank, -self._after.rid
            best = [row for row in best if (sign * row[0], row[1]) > given]
        return [Mark(self._now, -key, rank) for rank, key, _ in best]

    def _bound(self) -> float:
        """What no message's bm25 exceeds, times what a known sender adds.

        FTS5 sums idf * 2.2 * f / (f + something positive) over the phrases. Where an expression has several,
        each stands in as many messages as all of them do, or in more, which makes its idf smaller.
        """
        total: int = self._connection.execute("SELECT count(*) FROM message").get
        bound = 0.0
        for expression in self._ranking.expressions:
            sql = "SELECT count(*) FROM fts WHERE fts MATCH ?"
            count: int = self._connection.execute(sql, (expression,)).get
            idf = math.log((total - count + 0.5) / (count + 0.5))
            bound += _MOST * max(idf, 1e-6) * (expression.count('"') // 2)
        return bound * (_KNOWN if self._sent else 1.0)


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
