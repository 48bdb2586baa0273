"""Searches of real list mail against a real IMAP server's answers to the same questions.

IMAP's SEARCH looks for substrings, ours for words: a regular expression must agree with the server
exactly, and the words must be those of its answers that stand at the beginning of a word. Runs where
the corpus is: $MAILCLI_CORPUS, or ../shared/corpus.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from mailcli.mime.read import content
from mailcli.model.message import Content
from mailcli.model.query.parse import parse
from mailcli.store import fulltext, index, schema, search

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("MAILCLI_CORPUS") or ROOT.parent / "shared/corpus")
LISTS = ("kasan-dev", "usrp-users", "linux-man")
FIELDS = {"SUBJECT": "subject", "FROM": "from", "TO": "to", "CC": "cc"}
NOW = 1_785_000_000.0

pytestmark = pytest.mark.skipif(not (CORPUS / "lists").is_dir(), reason=f"no corpus at {CORPUS}")


class Mailbox(NamedTuple):
    """One list, indexed; sequence numbers are those of the server."""

    connection: apsw.Connection
    contents: dict[int, Content]
    wires: dict[str, bytes]
    answers: dict[str, frozenset[int]]
    threads: dict[str, set[frozenset[int]]]
    name: str

    def find(self, text: str) -> frozenset[int]:
        query = parse(text, now=NOW, zone=UTC)
        found = search.find(self.connection, query, read=self.wires.__getitem__)
        rows = self.connection.execute("SELECT rid, words FROM message").fetchall()
        numbers = {rid: int(str(words)) for rid, words in rows}
        return frozenset(numbers[rid] for rid in found.rids)


def wire(data: bytes) -> bytes:
    """As the server was given it: no mbox line, every line end CRLF."""
    if data.startswith(b"From "):
        data = data[data.index(b"\n") + 1 :]
    return re.sub(rb"\r?\n", b"\r\n", data)


@pytest.fixture(scope="module", params=LISTS)
def mailbox(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    name = request.param
    connection = apsw.Connection(":memory:")
    schema.migrate(connection, 0)
    connection.execute("INSERT INTO account VALUES(1, 'a', 'imap', 'a')")
    connection.execute("INSERT INTO folder(key, account, name, path, tag) VALUES(1, 1, 'INBOX', 'i', 'i')")
    contents: dict[int, Content] = {}
    wires: dict[str, bytes] = {}
    connection.execute("BEGIN")
    fulltext.begin_bulk(connection)
    rids = index.RowIds(connection)
    with tarfile.open(CORPUS / "lists" / f"{name}.tar.xz", "r:xz") as archive:
        for number, member in enumerate((m for m in archive if m.isfile()), 1):
            file = archive.extractfile(member)
            assert file is not None
            data = wire(file.read())
            wires[f"x{number:07}"] = data
            contents[number] = content(data)
            state = index.State(
                *(f"x{number:07}", 1, None, None, None, None, None, "cur/x", len(data)),
                *(None, None, None, 0, str(number), NOW, 0),
            )
            index.insert(connection, rids, state, index.parse(data))
    fulltext.end_bulk(connection)
    connection.execute("COMMIT")
    with lzma.open(CORPUS / "oracle" / f"{name}.queries.jsonl.xz", "rt") as lines:
        asked = [row for row in map(json.loads, lines) if row["status"] == "OK"]
    answers = {
        row["query"].replace("CHARSET UTF-8 ", ""): frozenset(map(int, row["answer"].split()[2:]))
        for row in asked
        if row["query"].startswith("SEARCH ")
    }
    grouped = {row["query"].split()[1]: groups(row["answer"]) for row in asked if "THREAD" in row["query"]}
    yield Mailbox(connection, contents, wires, answers, grouped, name)
    connection.close()


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


def ours(connection: apsw.Connection) -> set[frozenset[int]]:
    found: dict[str, set[int]] = {}
    for thread, words in connection.execute("SELECT thread, words FROM message"):
        found.setdefault(str(thread), set()).add(int(str(words)))
    return set(map(frozenset, found.values()))


def escaped(text: str) -> str:
    """A text as a regex of a query."""
    return re.escape(text).replace("/", "\\/")


def asked(mailbox: Mailbox, pattern: str) -> Iterator[tuple[re.Match[str], frozenset[int]]]:
    """The server's answers to the questions of one form; there must be some."""
    found = [(m, answer) for q, answer in mailbox.answers.items() if (m := re.fullmatch(pattern, q))]
    assert found
    yield from found


def test_a_regex_on_a_field_finds_the_servers_substrings(mailbox: Mailbox) -> None:
    for match, answer in asked(mailbox, r'SEARCH (SUBJECT|FROM|TO|CC) "([^"]+)"'):
        query = f"{FIELDS[match[1]]}:/{escaped(match[2])}/"
        assert mailbox.find(query) == answer, query


def test_words_of_a_field_are_the_substrings_that_begin_a_word(mailbox: Mailbox) -> None:
    for match, answer in asked(mailbox, r'SEARCH (SUBJECT|FROM|TO|CC) "([ -~]{2,})"'):
        field = FIELDS[match[1]]
        words = re.sub(r"\W+", " ", match[2])
        found = mailbox.find(
            f'{field}:("{words}" OR {words.split()[-1]}*)' if " " in words else f"{field}:{words}*"
        )
        begins = mailbox.find(rf"{field}:/(?<![^\W_]){re.escape(match[2])}/")
        if " " not in words:
            assert found == begins, match[0]
        assert begins <= answer & found, match[0]


def test_words_of_the_body_agree_with_the_server(mailbox: Mailbox) -> None:
    for match, answer in asked(mailbox, r'SEARCH BODY "([a-z]{3,}|[日中])"'):
        word = match[1]
        found = mailbox.find(f"body:{word}*")
        pattern = re.compile(rf"(?<![^\W_]){word}" if word.isascii() else word, re.IGNORECASE)
        assert found == {n for n, c in mailbox.contents.items() if pattern.search(c.text)}, word
        # The server sees the source of HTML parts and text attachments, we what a person reads.
        assert len(found - answer) <= len(mailbox.contents) // 100, word


def test_headers_and_sizes_agree_with_the_server(mailbox: Mailbox) -> None:
    for match, answer in asked(mailbox, r'SEARCH HEADER (\S+) "([^"]*)"'):
        value = f"/{escaped(match[2])}/" if match[2] else "*"
        assert mailbox.find(f"header.{match[1]}:{value}") == answer, match[0]
    for match, answer in asked(mailbox, r"SEARCH (LARGER|SMALLER) (\d+)"):
        assert mailbox.find(f"{match[1].lower()}:{match[2]}") == answer, match[0]


def test_dates_agree_with_the_server_but_for_the_zone(mailbox: Mailbox) -> None:
    """The server takes the date as its header writes it, we take it in local time (here UTC)."""

    def day(text: str) -> datetime:
        return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC)

    for match, answer in asked(mailbox, r"SEARCH SENTSINCE (\S+) SENTBEFORE (\S+)"):
        first, last = day(match[1]), day(match[2])
        found = mailbox.find(f"after:{first:%Y-%m-%d} before:@{int(last.timestamp()) - 1}")
        for number in found ^ answer:
            date = mailbox.contents[number].envelope.date
            assert date is not None
            assert min(abs(date - first.timestamp()), abs(date - last.timestamp())) < 86400


def test_combinations_agree_with_the_server(mailbox: Mailbox) -> None:
    answers = mailbox.answers
    subject = r"subject:/re\:/"
    assert mailbox.find(f"-{subject}") == answers['SEARCH NOT SUBJECT "re:"']
    for match, answer in asked(mailbox, r'SEARCH OR SUBJECT "(\w+)" SUBJECT "(\w+)"'):
        assert mailbox.find(f"subject:/{match[1]}/ OR subject:/{match[2]}/") == answer


THREADS = {  # ours, the server's, equal ones
    "linux-man": (723, 723, 723),
    "kasan-dev": (108, 108, 108),
    # Its mailer writes In-Reply-To without angle brackets: to us an id like any other, to the server none.
    "usrp-users": (361, 530, 272),
}
"""Threads of the lists, against the server's THREAD=REFS."""


def _tells_more(heads: list[bytes]) -> bool:
    """Whether a thread has what we take for an answer and the server does not: an In-Reply-To without
    angle brackets, or to a message that References leaves out; or the same message twice."""
    own = [match[1] for head in heads if (match := re.search(rb"(?im)^message-id:\s*(\S+)", head))]
    if len(set(own)) < len(own):
        return True
    for head in heads:
        answered = re.search(rb"(?im)^in-reply-to:\s*(\S+)", head)
        references = re.search(rb"(?im)^references:((?:.*\r\n[ \t])*.*)", head)
        if answered and (references is None or answered[1] not in references[1]):
            return True
    return False


def test_threads_are_those_of_the_server_by_references(mailbox: Mailbox) -> None:
    """REFS unites by References and In-Reply-To and not by subject, as we do."""
    here, there = ours(mailbox.connection), mailbox.threads["REFS"]
    assert (len(here), len(there), len(here & there)) == THREADS[mailbox.name]
    of = {number: thread for thread in here for number in thread}
    assert all(len({of[number] for number in thread}) == 1 for thread in there)
    for thread in here - there:
        heads = [mailbox.wires[f"x{number:07}"].partition(b"\r\n\r\n")[0] for number in thread]
        assert _tells_more(heads), sorted(thread)
