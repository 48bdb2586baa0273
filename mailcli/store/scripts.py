"""Texts beyond ASCII: written forms made one, unspaced scripts split, pictures made tokens.

Apart from `tokens` because its tables cost 3 ms that a search in ASCII need not pay.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from mailcli.model import pattern

# Soft hyphen, zero-width characters, Hebrew points, Arabic vowel signs and tatweel: a word is
# spelt with or without them.
_IGNORED: Final = pattern.compile(
    "[\u00ad\u200b-\u200d\u2060\ufeff\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]+"
)

# Letters that `remove_diacritics` leaves: without a decomposition, or Greek and Cyrillic.
FOLDS: Final = {
    **dict(zip("łŁøØđĐðÐħĦıάέήίόύώϊϋΐΰΆΈΉΊΌΎΏΪΫςёЁ", "llooddddhhiαεηιουωιυιυαεηιουωιυσее", strict=True)),
    **{"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe"},
}
_FOLDED: Final = pattern.compile("[" + "".join(FOLDS) + "]")

_PRIVATE: Final = pattern.compile("[\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]+")

_UNSPACED: Final = (
    "\u0e00-\u0eff\u0f00-\u109f\u1780-\u17ff"  # Thai, Lao; Tibetan, Burmese; Khmer
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_PICTURES: Final = (
    "\u00a2-\u00a5\u00a7\u00a9\u00ae\u00b0\u00b1\u00b6\u00d7\u00f7\u20a0-\u20cf\u2190-\u23ff"
    "\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\U0001f000-\U0001faff"
)
_SPLIT: Final = pattern.compile(f"[{_UNSPACED}{_PICTURES}]+")
_PICTURE: Final = pattern.compile(f"[{_PICTURES}]")


def _encode_picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0xF0000 + code if code <= 0xFFFF else 0x100000 + (code & 0xFFFF))


def _spaced(match: re.Match[str]) -> str:
    return f" {' '.join(_PICTURE.sub(_encode_picture, match[0]))} "


_BEYOND: Final = pattern.compile(r"([^\0-\x7f]+)")
"""A run without ASCII. No form changes across an ASCII character, but where an accent follows one (NFKC
makes them one letter), so that only the runs are looked at: five passes over a whole text, nearly all
of it ASCII, took a quarter of the time of indexing it."""

_SHORT: Final = 16
_MOST: Final = 20_000
_known: dict[str, str] = {}
"""Short runs met before, none of which begins with an accent: mail has the same words again and again."""


def fold(text: str) -> str:
    """See tokens.folded."""
    pieces = _BEYOND.split(text)
    runs = pieces[1::2]
    try:
        pieces[1::2] = [_known[run] for run in runs]
    except KeyError:  # mostly all of them are known
        if any(map(unicodedata.combining, [run[0] for run in runs])):
            return _fold(text)
        pieces[1::2] = [_known.get(run) or _remembered(run) for run in runs]
    return "".join(pieces)


def _remembered(run: str) -> str:
    found = _fold(run)
    if len(run) <= _SHORT:
        if len(_known) >= _MOST:
            _known.clear()
        _known[run] = found
    return found


_UNCHANGED: Final = pattern.compile(
    f"[^{_IGNORED.pattern[1:-2]}{''.join(FOLDS)}{_PRIVATE.pattern[1:-2]}{_UNSPACED}{_PICTURES}]*"
)


def _fold(text: str) -> str:
    text = unicodedata.normalize("NFKC", text)
    if _UNCHANGED.fullmatch(text):
        return text
    text = _PRIVATE.sub(" ", text)
    text = _IGNORED.sub("", text)
    text = _FOLDED.sub(lambda match: FOLDS[match[0]], text)
    return _SPLIT.sub(_spaced, text)
