"""`send`, `reply` and `forward`: from a command's words to the truth about each recipient."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

from mailcli.app import bodies
from mailcli.app.changing import special_folder
from mailcli.app.connecting import deadlines, named, open_sending, own_name
from mailcli.app.context import Context
from mailcli.app.pushing import push_now
from mailcli.errors import (
    ConfigError,
    LocalIOError,
    MailcliError,
    MessageMalformed,
    MessageRefused,
    NotFound,
    OutcomeUnknown,
    PartialFailure,
    RecipientRefused,
    TryAgain,
    UsageError,
)
from mailcli.mime import addresses, compose, encode, raw
from mailcli.mime import read as mime
from mailcli.mime import reply as replying
from mailcli.model import printable
from mailcli.model.account import LOCAL, Account
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft, Envelope, Outcome, Sent
from mailcli.model.flags import ANSWERED, FORWARDED, SEEN, Flags
from mailcli.outbox.submit import submit
from mailcli.store.values import Arrival

_RESERVED: Final = re.compile(r"(content-.*|mime-version|bcc|resent-bcc|date|message-id)", re.IGNORECASE)
"""Header fields that `-H` may not set: they are made from the message, or have options."""


@dataclass(frozen=True)
class SendRequest:
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


@dataclass(frozen=True)
class Delivery:
    """How to submit: `partial` sends to those accepted when others are refused, `deadline` ends
    the whole after so many seconds, `ehlo` is the name given to the server."""

    partial: bool = False
    deadline: float | None = None
    ehlo: str = ""


class Prepared(NamedTuple):
    """A message ready to go: the account that sends it, the envelope, the exact bytes, and the
    bytes of the copy kept in Sent (with its Bcc)."""

    account: Account
    envelope: Envelope
    data: bytes
    copy: bytes
    message_id: str


def prepare(ctx: Context, request: SendRequest) -> Prepared:
    """Build the message. Nothing is sent; a missing attachment or a bad address fails here.

    Raises MessageMalformed, NotFound for an attachment, ConfigError without an account to send by.
    """
    account = sending_account(ctx, request.sender)
    fields, request = _with_mailto(request)
    draft = Draft(
        sender=_sender(account, request.sender),
        to=strict(request.to),
        cc=strict(request.cc),
        bcc=strict(request.bcc),
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
    from_header: bool = False,
) -> Prepared:
    """Take a message that is one already. It goes through byte for byte, but for line ends, Bcc,
    and a missing Date, Message-ID or From. With `from_header` the header names recipients too."""
    declared = mime.envelope(data).sender
    account = sending_account(ctx, sender or (declared[0].email if declared else None))
    default = _sender(account, sender)
    found = raw.submission(
        data,
        recipients_from_header=from_header,
        now=ctx.clock(),
        zone=local_zone(ctx.clock()),
        default_sender=default,
    )
    named = [a.email for a in strict(recipients)]
    everyone = tuple(dict.fromkeys([*named, *found.recipients]))
    if not everyone:
        raise UsageError("no recipient", hint="name one, or use -t to take them from the header")
    envelope = Envelope(_bare(sender) if sender else found.sender, everyone)
    return Prepared(account, envelope, found.data, found.data, mime.envelope(found.data).message_id)


def deliver(ctx: Context, prepared: Prepared, delivery: Delivery) -> Sent:
    """Submit a message, and file the copy in Sent. Returns the outcome of each recipient.

    Raises what kept the message from being offered to the server at all: Unreachable, TimedOut,
    AuthenticationFailed, MessageRefused (too large), …
    """
    account = prepared.account
    limits = deadlines(delivery.deadline)
    with (
        named(account),
        open_sending(ctx, account, limits, delivery.ehlo or own_name()) as connection,
    ):
        done = submit(connection, prepared.envelope, prepared.data, partial=delivery.partial)
    sent = Sent(account.name, prepared.message_id, done.queue_id, done.outcomes, done.stage)
    if any(o.outcome == "sent" for o in done.outcomes):
        _file_copy(ctx, prepared)
    return sent


def failure(sent: Sent) -> MailcliError | None:
    """The error a command ends with for these outcomes; None when all were sent."""
    words = {o.outcome for o in sent.recipients}
    if words <= {"sent"}:
        return None
    told = next(o for o in sent.recipients if o.outcome != "sent" and (o.code or o.outcome == "unknown"))
    text = _told(told)
    if "unknown" in words:
        return OutcomeUnknown(
            f"the message may have been accepted: {told.text}",
            hint="look for it in Sent or ask the recipient before sending again",
        )
    if "sent" in words:
        return PartialFailure(f"not sent to everyone: {text}")
    if "rejected" not in words:
        return TryAgain(f"not sent: {text}", hint="try again later")
    if sent.stage == "recipient":
        return RecipientRefused(f"not sent: {text}", hint="correct the address, or --partial deliver")
    return MessageRefused(f"not sent: {text}")


def prepare_reply(ctx: Context, id: str, request: SendRequest, *, everyone: bool, quote: bool) -> Prepared:
    """A reply to a message: recipients, subject, threading and the quoted text follow from it;
    what the request names besides is added. `request.text` stands above the quotation."""
    (row,) = ctx.store.get([id])
    account = _replying_account(ctx, row.account, request.sender)
    template = reply_template(ctx, id, request.sender, everyone=everyone)
    text = request.text + ("\n" + template.text if quote and template.text else "")
    return _prepared(account, merged(template, request, text))


def reply_template(ctx: Context, id: str, sender: str | None, *, everyone: bool) -> Draft:
    """The draft of a reply with the original quoted as its text, for an editor to begin with."""
    (row,) = ctx.store.get([id])
    account = _replying_account(ctx, row.account, sender)
    return replying.reply_draft(
        bodies.wire(ctx, id),
        sender=_sender(account, sender),
        own=(account.email, *account.aliases),
        everyone=everyone,
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )


def prepare_forward(ctx: Context, id: str, request: SendRequest) -> Prepared:
    """Forward a message inline, with its attachments, below `request.text`."""
    (row,) = ctx.store.get([id])
    account = _replying_account(ctx, row.account, request.sender)
    template = forward_template(ctx, id, request.sender)
    text = (request.text + "\n" if request.text else "") + template.text
    return _prepared(account, merged(template, request, text))


def forward_template(ctx: Context, id: str, sender: str | None) -> Draft:
    """The draft of a forwarded message, for an editor to begin with."""
    (row,) = ctx.store.get([id])
    account = _replying_account(ctx, row.account, sender)
    return replying.forward_draft(
        bodies.wire(ctx, id),
        sender=_sender(account, sender),
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )


def blank_template(ctx: Context, sender: str | None = None) -> Draft:
    """An empty draft of the account that would send it."""
    account = sending_account(ctx, sender)
    now = ctx.clock()
    return Draft(
        sender=_sender(account, sender),
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


# -- accounts and addresses --------------------------------------------------------------------


def sending_account(ctx: Context, sender: str | None) -> Account:
    """The account to send by: that of `-A`, else the one whose address is in From, else the
    default. Raises ConfigError if it cannot send."""
    account: Account | None = None
    if ctx.account is None and sender:
        bare = _bare(sender).lower()
        own = [a for a in ctx.config.accounts.values() if bare in {e.lower() for e in (a.email, *a.aliases)}]
        account = next((a for a in own if a.sending), None)
    if account is None:
        account = ctx.chosen_account()
    if account.sending is None:
        raise ConfigError(
            f"account {account.name} cannot send: it has no SMTP server",
            hint=f"add [accounts.{account.name}.smtp] to the configuration, or choose another with -A",
        )
    return account


def strict(texts: Sequence[str]) -> tuple[Address, ...]:
    """The addresses of header texts or arguments. Raises MessageMalformed for what is none."""
    found: list[Address] = []
    for text in texts:
        if any(c in text for c in "\r\n\0"):
            raise MessageMalformed("an address must not contain a line break or NUL")
        parsed = addresses.parse_strictly(text)
        if not parsed:
            raise MessageMalformed(f"{printable.line(text)!r} is not an address")
        for address in parsed:
            encode.addr_spec(address.email, smtputf8=True)
            if address.name and not {"<", "("} & set(text):
                raise MessageMalformed(f"{printable.line(text)!r} is not an address")
        found.extend(parsed)
    return tuple(found)


def local_zone(when: float) -> int:
    """Minutes east of UTC here at that time."""
    import time

    return time.localtime(when).tm_gmtoff // 60


def _replying_account(ctx: Context, received_by: str, sender: str | None) -> Account:
    """The account that received the original answers it, if it can send."""
    if ctx.account is None and not sender and received_by != LOCAL:
        account = ctx.config.accounts.get(received_by)
        if account is not None and account.sending is not None:
            return account
    return sending_account(ctx, sender)


def _sender(account: Account, sender: str | None) -> Address:
    if not sender:
        return account.sender
    (address,) = strict([sender])
    return address if address.name else Address(account.full_name, address.email)


def _bare(sender: str) -> str:
    return strict([sender])[0].email if sender.strip("<>") else ""


# -- building ----------------------------------------------------------------------------------


def _prepared(account: Account, draft: Draft) -> Prepared:
    everyone = [a.email for a in (*draft.to, *draft.cc, *draft.bcc)]
    if not everyone:
        raise UsageError("no recipient", hint="name at least one address")
    data = compose.compose(draft)
    copy = compose.compose(draft, keep_bcc=True) if draft.bcc else data
    envelope = Envelope(_on_wire(draft.sender.email), tuple(dict.fromkeys(map(_on_wire, everyone))))
    return Prepared(account, envelope, data, copy, draft.message_id)


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


def attachment(path: Path) -> Attachment:
    """A file as an attachment. Raises NotFound, LocalIOError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        hint = "to set a header use -H 'Name: value'" if ": " in str(path) else ""
        raise NotFound(f"there is no file {path} to attach", hint=hint) from None
    except OSError as error:
        raise LocalIOError(f"cannot read {path}: {error.strerror}") from error
    kind, encoding = mimetypes.guess_type(path.name)
    return Attachment(path.name, kind if kind and not encoding else "application/octet-stream", data)


def header(name: str, value: str) -> tuple[str, str]:
    """An extra header field, if `-H` may set it. Raises MessageMalformed, UsageError."""
    if not re.fullmatch(r"[!-9;-~]+", name):
        raise MessageMalformed(f"{printable.line(name)!r} is no header name")
    if _RESERVED.fullmatch(name):
        raise UsageError(f"-H cannot set {name}: it is made from the message")
    return name, value


# -- the copy in Sent --------------------------------------------------------------------------


def _file_copy(ctx: Context, prepared: Prepared) -> None:
    """Keep what was sent. A failure here never turns a sent message into a failed one."""
    account = prepared.account
    if not account.save_sent:
        return
    seen: Flags = frozenset({SEEN})
    try:
        _, key = special_folder(ctx, account.name, "Sent")
        ctx.store.deliver([Arrival(key, prepared.copy, seen, ctx.clock())])
        pushed = push_now(ctx, [account.name])
        if pushed.notice:
            ctx.notice(pushed.notice)
    except MailcliError as error:
        ctx.notice(f"the message was sent, but its copy could not be kept in Sent: {error.message}")


def _told(outcome: Outcome) -> str:
    words = " ".join(w for w in (str(outcome.code), outcome.enhanced, outcome.text) if w)
    return f"<{outcome.email}>: {words}"
