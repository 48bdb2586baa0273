"""Transfer encodings (RFC 2045 §6) undone, broken ones as far as they go."""

from __future__ import annotations

import binascii
from typing import Final

from mailcli.model import pattern

_BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BASE64_SPACE: Final = _BASE64 + b" \t\r\n"
_NOT_BASE64: Final = bytes(octet for octet in range(256) if octet not in _BASE64)
_PADDING: Final = pattern.compile(rb"={1,3}")


def decode(data: bytes, encoding: str) -> bytes:
    """The octets of a body; an unknown encoding leaves them as they are."""
    if encoding == "base64":
        return base64(data)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(data)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return uudecode(data)
    return data


def base64(data: bytes) -> bytes:
    """Octets of base64 text; foreign characters are skipped, missing padding is no fault."""
    padding = data.find(b"=")
    behind = data[padding:].lstrip(b"= \t\r\n") if padding >= 0 else b""
    # Behind the padding comes nothing, or a list's footer in plain text (where a2b_base64 stops), or
    # more base64: each line padded by itself.
    if not behind or behind.translate(None, _BASE64 + b"=\r\n"):
        try:
            return binascii.a2b_base64(data)
        except (binascii.Error, ValueError):
            pass
    # Missing padding, or several streams after each other, each with its own padding.
    out = []
    for piece in _PADDING.split(data):
        letters = piece.translate(None, _NOT_BASE64)
        if len(letters) % 4 == 1:
            letters = letters[:-1]
        out.append(binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)))
    return b"".join(out)


def uudecode(data: bytes) -> bytes:
    """Octets of uuencoded text, from its `begin` line (if any) to its `end`."""
    out = []
    for line in data.splitlines():
        if line.startswith(b"begin ") or not line.strip():
            continue
        if line.strip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Lines that count wrongly: take as many characters as the count needs.
            needed = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                out.append(binascii.a2b_uu(line[: needed + 1]))
            except binascii.Error:
                continue
    return b"".join(out)


def size(data: bytes, start: int, end: int, encoding: str) -> int:
    """Octets that `decode` would give for `data[start:end]`, without decoding where possible."""
    if encoding in ("", "7bit", "8bit", "binary"):
        return end - start
    body = data[start:end]
    if encoding == "base64":
        rest = body.translate(None, _BASE64_SPACE)
        if not rest or (rest in (b"=", b"==") and body.rstrip().endswith(rest)):
            letters = len(body) - body.count(b"\n") - body.count(b"\r") - body.count(b" ") - body.count(b"\t")
            if letters % 4 == 0:
                return letters // 4 * 3 - len(rest)
    return len(decode(body, encoding))
