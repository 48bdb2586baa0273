"""HTML to words for the index: linear, standard library only. The reader's rendering is `html`.

Tags are cut at the next `<` or `>`, so that no input makes a pattern search twice over the same
text; comments, scripts, styles and hidden preheaders go with what they hold.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern

_HOLDERS: Final = pattern.compile(
    r"<(?:(!--)|(style|script|title|noscript|template|svg|head)\b[^<>]*>)", re.IGNORECASE
)
_ENDS: Final = {
    name: pattern.compile(rf"</{name}\b[^<>]*>?", re.IGNORECASE)
    for name in ("style", "script", "title", "noscript", "template", "svg", "head")
}
_BREAKS: Final = pattern.compile(
    r"</?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|dl|dt|dd|blockquote|hr|pre|body|html|section|article|header|footer"
    r"|center|address|form|fieldset|title)\b[^<>]*>",
    re.IGNORECASE,
)
_CELLS: Final = pattern.compile(r"</?t[dh]\b[^<>]*>", re.IGNORECASE)
_TAGS: Final = pattern.compile(r"<[a-zA-Z/!?][^<>]*>")
_HIDDEN: Final = pattern.compile(
    r"<(div|span|p|td)\b[^<>]{0,500}style\s{0,9}=[^<>]{0,500}display\s{0,9}:\s{0,9}none[^<>]*>[^<]*</\1\s*>",
    re.IGNORECASE,
)
_INVISIBLE: Final = ("\u00ad", "\u034f", "\u200b", "\u200c", "\u2060", "\ufeff")


def strip(source: str) -> str:
    """The visible text of an HTML document, a line per block."""
    text = _without_holders(source)
    text = _HIDDEN.sub("", text)
    text = text.replace("\r", "").replace("\n", " ").replace("\t", " ")
    text = _BREAKS.sub("\n", text)
    text = _CELLS.sub(" ", text)
    text = _TAGS.sub("", text)
    if "&" in text:
        from html import unescape

        text = unescape(text)
    if not text.isascii():
        text = text.replace("\xa0", " ")
        for character in _INVISIBLE:
            text = text.replace(character, "")
    while "  " in text:  # each pass halves the runs: faster than splitting into words
        text = text.replace("  ", " ")
    return "\n".join([line for line in map(str.strip, text.split("\n")) if line])


def _without_holders(source: str) -> str:
    """Without comments, and without elements whose content is no text, content and all."""
    out = []
    position = 0
    missing: set[str] = set()  # ends that do not occur any more: never looked for twice
    for match in _HOLDERS.finditer(source):
        begin, after = match.span()
        if begin < position:
            continue  # within what was just left out
        name = match[2].lower() if match[2] else ""
        if name in missing:
            continue
        if name:
            found = _ENDS[name].search(source, after)
            end = found.end() if found else -1
        else:
            end = source.find("-->", after) + 3
            end = -1 if end == 2 else end
        if end < 0:
            missing.add(name)
            continue
        out.append(source[position:begin])
        position = end
    out.append(source[position:])
    return "".join(out)
