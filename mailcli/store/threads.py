"""Threads: the union of messages over Message-ID, References and In-Reply-To, kept up as mail arrives.

`thread_ref` has every message id ever named, those of messages that are not here included: two replies to a
lost mail are one thread. A message that names ids of several threads makes them one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mailcli.store.sql import marks

if TYPE_CHECKING:
    import apsw

_FIRST: Final = 20
_LAST: Final = 180
"""So many references from either end count; a hostile header may have 100,000."""
_LONGEST: Final = 998  # RFC 5322 §2.1.1


def relevant(message_id: str, named: Sequence[str]) -> tuple[str, ...]:
    """The ids that tie a message to its thread, each once, bounded."""
    if len(named) > _FIRST + _LAST:
        named = (*named[:_FIRST], *named[-_LAST:])
    return tuple(dict.fromkeys(i[:_LONGEST] for i in (*named, message_id) if i))


def join(connection: apsw.Connection, identity: str, ids: Sequence[str]) -> str:
    """The thread of a message that has or names these ids, in the caller's transaction.

    A new thread takes the message's own `identity` as its id. When threads meet, the one of the
    earliest reference stays.
    """
    if not ids:
        return identity
    known: dict[str, str] = dict(
        connection.execute(
            f"SELECT message_id, thread FROM thread_ref WHERE message_id IN ({marks(ids)})", ids
        )
    )
    if not known:
        thread = identity
    else:
        threads = list(dict.fromkeys(known[i] for i in ids if i in known))
        thread = threads[0]
        for other in threads[1:]:
            connection.execute("UPDATE message SET thread = ? WHERE thread = ?", (thread, other))
            connection.execute("UPDATE thread_ref SET thread = ? WHERE thread = ?", (thread, other))
    fresh = [(i, thread) for i in ids if i not in known]
    if fresh:
        connection.executemany("INSERT INTO thread_ref(message_id, thread) VALUES(?, ?)", fresh)
    return thread
