"""The message inside an opaque S/MIME signature (RFC 8551 §3.5.2): read, not verified."""

from __future__ import annotations

from typing import Final

_SEQUENCE: Final = 0x30
_OID: Final = 0x06
_OCTETS: Final = 0x04
_OCTETS_IN_PIECES: Final = 0x24
_EXPLICIT_0: Final = 0xA0
_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_DATA: Final = bytes.fromhex("2a864886f70d010701")
_MAX_PIECES: Final = 100_000


def signed_content(data: bytes) -> bytes | None:
    """The entity that a CMS SignedData (BER or DER) holds, None if `data` is no such thing."""
    try:
        place = _enter(data, 0, _SEQUENCE)  # ContentInfo
        kind, place = _value(data, place, _OID)
        if kind != _SIGNED_DATA:
            return None
        place = _enter(data, _enter(data, place, _EXPLICIT_0), _SEQUENCE)  # SignedData
        for _ in range(2):  # version, digestAlgorithms
            place = _skip(data, place)
        place = _enter(data, place, _SEQUENCE)  # EncapsulatedContentInfo
        kind, place = _value(data, place, _OID)
        if kind != _DATA:
            return None
        place = _enter(data, place, _EXPLICIT_0)
        if data[place] == _OCTETS:
            return _value(data, place, _OCTETS)[0]
        place = _enter(data, place, _OCTETS_IN_PIECES)
        pieces: list[bytes] = []
        while data[place] == _OCTETS and len(pieces) < _MAX_PIECES:
            piece, place = _value(data, place, _OCTETS)
            pieces.append(piece)
            if place >= len(data):
                break
        return b"".join(pieces)
    except (IndexError, ValueError):
        return None


def _header(data: bytes, place: int) -> tuple[int, int, int]:
    """Tag, beginning and end of the value at `place`; end is -1 for an indefinite length."""
    tag, length = data[place], data[place + 1]
    begin = place + 2
    if length == 0x80:
        return tag, begin, -1
    if length > 0x80:
        octets = length & 0x7F
        if octets > 8:
            raise ValueError
        length = int.from_bytes(data[begin : begin + octets], "big")
        begin += octets
    if begin + length > len(data):
        raise ValueError
    return tag, begin, begin + length


def _enter(data: bytes, place: int, expected: int) -> int:
    tag, begin, _ = _header(data, place)
    if tag != expected:
        raise ValueError
    return begin


def _value(data: bytes, place: int, expected: int) -> tuple[bytes, int]:
    tag, begin, end = _header(data, place)
    if tag != expected or end < 0:
        raise ValueError
    return data[begin:end], end


def _skip(data: bytes, place: int) -> int:
    end = _header(data, place)[2]
    if end < 0:
        raise ValueError
    return end
