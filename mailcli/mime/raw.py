"""A finished message made ready for submission, byte for byte but for what has to change.

CR, LF and CRLF become CRLF before anything else looks at the message (an end of data that only
some servers see is SMTP smuggling); Bcc and Resent-Bcc go; Date, Message-ID and From come if they
are missing.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.errors import MessageMalformed
from mailcli.mime import addresses, compose, encode, words
from mailcli.model import pattern, printable
from mailcli.model.address import Address
from mailcli.model.record import NamedTuple

_ENDS: Final = pattern.compile(rb"\r\n|\r|\n")
_BARE_CR: Final = pattern.compile(rb"\r(?!\n)")
_SIGNED: Final = pattern.compile(
    rb"^(?:content-type[ \t]*:\s*(?:multipart/signed|application/(?:x-)?pkcs7-mime)"
    rb"|-----BEGIN PGP SIGNED MESSAGE-----|dkim-signature[ \t]*:)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_END: Final = pattern.compile(rb"\r?\n\r?\n")
_BINARY: Final = pattern.compile(
    rb"^content-transfer-encoding[ \t]*:\s*binary\s*$", re.IGNORECASE | re.MULTILINE
)
_FIELD: Final = pattern.compile(rb"([!-9;-~]+)[ \t]*:[^\r]*(?:\r\n[ \t][^\r]*)*(?:\r\n|\Z)")
_FROM_LINE: Final = pattern.compile(rb">?From [^\r]*\r\n")
_SECRET: Final = frozenset({b"bcc", b"resent-bcc"})
_RESENT_TO: Final = frozenset({b"resent-to", b"resent-cc", b"resent-bcc"})
_TO: Final = frozenset({b"to", b"cc", b"bcc"})
_WRONG: Final = pattern.compile(r"[\x00-\x20\x7f<>,;:()\[\]\\]")


class RawMessage(NamedTuple):
    """What is submitted.

    `data` has CRLF line ends and ends with one. `sender` is the header's own (Resent-Sender,
    Resent-From, Sender, From, in this order), else the default; `recipients` those of the header
    if they were asked for. `added` names the fields that were missing. `binary`: its body is no text and
    goes as it is, by servers with BINARYMIME (RFC 3030).
    """

    data: bytes
    sender: str
    recipients: tuple[str, ...]
    added: tuple[str, ...]
    binary: bool = False


def submission(
    data: bytes,
    *,
    recipients_from_header: bool,
    now: float,
    default_sender: Address,
    zone: int = 0,
    message_id: str = "",
) -> RawMessage:
    """Make `data` ready for submission.

    `now` and `zone` (minutes east of UTC) date a message without Date; `message_id` is the one it
    gets if it has none ("": a new one). If any Resent field is there, the recipients are those of
    the newest Resent block and no others (RFC 5322 §3.6.6).

    Raises MessageMalformed for NUL in what does not say that it is binary, for a bare CR in a signed
    message (making it a line end would break the signature), and for a recipient that is no address.
    """
    data, octets = _parted(data)
    if b"\0" in data:
        raise MessageMalformed(
            "the message contains a NUL, which mail cannot carry",
            hint="encode the part, or say Content-Transfer-Encoding: binary to a server with BINARYMIME",
        )
    if b"\r" in data and _BARE_CR.search(data) and _SIGNED.search(data):
        raise MessageMalformed(
            "the signed message contains a CR that is no line end", hint="sign it again without bare CRs"
        )
    # Most have LF alone: octets are replaced far faster than a pattern is.
    data = _ENDS.sub(b"\r\n", data) if b"\r" in data else data.replace(b"\n", b"\r\n")
    header, body = _split(data)
    if octets is not None:
        body = memoryview(octets)
    recipients = _recipients(header) if recipients_from_header else ()
    sender = _sender(header) or default_sender.email
    kept = b"".join([field for name, field in header if name not in _SECRET])
    names = {name for name, _ in header}
    missing = b""
    added = []
    if b"date" not in names:
        missing += encode.fold("Date", compose.date(now, zone))
        added.append("Date")
    if b"from" not in names:
        missing += encode.addresses("From", [default_sender])
        added.append("From")
    if b"message-id" not in names:
        domain = default_sender.email.rpartition("@")[2]
        missing += encode.message_ids("Message-ID", [message_id or compose.new_message_id(domain)])
        added.append("Message-ID")
    before = kept + missing + b"\r\n"
    if octets is None and len(before) + len(body) == len(data) and data.startswith(before):
        whole = data  # as most are: it may be large, and is not copied
    else:
        whole = b"".join((before, body))
    if octets is None and not whole.endswith(b"\r\n"):
        whole += b"\r\n"
    return RawMessage(whole, sender, recipients, tuple(added), octets is not None)


def _parted(data: bytes) -> tuple[bytes, bytes | None]:
    """What is text, and a body that is none: the message says so, and holds what no line of text can.
    Of the many that say so and are text nothing is split off."""
    end = _HEADER_END.search(data)
    if end is None or not _BINARY.search(data, 0, end.end()):
        return data, None
    body = data[end.end() :]
    if b"\0" in body or _BARE_CR.search(body):
        return data[: end.end()], body
    return data, None


def _split(data: bytes) -> tuple[list[tuple[bytes, bytes]], memoryview]:
    """The header's fields (lower-case name, octets with CRLF) and the body.

    The header ends at the blank line, or at the first line that is none of a header; a message
    that begins with such a line is all body.
    """
    position = 0
    line = _FROM_LINE.match(data)
    if line:
        position = line.end()  # an mbox's separator is no part of the message
    header = []
    while match := _FIELD.match(data, position):
        field = match[0]
        header.append((match[1].lower(), field if field.endswith(b"\r\n") else field + b"\r\n"))
        position = match.end()
    if data.startswith(b"\r\n", position):
        position += 2
    return header, memoryview(data)[position:]


def _recipients(header: list[tuple[bytes, bytes]]) -> tuple[str, ...]:
    resent = any(name.startswith(b"resent-") for name, _ in header)
    found: dict[str, None] = {}
    for name, field in _newest_resent(header) if resent else header:
        if name in (_RESENT_TO if resent else _TO):
            for email in _emails(field):
                found.setdefault(email)
    return tuple(found)


def _newest_resent(header: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The topmost block of Resent fields: it ends where one of its names comes again."""
    block: list[tuple[bytes, bytes]] = []
    seen = set()
    for name, field in header:
        if name.startswith(b"resent-"):
            if name in seen:
                break
            seen.add(name)
            block.append((name, field))
        elif block and name in (b"received", b"return-path"):
            break  # trace fields stand above each block
    return block


def _emails(field: bytes) -> list[str]:
    name, _, value = field.partition(b":")
    emails = []
    for address in addresses.parse_strictly(words.raw_text(value)):
        email = address.email
        local = email.rpartition("@")[0] or email
        if not email or _WRONG.search(email if not local.startswith('"') else email[len(local) :]):
            shown = printable.line(email or address.name)[:100]
            field_name = name.decode("ascii").strip()
            raise MessageMalformed(f"{shown!r} in {field_name} is not an address")
        emails.append(email)
    return emails


def _sender(header: list[tuple[bytes, bytes]]) -> str:
    for wanted in (b"resent-sender", b"resent-from", b"sender", b"from"):
        for name, field in header:
            if name == wanted:
                found = addresses.parse(field.partition(b":")[2])
                if found and found[0].email:
                    return found[0].email
    return ""
