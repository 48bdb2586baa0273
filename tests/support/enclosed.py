"""Letters of every kind the reader knows, for breaking: reports, invitations, signatures, enclosures."""

from __future__ import annotations

import base64
import struct

_HEAD = b"From: Ann <a@b.c>\nTo: b@c.d\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMessage-ID: <m@x>\n"


def attribute(level: int, kind: int, value: bytes) -> bytes:
    """One attribute of a TNEF stream (MS-OXTNEF §2.1.3.3)."""
    return struct.pack("<BII", level, kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def properties(*found: tuple[int, int, bytes]) -> bytes:
    """MAPI properties with a length: type, number, value."""
    out = [struct.pack("<I", len(found))]
    for kind, number, value in found:
        padding = b"\0" * (-len(value) % 4)
        out.append(struct.pack("<HHII", kind, number, 1, len(value)) + value + padding)
    return b"".join(out)


def tnef(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def packed_rtf(source: bytes) -> bytes:
    """RTF as a winmail.dat holds it, packed with literals only (MS-OXRTFCP §2.2)."""
    runs = b"".join(b"\0" + source[place : place + 8] for place in range(0, len(source), 8))
    return struct.pack("<II4sI", len(runs) + 12, len(source), b"LZFu", 0) + runs


def multipart(kind: str, *parts: bytes, extra: str = "") -> bytes:
    body = b"".join(b"--B\n" + part + b"\n" for part in parts)
    return _HEAD + f"Content-Type: multipart/{kind}; boundary=B{extra}\n\n".encode() + body + b"--B--\n"


_PLAIN = b"Content-Type: text/plain; charset=utf-8\n\nplain words"
_STATUS = (
    b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; b@c.d\n"
    b"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no such user\n"
)
_EVENT = (
    b"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\n"
    b"SUMMARY:Lunch\n"
    b"DTSTART;TZID=Europe/Berlin:20260102T120000\nRRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR\n"
)
_WINMAIL = tnef(
    attribute(1, 0x00069003, properties((0x102, 0x1009, packed_rtf(b"{\\rtf1\\ansi words\\par}")))),
    attribute(2, 0x00069002, b"\0" * 14),
    attribute(2, 0x00018010, b"REPORT~1.DOC\0"),
    attribute(2, 0x0006800F, b"content"),
)
_RETURNED = b"Content-Type: message/rfc822\n\n" + _HEAD + b"\nold"
_RICH = b"Content-Type: text/html\n\n<p>rich</p><table><tr><td>1<td>2</table>"
_ENCLOSED = b"Content-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(
    _WINMAIL
)
_SEALED = (
    b"Content-Type: application/pgp-encrypted\n\nVersion: 1",
    b"Content-Type: application/octet-stream\n\nx",
)
LETTERS = (
    _HEAD + b"\nwords\nbegin 644 a.txt\n#86)C\n`\nend\nbye\n",
    _HEAD + b"Content-Type: text/plain; format=flowed\n\none \ntwo\n> > quo \n> > ted\n-- \nsig\n",
    _HEAD + b"\nYes.\n\nFrom: B <b@c.d>\nSent: today\nTo: A\nSubject: x\n\nOld <mailto:Old> words\n",
    multipart("report", _PLAIN, _STATUS, _RETURNED, extra="; report-type=delivery-status"),
    multipart("alternative", _PLAIN, _RICH, _EVENT),
    multipart("mixed", _ENCLOSED),
    multipart("signed", _PLAIN, b"Content-Type: application/pgp-signature\n\nx"),
    multipart("encrypted", *_SEALED),
    multipart("mixed", _PLAIN, b"Content-Type: message/rfc822\n\n" + multipart("mixed", _PLAIN)),
)
