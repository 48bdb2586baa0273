"""Header fields to octets: encoded words, folding, addresses, parameters.

The lowest encoder: CR, LF and NUL are refused here, whoever calls. Lines are folded at 78 octets
(76 where there is an encoded word, RFC 2047 §2), 998 is never passed (RFC 5322 §2.1.1).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from mailcli.errors import MessageMalformed
from mailcli.model import pattern, printable
from mailcli.model.address import Address

_FORBIDDEN: Final = pattern.compile(r"[\r\n\0]")
_NAME: Final = pattern.compile(r"[!-9;-~]{1,76}")
_PLAIN: Final = pattern.compile(r"[\t\x20-\x7e]*")
_ATOMS: Final = pattern.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_BREAK: Final = pattern.compile(r"[ \t]+(?=[^ \t])")
# RFC 2047 §5 (3): what an encoded word in a phrase may hold as it is.
_Q_SAFE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_Q: Final = [
    chr(octet) if octet in _Q_SAFE else "_" if octet == 32 else f"={octet:02X}" for octet in range(256)
]
_WORD: Final = 75
_EMPTY: Final = len("=?utf-8?q??=")
_LOCAL: Final = pattern.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\u0080-\U0010ffff-]+|\"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*\""
)
_DOMAIN: Final = pattern.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?|\[[A-Za-z0-9.:]+\]")
_ID: Final = pattern.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,990}")
_ATTRIBUTE: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


def refuse_breaks(what: str, *texts: str) -> None:
    """Raise MessageMalformed if a text holds CR, LF or NUL."""
    for text in texts:
        if _FORBIDDEN.search(text):
            raise MessageMalformed(f"{what} must not contain a line break or NUL")


def unstructured(name: str, value: str) -> bytes:
    """A field whose value is free text (Subject, Comments, X-…)."""
    refuse_breaks(f"the field {printable.line(name)}", name, value)
    if not _NAME.fullmatch(name):
        raise MessageMalformed(f"{printable.line(name)!r} is no header field name")
    return fold(name, _free(value.strip(" \t"), len(name) + 2))


def _free(value: str, used: int) -> str:
    """Free text as it goes into a header: plain if it can, else the part that cannot encoded."""
    if not _must_encode(value):
        return value
    pieces = re.split(r"([ \t]+)", value)
    wrong = [index for index in range(0, len(pieces), 2) if _must_encode(pieces[index])]
    first, last = wrong[0], wrong[-1] + 1
    before, after = "".join(pieces[:first]), "".join(pieces[last:])
    position = used + len(before)  # where the first word will stand, if its line is not broken
    return before + " ".join(encoded_words("".join(pieces[first:last]), 76 - position)) + after


def _must_encode(value: str) -> bool:
    # "=?" would be taken for an encoded word; a word over 900 octets leaves nowhere to fold
    if not _PLAIN.fullmatch(value) or "=?" in value:
        return True
    return len(value) > 900 and any(len(word) > 900 for word in value.split())


def encoded_words(text: str, first: int = _WORD) -> list[str]:
    """RFC 2047 words of at most 75 characters, each of whole characters; Q or B as is shorter.

    `first` is the room for the first word; if it is little, the word takes a line of its own.
    """
    data = text.encode("utf-8", "replace")
    quoted = sum(1 if octet in _Q_SAFE or octet == 32 else 3 for octet in data)
    form = "q" if quoted <= (len(data) + 2) // 3 * 4 else "b"
    room = min(first, _WORD) - _EMPTY
    if room < 12:
        room = _WORD - _EMPTY
    words: list[str] = []
    octets = bytearray()
    width = 0
    for character in text:
        piece = character.encode("utf-8", "replace")
        wide = sum(1 if octet in _Q_SAFE or octet == 32 else 3 for octet in piece)
        full = width + wide > room if form == "q" else (len(octets) + len(piece) + 2) // 3 * 4 > room
        if full and octets:
            words.append(_word(bytes(octets), form))
            octets.clear()
            width = 0
            room = _WORD - _EMPTY
        octets += piece
        width += wide
    words.append(_word(bytes(octets), form))
    return words


def _word(data: bytes, form: str) -> str:
    if form == "q":
        return f"=?utf-8?q?{''.join([_Q[octet] for octet in data])}?="
    return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode('ascii')}?="


def fold(name: str, value: str) -> bytes:
    """`Name: value` with CRLF before white space wherever a line would be too long.

    Taking the CRLFs out gives the value again. Raises MessageMalformed when a line cannot be kept
    under 998 octets.
    """
    limit = 76 if "=?" in value else 78
    text = f"{name}: {value}"
    if len(text) <= limit and text.isascii():
        return text.encode("ascii") + b"\r\n"
    lines: list[str] = []
    begun = 0  # where the line begins
    last = -1  # the last place it can be broken
    for place in [*(match.start() for match in _BREAK.finditer(text, len(name) + 2)), len(text)]:
        if len(text[begun:place].encode("utf-8")) > limit and last > begun:
            lines.append(text[begun:last])
            begun = last
        last = place
    lines.append(text[begun:])
    data = "\r\n".join(lines).encode("utf-8", "replace")
    if any(len(line) > 998 for line in data.split(b"\r\n")):
        raise MessageMalformed(f"the field {name} has a word too long for a line of mail")
    return data + b"\r\n"


def addresses(name: str, found: Iterable[Address], *, smtputf8: bool = False) -> bytes:
    """An address field (From, To, …). Raises MessageMalformed for what is no address."""
    position = len(name) + 2
    items = []
    for address in found:
        item = mailbox(address, smtputf8=smtputf8, used=position)
        items.append(item)
        position = 3  # the next may begin a line
    return fold(name, ", ".join(items))


def mailbox(address: Address, *, smtputf8: bool = False, used: int = 0) -> str:
    """`Name <local@domain>` (RFC 5322 §3.4); the address itself is never encoded."""
    email = addr_spec(address.email, smtputf8=smtputf8)
    refuse_breaks("a name", address.name)
    name = " ".join(address.name.split())
    if not name:
        return email
    if _must_encode(name) or (len(name) > 60 and not _ATOMS.fullmatch(name)):
        phrase = " ".join(encoded_words(name, 76 - used))
    elif _ATOMS.fullmatch(name):
        phrase = name
    else:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{phrase} <{email}>"


def addr_spec(email: str, *, smtputf8: bool = False) -> str:
    """An address as a header or an envelope may carry it, an IDN domain as A-labels.

    Raises MessageMalformed for what is no address, and for a local part beyond ASCII without
    `smtputf8` (RFC 6531).
    """
    refuse_breaks("an address", email)
    local, at, domain = email.rpartition("@")
    shown = printable.line(email)[:100]
    if not at or not _LOCAL.fullmatch(local) or len(email) > 320:
        raise MessageMalformed(f"{shown!r} is not an address")
    if not local.isascii() and not smtputf8:
        raise MessageMalformed(f"{shown} needs a server with SMTPUTF8")
    if not domain.isascii():
        domain = ascii_domain(domain)
    if not _DOMAIN.fullmatch(domain) or ".." in domain:
        raise MessageMalformed(f"{shown!r} is not an address")
    return f"{local}@{domain}"


@lru_cache(maxsize=256)
def ascii_domain(domain: str) -> str:
    """A domain as A-labels (IDNA 2008). Raises MessageMalformed."""
    if domain.isascii():
        return domain
    import idna

    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise MessageMalformed(f"{printable.line(domain)!r} is no domain name: {error}") from None


def message_ids(name: str, ids: Iterable[str]) -> bytes:
    """A field of message ids. They are never encoded; junk in them is refused."""
    items = []
    for item in ids:
        if not _ID.fullmatch(item):
            raise MessageMalformed(f"{printable.line(item)[:100]!r} is no message id")
        items.append(f"<{item}>")
    return fold(name, " ".join(items))


def typed(name: str, value: str, parameters: Iterable[tuple[str, str]]) -> bytes:
    """A field with parameters, one per line if they do not fit."""
    refuse_breaks(f"the field {name}", value)
    text = value
    for key, content in parameters:
        refuse_breaks("a file name", content)
        for piece in _parameter(key, content):
            text += f"; {piece}"
    return fold(name, text)


def _parameter(key: str, content: str) -> Iterator[str]:
    """`key=content`; beyond ASCII an ASCII fallback and RFC 2231's form after it."""
    if _PLAIN.fullmatch(content) and "=?" not in content and len(content) <= 900:
        plain = re.fullmatch(r"[A-Za-z0-9!#$&+.^_`{|}~-]+", content)
        yield f"{key}={content}" if plain and key != "filename" else f"{key}={_quoted(content)}"
        return
    yield f"{key}={_quoted(_fallback(content))}"
    pieces = [chr(o) if o in _ATTRIBUTE else f"%{o:02X}" for o in content.encode("utf-8", "replace")]
    if len(key) + len("*=utf-8''; ") + sum(map(len, pieces)) <= 76:
        yield f"{key}*=utf-8''{''.join(pieces)}"
        return
    number, line = 0, "utf-8''"
    for piece in pieces:
        if len(key) + len(line) + len(piece) + 8 > 76:
            yield f"{key}*{number}*={line}"
            number, line = number + 1, ""
        line += piece
    yield f"{key}*{number}*={line}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _fallback(name: str) -> str:
    """A short ASCII form of a file name, its extension kept."""
    from unicodedata import normalize

    plain = normalize("NFKD", name).encode("ascii", "ignore").decode("ascii") if not name.isascii() else name
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]+", "_", plain).strip()
    stem, dot, suffix = plain.rpartition(".")
    if not dot:
        stem, suffix = plain, ""
    stem = stem.strip("_ ")[:40] or "file"
    return f"{stem}{dot}{suffix[:12]}"
