"""Terms that neither the index nor a column can answer: regular expressions, texts without any
token (`—`), and header fields. They look at one message at a time, after the other terms.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import NotFound
from mailcli.model.query import fields
from mailcli.model.query.ast import Everything, Name, Near, Regex, Text
from mailcli.store.regexes import Regexes
from mailcli.store.tokens import folded, needed_words, signed_words

if TYPE_CHECKING:
    from mailcli.store.match import Matcher

Read = Callable[[str], bytes]
Check = Callable[[str, str], bool]
"""(message id, the field's columns as one text) -> whether it matches."""

COLUMNS: Final = {
    "from": ("sender",),
    "to": ("recipients",),
    "cc": ("cc",),
    "subject": ("subject",),
    "list": ("list_id",),
    "filename": ("filenames",),
    "": ("subject", "sender", "recipients", "cc", "list_id", "filenames"),
}
"""Where a field's text stands in the message table; the others are read from the file."""

Checked = Text | Near | Regex | Everything | Name


class Checks:
    """The checks of one query. `read` gives a message's bytes by its id."""

    def __init__(self, matcher: Matcher, read: Read | None) -> None:
        self._matcher = matcher
        self._read = read
        self._regexes = Regexes()
        self._checks: list[Check] = []
        self._id = ""
        self._body = ""
        self._headers: list[tuple[str, str]] = []
        self._bcc = ""

    def add(self, node: Checked) -> int:
        """Register a leaf; returns the number `call` knows it by."""
        self._checks.append(self._check(node))
        return len(self._checks) - 1

    def call(self, *values: Any) -> bool:
        """The SQL function: the number of a check, the message's id, columns."""
        number, identity, *columns = values
        check: Check = self._checks[number]
        return check(identity, _plain("\n".join(map(str, columns))))

    def close(self) -> None:
        """End what checks hold."""
        self._regexes.close()

    def __bool__(self) -> bool:
        return bool(self._checks)

    def _check(self, node: Checked) -> Check:
        if isinstance(node, Name):
            return lambda identity, _: self._language(identity, node.text.lower())
        if isinstance(node, Everything):
            return lambda identity, _: bool(self._header(identity, node.field))
        if fields.kind(node.field) == "header":
            return self._header_check(node)
        if isinstance(node, Regex):
            return self._in_text(node.field, self._regexes.matcher(node.pattern))
        if isinstance(node, Near):
            left, right = _needle(node.left.text), _needle(node.right.text)
            return self._in_text(node.field, lambda text: left in _needle(text) and right in _needle(text))
        needle = _needle(node.text)
        return self._in_text(node.field, lambda text: needle in _needle(text))

    def _in_text(self, field: str, holds: Callable[[str], bool]) -> Check:
        """The check on a field's text, from the columns if they have it, else from the file."""

        def check(identity: str, columns: str) -> bool:
            if field in COLUMNS and holds(columns):
                return True
            if field in COLUMNS and field:
                return False
            if field == "bcc":
                return self._load(identity) and holds(self._bcc)
            return field in ("", "body") and self._load(identity) and holds(self._body)

        return check

    def _header_check(self, node: Text | Near | Regex) -> Check:
        if isinstance(node, Regex):
            found = self._regexes.matcher(node.pattern)
            return lambda identity, _: any(found(v) for v in self._header(identity, node.field))
        holds = self._words(node)
        return lambda identity, _: any(holds(value) for value in self._header(identity, node.field))

    def _words(self, node: Text | Near) -> Callable[[str], bool]:
        """The words of a text in another text, as the index would find them."""
        if isinstance(node, Near):
            return self._near(node)
        text = folded(node.text)
        phrase, needed = self._matcher.tokens(text), needed_words(text)
        needle, prefix = _needle(node.text), node.prefix and text[-1:].isalnum()

        def holds(value: str) -> bool:
            if not phrase:
                return needle in _needle(value)
            value = folded(value)
            if not places(phrase, self._matcher.tokens(value), prefix=prefix):
                return False
            signed = [word.casefold() for word in signed_words(value)]
            return all(
                any(_fits(word.casefold(), other, prefix=node.prefix and last) for other in signed)
                for word, last in needed
            )

        return holds

    def _near(self, node: Near) -> Callable[[str], bool]:
        left, right = folded(node.left.text), folded(node.right.text)
        one, other = self._matcher.tokens(left), self._matcher.tokens(right)
        both = (self._words(node.left), self._words(node.right))

        def holds(value: str) -> bool:
            if not all(word(value) for word in both):
                return False
            tokens = self._matcher.tokens(folded(value))
            firsts = places(one, tokens, prefix=node.left.prefix)
            seconds = places(other, tokens, prefix=node.right.prefix)
            if not one or not other:
                return True
            return any(near(a, len(one), b, len(other), node.distance) for a in firsts for b in seconds)

        return holds

    # ---- reading

    def _load(self, identity: str) -> bool:
        """Read the message, unless it was the last one read. False if its bytes are not here."""
        if identity == self._id:
            return True
        if self._read is None:
            return False
        from mailcli.mime import fields as header_fields
        from mailcli.mime import read, words

        try:
            data = self._read(identity)
        except NotFound:  # only its headers were fetched
            return False
        found = read.content(data)
        self._id = identity
        self._body = _plain(found.text)
        self._bcc = "\n".join(f"{name} {email}" for name, email in found.envelope.bcc)
        stop, _ = header_fields.block(data, 0, len(data))
        self._headers = [(n.lower(), _plain(words.text(v))) for n, v in header_fields.every(data, 0, stop)]
        return True

    def _header(self, identity: str, field: str) -> list[str]:
        wanted = field.removeprefix(fields.HEADER)
        return [v for n, v in self._headers if n == wanted] if self._load(identity) else []

    def _language(self, identity: str, wanted: str) -> bool:
        """RFC 3282: a list of language tags; `lang:de` finds `de-AT` too."""
        for value in self._header(identity, "header.content-language"):
            for tag in value.lower().split(","):
                if tag.strip() == wanted or tag.strip().startswith(wanted + "-"):
                    return True
        return False


def _plain(text: str) -> str:
    """Packed addresses as people see them; control characters never part of a match."""
    return text.replace("\x1f", " ").replace("\x1e", "\n")


def _needle(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _fits(word: str, other: str, *, prefix: bool) -> bool:
    return other.startswith(word) if prefix else other == word


def places(phrase: list[str], tokens: list[str], *, prefix: bool) -> list[int]:
    """Where a phrase begins in a list of tokens; with `prefix` its last token may go on."""
    if not phrase:
        return []
    *head, last = phrase
    size = len(head)
    return [
        n
        for n in range(len(tokens) - size)
        if tokens[n : n + size] == head and _fits(last, tokens[n + size], prefix=prefix)
    ]


def near(first: int, first_size: int, second: int, second_size: int, distance: int) -> bool:
    """FTS5's NEAR: at most `distance` tokens lie between the two phrases."""
    if first <= second:
        return second - (first + first_size) <= distance
    return first - (second + second_size) <= distance
