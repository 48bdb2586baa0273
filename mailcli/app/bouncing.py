"""`bounce`: a message sent on as it is (RFC 5322 §3.6.6)."""

from __future__ import annotations

from collections.abc import Sequence

from mailcli.app import bodies
from mailcli.app.addressing import expanded, local_zone, replying_account, sender_address
from mailcli.app.context import Context
from mailcli.app.preparing import Prepared, prepare_raw
from mailcli.errors import UsageError
from mailcli.mime import compose, resend


def prepare_bounce(
    ctx: Context, id: str, to: Sequence[str], *, cc: Sequence[str] = (), sender: str | None = None
) -> Prepared:
    """The message with Resent fields above it, to these alone, by the account that received it.

    Its own bytes stay, but for Bcc and Return-Path. Raises MessageMalformed, UsageError.
    """
    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, sender)
    origin = sender_address(account, sender)
    people, others = expanded(ctx, to), expanded(ctx, cc)
    if not people:
        raise UsageError("no recipient", hint="name at least one address")
    data = resend.resent(
        bodies.wire(ctx, id),
        sender=origin,
        to=people,
        cc=others,
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )
    emails = [address.email for address in (*people, *others)]
    prepared = prepare_raw(ctx, data, recipients=emails, sender=origin.email)
    return prepared._replace(account=account)
