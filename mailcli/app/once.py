"""`--idempotency-key`: a script that runs again sends its message once.

The key stands for one message: its content and recipients, not its Date and Message-ID, which are
made anew by every run. Nobody is sent it twice under its key: what is decided is remembered (30 days)
and given again, and so is that the user has cancelled it. Who was deferred while others have it is
asked again, he alone. As long as nobody has it the key is free, for a message that was made anew, too.
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


def once(ctx: Context, key: str, prepared: Prepared, send: Callable[[str, Prepared], Sent]) -> Sent:
    """Send a message under a key to those who do not have it yet; what became of it for all.

    `send` is given the digest its outbox entry must carry, and what is to be sent. Raises
    MessageMalformed (65) when the key was used for another message, Locked when another run is
    sending it just now.
    """
    digest = digest_of(key)
    content = digest_of(prepared)
    box = outbox.spool(ctx)
    try:
        with box.key(digest):
            before = _before(box, digest, content)
            if before is None:
                keys.begin(box, digest, content)
            elif not _open(before):
                return before
            else:
                prepared = _rest(prepared, before)
            return _noted(ctx, box, digest, keys.joined(before, send(digest, prepared)))
    except Locked:
        raise Locked(
            "another run is sending the message of this key", hint="wait for it, then ask again"
        ) from None


def _open(before: Sent) -> tuple[str, ...]:
    """The recipients still to be asked; none if the outbox sees to them."""
    if before.stage == "queued":
        return ()
    return tuple(o.email for o in before.recipients if o.outcome == "deferred")


def _rest(prepared: Prepared, before: Sent) -> Prepared:
    """The message for those who lack it, under the Message-ID that the others have."""
    data, copy = prepared.data, prepared.copy
    if prepared.message_id != before.message_id and before.message_id:
        ids = prepared.message_id.encode(), before.message_id.encode()
        data, copy = data.replace(*ids, 1), copy.replace(*ids, 1)
    return prepared._replace(
        envelope=prepared.envelope._replace(recipients=_open(before)),
        data=data,
        copy=copy,
        message_id=before.message_id or prepared.message_id,
    )


def digest_of(what: Prepared | str) -> str:
    """The digest of a key; or that of what the user gave, which two runs of one script have in common."""
    if isinstance(what, str):
        return hashlib.sha256(what.encode()).hexdigest()
    source = what.source
    if isinstance(source, Draft):
        source = repr(source._replace(date=0.0, zone=0, message_id="")).encode()
    envelope = repr(what.envelope).encode()
    return hashlib.sha256(envelope + b"\0" + source).hexdigest()


def _noted(ctx: Context, box: Spool, digest: str, sent: Sent) -> Sent:
    """What was sent stays sent whatever the disk says: the outbox has it, or has noted it already."""
    try:
        return keys.settle(box, digest, sent)
    except (LocalIOError, CannotCreate) as error:
        if not any(o.outcome == "sent" for o in sent.recipients) and sent.stage != "queued":
            raise
        ctx.notice(f"the outcome is not noted under the key: {error.message}")
        return sent


def _before(box: Spool, digest: str, content: str) -> Sent | None:
    """What became of the key's message; None if nobody has it and nothing waits to be sent."""
    # The entry first: it goes only when the result has been noted.
    row = next((row for row in box.rows() if row.entry.key == digest), None)
    if row is not None and row.word == "abandoned":
        box.remove(row.entry.id)  # of a run that was killed before it sent anything
        row = None
    known, result = keys.look(box, digest) or ("", None)
    if row is None and result is None:
        return None
    if known not in ("", content):
        raise MessageMalformed(
            "this idempotency key was used for another message", hint="a key stands for one message"
        )
    return result if row is None else keys.joined(result, outbox.standing(row))
