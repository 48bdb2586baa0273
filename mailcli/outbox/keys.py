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


def settle(box: Spool, digest: str, sent: Sent) -> Sent:
    """Note what became of a key's message; durable when this returns. Returns what is known of all its
    recipients by now. Nothing is noted without a key, and of what is worth trying again for everybody."""
    known = look(box, digest) if digest else None
    if known is None:
        return sent
    whole = joined(known[1], sent)
    if final(whole):
        box.note_result(digest, _encode(known[0], whole))
    return whole


def joined(before: Sent | None, after: Sent) -> Sent:
    """The outcomes of two tries: the later one was for those whom the first had left open. Who has the
    message has it, whatever an entry says that a power failure brought back."""
    if before is None:
        return after
    later = {o.email: o for o in after.recipients}
    had = {o.email: o for o in before.recipients if o.outcome == "sent"}
    everyone = {o.email: o for o in before.recipients} | later | had
    stage = after.stage or (before.stage if before.stage != "queued" else "")
    return after._replace(
        recipients=tuple(everyone.values()), queue_id=after.queue_id or before.queue_id, stage=stage
    )


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
