"""Text in terminal cells: how wide it is, cut to fit, filled up, coloured.

The tables are the interpreter's own (unicodedata): importing wcwidth takes longer than a whole
`list`. A test holds the widths to wcwidth's.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from mailcli.model import pattern

ELLIPSIS: Final = "…"
RESET: Final = "\x1b[0m"
STYLES: Final = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[31m",
    "green": "\x1b[32m",
    "yellow": "\x1b[33m",
    "blue": "\x1b[34m",
    "cyan": "\x1b[36m",
}

_EMOJI_SELECTOR: Final = "\ufe0f"
_JOINER: Final = "\u200d"
_PREPENDED: Final = frozenset(
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
"""Format characters that are drawn (Prepended_Concatenation_Mark)."""

_HANGUL: Final = pattern.compile("[\u1160-\u11ff\ud7b0-\ud7ff\u3164\uffa0]")
"""Vowels and finals, which join the syllable before them, and the fillers."""


def width(text: str) -> int:
    """The cells `text` takes. It holds no control characters (model.printable saw to that)."""
    if text.isascii():
        return len(text)
    return sum(cells for _, cells in _clusters(text))


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """`text` in exactly this many cells: cut with an ellipsis, or filled up with spaces."""
    if text.isascii() and len(text) <= cells:
        return text.rjust(cells) if right else text.ljust(cells)
    taken = width(text)
    if taken > cells:
        text = cut(text, cells)
        taken = width(text)
    gap = " " * (cells - taken)
    return gap + text if right else text + gap


def cut(text: str, cells: int) -> str:
    """At most this many cells of `text`, with an ellipsis where some was left out."""
    if width(text) <= cells:
        return text
    if cells <= 0:
        return ""
    kept: list[str] = []
    room = cells - 1
    for cluster, taken in _clusters(text):
        if taken > room:
            break
        kept.append(cluster)
        room -= taken
    return "".join(kept).rstrip() + ELLIPSIS


def wrap(text: str, cells: int) -> list[str]:
    """One line of text as several of at most this many cells, broken at spaces where there are any."""
    if width(text) <= cells:
        return [text]
    lines: list[str] = []
    line, taken = "", 0
    for word in text.split(" "):
        need = width(word)
        if line and taken + 1 + need > cells:
            lines.append(line)
            line, taken = "", 0
        while need > cells and not line:  # a word longer than the line: cut it, an address stays copyable
            head = _head(word, cells)
            lines.append(head)
            word = word[len(head) :]
            need = width(word)
        line, taken = (f"{line} {word}", taken + 1 + need) if line else (word, need)
    return [*lines, line]


def styled(text: str, style: str) -> str:
    """`text` in a style such as "bold" or "bold yellow"; "" leaves it as it is."""
    if not style or not text:
        return text
    return "".join(STYLES[name] for name in style.split()) + text + RESET


def _head(word: str, cells: int) -> str:
    head = ""
    for cluster, taken in _clusters(word):
        if taken > cells:
            break
        head += cluster
        cells -= taken
    return head or word[0]


def _clusters(text: str) -> list[tuple[str, int]]:
    """What the cursor steps over, with its cells: a character and all that is drawn onto it."""
    clusters: list[tuple[str, int]] = []
    joined = False
    for char in text:
        cells = _character(char)
        if clusters and (cells == 0 or (joined and cells == 2)):
            before, taken = clusters[-1]
            if char == _EMOJI_SELECTOR and unicodedata.category(before[0]) == "So":
                taken = 2
            clusters[-1] = (before + char, taken)
            joined = char == _JOINER and taken == 2  # emoji are joined into one, letters are not
        else:
            clusters.append((char, cells))
            joined = False
    return clusters


def _character(char: str) -> int:
    if " " <= char <= "~":
        return 1
    if char == "\xad":  # SOFT HYPHEN: terminals draw it
        return 1
    if char in _PREPENDED:
        return 1
    if unicodedata.category(char) in ("Mn", "Me", "Mc", "Cf") or _HANGUL.match(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
