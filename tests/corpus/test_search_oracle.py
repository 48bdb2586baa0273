"""Searches of real list mail against a real IMAP server's answers to the same questions.

IMAP's SEARCH looks for substrings, ours for words: a regular expression must agree with the server
exactly, and the words must be those of its answers that stand at the beginning of a word. What a person
would ask, and how the answers differ, is in `searches.tsv`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import apsw
import pytest

from tests.corpus import corpus, searches
from tests.corpus.searches import Mailbox

FIELDS = {"SUBJECT": "subject", "FROM": "from", "TO": "to", "CC": "cc"}

pytestmark = pytest.mark.skipif(corpus.directory() is None, reason="the corpus is not beside the checkout")


@pytest.fixture(scope="module", params=corpus.LISTS)
def mailbox(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    made = searches.indexed(request.param)
    yield made
    made.connection.close()


@pytest.fixture(scope="module")
def fixtures() -> Iterator[Mailbox]:
    made = searches.indexed("suites")
    yield made
    made.connection.close()


def published(name: str) -> list[str]:
    rows = searches.TABLE.read_text().splitlines(keepends=True)
    return [row for row in rows if row.startswith(f"{name}\t")]


def test_the_published_table_of_searches_is_true_and_complete(mailbox: Mailbox) -> None:
    assert list(searches.lines(mailbox)) == published(mailbox.name)


def test_the_published_table_is_true_of_the_fixtures_too(fixtures: Mailbox) -> None:
    assert list(searches.lines(fixtures)) == published("suites")


def test_each_difference_of_a_search_has_its_cause() -> None:
    rows = [row.rstrip("\n").split("\t") for name in searches.SETS for row in published(name)]
    assert {row[0] for row in rows} == set(searches.SETS)
    assert [row for row in rows if row[2] and ("?" in row[6] or not row[6])] == []


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
