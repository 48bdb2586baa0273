"""What a message must keep to on the wire, read from the RFCs and from nothing of the program's."""

from __future__ import annotations

import base64
import quopri
import re
from urllib.parse import unquote_to_bytes

_WORD = re.compile(r"=\?([!-~]+?)\?([qQbB])\?([!->@-~]*)\?=")
_IDS = ("message-id", "in-reply-to", "references", "content-id", "resent-message-id")
_PEOPLE = ("from", "to", "cc", "bcc", "reply-to", "sender", "resent-from", "resent-to", "resent-cc")


def faults(data: bytes, *, smtputf8: bool = False) -> list[str]:
    """Every rule that a message of ours breaks, a line each: its header, and those of its own parts."""
    found = []
    if data.count(b"\r\n") != data.count(b"\n") or data.count(b"\r") != data.count(b"\n"):
        found.append("a line end that is not CRLF (RFC 5321 §2.3.8)")
    found += [
        f"{len(line)} octets in a line (RFC 5322 §2.1.1)" for line in data.split(b"\r\n") if len(line) > 998
    ]
    blocks = [data.partition(b"\r\n\r\n")[0]]
    for name in re.findall(rb'boundary="(=_[0-9a-f]{24})"', data):
        pieces = data.split(b"\r\n--" + name)[1:-1]
        blocks += [piece.lstrip(b"\r\n").partition(b"\r\n\r\n")[0] for piece in pieces]
    for block in blocks:
        found += _header(block, smtputf8)
    return found


def _header(block: bytes, smtputf8: bool) -> list[str]:
    found = []
    if not smtputf8 and not block.isascii():
        found.append("octets beyond ASCII in a header (RFC 5322 §2.2)")
    for line in block.split(b"\r\n"):
        if not line.strip():
            found.append("a line of white space only (RFC 5322 §3.2.2)")
        if len(line) > 78 and b" " in line.strip().partition(b": ")[2]:
            found.append(f"{len(line)} octets in a line that could be folded: {line[:60]!r}")
    for field in re.split(rb"\r\n(?![ \t])", block):
        found += _field(field.replace(b"\r\n", b"").decode("utf-8"))
    return found


def _field(field: str) -> list[str]:
    name, colon, value = field.partition(":")
    if not colon or not re.fullmatch(r"[!-9;-~]+", name):
        return [f"no field name: {field[:60]!r} (RFC 5322 §2.2)"]
    found = []
    name = name.lower()
    if name in _IDS and not re.fullmatch(r"(\s*<[^<>\s=][^<>\s]*>)+", value):
        found.append(f"{name}: not message ids as they are: {value[:60]!r}")
    for word in re.findall(r"(?<![!-~])=\?[!-~]*", value):
        found += _encoded(word.rstrip(",;)"))
    if name in _PEOPLE:
        bare = re.sub(r'"(?:\\.|[^"\\])*"', "", value)
        for address in re.findall(r"<([^<>]*)>", bare):
            if "=?" in address or not re.fullmatch(r"[^\s@]*@[A-Za-z0-9._-]+|[^\s@]*@\[[^\]]+\]", address):
                found.append(f"{name}: {address!r} is no addr-spec, or its domain no A-label")
    if name in ("content-type", "content-disposition"):
        found += _parameters(value)
    return found


def _encoded(word: str) -> list[str]:
    match = _WORD.fullmatch(word)
    if match is None:
        return [f"no encoded word: {word[:80]!r} (RFC 2047 §2)"]
    found = [f"an encoded word of {len(word)} characters (RFC 2047 §2)"] if len(word) > 75 else []
    if match[2] in "qQ":
        octets = quopri.decodestring(match[3].replace("_", " ").encode())
    else:
        octets = base64.b64decode(match[3], validate=True)
    try:
        octets.decode(match[1])
    except UnicodeDecodeError:
        found.append(f"a character parted between words: {word!r} (RFC 2047 §5)")
    return found


def _parameters(value: str) -> list[str]:
    found = []
    parameters = re.findall(r";\s*([^=;\s]+)=(\"(?:\\.|[^\"\\])*\"|[^;\s]*)", value)
    names = {key.partition("*")[0] for key, _ in parameters}
    for name in names:
        extended = [(key, held) for key, held in parameters if key.startswith(f"{name}*")]
        if extended and name not in [key for key, _ in parameters]:
            found.append(f"{name}: no ASCII form beside RFC 2231's")
        whole = "".join(held for _, held in extended)
        charset, quote, rest = whole.partition("''")
        if extended and (not quote or charset != "utf-8"):
            found.append(f"{name}: no charset (RFC 2231 §4)")
        elif extended:
            try:
                unquote_to_bytes(rest).decode()
            except UnicodeDecodeError:
                found.append(f"{name}: octets that are no UTF-8")
        numbers = [int(m[1]) for key, _ in extended if (m := re.fullmatch(r"[^*]+\*(\d+)\*?", key))]
        if numbers != list(range(len(numbers))):
            found.append(f"{name}: pieces out of order (RFC 2231 §3)")
    return found
