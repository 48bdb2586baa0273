"""Lines broken to a width for the eye: quotations keep their marks, list items their indentation.

Both faces show mail with it; each says how wide a text is on its screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from mailcli.model import pattern

Measure = Callable[[str], int]

_QUOTE: Final = pattern.compile(r"(?: ?>)+ ?")
_ITEM: Final = pattern.compile(r"[ ]*(?:[-*+•‣▪]|[0-9]{1,3}[.)]|[a-zA-Z][.)]|[ivxIVX]{1,5}[.)])[ ]+(?=\S)")
_INDENT: Final = pattern.compile(r"[ ]*")
# Ideographs, kana and their punctuation: a line may end behind any of them (UAX #14, class ID).
_WIDE: Final = (
    "\u2e80-\u303f\u3040-\u30ff\u3100-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff"
)
# What may not begin a line: closing brackets, full stops, commas, small kana, the long mark.
_CLOSING: Final = (
    "、。，．：；？！）〕］｝〉》」』】〙〗〟’”｠»ヽヾーァィゥ"
    "ェォッャュョヮヵヶぁぃぅぇぉっゃゅょゎゕゖㇰ-ㇿ々〻‐゠–〜"
)
_OPENING: Final = "（〔［｛〈《「『【〘〖〝‘“｟«"
_PIECE: Final = pattern.compile(
    rf" +|[{_OPENING}]*[{_WIDE}][{_CLOSING}]*|[^ {_WIDE}]+[{_CLOSING}]*"
)  # fmt: skip


def lines(text: str, cells: int, measure: Measure, *, cut_links: bool = False) -> list[str]:
    """One line as several of at most `cells`, tabs expanded; at least one.

    Breaks are at spaces and between ideographs. A longer word is cut; a web address is only if
    `cut_links`, because a terminal breaks it itself and still knows it as one.
    """
    if "\t" in text:
        text = text.expandtabs(8)
    if measure(text) <= cells:
        return [text]
    quote = _QUOTE.match(text)
    lead = quote[0] if quote else ""
    body = text[len(lead) :]
    item = _ITEM.match(body)
    hang = len(item[0]) if item else len(_INDENT.match(body)[0]) if not lead else 0  # type: ignore[index]
    follow = lead + " " * hang
    if len(follow) > cells // 2:
        lead = follow = ""
        body, hang = text, 0
    first = lead + body[:hang]
    return list(_filled(body[hang:], first, follow, cells, measure, cut_links))


def _filled(
    body: str, line: str, follow: str, cells: int, measure: Measure, cut_links: bool
) -> Iterator[str]:
    used, empty = measure(line), True
    for match in _PIECE.finditer(body):
        piece = match[0]
        if piece[0] == " ":
            if not empty:
                line += piece
                used += len(piece)
            continue
        need = measure(piece)
        if used + need > cells and not empty:
            yield line.rstrip(" ")
            line, used, empty = follow, measure(follow), True
        if need > cells - used and (cut_links or "://" not in piece):
            *whole, piece = _cuts(piece, cells - used, cells - measure(follow), measure)
            for head in whole:
                yield line + head
                line, used = follow, measure(follow)
            need = measure(piece)
        line += piece
        used += need
        empty = False
    yield line.rstrip(" ")


def _cuts(word: str, room: int, later: int, measure: Measure) -> list[str]:
    """A word in pieces: the first at most `room` cells wide, the others `later`; what is drawn onto
    a character (width 0) stays with it."""
    out: list[str] = []
    start = used = 0
    for place, character in enumerate(word):
        need = 1 if character.isascii() else measure(character)
        if used + need > room and place > start:
            out.append(word[start:place])
            start, used, room = place, 0, later
        used += need
    out.append(word[start:])
    return out
