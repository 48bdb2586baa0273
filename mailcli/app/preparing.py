"""`send`, `reply` and `forward`: from a command's words to the exact bytes and the envelope."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mailcli.app import signing
from mailcli.app.addressing import (
    attachment,
    bare,
    expanded,
    header,
    local_zone,
    localised,
    owns,
    replying_account,
    replying_address,
    sender_address,
    sending_account,
)
from mailcli.app.context import Context
from mailcli.app.mailto import asked
from mailcli.errors import MessageMalformed, UsageError
from mailcli.mime import compose, encode
from mailcli.model.account import Account
from mailcli.model.draft import Draft, Envelope
from mailcli.model.flags import ANSWERED, FORWARDED
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class SendRequest(NamedTuple):
    """What `send`, `reply` and `forward` are given: header texts as typed, the body with LF.

    `sender` is the From of `-r` (None: the account's). `html` is an HTML alternative, or made of the
    text when that is `markdown`; `base` is where the images lie that it names. `signed`: with the
    account's signature.
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
    markdown: bool = False
    base: Path | None = None
    signed: bool = True


class Prepared(NamedTuple):
    """A message ready to go: the account that sends it, the envelope, the exact bytes, and the
    bytes of the copy kept in Sent (with its Bcc). `source` is what it was made of. `binary`: it is no
    text, and only servers with BINARYMIME take it."""

    account: Account
    envelope: Envelope
    data: bytes
    copy: bytes
    message_id: str
    source: Draft | bytes
    binary: bool = False

    @property
    def composed(self) -> bool:
        """Whether we have written it."""
        return isinstance(self.source, Draft)

    @property
    def subject(self) -> str:
        if isinstance(self.source, Draft):
            return self.source.subject
        from mailcli.mime.read import envelope

        return envelope(self.data).subject


def prepare(ctx: Context, request: SendRequest) -> Prepared:
    """Build the message. Nothing is sent; a missing attachment or a bad address fails here.

    Raises MessageMalformed, NotFound for an attachment, ConfigError without an account to send by.
    """
    return _prepared(*_drafted(ctx, request))


def drafted(ctx: Context, request: SendRequest) -> Draft:
    """The same message before it is bytes, for Drafts: it may lack a recipient."""
    return _drafted(ctx, request)[1]


def draft_of(prepared: Prepared) -> Draft:
    """What a message was composed of. Raises UsageError for one that was bytes already."""
    if not isinstance(prepared.source, Draft):
        raise UsageError("a message that is one already is not kept as a draft")
    return prepared.source


def _drafted(ctx: Context, request: SendRequest) -> tuple[Account, Draft]:
    url = asked(request.to)
    to = expanded(ctx, url.to)
    account = sending_account(ctx, request.sender, to=to)
    text = request.text or url.body
    draft = Draft(
        sender=sender_address(account, request.sender),
        to=to,
        cc=expanded(ctx, [*request.cc, *url.cc]),
        bcc=expanded(ctx, request.bcc),
        subject=request.subject or url.subject,
        text=_lettered(account, request, text) if text else text,
        html=request.html,
        attachments=tuple(attachment(p) for p in request.attachments),
        headers=tuple(header(*h) for h in request.headers),
        in_reply_to=url.in_reply_to,
        references=url.in_reply_to,
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )
    return account, _inlined(draft, request)


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
    from mailcli.mime import raw
    from mailcli.mime import read as mime

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
    # What has an @ in the header is an address that was read there, and may be an odd one.
    met = [name for name in found.recipients if "@" in name]
    named = [*recipients, *(name for name in found.recipients if "@" not in name)]
    if local_names:
        named = [each for name in named for each in localised(ctx, account, name)]
    everyone = tuple(dict.fromkeys([*(a.email for a in expanded(ctx, named)), *met]))
    if not everyone:
        raise UsageError("no recipient", hint="name one, or use -t to take them from the header")
    origin = bare(sender) if sender is not None else found.sender if "@" in found.sender else default.email
    envelope = Envelope(origin, tuple(map(_on_wire, everyone)))
    message_id = mime.envelope(found.data).message_id
    return Prepared(account, envelope, found.data, found.data, message_id, data, found.binary)


def prepare_reply(
    ctx: Context, id: str, request: SendRequest, *, everyone: bool, quote: bool, to_list: bool = False
) -> Prepared:
    """A reply to a message: recipients, subject, threading and the quoted text follow from it;
    what the request names besides is added. `request.text` stands above the quotation.

    Raises MessageMalformed when there is nothing in it.
    """
    if not (request.text.strip() or request.html.strip() or request.attachments):
        raise MessageMalformed(
            "the answer is empty, so it is not sent",
            hint="write something, or -E to do nothing and exit 0",
        )
    account, template = _reply(ctx, id, request.sender, everyone=everyone, to_list=to_list)
    quotation = template.text if quote else ""
    draft = merged(ctx, template, request, _lettered(account, request, request.text, quotation))
    return _prepared(account, _inlined(draft, request, quotation))


def reply_template(
    ctx: Context, id: str, sender: str | None, *, everyone: bool, to_list: bool = False
) -> Draft:
    """The draft of a reply with the original quoted as its text, for an editor to begin with."""
    account, draft = _reply(ctx, id, sender, everyone=everyone, to_list=to_list)
    return draft._replace(text=signing.letter(account, "", draft.text).removeprefix("\n"))


def _reply(
    ctx: Context, id: str, sender: str | None, *, everyone: bool, to_list: bool
) -> tuple[Account, Draft]:
    from mailcli.app import bodies
    from mailcli.mime import reply as replying

    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, sender)
    data = bodies.wire(ctx, id)
    received = _received_by(data)
    draft = replying.reply_draft(
        data,
        sender=replying_address(account, received, sender),
        own=_own([account], received),
        other_own=_own(ctx.config.accounts.values(), received),
        everyone=everyone,
        to_list=to_list,
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
    )
    return account, draft


def _received_by(data: bytes) -> list[str]:
    """The addresses in the header of a message, those it was sent to first."""
    from mailcli.mime import read as mime

    found = mime.envelope(data)
    return [a.email for a in (*found.to, *found.cc, *found.sender, *found.reply_to) if "@" in a.email]


def _own(accounts: Collection[Account], among: Sequence[str]) -> set[str]:
    """The addresses of these accounts, and those among others that a pattern in `aliases` means."""
    known = {email for account in accounts for email in (account.email, *account.aliases)}
    return known | {email for email in among if any(owns(account, email) for account in accounts)}


def prepare_forward(ctx: Context, id: str, request: SendRequest, *, attached: bool = False) -> Prepared:
    """Forward a message inline, with its attachments, below `request.text`; or as an attachment."""
    account, template = _forward(ctx, id, request.sender, attached=attached)
    text = _lettered(account, request, request.text, template.text) if request.text else template.text
    draft = merged(ctx, template, request, text)
    foreign = template.text
    return _prepared(account, _inlined(draft, request, foreign))


def forward_template(ctx: Context, id: str, sender: str | None, *, attached: bool = False) -> Draft:
    """The draft of a forwarded message, for an editor to begin with."""
    account, draft = _forward(ctx, id, sender, attached=attached)
    return draft._replace(text=signing.letter(account, "", draft.text).removeprefix("\n"))


def _forward(ctx: Context, id: str, sender: str | None, *, attached: bool) -> tuple[Account, Draft]:
    from mailcli.app import bodies
    from mailcli.mime import reply as replying

    (row,) = ctx.store.get([id])
    account = replying_account(ctx, row.account, sender)
    data = bodies.wire(ctx, id)
    draft = replying.forward_draft(
        data,
        sender=replying_address(account, _received_by(data), sender),
        date=ctx.clock(),
        zone=local_zone(ctx.clock()),
        message_id=compose.new_message_id(account.email.rpartition("@")[2]),
        as_attachment=attached,
    )
    return account, draft


def blank_template(ctx: Context, sender: str | None = None, to: Sequence[str] = ()) -> Draft:
    """A draft with nothing but the signature, of the account that would send it to these."""
    account = sending_account(ctx, sender, to=expanded(ctx, asked(to).to))
    now = ctx.clock()
    return Draft(
        sender=sender_address(account, sender),
        to=(),
        cc=(),
        bcc=(),
        subject="",
        text=signing.letter(account, ""),
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
    from mailcli.app.pushing import push_now

    push_now(ctx, [row.account])


# -- building ----------------------------------------------------------------------------------


def _inlined(draft: Draft, request: SendRequest, foreign: str = "") -> Draft:
    if not request.markdown and not draft.html:
        return draft
    from pathlib import Path

    from mailcli.app.inlining import inlined

    return inlined(draft, request.base or Path(), markdown=request.markdown, foreign=foreign)


def _lettered(account: Account, request: SendRequest, text: str, quotation: str = "") -> str:
    # A text beside an HTML version stays what that says.
    signed = request.signed and not request.html
    return signing.letter(account, text, quotation, signed=signed)


def _prepared(account: Account, draft: Draft) -> Prepared:
    everyone = [a.email for a in (*draft.to, *draft.cc, *draft.bcc)]
    if not everyone:
        raise UsageError("no recipient", hint="name at least one address")
    draft = draft._replace(flowed=account.composing.flowed)
    envelope = Envelope(_on_wire(draft.sender.email), tuple(dict.fromkeys(map(_on_wire, everyone))))
    # The transaction asks for SMTPUTF8 where an address of the envelope needs it, and fails without.
    international = not all(address.isascii() for address in (envelope.sender, *envelope.recipients))
    data = compose.compose(draft, smtputf8=international)
    copy = compose.compose(draft, smtputf8=international, keep_bcc=True) if draft.bcc else data
    return Prepared(account, envelope, data, copy, draft.message_id, draft)


def _on_wire(email: str) -> str:
    """An address for the envelope: its domain in A-labels (RFC 5891), so that SMTPUTF8 is asked
    for only where the part before the @ needs it."""
    return encode.addr_spec(email, smtputf8=True)


def merged(ctx: Context, template: Draft, request: SendRequest, text: str) -> Draft:
    """A template with what the request names besides, and this text: before an editor or the wire."""
    url = asked(request.to)
    return template._replace(
        to=(*expanded(ctx, url.to), *template.to),
        cc=(*template.cc, *expanded(ctx, [*request.cc, *url.cc])),
        bcc=(*template.bcc, *expanded(ctx, request.bcc)),
        subject=request.subject or url.subject or template.subject,
        text=(url.body + text) if url.body else text,
        html=request.html,
        attachments=(*template.attachments, *(attachment(p) for p in request.attachments)),
        headers=(*template.headers, *(header(*h) for h in request.headers)),
        in_reply_to=template.in_reply_to or url.in_reply_to,
        references=template.references or url.in_reply_to,
    )


def extensions(prepared: Prepared) -> tuple[str, ...]:
    """What the server must offer for this message: 8BITMIME for its octets, SMTPUTF8 for its
    addresses."""
    addresses = (prepared.envelope.sender, *prepared.envelope.recipients)
    wanted = ["CHUNKING", "BINARYMIME"] if prepared.binary else []
    if not prepared.data.isascii() and not prepared.binary:
        wanted.append("8BITMIME")
    if not all(address.isascii() for address in addresses):
        wanted.append("SMTPUTF8")
    return tuple(wanted)
