"""Bytes to text, whatever the label says: declared, else UTF-8, else detected, else Latin-1.

No bytes and no label make it raise, and no result holds a lone surrogate.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Final

from mailcli.model import pattern

# Labels that mean another codec: WHATWG's encoding standard where practice differs from the
# registered name, and labels met in real mail that no registry knows.
_ALIASES: Final = {
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "l1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "us-ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "646": "ascii",
    "x-utf_8j": "utf-8",
    "utf8mb4": "utf-8",
    "x-unicode-2-0-utf-8": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
    "cp-850": "cp850",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "windows-936": "gb18030",
    "gb_2312-80": "gb18030",
    "euc-cn": "gb18030",
    "chinese": "gb18030",
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "cn-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "ksc_5601": "cp949",
    "korean": "cp949",
    "euc-kr": "cp949",
    "windows-949": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "ms_kanji": "cp932",
    "windows-31j": "cp932",
    "windows-932": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "x-euc-jp": "euc_jp",
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "iso-8859-6-i": "iso8859_6",
    "koi": "koi8_r",
    "koi8": "koi8_r",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
}
# Python has codecs that are no charsets (idna, punycode, unicode_escape): only these may be named.
_CHARSETS: Final = (
    r"ascii|utf-(?:7|8|8-sig|16|32)(?:-[bl]e)?|iso8859-\d+|iso2022_\w+|cp\d+|koi8-\w|kz1048|mac-\w+"
    r"|big5\w*|gb\w+|hz|euc_\w+|shift_jis\w*|johab|ptcp154|tis-620"
)
_MULTIBYTE: Final = frozenset({"gb18030", "big5hkscs", "cp949", "cp932", "euc_jp", "johab", "hz"})
_WESTERN: Final = frozenset({"cp1252", "iso8859-15", "latin-1"})
_JAPANESE_ESCAPE: Final = pattern.compile(rb"\x1b(?:\$[@B]|\([BIJ])")
_HIGH_RUNS: Final = pattern.compile(rb"[\x80-\xff]+")
_SAMPLE: Final = 65536


@lru_cache(maxsize=256)
def codec(label: str) -> str:
    """The Python codec for a charset label, "" if the label names none."""
    name = label.strip().strip("\"'").lower()
    if len(name) > 40 or not name.isascii():
        return ""
    name = _ALIASES.get(name) or _ALIASES.get(name.replace("_", "-")) or name
    if name.startswith("x-") and name not in _ALIASES:
        name = name[2:]
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    found = _ALIASES.get(found, found)
    return found if re.fullmatch(_CHARSETS, found) else ""


def decode(data: bytes, label: str = "") -> str:
    """Text of `data`, said to be in charset `label` ("" if nothing was said)."""
    if not label and data.isascii() and b"\x1b" not in data:
        return data.decode("ascii")
    name = codec(label) if label else ""
    if name == "ascii" or not name:
        return _undeclared(data)
    if name in _WESTERN and (text := _mislabelled(data)):
        return text
    try:
        text = data.decode(name)
    except (UnicodeError, ValueError):
        return _broken(data, name)
    return _without_surrogates(text) if name in ("utf-7", "utf-16", "utf-32") else text


def _mislabelled(data: bytes) -> str:
    """UTF-8 labelled as a Western charset, as some gateways leave it; "" if it is none.

    Western text that happens to be UTF-8 would be made of such pairs as `Ã¼` alone.
    """
    if data.isascii():
        return data.decode("ascii")
    try:
        return data.decode("utf-8")
    except UnicodeError:
        return ""


def _undeclared(data: bytes) -> str:
    try:
        if _JAPANESE_ESCAPE.search(data) and data.isascii():
            return data.decode("iso2022_jp_ext")
        return data.decode("utf-8")
    except (UnicodeError, ValueError):
        return _repaired(data, "utf-8") or data.decode(detect(data), "replace")


def _broken(data: bytes, name: str) -> str:
    """Text of data that is not quite what its label says."""
    if name != "utf-8":
        try:
            return data.decode("utf-8")
        except UnicodeError:
            pass
    repaired = _repaired(data, name)
    if repaired:
        return repaired
    return data.decode(detect(data), "replace")


def _repaired(data: bytes, name: str) -> str:
    """The text with a mark for each wrong octet, if few enough are wrong to believe the label."""
    if name not in _MULTIBYTE and not name.startswith(("utf", "iso2022", "euc", "gb", "cp125")):
        return ""
    text = _without_surrogates(data.decode(name, "replace"))
    wrong = text.count("\ufffd")
    right = sum(map(len, _HIGH_RUNS.findall(data))) // 2 if not data.isascii() else len(text)
    return text if wrong * 8 <= right else ""


def _without_surrogates(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def detect(data: bytes) -> str:
    """A codec for octets that are not UTF-8, from the shape of their eight-bit runs.

    Two-byte East Asian text has runs of even length; Cyrillic has long runs of any length; what
    is left is Western.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    runs = _HIGH_RUNS.findall(data[:_SAMPLE])
    if not runs:
        return "latin-1"
    high = b"".join(runs)
    even = sum(len(run) for run in runs if len(run) % 2 == 0)
    if len(high) >= 4 * len(runs) and even * 10 >= len(high) * 9 and min(high) >= 0xA1:
        leads = high[::2]
        kana = sum(leads.count(lead) for lead in (0xA4, 0xA5))
        if kana * 4 >= len(leads):
            return "euc_jp"
        hangul = sum(1 for lead in leads if 0xB0 <= lead <= 0xC8)
        return "cp949" if hangul * 10 >= len(leads) * 9 else "gb18030"
    kana = data[:_SAMPLE].count(b"\x82") + data[:_SAMPLE].count(b"\x83")
    if kana * 5 >= len(high) and kana > 3:
        return "cp932"
    if len(high) >= 3 * len(runs):
        lower_koi = sum(1 for octet in high if 0xC0 <= octet <= 0xDF)
        lower_win = sum(1 for octet in high if 0xE0 <= octet <= 0xFF)
        return "koi8_r" if lower_koi > lower_win else "cp1251"
    try:
        data.decode("cp1252")
    except UnicodeError:
        return "latin-1"
    return "cp1252"
