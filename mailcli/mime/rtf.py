"""The RTF of a winmail.dat: unpacked (MS-OXRTFCP), and made text, or the HTML it was made from
(MS-OXRTFEX). Linear and bounded; no picture, font or style is looked at."""

from __future__ import annotations

from typing import Final

from mailcli.mime import charset
from mailcli.model import pattern

_MAX: Final = 2_000_000  # octets unpacked; the format packs eight to one at most
# What every packed stream may refer back to: the format's own dictionary (MS-OXRTFCP §2.1.2.1).
_DICTIONARY: Final = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans "
    rb"SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n"
    rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
)
_WINDOW: Final = 4096
_TOKEN: Final = pattern.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)|[\r\n]+|\\"
)
_SILENT: Final = frozenset(
    {"fonttbl", "colortbl", "stylesheet", "info", "pict", "object", "header", "footer", "generator",
     "xmlnstbl", "listtable", "listoverridetable", "rsidtbl", "themedata", "colorschememapping",
     "datastore", "latentstyles"}
)  # fmt: skip
_WRITTEN: Final = {
    "par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t",
    "emdash": "—", "endash": "–", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”", "emspace": " ", "enspace": " ",
}  # fmt: skip


def read(packed: bytes) -> tuple[str, str]:
    """Plain text and HTML of packed RTF; one of them is "" and, if it is no RTF, both are."""
    source = unpack(packed).decode("latin-1")
    if not source.startswith("{\\rtf"):
        return "", ""
    from_html = "\\fromhtml" in source[:1000]
    text = _text(source, from_html)
    if from_html:
        return "", text
    return text.strip("\n\0"), ""


def unpack(packed: bytes) -> bytes:
    """The RTF in a PidTagRtfCompressed; what cannot be unpacked is left out."""
    if len(packed) < 16:
        return b""
    if packed[8:12] == b"MELA":
        return packed[16 : 16 + _MAX]
    if packed[8:12] != b"LZFu":
        return b""
    wanted = min(int.from_bytes(packed[4:8], "little"), _MAX)
    # The window is the last 4,096 octets written: positions in it are those of the whole, modulo.
    out = bytearray(_DICTIONARY)
    place = 16
    while place < len(packed) and len(out) < wanted + len(_DICTIONARY):
        control = packed[place]
        place += 1
        for bit in range(8):
            if place >= len(packed):
                break
            if not control >> bit & 1:
                out.append(packed[place])
                place += 1
                continue
            token = int.from_bytes(packed[place : place + 2], "big")
            place += 2
            back = (len(out) - (token >> 4)) % _WINDOW
            if back == 0 or back > len(out):  # the end mark, or older than the first octet
                return bytes(out[len(_DICTIONARY) :])
            for _ in range((token & 15) + 2):
                out.append(out[-back])
    return bytes(out[len(_DICTIONARY) :][:wanted])


def _text(source: str, from_html: bool) -> str:
    """What the RTF says. In RTF made from HTML its tags stand in `\\*\\htmltag` groups, and what RTF
    added between `\\htmlrtf` and `\\htmlrtf0`."""
    out: list[str] = []
    octets = bytearray()  # of \'xx, decoded together: a character may have two
    label = "cp1252"
    stack: list[tuple[bool, bool, int]] = []
    silent = added = starred = False
    skip_width = 1  # characters that stand for a \u character where it is not known (\ucN)
    skip = 0
    for token in _TOKEN.finditer(source):
        word, number, octet, symbol, brace, plain = token.groups("")
        if octets and not octet:
            out.append(charset.decode(bytes(octets), label))
            octets.clear()
        if brace == "{":
            stack.append((silent, added, skip_width))
            skip = 0
            continue
        if brace == "}":
            if stack:
                silent, added, skip_width = stack.pop()
            skip = 0
            continue
        if symbol == "*":
            starred = True
            continue
        if word:
            if word == "ansicpg":
                label = f"cp{number}"
            elif word == "uc":
                skip_width = int(number or 1)
            elif word == "htmlrtf":
                added = number != "0"
            elif (starred and not (from_html and word == "htmltag")) or word in _SILENT:
                silent = True
            elif word == "u" and not (silent or added):
                out.append(_character(int(number or 0)))
                skip = skip_width
            elif word in _WRITTEN and not (silent or added):
                out.append(_WRITTEN[word])
            starred = False
            continue
        starred = False
        if silent or added:
            continue
        if skip and (octet or plain or symbol):
            taken = min(skip, len(plain)) if plain else 1
            skip -= taken
            if octet or symbol:
                continue
            plain = plain[taken:]
        if octet:
            octets.append(int(octet, 16))
        elif symbol:
            out.append({"~": "\xa0", "_": "-", "-": ""}.get(symbol, symbol if symbol in "\\{}" else ""))
        else:
            out.append(plain)
    out.append(charset.decode(bytes(octets), label))
    return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(number: int) -> str:
    return chr(number & 0xFFFF)  # RTF's numbers are signed, beyond the BMP in surrogates
