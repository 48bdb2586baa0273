"""Configuration files as nearly everybody writes them, read without tomllib.

tomllib compiles patterns for dates and numbers that stand in no configuration: 8 ms of a run that takes
60. This reads tables, texts, whole numbers, booleans, lists of texts and small inline tables, a key a
line, and answers None to whatever it does not fully understand: tomllib then reads the file, or says what
is wrong with it. A property test holds both to equal results.
"""

from __future__ import annotations

from typing import Any


def read(text: str) -> dict[str, Any] | None:
    """What the file says, as `tomllib.loads` has it; None: ask tomllib."""
    if not text.replace("\n", "").replace("\t", "").isprintable():
        return None
    root: dict[str, Any] = {}
    tables: dict[tuple[str, ...], dict[str, Any]] = {(): root}
    table = root
    for line in text.split("\n"):
        line = line.strip(" \t")
        if not line or line[0] == "#":
            continue
        if line[0] == "[":
            opened = _open(tables, line)
            if opened is None:
                return None
            table = opened
            continue
        found = _pair(line)
        if found is None or found[2] or found[0] in table:
            return None
        table[found[0]] = found[1]
    return root


def _open(tables: dict[tuple[str, ...], dict[str, Any]], line: str) -> dict[str, Any] | None:
    """The table of a header, made with those above it; None if there is one already."""
    head, bracket, rest = line[1:].partition("]")
    path = tuple(key.strip(" \t") for key in head.split("."))
    if not bracket or not _is_end(rest) or not all(map(_is_key, path)) or path in tables:
        return None
    for depth, key in enumerate(path, 1):
        above = tables[path[: depth - 1]]
        if path[:depth] not in tables:
            if key in above:
                return None
            above[key] = tables[path[:depth]] = {}
    return tables[path]


def _pair(text: str) -> tuple[str, Any, str] | None:
    """The key and the value that the text begins with, and what is left behind them."""
    key, equals, value = text.partition("=")
    key = key.rstrip(" \t")
    found = _value(value.lstrip(" \t")) if equals and _is_key(key) else None
    if found is None:
        return None
    rest = found[1].lstrip(" \t")
    return key, found[0], "" if _is_end(rest) else rest


def _value(text: str) -> tuple[Any, str] | None:
    first = text[:1]
    if first in ('"', "'"):
        return _text(text)
    if first == "[":
        return _list(text[1:].lstrip(" \t"))
    if first == "{":
        return _inline(text[1:].lstrip(" \t"))
    for word, value in (("true", True), ("false", False)):
        if text.startswith(word):
            return value, text[len(word) :]
    digits = len(text) - len(text.lstrip("0123456789"))
    if not 0 < digits < 18 or (first == "0" and digits > 1):
        return None
    return int(text[:digits]), text[digits:]


def _text(text: str) -> tuple[str, str] | None:
    """A text without escapes."""
    quote = text[:1]
    inside, closed, rest = text[1:].partition(quote)
    if not closed or (quote == '"' and "\\" in inside) or (not inside and rest[:1] == quote):
        return None
    return inside, rest


def _list(text: str) -> tuple[list[str], str] | None:
    """What follows the bracket, of a list of texts on one line."""
    items: list[str] = []
    while text[:1] != "]":
        found = _text(text) if text[:1] in ('"', "'") else None
        if found is None:
            return None
        items.append(found[0])
        text = found[1].lstrip(" \t")
        if text[:1] == ",":
            text = text[1:].lstrip(" \t")
        elif text[:1] != "]":
            return None
    return items, text[1:]


def _inline(text: str) -> tuple[dict[str, Any], str] | None:
    """What follows the brace."""
    items: dict[str, Any] = {}
    if text[:1] == "}":
        return items, text[1:]
    while True:
        found = _pair(text)
        if found is None or found[0] in items:
            return None
        items[found[0]] = found[1]
        text = found[2]
        if text[:1] == "}":
            return items, text[1:]
        if text[:1] != ",":
            return None
        text = text[1:].lstrip(" \t")


def _is_key(text: str) -> bool:
    """Whether this is a bare key."""
    return text.isascii() and text.replace("-", "0").replace("_", "0").isalnum()


def _is_end(text: str) -> bool:
    """Whether nothing follows on the line but a comment."""
    text = text.lstrip(" \t")
    return not text or text[0] == "#"
