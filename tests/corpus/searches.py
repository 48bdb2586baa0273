"""Our searches of the corpus beside a real IMAP server's answers to the same questions: `searches.tsv`.

`python -m tests.corpus.searches` writes it anew. A question is put to us as a person would put it. The
server looks for substrings, we for words; for a single letter a regular expression is used. Of each message
that only one of the two finds the cause is worked out; a message without one counts under `?`, which the
tests do not accept.
"""

from __future__ import annotations

import json
import lzma
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import apsw

from mailcli.mime import read
from mailcli.model.message import Content
from mailcli.model.query.parse import parse
from mailcli.store import fulltext, index, schema, search
from tests.corpus import corpus

TABLE = Path(__file__).parent / "searches.tsv"
SETS = (*corpus.LISTS, "suites")
NOW = 1_785_000_000.0
_HEAD = (
    "# Where our searches of the corpus and a real IMAP server's answers differ, and why.\n"
    "# set\tquestion\tours\tserver finds\twe find\tboth\tcauses of the differences, with messages\n"
)
_FIELDS = {"SUBJECT": "subject", "FROM": "from", "TO": "to", "CC": "cc", "BODY": "body", "TEXT": ""}
_LEAF = re.compile(r'(SUBJECT|FROM|TO|CC|BODY|TEXT) "([^"]*)"')
_TERM = re.compile(
    rf"(?P<leaf>{_LEAF.pattern})|HEADER (?P<name>\S+) \"(?P<value>[^\"]*)\""
    r"|(?P<size>LARGER|SMALLER) (?P<n>\d+)|SENTSINCE (?P<since>\S+)|SENTBEFORE (?P<before>\S+)"
    r"|SENTON (?P<on>\S+)|(?P<sign>NOT|OR|[()])|(?P<seq>[\d:,*]+)"
)


class Mailbox(NamedTuple):
    """One set of messages, indexed; sequence numbers are those of the server."""

    name: str
    connection: apsw.Connection
    contents: dict[int, Content]
    wires: dict[str, bytes]
    answers: dict[str, frozenset[int]]
    threads: dict[str, set[frozenset[int]]]

    def find(self, text: str) -> frozenset[int]:
        query = parse(text, now=NOW, zone=UTC)
        found = search.find(self.connection, query, columns="m.rid, m.words", read=self.wires.__getitem__)
        return frozenset(int(words) for _, words in found.rows)


def indexed(name: str) -> Mailbox:
    """A set of the corpus in a database in memory; its `connection` is the caller's to close."""
    connection = apsw.Connection(":memory:")
    schema.migrate(connection, 0)
    connection.execute("INSERT INTO account VALUES(1, 'a', 'imap', 'a')")
    connection.execute("INSERT INTO folder(key, account, name, path, tag) VALUES(1, 1, 'INBOX', 'i', 'i')")
    contents: dict[int, Content] = {}
    wires: dict[str, bytes] = {}
    connection.execute("BEGIN")
    fulltext.begin_bulk(connection)
    rids = index.RowIds(connection)
    mails = corpus.fixtures() if name == "suites" else corpus.mails(name)
    for answer in corpus.answers(name):
        number, data = answer["seq"], corpus.appended(mails[answer["file"]])
        wires[f"x{number:07}"] = data
        contents[number] = read.content(data)
        state = index.State(
            *(f"x{number:07}", 1, None, None, None, None, None, "cur/x", len(data)),
            *(None, None, None, 0, str(number), NOW, 0),
        )
        index.insert(connection, rids, state, index.parse(data))
    fulltext.end_bulk(connection)
    connection.execute("COMMIT")
    root = corpus.directory()
    assert root is not None
    with lzma.open(root / "oracle" / f"{name}.queries.jsonl.xz", "rt") as lines:
        asked = [row for row in map(json.loads, lines) if row["status"] == "OK"]
    answers = {
        row["query"].replace("CHARSET UTF-8 ", ""): frozenset(map(int, row["answer"].split()[2:]))
        for row in asked
        if row["query"].startswith("SEARCH ")
    }
    threads = {row["query"].split()[1]: groups(row["answer"]) for row in asked if "THREAD" in row["query"]}
    return Mailbox(name, connection, contents, wires, answers, threads)


def groups(answer: str) -> set[frozenset[int]]:
    """The messages of each thread of a THREAD answer (RFC 5256 §4), their order left aside."""
    found: list[set[int]] = []
    depth = 0
    for token in re.findall(r"[()]|\d+", answer):
        if token == "(":
            if not depth:
                found.append(set())
            depth += 1
        elif token == ")":
            depth -= 1
        else:
            found[-1].add(int(token))
    return set(map(frozenset, found))


def ours(question: str) -> str:
    """The query by which a person would ask us what the server was asked."""
    words = []
    for match in _TERM.finditer(question.removeprefix("SEARCH ")):
        if match["leaf"]:
            words.append(_text(*_LEAF.fullmatch(match["leaf"]).groups()))  # type: ignore[union-attr]
        elif match["name"]:
            words.append(f"header.{match['name']}:" + (f'"{match["value"]}"' if match["value"] else "*"))
        elif match["size"]:
            words.append(f"{match['size'].lower()}:{match['n']}")
        elif match["since"]:
            words.append(f"after:{_day(match['since']):%Y-%m-%d}")
        elif match["before"]:
            words.append(f"before:{_day(match['before']) - timedelta(days=1):%Y-%m-%d}")
        elif match["on"]:
            words.append(f"date:{_day(match['on']):%Y-%m-%d}")
        elif match["sign"]:
            words.append(match["sign"])
    return _infix(words)


def _infix(words: list[str]) -> str:
    """OR stands before its two operands there, between them here."""
    if not words or words[0] != "OR":
        return " ".join(words).replace("NOT ", "-").replace("( ", "(").replace(" )", ")")
    first, rest = _operand(words[1:])
    return f"{_infix(first)} OR {_infix(rest)}"


def _operand(words: list[str]) -> tuple[list[str], list[str]]:
    end = words.index(")") + 1 if words[0] == "(" else 1
    return words[:end], words[end:]


def _text(field: str, text: str) -> str:
    name = _FIELDS[field]
    if len(text) == 1:
        return f"{name}:/{text}/"
    value = text if re.fullmatch(r"\w+", text) else f'"{text}"'
    return f"{name}:{value}" if name else value


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC)


def lines(mailbox: Mailbox) -> Iterator[str]:
    """The rows of the table for one set: a count of the questions, and each that is answered differently."""
    same = 0
    rows = []
    for question, there in mailbox.answers.items():
        query = ours(question)
        here = mailbox.find(query)
        if match := re.match(r"SEARCH ([\d:,*]+) ", question):
            here &= frozenset(n for n in mailbox.contents if _within(n, match[1]))
        if here == there:
            same += 1
            continue
        causes = Counter(_cause(mailbox, question, n, n in here) for n in here ^ there)
        told = "; ".join(f"{cause}: {count}" for cause, count in sorted(causes.items()))
        counts = f"{len(there)}\t{len(here)}\t{len(here & there)}"
        rows.append(f"{mailbox.name}\t{question}\t{query}\t{counts}\t{told}\n")
    yield f"{mailbox.name}\tasked {len(mailbox.answers)}, answered alike {same}\t\t\t\t\t\n"
    yield from rows


def _within(number: int, ranges: str) -> bool:
    bounds = (part.partition(":") for part in ranges.split(","))
    return any(int(low) <= number <= (float("inf") if high == "*" else int(high)) for low, _, high in bounds)


def _cause(mailbox: Mailbox, question: str, number: int, found: bool) -> str:
    """Why a message is `found` by us and not by the server, or the other way round; else "?"."""
    if "SENT" in question:
        days = [_day(text).timestamp() for text in re.findall(r"\d+-\w+-\d+", question)]
        days += [day + 86400 for day in days]
        date = mailbox.contents[number].envelope.date
        if date is not None and min(abs(date - day) for day in days) < 86400:
            return "the day in local time, not in the sender's zone"
        return "a Date that the server cannot read" if found and date is not None else "?"
    wire = mailbox.wires[f"x{number:07}"]
    for name, text in re.findall(r'HEADER (\S+) "([^"]+)"', question):
        values = "\n".join(v for n, v in read.reading(wire).headers if n.lower() == name.lower()).casefold()
        if text.casefold() in values and not _is_word(text.casefold(), values):
            return _INSIDE
    for field, text in _LEAF.findall(question):
        cause = _text_cause(mailbox.contents[number], wire, field, text.casefold())
        if cause:
            return cause
    return (
        "a malformed, nested or oddly encoded body that the server does not search"
        if found or "NOT" in question
        else "?"
    )


_INSIDE = "the text inside of a longer word"


def _is_word(text: str, within: str) -> bool:
    return re.search(rf"(?<![^\W_]){re.escape(text)}(?![^\W_])", within) is not None


def _text_cause(content: Content, wire: bytes, field: str, text: str) -> str:
    """Why a text is in a field to one of us and not to the other; "" if nothing says so."""
    envelope = content.envelope
    shown = {"SUBJECT": envelope.subject, "BODY": content.text}
    for name, some in (("FROM", envelope.sender), ("TO", envelope.to), ("CC", envelope.cc)):
        shown[name] = "\n".join(f"{one.name} {one.email}" for one in some)
    seen = (shown[field] if field != "TEXT" else "\n".join(shown.values())).casefold()
    head, source = _sources(wire)
    if _is_word(text, seen):
        if text not in (head + source if field in ("BODY", "TEXT") else head):
            return "text that is there only when HTML, a charset or a nested encoding is read"
        return ""
    if text in seen:
        return _INSIDE
    if " " in text and _is_word(text, re.sub(r"[\W_]+", " ", seen)):
        return "words with a line end or a sign between them"
    if field == "TEXT" and text in head:
        return "a header field that we search by header.NAME"
    if text in source:
        return "the source of HTML, or a part that is not shown"
    if text in wire.decode("latin-1").casefold():
        return "the raw source of a part"
    return "the same letter without its accent" if _bare(text) in _bare(seen) else ""


def _sources(wire: bytes) -> tuple[str, str]:
    """The header fields, and the decoded source of all text parts, of one message."""
    reading = read.reading(wire)
    head = "\n".join(f"{name}: {value}" for name, value in reading.headers)
    source = "\n".join(
        read.part_text(wire, part) for part in reading.parts if part.type.startswith(("text/", "message/"))
    )
    return head.casefold(), source.casefold()


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def write() -> None:
    table = [_HEAD]
    for name in SETS:
        mailbox = indexed(name)
        table += lines(mailbox)
        mailbox.connection.close()
    TABLE.write_text("".join(table))


if __name__ == "__main__":
    write()
