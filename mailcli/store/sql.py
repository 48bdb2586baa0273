"""What SQL statements are made with, and how their rows are taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")

CHUNK: Final = 500
"""Parameters of one IN (…), and rows of one transaction."""


def chunks(items: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    """The items in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def marks(items: Sequence[object]) -> str:
    """`?, ?, ?` for an IN (…) with these parameters."""
    return ", ".join("?" * len(items))


def rows(connection: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows at once: no cursor is held while they are worked on."""
    return connection.execute(sql, values).fetchall()


def by_rids(connection: apsw.Connection, rids: Sequence[int], columns: str) -> list[tuple[Any, ...]]:
    """These columns of `message m`, m.rid the first of them, for row ids that are there, in that order."""
    found: dict[int, tuple[Any, ...]] = {}
    for some in chunks(rids):
        sql = f"SELECT {columns} FROM message m WHERE m.rid IN ({marks(some)})"
        found.update((row[0], row) for row in connection.execute(sql, some))
    return [found[rid] for rid in rids]


def listed(keys: Sequence[int]) -> str:
    """Numbers for an IN (…)."""
    return ", ".join(map(str, keys))


def member(column: str, keys: Sequence[int]) -> str:
    """The condition that a column has one of these numbers."""
    if not keys:
        return "0"
    return f"{column} = {keys[0]}" if len(keys) == 1 else f"{column} IN ({listed(keys)})"


def balanced(conditions: Sequence[str], operator: str) -> str:
    """A long chain as a balanced tree: SQLite takes expressions 1,000 deep."""
    if len(conditions) <= 8:
        return f"({f' {operator} '.join(conditions)})"
    half = len(conditions) // 2
    return f"({balanced(conditions[:half], operator)} {operator} {balanced(conditions[half:], operator)})"
