"""A message of ours for a server that does not offer 8BITMIME (RFC 6152 §3): its 8bit bodies encoded.

Only for what `compose` has made: parts, boundaries and encodings are found where it puts them.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.mime import compose
from mailcli.model import pattern

_BOUNDARY: Final = pattern.compile(
    rb'^Content-Type: multipart/[a-z]+;(?:[^"\r]|\r\n )*boundary="([^"]+)"', re.MULTILINE
)
_EIGHT: Final = b"\nContent-Transfer-Encoding: 8bit\r\n"
_ATTACHED: Final = b"\nContent-Type: message/rfc822\r\n"


def sevenbit(message: bytes) -> bytes:
    """The message with quoted-printable or base64 where it has 8bit. Its header stays as it is, but for
    the fields that say so."""
    return _entity(message[:-2]) + b"\r\n"


def _entity(data: bytes) -> bytes:
    """An entity without its last CRLF."""
    header, _, body = data.partition(b"\r\n\r\n")
    header = b"\n" + header + b"\r\n"
    if body.isascii():
        return data
    if found := _BOUNDARY.search(header):
        marker = b"--" + found[1]
        first, *parts, last = body.split(marker)
        encoded = [b"\r\n" + _entity(part[2:-2]) + b"\r\n" for part in parts]
        return header[1:] + b"\r\n" + marker.join([first, *encoded, last])
    if _ATTACHED in header:  # which allows no encoding (RFC 2046 §5.2.1)
        header = header.replace(_ATTACHED, b"\nContent-Type: application/octet-stream\r\n")
        encoding, body = b"base64", compose.base64(body + b"\r\n")
    else:
        encoding, body = compose.encoded_text(body.replace(b"\r\n", b"\n") + b"\n", eightbit=False)
    header = header.replace(_EIGHT, b"\nContent-Transfer-Encoding: " + encoding + b"\r\n")
    return header[1:] + b"\r\n" + body
