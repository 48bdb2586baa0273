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
    digest = digest_of(key)
    content = digest_of(prepared)
    box = outbox.spool(ctx)
    try:
        with box.key(digest):
            before = _before(box, digest, content)
            if before is not None:
                return before
            keys.begin(box, digest, content)
            sent = send(digest)
            _note(ctx, box, digest, sent)
            return sent
    except Locked:
        raise Locked(
            "another run is sending the message of this key", hint="wait for it, then ask again"
        ) from None


def digest_of(what: Prepared | str) -> str:
    """The digest of a key; or that of what the user gave, which two runs of one script have in common."""
    if isinstance(what, str):
        return hashlib.sha256(what.encode()).hexdigest()
    source = what.source
    if isinstance(source, Draft):
        source = repr(source._replace(date=0.0, zone=0, message_id="")).encode()
    envelope = repr(what.envelope).encode()
    return hashlib.sha256(envelope + b"\0" + source).hexdigest()


def _note(ctx: Context, box: Spool, digest: str, sent: Sent) -> None:
    """What was sent stays sent whatever the disk says: the outbox has it, or has noted it already."""
    try:
        keys.settle(box, digest, sent)
    except (LocalIOError, CannotCreate) as error:
        if not any(o.outcome == "sent" for o in sent.recipients) and sent.stage != "queued":
            raise
        ctx.notice(f"the outcome is not noted under the key: {error.message}")


def _before(box: Spool, digest: str, content: str) -> Sent | None:
    known = keys.look(box, digest)
    if known is None:
        return None
    if known[0] != content:
        raise MessageMalformed(
            "this idempotency key was used for another message", hint="a key stands for one message"
        )
    row = next((row for row in box.rows() if row.entry.key == digest), None)
    if row is not None and row.word != "abandoned":
        return outbox.standing(row)
    if row is not None:
        box.remove(row.entry.id)  # of a run that was killed before it sent anything
    return known[1]
