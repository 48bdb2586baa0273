"""Which messages are there, and which of them were somewhere else before: what tells new mail from old."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mailcli.store.sql import chunks, marks, rows
from mailcli.store.values import Twin

if TYPE_CHECKING:
    import apsw


def ids(connection: apsw.Connection) -> set[str]:
    """See Store.ids. Read from the index alone."""
    return {row[0] for row in connection.execute("SELECT id FROM message INDEXED BY message_by_id")}


def twins(connection: apsw.Connection, wanted: Sequence[str]) -> list[Twin]:
    """See Store.twins."""
    found: list[Twin] = []
    for some in chunks(wanted):
        found += [
            Twin(*row)
            for row in rows(
                connection,
                f"""SELECT m.id, o.id FROM message m
                    JOIN message o ON o.message_id = m.message_id AND o.sha256 = m.sha256
                    JOIN folder f ON f.key = m.folder JOIN folder g ON g.key = o.folder
                    WHERE m.id IN ({marks(some)}) AND m.message_id <> ''
                    AND o.folder <> m.folder AND g.account = f.account""",
                some,
            )
        ]
        found += [
            Twin(*row)
            for row in rows(
                connection,
                f"""SELECT m.id, r.id FROM recovery r JOIN message m ON m.sha256 = r.sha256
                    JOIN folder f ON f.key = m.folder JOIN account a ON a.key = f.account
                    WHERE m.id IN ({marks(some)}) AND r.account = a.name AND r.folder <> f.name""",
                some,
            )
        ]
    return found


def by_object(
    connection: apsw.Connection, account: str, objects: Collection[str], folder: int | None
) -> dict[str, tuple[str, int]]:
    """See Store.by_object."""
    found: dict[str, tuple[str, int]] = {}
    which = "m.file IS NOT NULL AND m.missing_since IS NULL" if folder is None else f"m.folder = {folder}"
    for some in chunks(list(objects)):
        found.update(
            (name, (identity, size))
            for name, identity, size in rows(
                connection,
                f"""SELECT m.object_id, m.id, m.size FROM message m JOIN folder f ON f.key = m.folder
                    JOIN account a ON a.key = f.account WHERE m.object_id IN ({marks(some)})
                    AND a.name = ? AND {which}""",
                (*some, account),
            )
        )
    return found


def objects(connection: apsw.Connection, wanted: Sequence[str]) -> dict[str, tuple[str, int]]:
    """See Store.objects."""
    query = "SELECT id, object_id, size FROM message WHERE object_id IS NOT NULL AND id IN"
    return {
        identity: (name, size)
        for some in chunks(wanted)
        for identity, name, size in rows(connection, f"{query} ({marks(some)})", some)
    }
