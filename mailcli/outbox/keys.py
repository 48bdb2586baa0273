"""What became of the message of an idempotency key, as the outbox remembers it.

Noted before the entry of a message that was sent goes away: between the two a kill would leave
neither, and the script that runs again would send a second one.
"""

from __future__ import annotations

import json
from typing import Any

from mailcli.model.draft import Outcome, Sent
from mailcli.outbox.spool import Spool


def begin(box: Spool, digest: str, content: str) -> None:
    """Note which content a key stands for; nothing has come of it yet."""
    box.note_result(digest, _encode(content, None))


def look(box: Spool, digest: str) -> tuple[str, Sent | None] | None:
    """The content a key stands for, and what became of it if that is certain. None: a new key."""
    held = box.result(digest)
    if held is None:
        return None
    noted: dict[str, Any] = json.loads(held)
    return str(noted["content"]), _decode(noted["sent"]) if noted["sent"] else None


def settle(box: Spool, digest: str, sent: Sent) -> None:
    """Note what became of a key's message; durable when this returns. Nothing without a key, and for
    what is worth trying again: then trying again works."""
    known = look(box, digest) if digest else None
    if known is not None and final(sent):
        box.note_result(digest, _encode(known[0], sent))


def final(sent: Sent) -> bool:
    """Whether the outcome stands: what went to anybody is not sent again by a key, and what is
    deferred stands only if the outbox goes on with it."""
    words = {o.outcome for o in sent.recipients}
    return "deferred" not in words or "sent" in words or sent.stage == "queued"


def _encode(content: str, sent: Sent | None) -> bytes:
    held = None if sent is None else {**sent._asdict(), "recipients": [list(o) for o in sent.recipients]}
    return json.dumps({"content": content, "sent": held}).encode()


def _decode(held: dict[str, Any]) -> Sent:
    return Sent(**{**held, "recipients": tuple(Outcome(*o) for o in held["recipients"])})
