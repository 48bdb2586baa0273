"""Query text to tree: a recursive descent over the grammar, bounded in depth and in terms.

    query  = or ; or = and {("OR"|"or") and} ; and = unary {["AND"|"and"] unary}
    unary  = ["-"|"NOT"|"not"] prim
    prim   = "(" query ")" | field ":" value | near | text
    near   = text "NEAR" ["/" N] text
    text   = word ["*"] | '"' phrase '"' | "/" regex "/"        a regex only as a field's value
    value  = text | "(" query ")" | range | "{" query "}"       {} with thread: only

Strict: whatever is not in it is a QueryError with the offset of the fault and what to write
instead. Within `field:( … )` bare texts are values of the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mailcli.errors import QueryError
from mailcli.model import ids, pattern
from mailcli.model.query import fields
from mailcli.model.query.ast import (
    Everything,
    InThread,
    Name,
    Near,
    Node,
    Not,
    Own,
    Query,
    Regex,
    Saved,
    Size,
    Text,
    When,
    conjunction,
    disjunction,
)
from mailcli.model.query.regex import compile_regex

if TYPE_CHECKING:
    from datetime import tzinfo

MAX_DEPTH: Final = 50
"""Parentheses within parentheses; five Python frames each."""
MAX_TERMS: Final = 1000
NEAR_DEFAULT: Final = 10
NEAR_MOST: Final = 1000

HELP: Final = "`mailcli help query` explains the language"
"""The hint where nothing better can be said."""

_WORD: Final = pattern.compile(r'[^\s(){}"]+')
_SPACE: Final = pattern.compile(r"\s*")
_FIELD: Final = pattern.compile(r"([A-Za-z][A-Za-z0-9_.-]*):")
_NEAR: Final = pattern.compile(r"NEAR(?:/(\d{1,6}))?", re.ASCII)
_REGEX_END: Final = pattern.compile(r"(?:[^\\/]|\\.)*", re.DOTALL)
_KEYWORDS: Final = frozenset({"OR", "or", "AND", "and", "NOT", "not"})

_NO_SAVED: Final[Mapping[str, str]] = MappingProxyType({})


def parse(
    text: str,
    *,
    now: float,
    zone: tzinfo | None = None,
    saved: Mapping[str, str] = _NO_SAVED,
    typing: bool = False,
    account: str = "",
) -> Query:
    """Parse a query. `now` and `zone` (None: this machine's) give dates their meaning.

    `saved` maps the names of saved queries to their text. With `typing`, a word at the very end
    is taken as a prefix: it may not be finished. With `account` only its messages are meant, and
    an empty text means all of them. Raises QueryError and nothing else.
    """
    if account and not text.strip():
        text = "*"
    parser = _Parser(text, (now, zone), saved, typing=typing)
    return Query(text, parser.whole(), account)


class _Parser:
    def __init__(
        self,
        text: str,
        clock: tuple[float, tzinfo | None],
        saved: Mapping[str, str],
        *,
        typing: bool = False,
        opened: tuple[str, ...] = (),
        depth: int = 0,
    ) -> None:
        self._text = text
        self._clock = clock
        self._saved = saved
        self._typing = typing
        self._opened = opened  # names of the saved queries this text stands in
        self._depth = depth
        self._at = 0
        self._terms = 0

    # ---- query, or, and, unary

    def whole(self) -> Node:
        node = self._or("")
        if self._at < len(self._text):
            raise self._stray()
        return node

    def _or(self, field: str) -> Node:
        children = [self._and(field)]
        while self._take("OR", "or"):
            children.append(self._and(field))
        return disjunction(children)

    def _and(self, field: str) -> Node:
        children = [self._unary(field)]
        while not self._closed() and self._peek() not in ("OR", "or"):
            self._take("AND", "and")
            children.append(self._unary(field))
        return conjunction(children)

    def _unary(self, field: str) -> Node:
        start = self._skip()
        if self._take("NOT", "not"):
            return Not(self._prim(field, after="NOT"))
        if self._text.startswith("-", start) and not self._ends(start + 1):
            if self._text.startswith("--", start):
                raise self._error("two minus signs", start, hint=self._quote(self._peek()))
            self._at = start + 1
            return Not(self._prim(field, after="a minus"))
        return self._prim(field)

    def _prim(self, field: str, after: str = "") -> Node:
        start = self._skip()
        if self._text.startswith("(", start):
            self._at = start + 1
            return self._group(field, ")")
        if self._text.startswith('"', start):
            return self._maybe_near(self._phrase(), field, quoted=True)
        raw = self._peek()
        if not raw or raw in _KEYWORDS or _NEAR.fullmatch(raw):
            raise self._misplaced(raw, start, after)
        match = _FIELD.match(raw)
        if match:
            node = self._field(match[1], raw, start)
            if node is not None:
                return node
        return self._maybe_near(self._word(), field)

    def _group(self, field: str, closing: str) -> Node:
        opened = self._at - 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} deep", opened)
        if self._skip() < len(self._text) and self._text[self._at] == closing:
            raise self._error(
                "nothing stands in the parentheses", opened, hint="quote them to search for them"
            )
        if self._at == len(self._text):
            raise self._unclosed(opened)
        node = self._or(field)
        if not self._text.startswith(closing, self._skip()):
            if self._at < len(self._text):
                raise self._stray()
            raise self._unclosed(opened)
        self._at += 1
        self._depth -= 1
        return node

    # ---- texts

    def _phrase(self) -> Text:
        start = self._at
        end = self._text.find('"', start + 1)
        if end < 0:
            hint = "close it with another one; the shell takes quotes away that are not quoted themselves"
            raise self._error("a quotation mark is never closed", start, hint=hint)
        phrase = self._text[start + 1 : end]
        if not phrase.strip():
            raise self._error("an empty phrase", start)
        self._at = end + 1
        if self._text.startswith("*", self._at):
            raise self._error("a phrase cannot be a prefix", self._at, hint="the star follows a word: word*")
        return Text("", phrase, at=start)

    def _word(self) -> Text:
        """A word with its star; "" with a star is everything."""
        start, raw = self._at, self._peek()
        self._at += len(raw)
        prefix = raw.endswith("*")
        word = raw[:-1] if prefix else raw
        if "*" in word:
            hint = f"{self._quote(raw)}; a prefix is word*"
            raise self._error("a star may only end a word", start + raw.index("*"), hint=hint)
        unfinished = self._typing and self._at == len(self._text) and word[-1:].isalnum()
        return Text("", word, prefix=prefix or unfinished, at=start)

    def _maybe_near(self, left: Text, field: str, *, quoted: bool = False) -> Node:
        self._skip()
        match = _NEAR.fullmatch(self._peek())
        if not match:
            return self._leaf(field, left, quoted=quoted)
        start = self._at
        if field and fields.kind(field) not in fields.TEXT:
            raise self._error(f"NEAR has no meaning in {field}:", start)
        distance = int(match[1]) if match[1] else NEAR_DEFAULT
        if distance > NEAR_MOST:
            raise self._error(f"NEAR reaches {NEAR_MOST} words at most", start)
        self._at += len(match[0])
        self._skip()
        if self._text.startswith('"', self._at):
            right = self._phrase()
        else:
            raw = self._peek()
            if not raw or raw in _KEYWORDS or _NEAR.fullmatch(raw):
                raise self._error("NEAR needs a word or a phrase after it", start)
            right = self._word()
        if not left.text or not right.text:
            raise self._error("NEAR needs words, not a star alone", start)
        self._count(start)
        self._count(start)
        return Near(field, left, right, distance, at=left.at)

    # ---- fields

    def _field(self, name: str, raw: str, start: int) -> Node | None:
        """The term `name:value`, or None if it is only text (`re:`, `https://…`, `12:30`)."""
        field = name.lower()
        value = start + len(name) + 1
        known = field in fields.KNOWN or (field.startswith(fields.HEADER) and field != fields.HEADER)
        nothing = self._ends(value)
        if not known:
            rest = self._text[value : value + 2]
            if nothing or rest == "//" or rest[:1].isdigit():
                return None
            raise self._unknown(name, raw, start)
        if nothing:
            hint = f'write {field}:value without a space, or quote it: "{name}:"'
            raise self._error(f"{field}: has no value", start, hint=hint)
        self._at = value
        return self._value(field, start)

    def _value(self, field: str, start: int) -> Node:
        opening = self._text[self._at]
        if opening == "(":
            self._at += 1
            return self._group(field, ")")
        if opening == "{":
            if field != "thread":
                raise self._error("braces go with thread: only", self._at, hint=f"write {field}:( … )")
            self._at += 1
            return InThread(self._group("", "}"))
        if opening == '"':
            text, quoted = self._phrase(), True
        elif opening == "/" and fields.kind(field) in fields.TEXT:
            return self._regex(field, start)
        else:
            text, quoted = self._word(), False
        node = self._leaf(field, text, quoted=quoted, at=start)
        self._skip()
        if _NEAR.fullmatch(self._peek()):
            raise self._error("NEAR stands between two texts", self._at, hint=f"write {field}:(a NEAR b)")
        return node

    def _regex(self, field: str, start: int) -> Node:
        first = self._at + 1
        match = _REGEX_END.match(self._text, first)
        end = match.end() if match else first
        hint = "a regex is /…/ with \\/ for a slash; quote a text that begins with one"
        if not self._text.startswith("/", end) or end == first:
            raise self._error("a regular expression is never closed", self._at, hint=hint)
        if not self._ends(end + 1):
            raise self._error("something follows the regular expression", end + 1, hint=hint)
        if field == "attachment":
            raise self._error("no regular expressions in attachments", self._at)
        pattern = self._text[first:end]
        compile_regex(pattern, first)
        self._count(start)
        self._at = end + 1
        return Regex(field, pattern, at=start)

    def _leaf(self, field: str, text: Text, *, quoted: bool, at: int | None = None) -> Node:
        """What a text means as the value of `field` ("": anywhere)."""
        start = text.at if at is None else at
        self._count(start)
        word, kind = text.text, fields.kind(field)
        if not word:
            if field and kind != "header":
                raise self._error("letters are missing before the star", text.at)
            return Everything(field)
        if not field or kind in fields.TEXT:
            if word.lower() == "me" and field in fields.OWN and not quoted and not text.prefix:
                return Own(field, at=start)
            return Text(field, word, text.prefix, at=start)
        if text.prefix and field not in fields.PREFIXED:
            if self._text.startswith("*", self._at - 1):
                raise self._error(f"{field}: takes no star", self._at - 1)
            text = text_without_star(text)
        if field in fields.DATE or field in fields.SIZE:
            return self._measure(field, word, text.at, start)
        return self._name(field, text, start)

    def _measure(self, field: str, word: str, at: int, start: int) -> Node:
        from mailcli.model.query import dates  # not every search has one

        if field in fields.SIZE:
            least, most = dates.size(field, word, at)
            return Size(field, word, least, most, at=start)
        low, high = dates.when(field, word, dates.Clock(*self._clock), at)
        return When(field, word, low, high, at=start)

    def _name(self, field: str, text: Text, start: int) -> Node:
        word = text.text
        if field == "query":
            return self._saved_query(word, text.at)
        if field in ("is", "has"):
            words = fields.IS if field == "is" else fields.HAS
            word = word.lower()
            if word not in words:
                near = fields.suggestion(word, words)
                hint = f"did you mean {field}:{near}?" if near else f"{field}: knows {', '.join(words)}"
                raise self._error(f"no {field}:{word}", start, hint=hint)
        if field == "id" and "@" not in word:
            word = word.lower()
            if not ids.is_prefix(word):
                raise self._error(f'"{word}" is no id', text.at, hint="the first column of a list shows ids")
        return Name(field, word, text.prefix, at=start)

    def _saved_query(self, name: str, at: int) -> Node:
        if name not in self._saved:
            near = fields.suggestion(name, self._saved)
            hint = f"did you mean query:{near}?" if near else "`mailcli query list` shows them"
            raise self._error(f'no saved query "{name}"', at, hint=hint)
        if name in self._opened:
            raise self._error(f'the saved query "{name}" contains itself', at)
        if self._depth >= MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} deep", at)
        inner = _Parser(
            self._saved[name],
            self._clock,
            self._saved,
            opened=(*self._opened, name),
            depth=self._depth + 1,
        )
        inner._terms = self._terms
        try:
            node = inner.whole()
        except QueryError as error:
            message = f'in the saved query "{name}": {error.message}'
            raise QueryError(message, hint=error.hint, position=at) from None
        self._terms = inner._terms
        return Saved(name, node)

    # ---- reading

    def _skip(self) -> int:
        match = _SPACE.match(self._text, self._at)
        assert match
        self._at = match.end()
        return self._at

    def _peek(self) -> str:
        """The raw word at the present place, "" if none is there."""
        match = _WORD.match(self._text, self._at)
        return match[0] if match else ""

    def _take(self, *words: str) -> bool:
        self._skip()
        raw = self._peek()
        if raw not in words:
            return False
        self._at += len(raw)
        return True

    def _ends(self, at: int) -> bool:
        """Whether no value can begin at `at`."""
        return at >= len(self._text) or self._text[at] in ")}" or self._text[at].isspace()

    def _closed(self) -> bool:
        at = self._skip()
        return at >= len(self._text) or self._text[at] in ")}"

    def _count(self, at: int) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self._error(f"more than {MAX_TERMS} terms", at)

    # ---- faults

    def _error(self, message: str, at: int, *, hint: str = "") -> QueryError:
        return QueryError(message, hint=hint or HELP, position=at)

    def _quote(self, raw: str) -> str:
        return f'to search for the text, quote it: "{raw}"'

    def _unknown(self, name: str, raw: str, start: int) -> QueryError:
        near = "header.NAME" if name.lower().startswith("header") else fields.suggestion(name, fields.KNOWN)
        hint = f"did you mean {near}:? Or {self._quote(raw)}" if near else self._quote(raw)
        return self._error(f'no field "{name}:"', start, hint=hint)

    def _unclosed(self, opened: int) -> QueryError:
        bracket = self._text[opened]
        hint = f"close it with {')' if bracket == '(' else '}'}, or quote it to search for it"
        return self._error(f'"{bracket}" is never closed', opened, hint=hint)

    def _misplaced(self, raw: str, start: int, after: str) -> QueryError:
        if raw:
            return self._error(f"{raw} has nothing before or after it to join", start, hint=self._quote(raw))
        if start < len(self._text) and self._text[start] in ")}{":
            return self._stray()
        if after:
            return self._error(f"nothing follows {after}", start, hint="it needs a term after it")
        if not self._text.strip():
            return self._error("the query is empty", 0, hint="`*` finds everything")
        return self._error(
            "a term is missing at the end", start, hint="write one, or quote what is meant as text"
        )

    def _stray(self) -> QueryError:
        stray = self._text[self._at]
        return self._error(f'"{stray}" is out of place', self._at, hint="quote it to search for it")


def text_without_star(text: Text) -> Text:
    return Text(text.field, text.text, at=text.at)
