"""The text that was read in attachments, kept (deflated) by the ids of the messages.

A message that is not in the table was not read yet; an empty text is one that was read in vain.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from mailcli.store import fulltext
from mailcli.store.sql import rows
from mailcli.store.tokens import prepared

if TYPE_CHECKING:
    import apsw

_COLUMN: Final = fulltext.COLUMNS.index("attachment")


def keep(connection: apsw.Connection, identity: str, text: str) -> None:
    """In the caller's transaction; `included` puts it into the full-text index."""
    connection.execute(
        "INSERT OR REPLACE INTO attachment_text(id, data) VALUES(?, ?)",
        (identity, zlib.compress(text.encode()) if text else b""),
    )


def included(connection: apsw.Connection, identity: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """A message's columns of the full-text index with the text of its attachments put in."""
    for (data,) in rows(connection, "SELECT data FROM attachment_text WHERE id = ?", (identity,)):
        if data:
            text = prepared(zlib.decompress(data).decode())
            return (*columns[:_COLUMN], text, *columns[_COLUMN + 1 :])
    return columns
