"""The full-text index: one FTS5 row per message row, under the same row id.

Contentless (the bytes are in the Maildir), with contentless_delete so that a row can be removed
by its id alone. A changed rid is `remove` and `add`. Insert the message row first: its key refuses
a duplicate, FTS5 would take one silently and keep a ghost.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mailcli.store.tokens import prepared

if TYPE_CHECKING:
    import apsw

    from mailcli.model.address import Address
    from mailcli.model.message import Content

COLUMNS: Final = ("subject", "sender", "recipient", "cc", "bcc", "body", "filename", "attachment", "list")

TOKENIZER: Final = ("unicode61", "remove_diacritics", "2")

DDL: Final = (
    f"CREATE VIRTUAL TABLE fts USING fts5({', '.join(COLUMNS)}, "
    f"content='', contentless_delete=1, tokenize='{' '.join(TOKENIZER)}')",
    # Measured on 20,000 mails: page size 8,000 and a large hash halve the time of a build; the
    # hash is flushed at each commit, so small transactions never fill it.
    "INSERT INTO fts(fts, rank) VALUES('pgsz', 8000)",
    f"INSERT INTO fts(fts, rank) VALUES('hashsize', {64 << 20})",
)

_INSERT: Final = f"INSERT INTO fts(rowid, {', '.join(COLUMNS)}) VALUES({', '.join('?' * (len(COLUMNS) + 1))})"
_DELETE: Final = "DELETE FROM fts WHERE rowid = ?"


def row(content: Content, attachment: str = "") -> tuple[str, ...]:
    """The columns of one message, prepared; SQLite can take them, since folding leaves no lone surrogates.
    Pure: may run on any thread, outside the lock."""
    envelope = content.envelope
    return (
        prepared(envelope.subject),
        prepared(_addresses(envelope.sender)),
        prepared(_addresses(envelope.to)),
        prepared(_addresses(envelope.cc)),
        prepared(_addresses(envelope.bcc)),
        prepared(content.text),
        prepared("\n".join(content.filenames)),
        prepared(attachment),
        prepared(envelope.list_id),
    )


def _addresses(addresses: Iterable[Address]) -> str:
    return "\n".join(f"{name} {email}" for name, email in addresses)


def add(connection: apsw.Connection, rid: int, content: Content) -> None:
    """Index a message under `rid`, in the caller's transaction. Ascending rids are fastest."""
    insert(connection, rid, row(content))


def insert(connection: apsw.Connection, rid: int, columns: tuple[str, ...]) -> None:
    """`add` for columns that `row` has prepared before."""
    connection.execute(_INSERT, (rid, *columns))


def remove(connection: apsw.Connection, rid: int) -> None:
    """Forget `rid`; nothing happens if it is not there."""
    connection.execute(_DELETE, (rid,))


def clear(connection: apsw.Connection) -> None:
    """Forget all: for `index rebuild`."""
    connection.execute("INSERT INTO fts(fts) VALUES('delete-all')")


def begin_bulk(connection: apsw.Connection) -> None:
    """No merging while very many rows are added (a first fetch, a rebuild)."""
    connection.execute("INSERT INTO fts(fts, rank) VALUES('automerge', 0)")


def end_bulk(connection: apsw.Connection, pages: int = 2000) -> None:
    """Back to merging as rows come, and merge what the bulk run left. `pages` bounds the work."""
    connection.execute("INSERT INTO fts(fts, rank) VALUES('automerge', 4)")
    connection.execute("INSERT INTO fts(fts, rank) VALUES('merge', ?)", (-pages,))
