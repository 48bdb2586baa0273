"""The files in a winmail.dat (MS-OXTNEF): names and contents, as far as it is well-formed."""

from __future__ import annotations

import re
from typing import Final

from mailcli.mime import charset
from mailcli.model import pattern
from mailcli.model.record import NamedTuple

_SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_RENDERING: Final = 0x00069002  # attAttachRenddata: a file begins
_TITLE: Final = 0x00018010
_CONTENT: Final = 0x0006800F
_PROPERTIES: Final = 0x00069005
_MAX_FILES: Final = 1000
# PR_ATTACH_LONG_FILENAME (0x3707) as PT_STRING8 or PT_UNICODE: type, id, count 1, length
_LONG_NAME: Final = pattern.compile(rb"([\x1e\x1f])\x00\x07\x37\x01\x00\x00\x00(....)", re.DOTALL)


class File(NamedTuple):
    name: str
    data: bytes


def files(data: bytes) -> list[File]:
    """The attached files of a TNEF stream; empty if `data` is none."""
    found: list[File] = []
    if not data.startswith(_SIGNATURE):
        return found
    name, content, begun = "", b"", False
    place = 6  # behind the signature and a key
    while place + 9 <= len(data) and len(found) < _MAX_FILES:
        kind = int.from_bytes(data[place + 1 : place + 5], "little")
        length = int.from_bytes(data[place + 5 : place + 9], "little")
        value = data[place + 9 : place + 9 + length]
        if len(value) < length:
            break
        place += 9 + length + 2  # and a checksum
        if kind == _RENDERING:
            if begun:
                found.append(File(name, content))
            name, content, begun = "", b"", True
        elif kind == _TITLE:
            name = name or charset.decode(value.rstrip(b"\0"))
        elif kind == _CONTENT:
            content = value
        elif kind == _PROPERTIES:
            name = _long_name(value) or name
    if begun:
        found.append(File(name, content))
    return found


def _long_name(value: bytes) -> str:
    match = _LONG_NAME.search(value)
    if not match:
        return ""
    length = int.from_bytes(match[2], "little")
    octets = value[match.end() : match.end() + min(length, 2000)]
    if match[1] == b"\x1f":
        return charset.decode(octets[: len(octets) // 2 * 2], "utf-16-le").rstrip("\0")
    return charset.decode(octets.rstrip(b"\0"))
