"""A hit in its context: the line of a message's text around the first words that were searched for.

The index has no texts, so the file is read once more (0.1 ms for a message of the usual length). The text
is compared letter by letter as the index does: without case and accents, signs between words left aside.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.errors import LocalIOError, NotFound
from mailcli.model import pattern
from mailcli.model.query.ast import And, Near, Node, Or, Saved, Text
from mailcli.store import scripts
from mailcli.store.tokens import folded, needed_words

if TYPE_CHECKING:
    from mailcli.model.message import Summary
    from mailcli.store.match import Matcher

_LONGEST: Final = 200
_BEFORE: Final = 60
"""Characters of a snippet, and those in front of the hit."""

_LOOKED_AT: Final = 200_000
_WORDS: Final = 20
"""Characters of a text, and terms of a query, that are looked at."""

_BEYOND: Final = pattern.compile(r"[^\0-\x7f]+")
_UNSPACED: Final = "[\u0e00-\u0fff\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff]"


def snippets(
    matcher: Matcher, query: Node, rows: Sequence[Summary], read: Callable[[str], bytes]
) -> list[Summary]:
    """The rows with the context of the hit for their preview, where the text of the mail has one."""
    sought = _pattern(matcher, query)
    if sought is None:
        return list(rows)
    return [row._replace(preview=_of(row, sought, read) or row.preview) for row in rows]


def _of(row: Summary, sought: re.Pattern[str], read: Callable[[str], bytes]) -> str:
    from mailcli.mime.read import content

    try:
        data = read(row.id)
    except (NotFound, LocalIOError):
        return ""
    return around(content(data).text[:_LOOKED_AT], sought)


def around(text: str, sought: re.Pattern[str]) -> str:
    """One line of at most 200 characters around the first match, "" without one."""
    found = sought.search(_bare(text))
    if found is None:
        return ""
    start = max(0, found.start() - _BEFORE)
    if start:
        space = text.find(" ", start, found.start())
        start = start if space < 0 else space + 1
    line = " ".join(word for word in text[start : start + 3 * _LONGEST].split() if word.strip(">"))
    line = f"…{line}" if start else line
    return line[:_LONGEST].rstrip()


def _pattern(matcher: Matcher, query: Node) -> re.Pattern[str] | None:
    """What finds any of the texts that a hit may have in its body."""
    terms = []
    for text in _wanted(query):
        plain = folded(text.text.replace("\0", " "))
        tokens = matcher.tokens(plain)
        if needed_words(plain):  # C++, x=1: as they are written
            terms.append(re.escape(_bare(text.text)))
        elif tokens:
            term = r"[\W_]*".join(_spelt(token) for token in tokens)
            spaced = re.match(_UNSPACED, tokens[0]) is None
            front = r"(?<![^\W_])" if spaced else ""
            end = "" if text.prefix or re.match(_UNSPACED, tokens[-1]) else r"(?![^\W_])"
            terms.append(front + term + end)
    return re.compile("|".join(terms[:_WORDS]), re.IGNORECASE) if terms else None


def _spelt(token: str) -> str:
    """A token of the index, in which ß is ss, as it may stand in a text."""
    term = re.escape(_bare(token))
    for letter, written in (("ß", "ss"), ("æ", "ae"), ("œ", "oe")):
        term = term.replace(written, f"(?:{written}|{letter})")
    return term


def _wanted(node: Node) -> Iterator[Text]:
    match node:
        case And(children) | Or(children):
            for child in children:
                yield from _wanted(child)
        case Saved(_, child):
            yield from _wanted(child)
        case Near(_, left, right):
            yield from (left, right)
        case Text(field) if field in ("", "body"):
            yield node


def _bare(text: str) -> str:
    """Each letter without its accents: as many characters as before."""
    if text.isascii():
        return text
    return _BEYOND.sub(lambda run: "".join(map(_letter, run[0])), text)


def _letter(char: str) -> str:
    """Only accents go: Hangul, too, is put together of letters."""
    whole = scripts.FOLDS.get(char, "")
    if len(whole) == 1:
        return whole
    parts = unicodedata.normalize("NFKD", char)
    return parts[0] if len(parts) == 1 or unicodedata.combining(parts[1]) else char
