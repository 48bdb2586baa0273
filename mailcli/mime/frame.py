"""The frame of a message: its parts with their types and names, and nothing in them.

Made of what an IMAP server tells of a body it has not sent (BODYSTRUCTURE, RFC 9051 §7.5.2), so that the
one MIME reader can say of a message that is not here what it would say of it whole: how many attachments
it has, how they are called, of which types its parts are.
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailcli.wire.imap.events import Raw

_TOKEN: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_UNQUOTABLE: Final = re.compile(rb'[\\"]')
_BREAKS: Final = re.compile(rb"[\r\n\0]+")


def frame(structure: Raw) -> bytes:
    """The body of a message of this structure, CRLF; b"" where nothing is to be told beyond its header.

    The outermost boundary is the one the structure names: the message's own header has it too.
    """
    if not _is_multipart(structure):
        return b""
    assert isinstance(structure, tuple)
    boundary = _parameters(_after_parts(structure)[1:2]).get(b"boundary", b"")
    return _multipart(structure, boundary, count(1)) if boundary else b""


def _is_multipart(structure: Raw) -> bool:
    return isinstance(structure, tuple) and bool(structure) and isinstance(structure[0], tuple)


def _after_parts(structure: tuple[Raw, ...]) -> tuple[Raw, ...]:
    """What stands behind the parts of a multipart: subtype, parameters, disposition …"""
    for n, value in enumerate(structure):
        if not isinstance(value, tuple):
            return structure[n:]
    return ()


def _multipart(structure: tuple[Raw, ...], boundary: bytes, numbers: Iterator[int]) -> bytes:
    lines = []
    for part in structure:
        if not isinstance(part, tuple):
            break
        lines += [b"--" + boundary, _entity(part, numbers)]
    return b"\r\n".join([*lines, b"--" + boundary + b"--", b""])


def _entity(part: tuple[Raw, ...], numbers: Iterator[int]) -> bytes:
    """A part's header and the frame of what is in it."""
    if _is_multipart(part):
        rest = _after_parts(part)
        boundary = b"=_frame.%d" % next(numbers)
        kind = _field(b"Content-Type", b"multipart/" + _token(rest[:1], b"mixed"), {b"boundary": boundary})
        return kind + _disposition(rest[2:3]) + b"\r\n" + _multipart(part, boundary, numbers)
    main, sub = _token(part[:1], b"application"), _token(part[1:2], b"octet-stream")
    header = _field(b"Content-Type", main + b"/" + sub, _parameters(part[2:3]))
    if len(part) > 3 and isinstance(part[3], bytes):
        header += b"Content-ID: " + _BREAKS.sub(b" ", part[3]) + b"\r\n"
    both = (main.lower(), sub.lower())
    if both in ((b"message", b"rfc822"), (b"message", b"global")):
        inner = part[8] if len(part) > 8 else None
        body = _entity(inner, numbers) if isinstance(inner, tuple) and inner else b""
        return header + _disposition(part[11:12]) + b"\r\n" + body
    more = 9 if both[0] == b"text" else 8  # a text has its lines behind its octets, then comes the MD5
    return header + _disposition(part[more : more + 1]) + b"\r\n"


def _disposition(found: tuple[Raw, ...]) -> bytes:
    if not found or not isinstance(found[0], tuple) or not found[0]:
        return b""
    value = found[0]
    return _field(b"Content-Disposition", _token(value[:1], b"attachment"), _parameters(value[1:2]))


def _token(found: tuple[Raw, ...], otherwise: bytes) -> bytes:
    value = found[0] if found else None
    return value if isinstance(value, bytes) and _TOKEN.fullmatch(value) else otherwise


def _parameters(found: tuple[Raw, ...]) -> dict[bytes, bytes]:
    flat = found[0] if found else None
    if not isinstance(flat, tuple):
        return {}
    return {
        name.lower(): value
        for name, value in zip(flat[::2], flat[1::2], strict=False)
        if isinstance(name, bytes) and isinstance(value, bytes) and _TOKEN.fullmatch(name)
    }


def _field(name: bytes, value: bytes, parameters: dict[bytes, bytes]) -> bytes:
    quoted = [
        b';\r\n %s="%s"' % (key, _UNQUOTABLE.sub(rb"\\\g<0>", _BREAKS.sub(b" ", given)))
        for key, given in parameters.items()
    ]
    return b"%s: %s%s\r\n" % (name, value, b"".join(quoted))
