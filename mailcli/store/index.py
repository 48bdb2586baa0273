"""Message rows: what is read from a mail (`parse`), and how a row gets into the tables and out of them.

`parse` is pure and may run in another thread or process; the rest works in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.model import pattern
from mailcli.model.record import NamedTuple
from mailcli.store import enclosed, fulltext, threads
from mailcli.store.columns import SEQUENCE_BITS, encodable, pack

if TYPE_CHECKING:
    import apsw

_LAST_SEQUENCE: Final = (1 << SEQUENCE_BITS) - 1
_GRACE: Final = 2 * 86400  # s by which a Date may lie after the arrival
_LATEST: Final = 1 << 42  # s; the row id must fit into 63 bits

DERIVED_COLUMNS: Final = (
    *("date", "zone", "subject", "sender", "recipients", "cc", "message_id", "in_reply_to", "list_id"),
    *("attachments", "filenames", "types", "marks", "preview"),
)


class State(NamedTuple):
    """The state columns of a row to be made, named as the columns are."""

    id: str
    folder: int
    at_folder: int | None
    uid: int | None
    base_bits: int | None
    base_words: str | None
    origin: str | None
    file: str | None
    size: int
    sha256: bytes | None
    normal: bytes | None
    object_id: str | None
    bits: int
    words: str
    arrived: float
    dirty: int


STATE_COLUMNS: Final = State._fields


class Parsed(NamedTuple):
    """What a row and the full-text index take from a mail. `derived` is in the order of DERIVED_COLUMNS."""

    date: float | None
    derived: tuple[Any, ...]
    references: tuple[str, ...]
    text: tuple[str, ...]


def parse(data: bytes) -> Parsed:
    """Read a mail (wire form) once, for all that lists and searches want of it."""
    from mailcli.mime.read import content

    found = content(data)
    envelope = found.envelope
    text = (
        envelope.subject,
        pack(envelope.sender),
        pack(envelope.to),
        pack(envelope.cc),
        envelope.message_id,
        envelope.in_reply_to[0] if envelope.in_reply_to else "",
        envelope.list_id,
    )
    derived = (
        envelope.date,
        envelope.zone,
        *map(encodable, text),
        found.attachments,
        encodable("\n".join(found.filenames)),
        encodable(" ".join(sorted(found.types))),
        " ".join(sorted(found.marks)),
        encodable(found.preview),
    )
    references = threads.relevant(
        encodable(envelope.message_id),
        [encodable(i) for i in (*envelope.references, *envelope.in_reply_to)],
    )
    return Parsed(envelope.date, derived, references, fulltext.row(found))


def sort_time(date: float | None, arrived: float) -> int:
    """The second a message is sorted under: its Date if that lies between 1970 and arrival + 2 days."""
    if date is not None and 0 <= date <= arrived + _GRACE:
        return min(int(date), _LATEST)
    return min(max(0, int(arrived)), _LATEST)


class RowIds:
    """Hands out row ids within one write transaction: (when << 20) + seq, the next free one of its second."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._last: dict[int, int] = {}

    def take(self, when: int) -> int:
        """A full second spills into the next."""
        while True:
            last = self._last.get(when)
            if last is None:
                first = when << SEQUENCE_BITS
                found: int | None = self._connection.execute(
                    "SELECT rid FROM message WHERE rid BETWEEN ? AND ? ORDER BY rid DESC LIMIT 1",
                    (first, first | _LAST_SEQUENCE),
                ).get
                # 0 is a row id too: only None means that the second is empty.
                last = -1 if found is None else found & _LAST_SEQUENCE
            if last < _LAST_SEQUENCE:
                self._last[when] = last + 1
                return (when << SEQUENCE_BITS) + last + 1
            self._last[when] = last
            when += 1


_INSERT: Final = (
    f"INSERT INTO message(rid, thread, {', '.join((*STATE_COLUMNS, *DERIVED_COLUMNS))})"
    f" VALUES({', '.join('?' * (2 + len(STATE_COLUMNS) + len(DERIVED_COLUMNS)))})"
)
# A row that says the same already is not written: its rid, though given as it was, would have every index
# of the table written too.
_UPDATE: Final = (
    f"UPDATE message SET thread = ?, {', '.join(f'{c} = ?' for c in DERIVED_COLUMNS)} WHERE rid = ?"
    f" AND (thread, {', '.join(DERIVED_COLUMNS)}) IS NOT ({', '.join('?' * (1 + len(DERIVED_COLUMNS)))})"
)
_MOVE: Final = "UPDATE message SET rid = ? WHERE rid = ?"


def insert(connection: apsw.Connection, rids: RowIds, state: State, parsed: Parsed) -> int:
    """Add a message; returns its rid. The row comes before its index entry: the key refuses a double."""
    rid = rids.take(sort_time(parsed.date, state.arrived))
    thread = threads.join(connection, state.id, parsed.references)
    connection.execute(_INSERT, (rid, thread, *state, *parsed.derived))
    fulltext.insert(connection, rid, parsed.text)
    return rid


def remove(connection: apsw.Connection, rid: int) -> None:
    """Take a message out of the tables. Its thread stays known to the others."""
    connection.execute("DELETE FROM message WHERE rid = ?", (rid,))
    fulltext.remove(connection, rid)


def renew(
    connection: apsw.Connection, rids: RowIds, rid: int, identity: str, arrived: float, parsed: Parsed
) -> int:
    """Write the derived columns of a row anew; returns its rid, another one if its sort time changed."""
    when = sort_time(parsed.date, arrived)
    new = rid if when == rid >> SEQUENCE_BITS else rids.take(when)
    thread = threads.join(connection, identity, parsed.references)
    fulltext.remove(connection, rid)
    if new != rid:
        connection.execute(_MOVE, (new, rid))
    values = (thread, *parsed.derived)
    connection.execute(_UPDATE, (*values, new, *values))
    fulltext.insert(connection, new, enclosed.included(connection, identity, parsed.text))
    return new


_DIRTY: Final = (
    "UPDATE message SET dirty = (folder IS NOT at_folder OR bits IS NOT base_bits OR words IS NOT base_words)"
    " AND folder IN (SELECT f.key FROM folder f JOIN account a ON a.key = f.account"
    " WHERE a.protocol = 'imap')"
    " WHERE "
)


def mark_dirty(connection: apsw.Connection, ids: Sequence[str]) -> None:
    """Work out anew whether these messages differ from what the server has."""
    connection.executemany(_DIRTY + "id = ?", [(i,) for i in ids])


def mark_folder_dirty(connection: apsw.Connection, folder: int) -> None:
    """The same for all messages of a folder."""
    connection.execute(_DIRTY + "folder = ?", (folder,))


_INSERTED: Final = pattern.compile(
    rb"(?im)^(?:content-length|lines|x-status|status)[ \t]*:.*(?:\r?\n[ \t].*)*\r?\n"
)
_HEADER_END: Final = pattern.compile(rb"\r?\n\r?\n")
_MAYBE: Final = (b"\ncontent-length", b"\nlines", b"\nx-status", b"\nstatus")


def without_inserted(data: bytes) -> bytes:
    """The mail without the headers that mutt and others put in when they move it (wire form)."""
    end = data.find(b"\r\n\r\n")
    if end >= 0:  # the header ends there or before
        lower = b"\n" + data[:end].lower()
        if not any(name in lower for name in _MAYBE):  # as of nearly every mail
            return data
    found = _HEADER_END.search(data)
    cut = found.start() + 2 if found else len(data)
    head = data[:cut]
    stripped = _INSERTED.sub(b"", head)
    return data if len(stripped) == len(head) else stripped + data[cut:]
