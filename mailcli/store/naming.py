"""Which messages a person means: ids, their prefixes, message ids, threads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from mailcli.errors import AmbiguousId, NotFound
from mailcli.model.ids import LENGTH, SHORTEST_PREFIX, is_prefix
from mailcli.store.sql import rows

if TYPE_CHECKING:
    import apsw

_SHOWN: Final = 4


def resolve(connection: apsw.Connection, text: str) -> list[str]:
    """See Store.resolve."""
    text = text.strip()
    if text[:4].lower() == "mid:":
        return _all(connection, "message_id", text[4:].strip().removeprefix("<").removesuffix(">"), text)
    if text[:2].lower() == "t:":
        return _all(connection, "thread", text[2:], text)
    prefix = text.lower()
    if not is_prefix(prefix):
        raise NotFound(f"{text!r} is not a message id", hint="ids are in the first column of mailcli list")
    found = [
        i
        for (i,) in connection.execute(
            "SELECT id FROM message WHERE id >= ? AND id < ? ORDER BY id LIMIT ?",
            (prefix, f"{prefix}\x7f", _SHOWN + 1),
        )
    ]
    if len(found) == 1:
        return found
    if not found:
        purged = connection.execute("SELECT 1 FROM recovery WHERE id = ?", (prefix,)).get
        hint = "it was purged: mailcli undo may bring it back" if purged else "see mailcli list"
        raise NotFound(f"there is no message {text}", hint=hint)
    shown = ", ".join(found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    raise AmbiguousId(f"{text} is the beginning of several ids: {shown}", hint="give one more character")


def _all(connection: apsw.Connection, column: str, value: str, text: str) -> list[str]:
    """All copies, oldest first."""
    found = [
        i for (i,) in rows(connection, f"SELECT id FROM message WHERE {column} = ? ORDER BY rid", (value,))
    ]
    if not found or not value:
        raise NotFound(f"there is no message {text}")
    return found


def shortest(connection: apsw.Connection, ids: Iterable[str]) -> dict[str, str]:
    """See Store.shortest: longer by one than what an id shares with its neighbours."""
    result: dict[str, str] = {}
    for identity in ids:
        before, after = rows(
            connection,
            "SELECT (SELECT max(id) FROM message WHERE id < ?1), (SELECT min(id) FROM message WHERE id > ?1)",
            (identity,),
        )[0]
        length = max(SHORTEST_PREFIX, _shared(identity, before) + 1, _shared(identity, after) + 1)
        result[identity] = identity[: min(length, LENGTH)]
    return result


def _shared(one: str, other: str | None) -> int:
    if other is None:
        return 0
    for length, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return length
    return min(len(one), len(other))
