"""What became of messages that had an idempotency key: one small file a key.

It is written under the key before anything is sent, and once more before the entry of a message that was
sent goes out of the outbox. In between the entry tells. A run that is killed at any moment leaves one of
the two, so that the key never sends again.
"""

from __future__ import annotations

import json
from typing import Any

from mailcli.model.draft import Outcome, Sent
from mailcli.model.record import NamedTuple
from mailcli.outbox.entry import Entry, State
from mailcli.outbox.spool import Spool


class Noted(NamedTuple):
    """The digest of what the user gave, and how it ended (None: not known here)."""

    content: str
    sent: Sent | None


def read(spool: Spool, digest: str) -> Noted | None:
    """What is noted under a key. None: it was never used."""
    held = spool.result(digest)
    if held is None:
        return None
    noted: dict[str, Any] = json.loads(held)
    sent = noted["sent"]
    if sent is not None:
        sent = Sent(**{**sent, "recipients": tuple(Outcome(*o) for o in sent["recipients"])})
    return Noted(noted["content"], sent)


def write(spool: Spool, digest: str, content: str, sent: Sent | None) -> None:
    """Note it; durable when this returns. Raises LocalIOError, CannotCreate."""
    held = None if sent is None else {**sent._asdict(), "recipients": [list(o) for o in sent.recipients]}
    spool.note_result(digest, json.dumps({"content": content, "sent": held}).encode())


def conclude(spool: Spool, entry: Entry, state: State) -> None:
    """The entry is about to go: note what became of it, if it has a key and that is not known yet.
    Where recipients were deferred the key is to try again."""
    final = all(o.outcome != "deferred" for o in state.outcomes)
    noted = read(spool, entry.key) if entry.key and final else None
    if noted is not None and noted.sent is None:
        sent = Sent(entry.account, entry.message_id, state.queue_id, state.outcomes, state.stage)
        write(spool, entry.key, noted.content, sent)
