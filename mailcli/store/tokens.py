"""What a text becomes before FTS5's `unicode61` tokenizer sees it.

The tokenizer cuts at everything that is neither a letter nor a digit, which is right for
`kata-containers` and `foo@bar.com` (searched as phrases), and wrong in three cases that are
repaired here, for the index and for a query alike:

- Scripts written without spaces (Chinese, Japanese, Thai …) and Hangul, whose particles grow onto
  the word, would be one token per run: each character becomes a word of its own, so that a word is
  a phrase and found wherever it stands.
- `C++` and `x=1` would be the bare `C` and `x 1`. Such words are added once more at the end of the
  text, as tokens in which the sign is replaced by a private-use character, which the tokenizer
  takes for a letter. So a query for them needs no message to be read again.
- Emoji, arrows and currency signs would be nothing at all: they become private-use tokens too.

Private-use characters of the mail itself are dropped first, so that nobody can forge such tokens.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_LONGEST: Final = 40
"""A sign next to a longer run of letters is a URL's or a key's; nobody types it into a search."""

_SIGNS: Final = re.compile("([+=#&%$]+)")
_LEADING: Final = frozenset("#&%$")
"""Signs that make a word of what follows (`#12`, `$HOME`, `%d`). `+word` is a diff's line."""
_ENCODED: Final = {ord(sign): 0xE000 + ord(sign) for sign in "+=#&%$"}
_MARK: Final = "\ue000"
"""Begins every encoded word, so that no plain prefix (`c*`) takes one for a word of the text."""
_TAIL: Final = re.compile(r"[^\W_]+\Z")
_HEAD: Final = re.compile(r"[^\W_]+")

# Soft hyphen, zero-width characters, Hebrew points, Arabic vowel signs and tatweel: a word is
# spelt with or without them.
_IGNORED: Final = re.compile(
    "[\u00ad\u200b-\u200d\u2060\ufeff\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]+"
)

# Letters that `remove_diacritics` leaves: without a decomposition, or Greek and Cyrillic.
_FOLDS: Final = {
    **dict(zip("łŁøØđĐðÐħĦıάέήίόύώϊϋΐΰΆΈΉΊΌΎΏΪΫςёЁ", "llooddddhhiαεηιουωιυιυαεηιουωιυσее", strict=True)),
    **{"ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe"},
}
_FOLDED: Final = re.compile("[" + "".join(_FOLDS) + "]")

_PRIVATE: Final = re.compile("[\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]+")

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
_SPLIT: Final = re.compile(f"[{_UNSPACED}{_PICTURES}]+")
_PICTURE: Final = re.compile(f"[{_PICTURES}]")


def _encode_picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0xF0000 + code if code <= 0xFFFF else 0x100000 + (code & 0xFFFF))


def _spaced(match: re.Match[str]) -> str:
    return f" {' '.join(_PICTURE.sub(_encode_picture, match[0]))} "


def folded(text: str) -> str:
    """The text with its tokens laid open, without the extra words for signs."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    text = _PRIVATE.sub(" ", text)
    text = _IGNORED.sub("", text)
    text = _FOLDED.sub(lambda match: _FOLDS[match[0]], text)
    return _SPLIT.sub(_spaced, text)


def signed_words(text: str) -> list[str]:
    """The encoded words with signs of a folded text, each once, in order: for the index.

    For every run of signs S between the letters L and R: LS, LSR, and SR if S may lead a word.
    """
    if not any(sign in text for sign in "+=#&%$"):
        return []
    pieces = _SIGNS.split(text)
    words: dict[str, None] = {}
    for n in range(1, len(pieces), 2):
        left, sign, right = _around(pieces, n)
        if left:
            words[_MARK + left + sign] = None
            if right:
                words[_MARK + left + sign + right] = None
        if right and not _LEADING.isdisjoint(pieces[n]):
            words[_MARK + sign + right] = None
    return list(words)


def needed_words(text: str) -> list[tuple[str, bool]]:
    """The encoded words a message must have for a folded query `text` to stand in it.

    With each, whether it reaches to the end of the text, so that a `*` there extends it.
    """
    pieces = _SIGNS.split(text)
    words: dict[str, bool] = {}
    for n in range(1, len(pieces), 2):
        left, sign, right = _around(pieces, n)
        if left or (right and not _LEADING.isdisjoint(pieces[n])):
            words[_MARK + left + sign + right] = n + 2 == len(pieces) and pieces[n + 1] == right
    return list(words.items())


def _around(pieces: list[str], n: int) -> tuple[str, str, str]:
    """The letters left of run `n`, the run encoded, the letters right of it."""
    before, after = pieces[n - 1], pieces[n + 1]
    left = right = ""
    if before[-1:].isalnum():
        match = _TAIL.search(before[-_LONGEST - 1 :])
        left = match[0] if match else ""
    if after[:1].isalnum():
        found = _HEAD.match(after, 0, _LONGEST + 1)
        right = found[0] if found else ""
    if max(len(left), len(right), len(pieces[n])) > _LONGEST:
        return "", "", ""
    return left, pieces[n].translate(_ENCODED), right


def prepared(text: str) -> str:
    """The text as it is given to the index."""
    text = folded(text)
    words = signed_words(text)
    return f"{text}\n{' '.join(words)}" if words else text
