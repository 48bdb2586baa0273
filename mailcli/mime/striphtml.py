"""HTML to words for the index: linear, standard library only. The reader's rendering is `html`.

Tags are cut at the next `<` or `>`, so that no input makes a pattern search twice over the same
text; comments, scripts, styles and hidden preheaders go with what they hold.
"""

from __future__ import annotations

import re
from typing import Final

_HOLDERS: Final = re.compile(
    r"<(?:(!--)|(style|script|title|noscript|template|svg|head)\b[^<>]*>)", re.IGNORECASE
)
_BREAKS: Final = re.compile(
    r"</?(?:p|div|br|tr|li|h[1-6]|table|ul|ol|dl|dt|dd|blockquote|hr|pre|body|html|section|article|header|footer"
    r"|center|address|form|fieldset|title)\b[^<>]*>",
    re.IGNORECASE,
)
_CELLS: Final = re.compile(r"</?t[dh]\b[^<>]*>", re.IGNORECASE)
_TAGS: Final = re.compile(r"<[a-zA-Z/!?][^<>]*>")
_HIDDEN: Final = re.compile(
    r"<(div|span|p|td)\b[^<>]{0,500}style\s{0,9}=[^<>]{0,500}display\s{0,9}:\s{0,9}none[^<>]*>[^<]*</\1\s*>",
    re.IGNORECASE,
)
_SPACES: Final = re.compile(r"[ \t\r\f\v]*\n[ \t\r\f\v\n]*")
_RUNS: Final = re.compile(r"[ \t\r\f\v]{2,}")
_INVISIBLE: Final = re.compile("[\u00ad\u034f\u200b\u200c\u2060\ufeff]+")


def strip(source: str) -> str:
    """The visible text of an HTML document, a line per block."""
    text = _without_holders(source)
    text = _HIDDEN.sub("", text)
    text = text.replace("\r", "").replace("\n", " ")
    text = _BREAKS.sub("\n", text)
    text = _CELLS.sub(" ", text)
    text = _TAGS.sub("", text)
    if "&" in text:
        from html import unescape

        text = unescape(text)
    if not text.isascii():
        text = _INVISIBLE.sub("", text).replace("\xa0", " ")
    text = _RUNS.sub(" ", text)
    return _SPACES.sub("\n", text).strip()


def _without_holders(source: str) -> str:
    out = []
    position = 0
    lower = ""
    missing: set[str] = set()  # ends that do not occur any more: never looked for twice
    while True:
        match = _HOLDERS.search(source, position)
        if not match:
            break
        end = "-->" if match[1] else "</" + match[2].lower()
        if end in missing:
            out.append(source[position : match.end()])
            position = match.end()
            continue
        lower = lower or source.lower()
        if len(lower) != len(source):  # a few capitals grow when lowered
            lower = source
        found = lower.find(end, match.end())
        if found < 0:
            missing.add(end)
            out.append(source[position : match.end()])
            position = match.end()
            continue
        out.append(source[position : match.start()])
        if match[1]:
            position = found + 3
        else:
            close = source.find(">", found)
            position = close + 1 if close >= 0 else len(source)
    out.append(source[position:])
    return "".join(out)
