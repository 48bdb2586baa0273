"""`--idempotency-key`: a script that runs again after a crash sends its message once.

The key stands for one message: its content and recipients, not its Date and Message-ID, which are
made anew by every run. What is final is remembered (30 days) and given again; what is worth trying
again is not remembered, so that trying again works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from mailcli.app import outbox
from mailcli.app.context import Context
from mailcli.app.preparing import Prepared
from mailcli.errors import CannotCreate, LocalIOError, Locked, MessageMalformed
from mailcli.model.draft import Draft, Sent
from mailcli.outbox import keys
from mailcli.outbox.spool import Spool


def once(ctx: Context, key: str, prepared: Prepared, send: Callable[[str], Sent]) -> Sent:
    """Send a message under a key, unless that was done before: then what became of it then.

    `send` is given the digest its outbox entry must carry. Raises MessageMalformed (65) when the
    key was used for another message, Locked when another run is sending it just now.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    content = _content(prepared)
    box = outbox.spool(ctx)
    try:
        with box.key(digest):
            before = _before(box, digest, content)
            if before is not None:
                return before
            keys.write(box, digest, content, None)
            sent = send(digest)
            if _final(sent):
                _note(ctx, box, digest, content, sent)
            return sent
    except Locked:
        raise Locked(
            "another run is sending the message of this key", hint="wait for it, then ask again"
        ) from None


def _content(prepared: Prepared) -> str:
    """A digest of what the user gave: two runs of one script have the same."""
    source = prepared.source
    if isinstance(source, Draft):
        source = repr(source._replace(date=0.0, zone=0, message_id="")).encode()
    envelope = repr(prepared.envelope).encode()
    return hashlib.sha256(envelope + b"\0" + source).hexdigest()


def _final(sent: Sent) -> bool:
    """Whether the outcome stands. Deferred ones do not, unless the outbox goes on with them."""
    return all(o.outcome != "deferred" or sent.stage == "queued" for o in sent.recipients)


def _note(ctx: Context, box: Spool, digest: str, content: str, sent: Sent) -> None:
    """What was sent stays sent whatever the disk says: the outbox has it, or has noted it already."""
    try:
        keys.write(box, digest, content, sent)
    except (LocalIOError, CannotCreate) as error:
        if not any(o.outcome == "sent" for o in sent.recipients) and sent.stage != "queued":
            raise
        ctx.notice(f"the outcome is not noted under the key: {error.message}")


def _before(box: Spool, digest: str, content: str) -> Sent | None:
    noted = keys.read(box, digest)
    if noted is None:
        return None
    if noted.content != content:
        raise MessageMalformed(
            "this idempotency key was used for another message", hint="a key stands for one message"
        )
    row = next((row for row in box.rows() if row.entry.key == digest), None)
    if row is not None and row.word != "abandoned":
        return outbox.standing(row)
    if row is not None:
        box.remove(row.entry.id)  # of a run that was killed before it sent anything
    return noted.sent
