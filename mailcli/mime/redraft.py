"""A message in Drafts, whoever wrote it, back to the draft it was composed of."""

from __future__ import annotations

from typing import Final

from mailcli.mime import compose, fields, read, words
from mailcli.model import printable
from mailcli.model.address import Address
from mailcli.model.draft import Attachment, Draft
from mailcli.model.message import Part

_MADE: Final = frozenset(
    {"from", "to", "cc", "bcc", "resent-bcc", "subject", "date", "message-id", "in-reply-to", "references",
     "reply-to", "mime-version", "received", "return-path", "delivered-to", "user-agent", "x-mailer",
     "x-uid", "x-keywords", "status", "x-status"}
)  # fmt: skip


def redraft(data: bytes, *, sender: Address, date: float, zone: int, message_id: str) -> Draft:
    """The draft of the message `data`, with a new date and id. `sender` is for a message without From."""
    envelope = read.envelope(data)
    parts = read.parts(data)
    plain = next((part for part in parts if _is_body(part, "text/plain")), None)
    rich = next((part for part in parts if _is_body(part, "text/html")), None)
    text = read.part_text(data, plain) if plain else read.reading(data).text if rich else ""
    stop, _ = fields.block(data, 0, len(data))
    return Draft(
        sender=_clean(envelope.sender)[0] if envelope.sender else sender,
        to=_clean(envelope.to),
        cc=_clean(envelope.cc),
        bcc=_clean(envelope.bcc),
        subject=printable.line(envelope.subject),
        text=text,
        html=read.part_text(data, rich) if rich else "",
        date=date,
        zone=zone,
        message_id=message_id,
        attachments=tuple(_attachment(data, part) for part in _attached(parts, plain, rich)),
        headers=tuple(
            (name, printable.line(words.text(value)))
            for name, value in fields.every(data, 0, stop)
            if name.lower() not in _MADE and not name.lower().startswith("content-")
        ),
        in_reply_to=envelope.in_reply_to,
        references=envelope.references,
        reply_to=_clean(envelope.reply_to),
    )


def _is_body(part: Part, kind: str) -> bool:
    return part.type == kind and not part.attachment and part.disposition != "attachment"


def _attached(parts: tuple[Part, ...], plain: Part | None, rich: Part | None) -> list[Part]:
    """All that is neither the text nor its frame, and nothing from inside an attached message."""
    kept: list[Part] = []
    for part in parts:
        inside = any(part.n.startswith(f"{outer.n}.") for outer in kept)
        if part not in (plain, rich) and not part.type.startswith("multipart/") and not inside:
            kept.append(part)
    return kept


def _attachment(data: bytes, part: Part) -> Attachment:
    kind = part.type if compose.is_attachable(part.type) else "application/octet-stream"
    cid = part.cid if part.cid.isascii() and part.cid.isprintable() and " " not in part.cid else ""
    return Attachment(printable.line(part.name), kind, read.part_bytes(data, part), cid)


def _clean(found: tuple[Address, ...]) -> tuple[Address, ...]:
    return tuple(Address(printable.line(a.name), a.email) for a in found if "@" in a.email)
