"""Header blocks: where they end, the fields in them, their parameters and message ids."""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import Final

from mailcli.mime import charset, words
from mailcli.model import pattern
from mailcli.model.record import NamedTuple

# A header begins with a field or, in a mbox, with its separator; one line of junk is forgiven.
_BEGINNING: Final = pattern.compile(rb"(?:[^\n]{0,998}\n)?(?:[!-9;-~]+[ \t]*:|>?From |[ \t])")
_FIELD_LINE: Final = pattern.compile(rb"(?:[!-9;-~]+[ \t]*:|>?From |[ \t])[^\n]*(?:\n|\Z)")
_FIELD: Final = pattern.compile(rb"^([!-9;-~]+)[ \t]*:(.*(?:\n[ \t].*)*)", re.MULTILINE)
# Written with the first letter apart: half the time of one case-insensitive alternation.
_WANTED: Final = pattern.compile(
    rb"\n([SsFfTtCcBbDdMmIiRrLl](?i:ubject|rom|o|c|cc|ate|essage-id|n-reply-to|eferences|eply-to"
    rb"|ist-id|ist-post|ontent-(?:type|transfer-encoding|disposition|id)))[ \t]*:(.*(?:\n[ \t].*)*)"
)
_CONTENT: Final = pattern.compile(
    rb"^([Cc](?i:ontent-(?:type|transfer-encoding|disposition|id)))[ \t]*:(.*(?:\n[ \t].*)*)", re.MULTILINE
)
_PERCENT: Final = pattern.compile(rb"%([0-9A-Fa-f]{2})")
_IDS: Final = pattern.compile(r"<([^<>\s]+)>")
_ODD_IDS: Final = pattern.compile(r"<([^<>]{1,2000})>")
_SPACE: Final = pattern.compile(r"\s+")
_BLANK: Final = pattern.compile(rb"\n\r?\n")
_MAX_FIELD: Final = 65536  # octets of a structured field that are looked at
_PARAMETER: Final = pattern.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*(?:"|$)|[^;]*)', re.DOTALL)
_SECTION: Final = pattern.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?")
_ESCAPE: Final = pattern.compile(r"\\([\\\"])")


class Typed(NamedTuple):
    """A Content-Type or Content-Disposition: lower-case value and lower-case parameter names."""

    value: str
    parameters: dict[str, str]


def block(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the header block at `start` ends and where the body begins (RFC 5322 §2.1)."""
    if data.startswith((b"\n", b"\r\n"), start, end):
        return start, start + (1 if data[start] == 10 else 2)
    if not _BEGINNING.match(data, start, end):
        return start, start  # a body whose header was forgotten
    blank = _BLANK.search(data, start, end)  # faster than two bytes.find, which it would take
    if blank:
        return blank.start() + 1, blank.end()
    stop = start
    while line := _FIELD_LINE.match(data, stop, end):
        stop = line.end()
    return stop, stop


def wanted(data: bytes, start: int, end: int) -> dict[bytes, bytes]:
    """The first of each field that an envelope or a part needs, by lower-case name."""
    found = {name.lower(): value for name, value in reversed(_WANTED.findall(data, start, end))}
    first = _FIELD.match(data, start, end)  # the pattern of the others begins with a line end
    if first:
        found[first[1].lower()] = first[2]
    return found


def content(data: bytes, start: int, end: int) -> dict[bytes, bytes]:
    """The Content fields of a part's header, by lower-case name."""
    return {name.lower(): value for name, value in reversed(_CONTENT.findall(data, start, end))}


def every(data: bytes, start: int, end: int) -> list[tuple[str, bytes]]:
    """All fields in order, values as they stand."""
    return [(name.decode("ascii"), value) for name, value in _FIELD.findall(data, start, end)]


def message_ids(raw: bytes) -> tuple[str, ...]:
    """The message ids of a field, without angle brackets, junk between them left out."""
    try:
        value = raw.decode("ascii")
    except UnicodeDecodeError:
        value = words.raw_text(raw)
    if "=?" in value:
        value = words.decode(value)  # the standard library's generator encodes ids
    found = _IDS.findall(value)
    if found and len(found) == value.count("<"):
        return tuple(found)
    found = _ODD_IDS.findall(value)
    if found:
        return tuple([_SPACE.sub("", item) for item in found if item.strip()])
    pieces = value.replace("<", " ").replace(">", " ").split()
    return tuple(pieces) if len(pieces) == 1 else tuple([piece for piece in pieces if "@" in piece])


def message_id(raw: bytes) -> str:
    """The first message id of a field, "" if there is none."""
    found = message_ids(raw)
    return found[0] if found else ""


def typed(raw: bytes) -> Typed:
    """A parameterised field (RFC 2045 §5.1, RFC 2183, RFC 2231), wrong forms included."""
    return _cached(raw) if len(raw) < 500 else _typed(raw)


@lru_cache(maxsize=1024)
def _cached(raw: bytes) -> Typed:
    return _typed(raw)


def _typed(raw: bytes) -> Typed:
    text = words.raw_text(raw[:_MAX_FIELD])
    value, semicolon, _ = text.partition(";")
    if not semicolon and "=" in value:
        value, _, rest = value.partition(" ")
        text = f"{value};{rest}"
    value = value.partition("(")[0].strip().strip('"').lower()
    if " " in value and "/" in value:
        value = value.replace(" ", "")  # `image / jpeg`
    if not semicolon and "=" not in text:
        return Typed(value, {})
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bool, str]]] = {}
    for key, content in _PARAMETER.findall(text, len(value) if semicolon else 0):
        key = key.lower()
        if "*" not in key:
            plain.setdefault(key, _unquoted(key, content))
            continue
        match = _SECTION.fullmatch(key)
        if match:
            section = pieces.setdefault(match[1], {})
            section.setdefault(int(match[2] or 0), (bool(match[3]), _unquoted(key, content)))
    for key, section in pieces.items():
        plain[key] = _joined(section)  # RFC 2231 wins over the fallback beside it
    return Typed(value, plain)


def _unquoted(key: str, content: str) -> str:
    if content.startswith('"'):
        content = content[1:-1] if len(content) > 1 and content.endswith('"') else content[1:]
        content = _ESCAPE.sub(r"\1", content) if "\\" in content else content
    else:
        content = content.strip()
        if "name" not in key:  # file names have spaces, quoted or not
            content = content.partition(" ")[0]
            content = content if key == "boundary" else content.partition("(")[0]
    return words.decode(content) if "=?" in content else content


def _joined(section: dict[int, tuple[bool, str]]) -> str:
    """One value from its numbered pieces (RFC 2231 §3, §4.1)."""
    label = ""
    octets = bytearray()
    for number in sorted(section):
        encoded, content = section[number]
        if encoded and number == min(section) and content.count("'") >= 2:
            label, _, content = content.split("'", 2)
        data = content.encode("utf-8", "replace")
        octets += _PERCENT.sub(lambda found: binascii.unhexlify(found[1]), data) if encoded else data
    return charset.decode(bytes(octets), label)
