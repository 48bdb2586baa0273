"""Modified UTF-7, the old spelling of mailbox names (RFC 3501 §5.1.3)."""

from __future__ import annotations

import binascii
import re
from typing import Final

from mailcli.model import pattern

_FOREIGN: Final = pattern.compile("&|[^ -~]+")
_SHIFTED: Final = pattern.compile(rb"&([A-Za-z0-9+,]*)-")


def encode(name: str) -> bytes:
    """Raises ValueError (UnicodeEncodeError) for a lone surrogate."""
    return _FOREIGN.sub(_shift, name).encode("ascii")


def decode(raw: bytes) -> str:
    """Raises ValueError if `raw` is not modified UTF-7 as `encode` would write it: two spellings of
    one name would make two mailboxes one."""
    name = _SHIFTED.sub(_unshift, raw).decode("utf-8", "surrogatepass")
    if encode(name) != raw:
        raise ValueError("not modified UTF-7")
    return name


def _shift(match: re.Match[str]) -> str:
    text = match[0]
    if text == "&":
        return "&-"
    coded = binascii.b2a_base64(text.encode("utf-16-be"), newline=False)
    return "&" + coded.rstrip(b"=").replace(b"/", b",").decode("ascii") + "-"


def _unshift(match: re.Match[bytes]) -> bytes:
    coded = match[1].replace(b",", b"/")
    if not coded:
        return b"&"
    octets = binascii.a2b_base64(coded + b"=" * (-len(coded) % 4))
    return octets.decode("utf-16-be").encode("utf-8")
