"""A query's tree as an SQL condition over the message table.

Two forms of one condition: the narrow one is asked of a window of row ids and tests row by row;
the wide one is asked of everything and takes rare things from their own small indexes first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mailcli.model import flags
from mailcli.model.ids import LENGTH
from mailcli.model.query.ast import (
    Among,
    And,
    Everything,
    InThread,
    Name,
    Near,
    Node,
    Not,
    Or,
    Own,
    Query,
    Regex,
    Saved,
    Size,
    Text,
    When,
)
from mailcli.model.record import NamedTuple
from mailcli.store.checks import COLUMNS, Checked, Checks
from mailcli.store.match import Matcher, combined
from mailcli.store.ranking import Ranking
from mailcli.store.scope import Folders
from mailcli.store.sql import balanced, listed, member

if TYPE_CHECKING:
    import apsw

CHECK: Final = "mailcli_check"
"""The SQL function that runs a check: (its number, message id, columns…)."""

_TRUE, _FALSE = "1", "0"
_SEEN, _ANSWERED = flags.BITS[flags.SEEN], flags.BITS[flags.ANSWERED]
_FLAGGED, _DRAFT = flags.BITS[flags.FLAGGED], flags.BITS[flags.DRAFT]
_RARE: Final = {
    ("is", "unread"): f"bits & {_SEEN} = 0",
    ("is", "flagged"): f"bits & {_FLAGGED}",
    ("has", "attachment"): "attachments > 0",
}
"""Conditions with a partial index of their own, in the words of that index."""

_PLAIN: Final = {
    ("is", "read"): f"bits & {_SEEN}",
    ("is", "answered"): f"bits & {_ANSWERED}",
    ("is", "replied"): f"bits & {_ANSWERED}",
    ("is", "draft"): f"bits & {_DRAFT}",
}
_ADDRESSES: Final = {"from": "sender", "to": "recipients", "cc": "cc"}
_MUTED: Final = ("muted", "$muted")


class Bounds(NamedTuple):
    """Row ids outside of which nothing can match; None: no bound."""

    low: int | None = None
    high: int | None = None


class Criteria:
    """Compiles one query. `values` and `checks` fill as `where` is called."""

    def __init__(self, connection: apsw.Connection, query: Query, own: Sequence[str], checks: Checks) -> None:
        self._connection = connection
        self._query = query
        self._own = [email.lower() for email in own]
        self._folders = Folders(connection)
        self.matcher = Matcher(connection)
        self._checks = checks
        self._aliases = 0
        self._wide = True
        self.values: dict[str, Any] = {}

    def where(self, *, wide: bool) -> str:
        """The condition on `message m`; it needs the row ids :low and :high."""
        self._wide = wide
        condition = self._condition(self._query.node, "m")
        if not self._query.everywhere and (left_out := self._folders.left_out()):
            condition = f"m.folder NOT IN ({listed(left_out)}) AND {condition}"
        if self._query.account:
            # Chosen by an option, not written in the query: one without mail yet is no error.
            condition = f"{member('m.folder', self._folders.within(self._query.account))} AND {condition}"
        return condition

    def ranking(self) -> Ranking | None:
        """What the relevance is worked out from; None without a text."""
        wanted = list(dict.fromkeys(self._positive(self._query.node)))
        if not wanted:
            return None
        node = self._query.node
        parts = node.children if isinstance(node, And) else (node,)
        needed = any(self.matcher.expression(part) is not None for part in parts)
        return Ranking(tuple(wanted), needed)

    def sent(self) -> list[int]:
        """The folders with what one has written."""
        return self._folders.sent()

    def bounds(self) -> Bounds:
        """What the dates asked for say about row ids."""
        return self._bounds(self._query.node)

    # ---- nodes

    def _condition(self, node: Node, m: str) -> str:
        match node:
            case And(children):
                return self._all(children, m)
            case Or(children):
                return self._any(children, m)
            case Not(child):
                expression = self.matcher.expression(child)
                if expression is not None:
                    return f"{m}.rid NOT IN ({self._hits(expression, m)})"
                return f"NOT {self._condition(child, m)}"
            case Saved(_, child):
                return self._condition(child, m)
            case InThread(child):
                self._aliases += 1
                inner = f"t{self._aliases}"
                condition = self._condition(child, inner)
                return f"{m}.thread IN (SELECT {inner}.thread FROM message {inner} WHERE {condition})"
            case Text() | Near():
                expression = self.matcher.expression(node)
                if expression is not None:
                    return f"{m}.rid IN ({self._hits(expression, m)})"
                return self._checked(node, m)
            case Everything(""):
                return _TRUE
            case Everything() | Regex():
                return self._checked(node, m)
            case When(_, _, low, high):
                # A message without a Date lacks the field: the condition is false, and not NULL,
                # so that its negation is true.
                return self._between(f"ifnull({m}.date, -1e18)", low, high, floor=-1e17)
            case Size(_, _, least, most):
                return self._size(m, least, most)
            case Own(field):
                return self._own_addresses(field, m)
            case Among(_, ids):
                # Ids are letters and digits: JSON by hand, its module costs a search 3 ms.
                listed = self._value('["' + '","'.join(sorted(ids)) + '"]')
                return f"{m}.id IN (SELECT value FROM json_each({listed}))"
            case Name():
                return self._name(node, m)

    def _all(self, children: tuple[Node, ...], m: str) -> str:
        wanted, unwanted, rest = self.matcher.split(children)
        parts = []
        if wanted:
            parts.append(f"{m}.rid IN ({self._hits(combined(wanted, unwanted), m)})")
        elif unwanted:
            parts.append(f"{m}.rid NOT IN ({self._hits(' OR '.join(unwanted), m)})")
        conditions = [self._condition(child, m) for child in rest]
        # What reads files comes last.
        conditions.sort(key=lambda condition: CHECK in condition)
        return balanced([*parts, *conditions], "AND")

    def _any(self, children: tuple[Node, ...], m: str) -> str:
        indexed, rest = [], []
        for child in children:
            expression = self.matcher.expression(child)
            if expression is None:
                rest.append(child)
            else:
                indexed.append(expression)
        parts = [f"{m}.rid IN ({self._hits(' OR '.join(indexed), m)})"] if indexed else []
        conditions = [self._condition(child, m) for child in rest]
        conditions.sort(key=lambda condition: CHECK in condition)
        return balanced([*parts, *conditions], "OR")

    def _hits(self, expression: str, m: str) -> str:
        window = " AND rowid BETWEEN :low AND :high" if m == "m" else ""
        return f"SELECT rowid FROM fts WHERE fts MATCH {self._value(expression)}{window}"

    def _checked(self, node: Checked, m: str) -> str:
        number = self._checks.add(node)
        columns = COLUMNS.get(node.field, ())
        arguments = ", ".join((str(number), *(f"{m}.{column}" for column in ("id", *columns))))
        # A sub-select that depends on the row is evaluated after everything that does not.
        return f"(SELECT {CHECK}({arguments}))"

    def _value(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def _between(self, column: str, low: float | None, high: float | None, *, floor: float) -> str:
        """`floor` keeps out what stands for "absent" where the range is open below."""
        condition = f"{column} >= {self._value(floor if low is None else low)}"
        return condition if high is None else f"({condition} AND {column} <= {self._value(high)})"

    def _size(self, m: str, least: int | None, most: int | None) -> str:
        if self._wide and m == "m" and least is not None:
            # Large ones are few, and have an index.
            condition = self._between("size", least, most, floor=0)
            return f"m.rid IN (SELECT rid FROM message WHERE {condition})"
        return self._between(f"{m}.size", least, most, floor=0)

    # ---- names

    def _own_addresses(self, field: str, m: str) -> str:
        """The index says where the words of an address are, the column whether it is all of it."""
        found = []
        for email in self._own:
            if "*" in email:
                found.append(self._own_pattern(field, email, m))
                continue
            expression = self.matcher.expression(Text(field, email))
            if expression is None:
                continue
            hits = f"{m}.rid IN ({self._hits(expression, m)})"
            column = _ADDRESSES.get(field)
            if column is not None:
                # Packed as name US address RS name US address (index.pack).
                value = self._value(f"\x1f{email}\x1e")
                hits = f"({hits} AND instr(lower({m}.{column}) || char(30), {value}) > 0)"
            found.append(hits)
        return balanced(found, "OR") if found else _FALSE

    def _own_pattern(self, field: str, pattern: str, m: str) -> str:
        """An alias with stars: the index narrows by its whole words, a check looks at the address."""
        whole = re.sub(r"[^\W_]*\*[^\W_]*", " ", pattern)
        expression = self.matcher.expression(And(tuple(Text(field, word) for word in whole.split())))
        regex = r"\S*".join(map(re.escape, pattern.split("*")))
        condition = self._checked(Regex(field, f"^{regex}$| {regex}$"), m)
        return (
            condition if expression is None else f"({m}.rid IN ({self._hits(expression, m)}) AND {condition})"
        )

    def _name(self, node: Name, m: str) -> str:
        key = (node.field, node.text)
        if key in _RARE:
            return (
                f"m.rid IN (SELECT rid FROM message WHERE {_RARE[key]})"
                if self._wide and m == "m"
                else (f"({m}.{_RARE[key]})")
            )
        if key in _PLAIN:
            return f"({m}.{_PLAIN[key]})"
        match node.field:
            case "is" if node.text == "muted":
                return balanced([self._keyword(word, False, m) for word in _MUTED], "OR")
            case "is" | "has":
                return f"instr(' ' || {m}.marks || ' ', ' {node.text} ') > 0"
            case "in":
                folders = self._folders.named(node)
                return _TRUE if folders is None else member(f"{m}.folder", folders)
            case "account":
                return member(f"{m}.folder", self._folders.of_account(node))
            case "tag":
                return self._tag(node, m)
            case "mime":
                return self._type(node, m)
            case "id" | "thread":
                return self._identity(node, m)
            case _:
                return self._checked(node, m)

    def _tag(self, node: Name, m: str) -> str:
        word = node.text.lower()
        bits = 0
        for flag, bit in flags.BITS.items():
            name = flag.lstrip("\\$").lower()
            sought = word.lstrip("\\$")
            if (sought and name.startswith(sought)) if node.prefix else name == sought:
                bits |= bit
        keyword = self._keyword(word, node.prefix, m)
        return f"({m}.bits & {bits} OR {keyword})" if bits else keyword

    def _keyword(self, word: str, prefix: bool, m: str) -> str:
        value = self._value(f" {word}" if prefix else f" {word} ")
        if self._wide and m == "m":
            condition = f"instr(' ' || lower(words) || ' ', {value}) > 0"
            return f"m.rid IN (SELECT rid FROM message WHERE {TAGGED} AND {condition})"
        return f"instr(' ' || lower({m}.words) || ' ', {value}) > 0"

    def _type(self, node: Name, m: str) -> str:
        """`mime:image` is every image; `mime:text/html` exactly that."""
        word = node.text.lower()
        if node.prefix:
            sought = f" {word}"
        else:
            sought = f" {word} " if "/" in word else f" {word}/"
        return f"instr(' ' || {m}.types || ' ', {self._value(sought)}) > 0"

    def _identity(self, node: Name, m: str) -> str:
        word = node.text
        if node.field == "id" and "@" in word:
            return f"{m}.message_id = {self._value(word.strip('<>'))}"
        if node.field == "thread":
            word = word.lower().removeprefix("t:")
        if len(word) >= LENGTH:
            condition = f"{node.field} = {self._value(word)}"
        else:
            last = self._value(word + chr(0x7F))
            condition = f"{node.field} >= {self._value(word)} AND {node.field} < {last}"
        return f"{m}.rid IN (SELECT rid FROM message WHERE {condition})"

    # ---- ranking and bounds

    def _positive(self, node: Node) -> list[str]:
        """The expressions of all texts that a hit may have, and not those it must not have."""
        match node:
            case And(children) | Or(children):
                return [expression for child in children for expression in self._positive(child)]
            case Saved(_, child):
                return self._positive(child)
            case Text() | Near():
                expression = self.matcher.expression(node)
                return [] if expression is None else [expression]
            case _:
                return []

    def _bounds(self, node: Node) -> Bounds:
        match node:
            case When(_, _, low, high):
                return self._misdated(low, high)
            case Saved(_, child):
                return self._bounds(child)
            case And(children):
                each = [self._bounds(child) for child in children]
                lows = [b.low for b in each if b.low is not None]
                highs = [b.high for b in each if b.high is not None]
                return Bounds(max(lows, default=None), min(highs, default=None))
            case Or(children):
                each = [self._bounds(child) for child in children]
                lows = [b.low for b in each if b.low is not None]
                highs = [b.high for b in each if b.high is not None]
                return Bounds(
                    min(lows) if len(lows) == len(each) else None,
                    max(highs) if len(highs) == len(each) else None,
                )
            case _:
                return Bounds()

    def _misdated(self, low: float | None, high: float | None) -> Bounds:
        """The row ids of a range of dates, widened to take in those sorted under another time.

        Row ids carry the Date only where it is believable (index.sort_time); the others, and
        those that spilled out of a full second, are few and have an index.
        """
        first = None if low is None else max(0, int(low)) << 20
        last = None if high is None else (max(0, int(high)) + 1 << 20) - 1
        rids: tuple[Any, ...] = self._connection.execute(
            # Alone, min(rid) would be looked for in the order of the table: in all of it where there is none.
            f"SELECT min(rid), max(rid) FROM message INDEXED BY message_misdated WHERE {MISDATED}"
            f" AND date >= {-1e17 if low is None else low} AND date <= {1e17 if high is None else high}"
        ).fetchall()[0]
        if rids[0] is not None:
            least, most = rids
            first = None if first is None else min(first, least)
            last = None if last is None else max(last, most)
        return Bounds(first, last)


MISDATED: Final = "date IS NOT NULL AND CAST(date AS INTEGER) <> rid >> 20"
TAGGED: Final = "words <> ''"
INDEXES: Final = (
    "CREATE INDEX message_flagged ON message(folder) WHERE " + _RARE["is", "flagged"],
    "CREATE INDEX message_attached ON message(folder) WHERE " + _RARE["has", "attachment"],
    "CREATE INDEX message_by_size ON message(size)",
    "CREATE INDEX message_tagged ON message(folder) WHERE " + TAGGED,
    "CREATE INDEX message_misdated ON message(date) WHERE " + MISDATED,
)
"""Indexes of the message table that only searches need; part of the schema."""
