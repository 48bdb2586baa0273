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
_TAIL: Final = pattern.compile(r"[^\W_]+\Z")
_HEAD: Final = pattern.compile(r"[^\W_]+")


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
    if not text:
        return text
    text = folded(text)
    words = signed_words(text)
    return f"{text}\n{' '.join(words)}" if words else text
