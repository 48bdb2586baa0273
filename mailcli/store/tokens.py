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

from typing import Final

from mailcli.model import pattern

_LONGEST: Final = 40
"""A sign next to a longer run of letters is a URL's or a key's; nobody types it into a search."""

_SIGNS: Final = pattern.compile("([+=#&%$]+)")
_LEADING: Final = frozenset("#&%$")
"""Signs that make a word of what follows (`#12`, `$HOME`, `%d`). `+word` is a diff's line."""
_ENCODED: Final = {ord(sign): 0xE000 + ord(sign) for sign in "+=#&%$"}
_MARK: Final = "\ue000"
"""Begins every encoded word, so that no plain prefix (`c*`) takes one for a word of the text."""
_ENCODINGS: Final[dict[str, str]] = {}
_LETTERS: Final = pattern.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """The text with its tokens laid open, without the extra words for signs."""
    if text.isascii():
        return text
    from mailcli.store.scripts import fold

    return fold(text)


def signed_words(text: str) -> list[str]:
    """The encoded words with signs of a folded text, each once, in order: for the index.

    For every run of signs S between the letters L and R: LS, LSR, and SR if S may lead a word.
    """
    if not any(map(text.__contains__, "+=#&%$")):
        return []
    pieces = _SIGNS.split(text)
    words: dict[str, None] = {}
    for n in range(1, len(pieces), 2):
        sign, before, after = pieces[n], pieces[n - 1], pieces[n + 1]
        # Most signs stand alone or lead nothing: lines of diffs, URLs' ends, rules across a page.
        lone = not before[-1:].isalnum()
        if lone and not (after[:1].isalnum() and (sign in _LEADING or not _LEADING.isdisjoint(sign))):
            continue
        left, encoded, right = _around(before, sign, after)
        if left:
            words[_MARK + left + encoded] = None
            if right:
                words[_MARK + left + encoded + right] = None
        if right and not _LEADING.isdisjoint(sign):
            words[_MARK + encoded + right] = None
    return list(words)


def needed_words(text: str) -> list[tuple[str, bool]]:
    """The encoded words a message must have for a folded query `text` to stand in it.

    With each, whether it reaches to the end of the text, so that a `*` there extends it.
    """
    pieces = _SIGNS.split(text)
    words: dict[str, bool] = {}
    for n in range(1, len(pieces), 2):
        left, sign, right = _around(*pieces[n - 1 : n + 2])
        if left or (right and not _LEADING.isdisjoint(pieces[n])):
            words[_MARK + left + sign + right] = n + 2 == len(pieces) and pieces[n + 1] == right
    return list(words.items())


def _around(before: str, sign: str, after: str) -> tuple[str, str, str]:
    """The letters left of a run of signs, the run encoded, the letters right of it."""
    left = right = ""
    if before[-1:].isalnum():
        backwards = _LETTERS.match(
            before[: -_LONGEST - 2 : -1]
        )  # a search for what ends here tries each place
        left = backwards[0][::-1] if backwards else ""
    if after[:1].isalnum():
        found = _LETTERS.match(after, 0, _LONGEST + 1)
        right = found[0] if found else ""
    if max(len(left), len(right), len(sign)) > _LONGEST:
        return "", "", ""
    encoded = _ENCODINGS.get(sign)
    if encoded is None:
        encoded = sign.translate(_ENCODED)
        if len(_ENCODINGS) < 100:
            _ENCODINGS[sign] = encoded
    return left, encoded, right


def prepared(text: str) -> str:
    """The text as it is given to the index."""
    if not text:
        return text
    text = folded(text)
    words = signed_words(text)
    return f"{text}\n{' '.join(words)}" if words else text
