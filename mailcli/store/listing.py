"""Lists of messages, straight off the indexes: newest first is the order of the row ids.

`COLUMNS` and `summary_of` are for every query that returns rows of a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import NotFound, UsageError
from mailcli.model import flags as flag_words
from mailcli.model.address import Address
from mailcli.model.flags import Flags
from mailcli.model.message import Lines, Page, Summary
from mailcli.store.columns import SEQUENCE_BITS, unpack
from mailcli.store.sql import chunks, marks, rows

if TYPE_CHECKING:
    import apsw

    from mailcli.store.search import Found
    from mailcli.store.values import Place

COLUMNS: Final = (
    "m.rid, m.id, m.folder, m.date, m.zone, m.arrived, m.sender, m.recipients, m.cc, m.subject,"
    " m.bits, m.words, m.size, m.attachments, m.thread, m.message_id, m.in_reply_to, m.preview,"
    " m.file IS NULL"
)

LINE: Final = (
    "m.rid, m.id, ifnull(m.date, m.arrived), m.zone, m.bits, m.words, m.sender, m.subject, m.folder, m.size"
)
"""In the order of the cells of `Lines`, behind the row id."""

IDS: Final = "m.rid, m.id"

_UNREAD: Final = "m.bits & 1 = 0"
_SORTS: Final = {
    "date": ("m.rid", True),
    # The name if there is one, else the address: what the column shows.
    "from": ("ltrim(m.sender, char(31)) COLLATE NOCASE", False),
    "subject": ("m.subject COLLATE NOCASE", False),
    "size": ("m.size", True),
}
"""Expression, and whether the largest comes first."""

_NOWHERE: Final = ("", "")


class Reader:
    """Turns rows of COLUMNS into Summaries. What recurs in a list is decoded once."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._folders: dict[int, tuple[str, str]] = {
            key: (account, name)
            for key, account, name in connection.execute(
                "SELECT f.key, a.name, f.name FROM folder f JOIN account a ON a.key = f.account"
            )
        }
        self._addresses: dict[str, tuple[Address, ...]] = {"": ()}
        self._flags: dict[tuple[int, str], Flags] = {}

    def addresses(self, packed: str) -> tuple[Address, ...]:
        found = self._addresses.get(packed)
        if found is None:
            found = self._addresses[packed] = unpack(packed)
        return found

    def flags(self, bits: int, words: str) -> Flags:
        found = self._flags.get((bits, words))
        if found is None:
            found = self._flags[bits, words] = flag_words.from_bits(bits, words)
        return found

    def lines(self, found: Found) -> Lines:
        """Rows of LINE, as they are."""
        folders = {key: name for key, (_, name) in self._folders.items()}
        return Lines(found.rows, found.next, self.flags, self.addresses, folders)

    def summary(self, row: Sequence[Any]) -> Summary:
        """One row of COLUMNS."""
        return self.summaries((row,))[0]

    def summaries(self, found: Iterable[Sequence[Any]]) -> list[Summary]:
        """Rows that begin with COLUMNS. Written out: lists of ten thousand rows pass here."""
        folders, addresses, flags = self._folders, self._addresses, self._flags
        listed = []
        for row in found:
            rid, id_, folder, date, zone, arrived, sender, to, cc, subject, bits, words, size, *more = row
            attachments, thread, message_id, in_reply_to, preview, remote = more[:6]
            try:
                senders = addresses[sender]
            except KeyError:
                senders = self.addresses(sender)
            try:
                recipients = addresses[to]
            except KeyError:
                recipients = self.addresses(to)
            try:
                held = flags[bits, words]
            except KeyError:
                held = self.flags(bits, words)
            account, name = folders.get(folder, _NOWHERE)
            listed.append(
                Summary(
                    rid,
                    id_,
                    account,
                    name,
                    rid >> SEQUENCE_BITS,
                    date,
                    zone,
                    arrived,
                    senders,
                    recipients,
                    self.addresses(cc) if cc else (),
                    subject,
                    held,
                    size,
                    attachments,
                    thread,
                    message_id,
                    in_reply_to,
                    preview,
                    bool(remote),
                )
            )
        return listed


def summaries(
    connection: apsw.Connection,
    *,
    folders: Sequence[int] | None,
    unread: bool,
    limit: int | None,
    after: str | None,
    sort: str,
    reverse: bool,
    threads: bool,
) -> Page:
    """See Store.summaries."""
    if sort not in _SORTS:
        raise UsageError(f"cannot sort by {sort}", hint=f"one of {', '.join(_SORTS)}")
    if folders is not None and not folders:
        return Page([])
    expression, descending = _SORTS[sort]
    down = descending != reverse
    where, values = _filter(folders, unread, "m")
    conditions = [where] if where else []
    if threads:
        other, more = _filter(folders, unread, "n")
        conditions.append(
            "NOT EXISTS(SELECT 1 FROM message n WHERE n.thread = m.thread AND n.rid > m.rid"
            f"{' AND ' + other if other else ''})"
        )
        values += more
    if after is not None:
        condition, more = _beyond(after, expression, down, sort)
        conditions.append(condition)
        values += more
    direction = "DESC" if down else "ASC"
    order = f"{expression} {direction}" if sort == "date" else f"{expression} {direction}, m.rid DESC"
    text = " AND ".join(conditions) or "1"
    if sort == "date" and folders is not None and len(folders) > 1 and limit is not None and not threads:
        found = _merged(
            connection, folders, unread, conditions[1:], values[len(folders) :], direction, limit + 1
        )
    else:
        if limit is not None:
            text = _narrowed(text, order, limit + 1, streamed=sort == "date")
        found = rows(
            connection,
            f"SELECT {COLUMNS}, {expression} FROM message m WHERE {text} ORDER BY {order}"
            f"{'' if limit is None else f' LIMIT {limit + 1}'}",
            values,
        )
    cursor = None
    if limit is not None and len(found) > limit:
        found = found[:limit]
        cursor = _cursor(found[-1], sort) if found else after
    reader = Reader(connection)
    listed = reader.summaries(found)
    counts = thread_counts(connection, [s.thread for s in listed], folders, unread) if threads else ()
    return Page(listed, cursor, counts)


def _narrowed(condition: str, order: str, limit: int, *, streamed: bool) -> str:
    """Where rows have to be sorted: sort row ids, which are small, and read only the rows that are shown."""
    if streamed:
        return condition
    return f"m.rid IN (SELECT m.rid FROM message m WHERE {condition} ORDER BY {order} LIMIT {limit})"


def _filter(folders: Sequence[int] | None, unread: bool, table: str) -> tuple[str, list[Any]]:
    """One condition for the folders and one for unread, over a table alias."""
    conditions, values = [], []
    if folders is not None:
        if len(folders) == 1:
            conditions.append(f"{table}.folder = ?")
        else:
            conditions.append(f"{table}.folder IN ({marks(folders)})")
        values = list(folders)
    if unread:
        conditions.append(_UNREAD.replace("m.", f"{table}."))
    return " AND ".join(conditions), values


def _merged(
    connection: apsw.Connection,
    folders: Sequence[int],
    unread: bool,
    conditions: Sequence[str],
    values: Sequence[Any],
    direction: str,
    limit: int,
) -> list[tuple[Any, ...]]:
    """The first rows of several folders: the first of each off its index, then the first of those.

    `folder IN (…) ORDER BY rid` would sort them all.
    """
    rids: list[int] = []
    more = " AND ".join(("m.folder = ?", *([_UNREAD] if unread else []), *conditions))
    for folder in folders:
        rids += [
            rid
            for (rid,) in connection.execute(
                f"SELECT m.rid FROM message m WHERE {more} ORDER BY m.rid {direction} LIMIT {limit}",
                (folder, *values),
            )
        ]
    rids.sort(reverse=direction == "DESC")
    found: list[tuple[Any, ...]] = []
    for some in chunks(rids[:limit]):
        found += rows(
            connection,
            f"SELECT {COLUMNS}, m.rid FROM message m WHERE m.rid IN ({marks(some)})"
            f" ORDER BY m.rid {direction}",
            some,
        )
    return found


def _cursor(row: Sequence[Any], sort: str) -> str:
    """The place of a row: its rid, and the key it was sorted by unless that is the rid."""
    return str(row[0]) if sort == "date" else f"{row[0]}:{row[-1]}"


def _is_integer(text: str) -> bool:
    """Whether it is a whole number that SQLite can hold, as a cursor of ours always is."""
    return text.isdecimal() and len(text) <= 18


def _beyond(after: str, expression: str, down: bool, sort: str) -> tuple[str, list[Any]]:
    """The condition for rows behind a cursor."""
    rid, mark, key = after.partition(":")
    if not _is_integer(rid.removeprefix("-")) or bool(mark) == (sort == "date"):
        raise UsageError(f"{after!r} is not a place in this list", hint="use the `next` of the page before")
    sign = "<" if down else ">"
    if sort == "date":
        return f"m.rid {sign} ?", [int(rid)]
    value: Any = int(key) if sort == "size" and _is_integer(key) else key
    return f"({expression} {sign} ? OR ({expression} = ? AND m.rid < ?))", [value, value, int(rid)]


def thread_counts(
    connection: apsw.Connection,
    threads: Sequence[str],
    folders: Sequence[int] | None = None,
    unread: bool = False,
) -> tuple[int, ...]:
    """How many messages of each thread are in these folders."""
    where, values = _filter(folders, unread, "m")
    counts: dict[str, int] = {}
    for some in chunks(threads):
        counts.update(
            connection.execute(
                "SELECT m.thread, count(*) FROM message m INDEXED BY message_by_thread"
                f" WHERE m.thread IN ({marks(some)})"
                f"{' AND ' + where if where else ''} GROUP BY m.thread",
                (*some, *values),
            )
        )
    return tuple(counts.get(thread, 1) for thread in threads)


def get(connection: apsw.Connection, ids: Iterable[str]) -> list[Summary]:
    """See Store.get."""
    wanted = list(ids)
    reader = Reader(connection)
    found: dict[str, Summary] = {}
    for some in chunks(wanted):
        for row in rows(connection, f"SELECT {COLUMNS} FROM message m WHERE m.id IN ({marks(some)})", some):
            found[row[1]] = reader.summary(row)
    return [_there(found, i) for i in wanted]


def thread(connection: apsw.Connection, thread_id: str) -> list[Summary]:
    """See Store.thread."""
    reader = Reader(connection)
    return [
        reader.summary(row)
        for row in rows(
            connection, f"SELECT {COLUMNS} FROM message m WHERE m.thread = ? ORDER BY m.rid", (thread_id,)
        )
    ]


def places(connection: apsw.Connection, ids: Iterable[str]) -> list[Place]:
    """See Store.places."""
    from mailcli.store.values import Place

    wanted = list(ids)
    reader = Reader(connection)
    found: dict[str, Place] = {}
    for some in chunks(wanted):
        for row in rows(
            connection,
            "SELECT m.id, a.name, m.folder, at_folder, uid, bits, words, file IS NOT NULL FROM message m"
            " JOIN folder f ON f.key = m.folder JOIN account a ON a.key = f.account"
            f" WHERE m.id IN ({marks(some)})",
            some,
        ):
            id_, account, folder, at_folder, uid, bits, words, present = row
            flags = reader.flags(bits, words)
            found[id_] = Place(id_, account, folder, at_folder, uid, flags, bool(present))
    return [_there(found, i) for i in wanted]


def _there(found: dict[str, Any], identity: str) -> Any:
    try:
        return found[identity]
    except KeyError:
        raise NotFound(f"there is no message {identity}", hint="it may have been purged") from None


def count(connection: apsw.Connection, folder: int | None, unread: bool) -> int:
    """See Store.count."""
    where, values = _filter(None if folder is None else (folder,), unread, "m")
    found: int = connection.execute(f"SELECT count(*) FROM message m WHERE {where or '1'}", values).get
    return found
