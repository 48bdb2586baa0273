"""A winmail.dat (MS-OXTNEF): its files, and its text, as far as it is well-formed.

Bounded: nothing is read twice, and what is not understood ends the list it stands in.
"""

from __future__ import annotations

from typing import Final

from mailcli.mime import charset
from mailcli.model.record import NamedTuple

_SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_RENDERING: Final = 0x00069002  # attAttachRenddata: a file begins
_TITLE: Final = 0x00018010
_CONTENT: Final = 0x0006800F
_FILE_PROPERTIES: Final = 0x00069005
_MESSAGE_PROPERTIES: Final = 0x00069003
_BODY: Final = 0x0002800C
_CODEPAGE: Final = 0x00069007
_MAX_FILES: Final = 1000
_MAX_PROPERTIES: Final = 10_000
# MAPI properties (MS-OXPROPS)
_LONG_NAME: Final = 0x3707
_MIME_TYPE: Final = 0x370E
_DATA: Final = 0x3701
_TEXT: Final = 0x1000
_RTF: Final = 0x1009
_HTML: Final = 0x1013
# MAPI types (MS-OXCDATA §2.11.1): octets of a value, padded to four; the others have a length
_FIXED: Final = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_STRING8: Final = 0x1E
_UNICODE: Final = 0x1F
_LENGTHS: Final = frozenset({0x0D, _STRING8, _UNICODE, 0x102})
_MULTIPLE: Final = 0x1000


class File(NamedTuple):
    """`type` is the MIME type the sender gave, "" if none."""

    name: str
    data: bytes
    type: str = ""


class Tnef(NamedTuple):
    """The files of a TNEF stream, its plain text and its HTML ("" where it has none)."""

    files: tuple[File, ...] = ()
    text: str = ""
    html: str = ""


def read(data: bytes) -> Tnef:
    """A TNEF stream; empty if `data` is none."""
    if not data.startswith(_SIGNATURE):
        return Tnef()
    files: list[File] = []
    name, content, kind_of, begun = "", b"", "", False
    label, text, message = "", b"", {}
    place = 6  # behind the signature and a key
    while place + 9 <= len(data) and len(files) < _MAX_FILES:
        kind = int.from_bytes(data[place + 1 : place + 5], "little")
        length = int.from_bytes(data[place + 5 : place + 9], "little")
        value = data[place + 9 : place + 9 + length]
        if len(value) < length:
            break
        place += 9 + length + 2  # and a checksum
        if kind == _RENDERING:
            if begun:
                files.append(File(name, content, kind_of))
            name, content, kind_of, begun = "", b"", "", True
        elif kind == _TITLE:
            name = name or charset.decode(value.rstrip(b"\0"), label)
        elif kind == _CONTENT:
            content = value
        elif kind == _FILE_PROPERTIES:
            found = _properties(value)
            name = _string(found.get(_LONG_NAME), label) or name
            kind_of = _string(found.get(_MIME_TYPE), label).lower()
            content = content or found.get(_DATA, (0, b""))[1]
        elif kind == _MESSAGE_PROPERTIES:
            message = _properties(value)
        elif kind == _BODY:
            text = value
        elif kind == _CODEPAGE:
            label = f"cp{int.from_bytes(value[:4], 'little')}"
    if begun:
        files.append(File(name, content, kind_of if "/" in kind_of else ""))
    plain = _string(message.get(_TEXT), label) or charset.decode(text.rstrip(b"\0"), label)
    html = charset.decode(message.get(_HTML, (0, b""))[1], label)
    if not plain.strip() and not html and _RTF in message:
        from mailcli.mime import rtf

        plain, html = rtf.read(message[_RTF][1])
    return Tnef(tuple(files), plain.replace("\r\n", "\n").replace("\r", "\n"), html)


def _string(found: tuple[int, bytes] | None, label: str) -> str:
    if found is None:
        return ""
    kind, value = found
    if kind == _UNICODE:
        return charset.decode(value[: len(value) // 2 * 2], "utf-16-le").rstrip("\0")
    return charset.decode(value.rstrip(b"\0"), label)


def _properties(data: bytes) -> dict[int, tuple[int, bytes]]:
    """The MAPI properties (MS-OXTNEF §2.1.3.4) by their number: type and, of several values, the first."""
    found: dict[int, tuple[int, bytes]] = {}
    place = 4

    def number(octets: int) -> int:
        nonlocal place
        place += octets
        return int.from_bytes(data[place - octets : place], "little")

    for _ in range(min(int.from_bytes(data[:4], "little"), _MAX_PROPERTIES)):
        if place + 4 > len(data):
            break
        kind, name = number(2), number(2)
        if name >= 0x8000:  # a named property: a GUID, then a number or a name
            place += 16
            length = number(4) and number(4)
            place += (length + 3) // 4 * 4 if length else 0
        base = kind & ~_MULTIPLE
        count = number(4) if kind & _MULTIPLE or base in _LENGTHS else 1
        for index in range(min(count, _MAX_PROPERTIES)):
            length = number(4) if base in _LENGTHS else _FIXED.get(base, 0)
            if (not length and base not in _LENGTHS) or place + length > len(data):
                return found
            if index == 0:
                found.setdefault(name, (base, data[place : place + length]))
            place += (length + 3) // 4 * 4
    return found
