"""A draft to the octets of a message: our own serialiser for what we write ourselves.

Lines end CRLF and are at most 998 octets long. The result depends on the draft alone, but for the
boundaries, which are random and occur nowhere in what they separate.
"""

from __future__ import annotations

import binascii
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Final

from mailcli.errors import MessageMalformed
from mailcli.mime import encode, flowed
from mailcli.model import pattern, printable
from mailcli.model.draft import Attachment, Draft
from mailcli.model.record import NamedTuple

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TYPE: Final = pattern.compile(r"[A-Za-z0-9!#$&^_.+-]{1,80}/[A-Za-z0-9!#$&^_.+-]{1,80}")
_LONG: Final = pattern.compile(rb"(?<![^\r\n])[^\r\n]{999}")  # tried at the beginning of a line alone
_ENDS: Final = pattern.compile(r"\r\n?")
_OCTET_ENDS: Final = pattern.compile(rb"\r\n|\r|\n")
# Fields that the serialiser makes; a draft's extra headers may not say them again.
_OURS: Final = frozenset(
    {"from", "to", "cc", "bcc", "resent-bcc", "subject", "date", "message-id", "in-reply-to", "references",
     "reply-to", "mime-version", "content-type", "content-transfer-encoding", "content-disposition",
     "content-id"}
)  # fmt: skip
_ADDRESS_FIELDS: Final = frozenset(
    {"sender", "resent-from", "resent-to", "resent-cc", "resent-sender", "mail-followup-to", "mail-reply-to",
     "disposition-notification-to", "return-receipt-to", "errors-to"}
)  # fmt: skip
_LINES: Final = 4096  # of base64 at a time
_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuv"


class _Piece(NamedTuple):
    """One entity: its Content fields, and its body with CRLF, without the last one, in pieces that are
    put together once, in the message. What is still to be encoded in base64, since it may be large, is
    a view."""

    header: bytes
    body: tuple[bytes | memoryview, ...]


def compose(
    draft: Draft,
    *,
    eightbit: bool = True,
    smtputf8: bool = False,
    keep_bcc: bool = False,
    boundary: Callable[[], str] | None = None,
) -> bytes:
    """The message, CRLF line ends.

    `eightbit` allows 8bit bodies (8BITMIME), `smtputf8` addresses beyond ASCII. Bcc is left out
    unless `keep_bcc`, which is for the copies in Drafts and Sent. Raises MessageMalformed for line
    breaks or NUL in any field, for what is no address, message id, field name or type.
    """
    out = [
        encode.fold("Date", date(draft.date, draft.zone)),
        encode.addresses("From", [draft.sender], smtputf8=smtputf8),
    ]
    lists = [("Reply-To", draft.reply_to), ("To", draft.to), ("Cc", draft.cc)]
    if keep_bcc:
        lists.append(("Bcc", draft.bcc))
    out += [encode.addresses(name, found, smtputf8=smtputf8) for name, found in lists if found]
    out.append(encode.unstructured("Subject", draft.subject))
    out.append(encode.message_ids("Message-ID", [draft.message_id]))
    if draft.in_reply_to:
        out.append(encode.message_ids("In-Reply-To", draft.in_reply_to))
    if draft.references:
        out.append(encode.message_ids("References", draft.references))
    out += [_extra(name, value, smtputf8) for name, value in draft.headers]
    out.append(b"MIME-Version: 1.0\r\n")
    piece = _body(draft, eightbit, boundary or _random_boundary)
    whole = io.BytesIO()  # whose value is given out without a copy
    whole.writelines([*out, piece.header, b"\r\n"])
    for octets in piece.body:
        whole.writelines(_base64(octets) if isinstance(octets, memoryview) else (octets,))
    whole.write(b"\r\n")
    return whole.getvalue()


def is_attachable(kind: str) -> bool:
    """Whether `major/minor` may be the type of an attachment."""
    return bool(_TYPE.fullmatch(kind)) and not kind.lower().startswith("multipart/")


def new_message_id(domain: str) -> str:
    """A message id nobody else draws, at the sender's domain; without angle brackets."""
    number = time.time_ns() << 64 | int.from_bytes(os.urandom(8), "big")
    letters = []
    while number:
        number, digit = divmod(number, 32)
        letters.append(_ALPHABET[digit])
    domain = domain.strip("[]. ")
    try:
        domain = encode.ascii_domain(domain)
    except MessageMalformed:
        domain = ""
    if not re.fullmatch(r"[A-Za-z0-9.-]+", domain):
        domain = "localhost"
    return f"{''.join(reversed(letters))}@{domain}"


def date(when: float, zone: int) -> str:
    """RFC 5322 §3.3 for seconds since the epoch and minutes east of UTC; no locale has a say."""
    try:
        moment = time.gmtime(int(when) + zone * 60)
    except (OverflowError, ValueError, OSError):
        raise MessageMalformed(f"{when} is no date") from None
    if not 1900 <= moment.tm_year <= 9999:
        raise MessageMalformed(f"{when} is no date")
    hours, minutes = divmod(abs(zone), 60)
    day = f"{_DAYS[moment.tm_wday]}, {moment.tm_mday} {_MONTHS[moment.tm_mon - 1]} {moment.tm_year:04}"
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"{day} {clock} {'-' if zone < 0 else '+'}{hours:02}{minutes:02}"


def _extra(name: str, value: str, smtputf8: bool) -> bytes:
    key = name.lower()
    if key in _OURS or key.startswith("content-"):
        raise MessageMalformed(
            f"the field {printable.line(name)} is made from the message", hint="use its own option"
        )
    if key in _ADDRESS_FIELDS:
        from mailcli.mime import addresses

        encode.refuse_breaks(f"the field {name}", value)
        found = addresses.parse_text(value)
        if not found:
            raise MessageMalformed(f"the field {name} has no address")
        return encode.addresses(name, found, smtputf8=smtputf8)
    return encode.unstructured(name, value)


# -- bodies ------------------------------------------------------------------------------------


def _body(draft: Draft, eightbit: bool, boundary: Callable[[], str]) -> _Piece:
    """text, or alternative(text, html), or mixed(either, attachments); cid images go with the HTML."""
    inline = [a for a in draft.attachments if a.cid and draft.html]
    others = [a for a in draft.attachments if not (a.cid and draft.html)]
    if draft.html:
        text = draft.text
        if not text.strip():
            from mailcli.mime import html

            text = html.render(draft.html)
        rich = _text(draft.html, "html", eightbit=eightbit)
        if inline:
            pieces = [rich, *(_attachment(a, eightbit, boundary, inline=True) for a in inline)]
            rich = _multipart("related", pieces, boundary, (("type", "text/html"),))
        plain = _text(text, "plain", eightbit=eightbit, flow=draft.flowed)
        main = _multipart("alternative", [plain, rich], boundary)
    else:
        main = _text(draft.text, "plain", eightbit=eightbit, flow=draft.flowed)
    if not others:
        return main
    return _multipart("mixed", [main, *(_attachment(a, eightbit, boundary) for a in others)], boundary)


def _text(text: str, subtype: str, *, eightbit: bool, flow: bool = False) -> _Piece:
    text = _ENDS.sub("\n", text)
    if flow:
        text = flowed.flow(text)
    if not text.endswith("\n"):
        text += "\n"
    data = text.encode("utf-8", "replace")
    label = "us-ascii" if data.isascii() else "utf-8"
    encoding, body = encoded_text(data, eightbit=eightbit)
    parameters = [("charset", label)]
    if flow:
        parameters.append(("format", "flowed"))
    header = encode.typed("Content-Type", f"text/{subtype}", parameters)
    return _Piece(header + b"Content-Transfer-Encoding: " + encoding + b"\r\n", (body,))


def encoded_text(data: bytes, *, eightbit: bool) -> tuple[bytes, bytes]:
    """The encoding and the encoded body of text with LF that ends in one."""
    clean = not _LONG.search(data) and b"\0" not in data
    if clean and (eightbit or data.isascii()):
        return b"7bit" if data.isascii() else b"8bit", data.replace(b"\n", b"\r\n")[:-2]
    quoted = binascii.b2a_qp(data, istext=True)
    if len(quoted) <= len(data) * 4 // 3 + 40:
        return b"quoted-printable", quoted.replace(b"\n", b"\r\n")[:-2]
    return b"base64", base64(data.replace(b"\n", b"\r\n"))


def base64(data: bytes) -> bytes:
    return b"".join(_base64(memoryview(data)))


def _base64(view: memoryview) -> Iterator[bytes]:
    """Lines of 76, some thousands in a piece; the last one without its end."""
    for start in range(0, len(view), _LINES * 57):
        text = binascii.b2a_base64(view[start : start + _LINES * 57], newline=False)
        yield b"\r\n".join([text[place : place + 76] for place in range(0, len(text), 76)])
        if start + _LINES * 57 < len(view):
            yield b"\r\n"


def _attachment(
    found: Attachment, eightbit: bool, boundary: Callable[[], str], *, inline: bool = False
) -> _Piece:
    kind = found.type.lower() or "application/octet-stream"
    if not is_attachable(kind):
        raise MessageMalformed(f"{printable.line(found.type)!r} is no type for an attachment")
    encoding: bytes = b"base64"
    pieces: tuple[bytes | memoryview, ...] = ()
    parameters: list[tuple[str, str]] = []
    if kind.startswith("message/"):
        # RFC 2046 §5.2.1 allows no other encoding than the identity for message/rfc822.
        body = _OCTET_ENDS.sub(b"\r\n", found.data)
        if (
            kind != "message/rfc822"
            or _LONG.search(body)
            or b"\0" in body
            or not (eightbit or body.isascii())
        ):
            kind = "application/octet-stream"
        else:
            encoding = b"7bit" if body.isascii() else b"8bit"
            pieces = (body[:-2] if body.endswith(b"\r\n") else body,)
    if encoding == b"base64":
        pieces = (memoryview(found.data),)
    if kind.startswith("text/"):
        parameters += [("charset", label)] if (label := _label(found.data)) else []
    disposition = encode.typed(
        "Content-Disposition",
        "inline" if inline else "attachment",
        [("filename", found.name)] if found.name else [],
    )
    header = encode.typed("Content-Type", kind, parameters)
    header += b"Content-Transfer-Encoding: " + encoding + b"\r\n" + disposition
    if found.cid:
        header += encode.message_ids("Content-ID", [found.cid])
    return _Piece(header, pieces)


def _label(data: bytes) -> str:
    if data.isascii():
        return "us-ascii"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "utf-8"


def _multipart(
    subtype: str,
    pieces: list[_Piece],
    boundary: Callable[[], str],
    parameters: tuple[tuple[str, str], ...] = (),
) -> _Piece:
    for _ in range(100):
        name = boundary()
        if not re.fullmatch(r"[0-9A-Za-z'()+_,./:=?-]{1,70}", name):
            raise MessageMalformed(f"{name!r} is no boundary")
        marker = b"--" + name.encode("ascii")
        # base64 holds none: it has no hyphen
        plain = [o for piece in pieces for o in (piece.header, *piece.body) if isinstance(o, bytes)]
        if not any(marker in octets for octets in plain):
            break
    else:
        raise MessageMalformed("no boundary was found that the message does not contain")
    out: list[bytes | memoryview] = [b""]
    for piece in pieces:
        out += [marker, b"\r\n", piece.header, b"\r\n", *piece.body, b"\r\n"]
    header = encode.typed("Content-Type", f"multipart/{subtype}", [*parameters])
    # written apart: a boundary is quoted whatever it holds, for readers that are not careful
    return _Piece(header[:-2] + b';\r\n boundary="' + name.encode("ascii") + b'"\r\n', (*out, marker, b"--"))


def _random_boundary() -> str:
    return f"=_{os.urandom(12).hex()}"  # "=_" occurs in no quoted-printable or base64 text (RFC 2045 §6.7)
