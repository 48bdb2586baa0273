from __future__ import annotations

import apsw
import pytest

from mailcli.model.address import Address
from mailcli.model.message import Content, Envelope
from mailcli.store import fulltext, tokens


@pytest.fixture
def connection() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    for statement in fulltext.DDL:
        connection.execute(statement)
    return connection


def content(subject: str = "", text: str = "", **envelope: tuple[Address, ...]) -> Content:
    return Content(Envelope(subject, **envelope), text, "", 0, ("a file.pdf",), frozenset(), frozenset())  # type: ignore[arg-type]


def rows(connection: apsw.Connection, match: str) -> list[int]:
    return [rid for (rid,) in connection.execute("SELECT rowid FROM fts WHERE fts MATCH ?", (match,))]


def test_a_message_is_found_in_its_columns_until_it_is_removed(connection: apsw.Connection) -> None:
    people = {name: (Address(f"{name} name", f"{name}@x.org"),) for name in ("sender", "to", "cc", "bcc")}
    fulltext.add(connection, 5, content("a subject", "a body", **people))
    for match in (
        "subject:subject",
        "sender:sender",
        'recipient:"to x org"',
        "cc:cc",
        "bcc:bcc",
        "body:body",
    ):
        assert rows(connection, match) == [5], match
    assert rows(connection, 'filename:"file pdf"') == [5]
    fulltext.remove(connection, 5)
    assert rows(connection, "subject") == []


def test_removing_what_is_not_there_does_nothing(connection: apsw.Connection) -> None:
    fulltext.remove(connection, 7)
    assert rows(connection, "a") == []


def test_a_changed_row_id_is_a_removal_and_an_addition(connection: apsw.Connection) -> None:
    fulltext.add(connection, 5, content("word"))
    fulltext.remove(connection, 5)
    fulltext.add(connection, 6, content("word"))
    assert rows(connection, "word") == [6]


def test_bulk_runs_lose_nothing_and_can_be_cleared(connection: apsw.Connection) -> None:
    fulltext.begin_bulk(connection)
    for rid in range(100):
        fulltext.add(connection, rid, content("word", f"text{rid}"))
    fulltext.end_bulk(connection)
    assert len(rows(connection, "word")) == 100
    assert rows(connection, "text42") == [42]
    fulltext.clear(connection)
    assert rows(connection, "word") == []


def test_nul_and_surrogates_do_not_stop_a_message_from_being_indexed(connection: apsw.Connection) -> None:
    fulltext.add(connection, 1, content("before\0after", "one\ud800two \udcff"))
    assert rows(connection, "after AND two") == [1]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("plain text", "plain text"),
        ("会議room", " 会 議 room"),
        ("회의를", " 회 의 를 "),
        ("ＡＢＣ ﬁn", "ABC fin"),
        ("Straße Łódź Søren", "Strasse lódź Soren"),
        ("soft\u00adhyphen zero\u200bwidth", "softhyphen zerowidth"),
        ("مُحَمَّد", "محمد"),
        ("ย่า", " ย ่ า "),
        ("a\ue02bb", "a b"),
    ],
)
def test_folding_lays_words_open(text: str, folded: str) -> None:
    assert tokens.folded(text) == folded


def decoded(words: list[str]) -> list[str]:
    """Encoded words as they look in the text; each begins with a mark."""
    assert all(word[0] == "\ue000" for word in words)
    plain = [word[1:] for word in words]
    return ["".join(chr(ord(c) - 0xE000) if 0xE000 <= ord(c) < 0xE080 else c for c in word) for word in plain]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing here, really - no.", []),
        ("C++", ["C++"]),
        ("(C++17)", ["C++", "C++17"]),
        ("a=b=c", ["a=", "a=b", "b=", "b=c"]),
        ("#12 $HOME +diff =x", ["#12", "$HOME"]),
        ("==== & ++", []),
        ("x" * 41 + "=1", []),
        ("50% of 50%", ["50%"]),
    ],
)
def test_words_with_signs_are_added_as_such(text: str, words: list[str]) -> None:
    assert decoded(tokens.signed_words(text)) == words


def test_what_a_query_needs_is_what_the_index_has() -> None:
    for word in ("C++", "x=1", "a=b=c", "#12", "50%", "AT&T", "x" * 41 + "=1", "=", "+1"):
        needed = {encoded for encoded, _ in tokens.needed_words(word)}
        assert needed <= set(tokens.signed_words(f"in ({word}), a text"))


def test_an_added_word_is_no_neighbour_and_no_match_of_a_plain_prefix(connection: apsw.Connection) -> None:
    fulltext.add(connection, 1, content(text="x=12 C++ or last"))
    assert rows(connection, 'NEAR("last" "c" *, 5)') == [1]
    assert rows(connection, 'NEAR("last" "c" *, 0)') == rows(connection, '"last x" *') == []


def test_plain_ascii_text_is_passed_through_at_once() -> None:
    text = "The quick brown fox, jumping over a lazy dog; all day long.\n" * 1000
    assert tokens.prepared(text) is text


def test_an_accent_that_stands_apart_makes_one_letter_with_the_one_before_it() -> None:
    assert tokens.folded("Cafe\u0301 \u2013 e\u0301te\u0301") == tokens.folded("Café \u2013 été")
