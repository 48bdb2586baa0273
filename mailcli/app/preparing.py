"""`send`, `reply` and `forward`: from a command's words to the exact bytes and the envelope."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from mailcli.app import bodies
from mailcli.app.addressing import (
    attachment,
    bare,
    expanded,
    header,
    local_zone,
    localised,
    replying_account,
    sender_address,
    sending_account,
    strict,
)
from mailcli.app.context import Context
from mailcli.app.pushing import push_now
from mailcli.errors import UsageError
from mailcli.mime import compose, encode, raw
from mailcli.mime import read as mime
from mailcli.mime import reply as replying
from mailcli.model.account import Account
from mailcli.model.draft import Draft, Envelope
from mailcli.model.flags import ANSWERED, FORWARDED
from mailcli.model.record import NamedTuple


class SendRequest(NamedTuple):
    """What `send`, `reply` and `forward` are given: header texts as typed, the body with LF.

    `sender` is the From of `-r` (None: the account's). `html` is an HTML alternative.
    """

    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    subject: str = ""
    sender: str | None = None
    text: str = ""
    html: str = ""
    attachments: Sequence[Path] = ()
    headers: Sequence[tuple[str, str]] = ()


class Prepared(NamedTuple):
    """A message ready to go: the account that sends it, the envelope, the exact bytes, and the
    bytes of the copy kept in Sent (with its Bcc). `source` is what it was made of."""

    account: Account
    envelope: Envelope
    data: bytes
    copy: bytes
    message_id: str
    source: Draft | bytes


def prepare(ctx: Context, request: SendRequest) -> Prepared:
    """Build the message. Nothing is sent; a missing attachment or a bad address fails here.

    Raises MessageMalformed, NotFound for an attachment, ConfigError without an account to send by.
    """
    account = sending_account(ctx, request.sender)
    fields, request = _with_mailto(request)
    draft = Draft(
        sender=sender_address(account, request.sender),
        to=expanded(ctx, request.to),
        cc=expanded(ctx, request.cc),
        bcc=expanded(ctx, request.bcc),
        subject=request.subject,
        text=request.text,
        html=request.html,
        attachments=tuple(attachment(p) for p in request.attachments),
        headers=tuple(header(*h) for h in request.headers),
        in_reply_to=fields,
        references=fields,
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )
    return _prepared(account, draft)


def prepare_raw(
    ctx: Context,
    data: bytes,
    *,
    recipients: Sequence[str] = (),
    sender: str | None = None,
    full_name: str = "",
    from_header: bool = False,
    local_names: bool = False,
) -> Prepared:
    """Take a message that is one already. It goes through byte for byte, but for line ends, Bcc,
    and a missing Date, Message-ID or From (with `full_name`).

    `sender` is the envelope's, "" the null sender, None the header's. With `from_header` the header
    names recipients besides. With `local_names` recipients may be users of this machine: an alias,
    or who calls.
    """
    declared = mime.envelope(data).sender
    # Cron writes "From: root": no address, but the account's is meant.
    senders = [declared[0].email if declared and "@" in declared[0].email else None, sender]
    account = sending_account(ctx, *(senders if local_names else reversed(senders)))
    default = sender_address(account, sender)
    if full_name:
        default = default._replace(name=full_name)
    found = raw.submission(
        data,
        recipients_from_header=from_header,
        now=ctx.clock(),
        zone=local_zone(ctx.clock()),
        default_sender=default,
    )
    named = [*recipients, *found.recipients]
    if local_names:
        named = [found_ for name in named for found_ in localised(ctx, account, name)]
    everyone = tuple(dict.fromkeys(a.email for a in expanded(ctx, named)))
    if not everyone:
        raise UsageError("no recipient", hint="name one, or use -t to take them from the header")
    origin = bare(sender) if sender is not None else found.sender if "@" in found.sender else default.email
    envelope = Envelope(origin, tuple(map(_on_wire, everyone)))
    message_id = mime.envelope(found.data).message_id
    return Prepared(account, envelope, found.data, found.data, message_id, data)


def prepare_reply(ctx: Context, id: str, request: SendRequest, *, everyone: bool, quote: bool) -> Prepared:
    """A reply to a message: recipients, subject, threading and the quoted text follow from it;
    what the request names besides is added. `request.text` stands above the quotation."""
    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, request.sender)
    template = reply_template(ctx, id, request.sender, everyone=everyone)
    text = request.text + ("\n" + template.text if quote and template.text else "")
    return _prepared(account, merged(template, request, text))


def reply_template(ctx: Context, id: str, sender: str | None, *, everyone: bool) -> Draft:
    """The draft of a reply with the original quoted as its text, for an editor to begin with."""
    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, sender)
    return replying.reply_draft(
        bodies.wire(ctx, id),
        sender=sender_address(account, sender),
        own=(account.email, *account.aliases),
        everyone=everyone,
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )


def prepare_forward(ctx: Context, id: str, request: SendRequest) -> Prepared:
    """Forward a message inline, with its attachments, below `request.text`."""
    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, request.sender)
    template = forward_template(ctx, id, request.sender)
    text = (request.text + "\n" if request.text else "") + template.text
    return _prepared(account, merged(template, request, text))


def forward_template(ctx: Context, id: str, sender: str | None) -> Draft:
    """The draft of a forwarded message, for an editor to begin with."""
    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, sender)
    return replying.forward_draft(
        bodies.wire(ctx, id),
        sender=sender_address(account, sender),
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )


def blank_template(ctx: Context, sender: str | None = None) -> Draft:
    """An empty draft of the account that would send it."""
    account = sending_account(ctx, sender)
    now = ctx.clock()
    return Draft(
        sender=sender_address(account, sender),
        to=(),
        cc=(),
        bcc=(),
        subject="",
        text="",
        date=now,
        zone=local_zone(now),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )


def prepare_draft(ctx: Context, draft: Draft) -> Prepared:
    """A draft that was edited, ready to go by the account its sender belongs to."""
    return _prepared(sending_account(ctx, draft.sender.email), draft)


def mark_answered(ctx: Context, id: str, *, forwarded: bool = False) -> None:
    """Note on the original that it was answered or forwarded, and tell its server."""
    (row,) = ctx.store.get([id])
    ctx.store.set_flags([id], frozenset({FORWARDED if forwarded else ANSWERED}))
    push_now(ctx, [row.account])


# -- building ----------------------------------------------------------------------------------


def _prepared(account: Account, draft: Draft) -> Prepared:
    everyone = [a.email for a in (*draft.to, *draft.cc, *draft.bcc)]
    if not everyone:
        raise UsageError("no recipient", hint="name at least one address")
    data = compose.compose(draft)
    copy = compose.compose(draft, keep_bcc=True) if draft.bcc else data
    envelope = Envelope(_on_wire(draft.sender.email), tuple(dict.fromkeys(map(_on_wire, everyone))))
    return Prepared(account, envelope, data, copy, draft.message_id, draft)


def _on_wire(email: str) -> str:
    """An address for the envelope: its domain in A-labels (RFC 5891), so that SMTPUTF8 is asked
    for only where the part before the @ needs it."""
    return encode.addr_spec(email, smtputf8=True)


def merged(template: Draft, request: SendRequest, text: str) -> Draft:
    """A template with what the request names besides, and this text: before an editor or the wire."""
    return template._replace(
        to=(*strict(request.to), *template.to) if request.to else template.to,
        cc=(*template.cc, *strict(request.cc)),
        bcc=strict(request.bcc),
        subject=request.subject or template.subject,
        text=text,
        html=request.html,
        attachments=(*template.attachments, *(attachment(p) for p in request.attachments)),
        headers=(*template.headers, *(header(*h) for h in request.headers)),
    )


def _with_mailto(request: SendRequest) -> tuple[tuple[str, ...], SendRequest]:
    """Take `mailto:` URLs (RFC 6068) among the recipients apart; only harmless fields count.
    Returns the In-Reply-To ids besides the request."""
    to: list[str] = []
    extra: dict[str, list[str]] = {"cc": [], "subject": [], "body": [], "in-reply-to": []}
    for text in request.to:
        if not text.lower().startswith("mailto:"):
            to.append(text)
            continue
        path, _, query = text[7:].partition("?")
        to += [unquote(a) for a in path.split(",") if a]
        for name, value in parse_qsl(query.replace("+", "%2B")):
            if name.lower() == "to":
                to.append(value)
            elif name.lower() in extra:
                extra[name.lower()].append(value)
    ids = tuple(i.strip("<> ") for i in extra["in-reply-to"])
    return ids, SendRequest(
        to=to,
        cc=[*request.cc, *extra["cc"]],
        bcc=request.bcc,
        subject=request.subject or " ".join(extra["subject"]),
        sender=request.sender,
        text=request.text or "\n".join(extra["body"]),
        html=request.html,
        attachments=request.attachments,
        headers=request.headers,
    )
