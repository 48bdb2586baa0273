"""Answers and forwards: from the bytes of a message to a draft. Pure: no clock, no settings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from mailcli.errors import NotFound
from mailcli.mime import addresses, compose, fields, quote, read, words
from mailcli.model import pattern, printable
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft
from mailcli.model.message import Envelope, Part
from mailcli.model.record import NamedTuple

_ANSWER: Final = pattern.compile(
    r"\s*(?:(?:re|aw|sv|antw|odp)(?:\s?[\[(^]\d{1,3}[\])]?)?|回复|答复|返信)\s?[:：]\s*", re.IGNORECASE
)
_FORWARD: Final = pattern.compile(r"\s*(?:fwd?|wg|tr|转发)\s?[:：]\s*", re.IGNORECASE)
_MAILTO: Final = pattern.compile(r"<mailto:([^>?\s]{3,300})[^>]*>", re.IGNORECASE)
_ID: Final = pattern.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,990}")
_REFERENCES: Final = 50


class Recipients(NamedTuple):
    to: tuple[Address, ...]
    cc: tuple[Address, ...]


def reply_draft(
    data: bytes,
    *,
    sender: Address,
    own: Collection[str],
    other_own: Collection[str] = (),
    date: float,
    zone: int,
    message_id: str,
    everyone: bool = False,
    to_list: bool = False,
    attribution: str = quote.ATTRIBUTION,
) -> Draft:
    """The draft of an answer to the message `data`, its text the quotation.

    `own` are the user's addresses: they are never answered to, unless there is nobody else. `other_own`
    are those of his other accounts: an author among them is answered, a recipient not.
    `everyone` answers all recipients (or those of Mail-Followup-To), `to_list` the mailing list.
    Raises NotFound when `to_list` and the message names none.
    """
    reading = read.reading(data)
    found = _extra(data)
    envelope = reading.envelope
    mine = {email.lower() for email in own} | {sender.email.lower()}
    if to_list:
        recipients = _list_recipients(found, envelope)
    elif everyone:
        recipients = _everyone(found, envelope, mine, mine | {email.lower() for email in other_own})
    else:
        recipients = Recipients(_answered(envelope, mine, _list_address(found)), ())
    text = quote.quoted(reading.text)
    if text:
        text = f"{quote.attribution(envelope, attribution)}\n{text}"
    parent = tuple(_ids([envelope.message_id]))
    return Draft(
        sender=sender,
        to=recipients.to,
        cc=recipients.cc,
        bcc=(),
        subject=answer_subject(envelope.subject),
        text=text,
        date=date,
        zone=zone,
        message_id=message_id,
        in_reply_to=parent,
        references=references(envelope),
    )


def forward_draft(
    data: bytes, *, sender: Address, date: float, zone: int, message_id: str, as_attachment: bool = False
) -> Draft:
    """The draft of a forward: the text below a block of header fields, attachments kept; or the
    whole message attached. It has no recipients yet."""
    reading = read.reading(data)
    envelope = reading.envelope
    subject = printable.line(envelope.subject)
    while match := _FORWARD.match(subject):
        subject = subject[match.end() :]
    if as_attachment:
        stem = re.sub(r"[^\w .()+-]+", "_", subject).strip(" .")[:60] or "message"
        text = ""
        attachments: tuple[Attachment, ...] = (Attachment(f"{stem}.eml", "message/rfc822", data),)
    else:
        text = f"{_block(envelope)}\n\n{printable.block(reading.text)}\n"
        attachments = tuple(_attachment(data, part) for part in _kept(reading.parts))
    return Draft(
        sender=sender,
        to=(),
        cc=(),
        bcc=(),
        subject=f"Fwd: {subject}",
        text=text,
        date=date,
        zone=zone,
        message_id=message_id,
        attachments=attachments,
        references=references(envelope),
    )


def answer_subject(subject: str) -> str:
    """`Re: ` once, whatever marks of answers stand there in whatever language."""
    subject = printable.line(subject)
    while match := _ANSWER.match(subject):
        subject = subject[match.end() :]
    return f"Re: {subject}"


def references(envelope: Envelope) -> tuple[str, ...]:
    """The References of an answer (RFC 5322 §3.6.4): the parent's, then the parent.

    A long chain keeps its first id and its last ones; what is no id is left out.
    """
    chain = envelope.references or (envelope.in_reply_to if len(envelope.in_reply_to) == 1 else ())
    found = tuple(dict.fromkeys(_ids([*(i for i in chain if i != envelope.message_id), envelope.message_id])))
    return found if len(found) <= _REFERENCES else (found[0], *found[1 - _REFERENCES :])


def _ids(ids: Iterable[str]) -> list[str]:
    return [item for item in ids if _ID.fullmatch(item)]


def _extra(data: bytes) -> dict[str, bytes]:
    stop, _ = fields.block(data, 0, len(data))
    return {name.lower(): value for name, value in reversed(fields.every(data, 0, stop))}


def _parsed(found: dict[str, bytes], name: str) -> tuple[Address, ...]:
    return addresses.parse(found[name]) if name in found else ()


def _answered(envelope: Envelope, mine: Collection[str], posting: str = "") -> tuple[Address, ...]:
    """Whom an answer goes to: Reply-To, else From; what one wrote oneself goes on to its recipients.

    A Reply-To that says no more than `posting`, the address of the list, was put there by the list: what
    is meant for the author alone must not go to everyone.
    """
    authors = _real(envelope.reply_to)
    if not authors or (posting and all(a.email.lower() == posting for a in authors)):
        authors = _real(envelope.sender)
    if authors and all(a.email.lower() in mine for a in authors):
        return _without(envelope.to, mine) or authors
    return authors


def _everyone(
    found: dict[str, bytes], envelope: Envelope, mine: Collection[str], ours: Collection[str]
) -> Recipients:
    followup = _without(_parsed(found, "mail-followup-to"), ours)
    if followup:
        return Recipients(followup, ())
    authors = _answered(envelope, mine)
    to = _without((*_without(authors, mine), *_without(envelope.to, ours)), ()) or authors
    first = {a.email.lower() for a in to}
    return Recipients(to, _without(envelope.cc, {*ours, *first}))


def _list_address(found: dict[str, bytes]) -> str:
    """Where the list of this message takes mail, in lower case; "" if it says nothing."""
    post = _MAILTO.search(words.text(found.get("list-post", b"")))
    return _percent(post[1]).lower() if post else ""


def _list_recipients(found: dict[str, bytes], envelope: Envelope) -> Recipients:
    post = _MAILTO.search(words.text(found.get("list-post", b"")))
    if post:
        return Recipients((Address("", _percent(post[1])),), ())
    followup = _real(_parsed(found, "mail-followup-to"))
    if followup:
        return Recipients(followup, ())
    if envelope.list_id:
        hint = "reply to everyone instead"
        raise NotFound("the list of this message takes no answers, or does not say where", hint=hint)
    raise NotFound("this message did not come through a mailing list", hint="reply to everyone instead")


def _percent(text: str) -> str:
    octets = re.sub(
        rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "replace")
    )
    return octets.decode("utf-8", "replace")


def _real(found: Iterable[Address]) -> tuple[Address, ...]:
    # Names may hold anything once decoded, line breaks too; refusing those, as for what a person types,
    # would let a sender make his message unanswerable.
    return tuple(Address(printable.line(a.name), a.email) for a in found if "@" in a.email)


def _without(found: Iterable[Address], excluded: Collection[str]) -> tuple[Address, ...]:
    """Addresses in order, each once, without the excluded (lower-case) ones."""
    kept: dict[str, Address] = {}
    for address in _real(found):
        key = address.email.lower()
        if key not in excluded:
            kept.setdefault(key, address)
    return tuple(kept.values())


def _block(envelope: Envelope) -> str:
    lines = ["---------- Forwarded message ----------"]
    for name, found in (("From", envelope.sender), ("To", envelope.to), ("Cc", envelope.cc)):
        if found:
            people = ", ".join(f"{a.name} <{a.email}>" if a.name else a.email for a in found)
            lines.append(printable.line(f"{name}: {people}"))
    if envelope.date is not None:
        lines.insert(2, f"Date: {compose.date(envelope.date, envelope.zone or 0)}")
    lines.insert(len(lines), f"Subject: {printable.line(envelope.subject)}")
    return "\n".join(lines)


def _kept(parts: tuple[Part, ...]) -> list[Part]:
    """The attachments, but nothing from inside an attached message."""
    kept: list[Part] = []
    for part in parts:
        inside = any(part.n.startswith(f"{outer.n}.") for outer in kept if outer.type.startswith("message/"))
        if part.attachment and not inside:
            kept.append(part)
    return kept


def _attachment(data: bytes, part: Part) -> Attachment:
    name = printable.line(part.name) or f"part-{part.n}"
    # What the sender called it may be no type at all; that must not keep it from being passed on.
    kind = part.type if compose.is_attachable(part.type) else "application/octet-stream"
    return Attachment(name, kind, read.part_bytes(data, part))
