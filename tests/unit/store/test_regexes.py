from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from mailcli.errors import QueryError
from mailcli.store import regexes
from mailcli.store.regexes import Regexes, repetitions


@pytest.fixture
def made() -> Iterator[Regexes]:
    held = Regexes()
    yield held
    held.close()


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("plain", 0),
        (r"\[x\+\]|a.c|[*+?({|]", 0),
        ("a{x", 0),
        ("^a.*b$|c+", 1),
        (".*a.*b{2,}", 3),
        ("[]*]+", 1),
        ("(a+)+$", None),
        ("(?:a|a)", None),
    ],
)
def test_the_tries_of_a_pattern_without_groups_are_counted(pattern: str, count: int | None) -> None:
    assert repetitions(pattern) == count


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("B", "abc", True),
        ("^b", "a\nb", True),
        ("a.*c", "abc" * 1000, True),
        ("(a+)+$", "xaa", True),
        ("(a+)+$", "aab", False),
        (r"(\w)\1é", "Ääé" * 3, True),
        ("x(?=\udc80)", "x\udc80", True),
    ],
)
def test_here_or_in_a_child_the_answer_is_that_of_python(
    made: Regexes, pattern: str, text: str, found: bool
) -> None:
    holds = made.matcher(pattern)
    assert [holds(text), holds("~"), holds(text)] == [found, False, found]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 60 + "!"),
        ("(?:a|a)" * 40 + "b", "a" * 60),
        (".*a.*a.*a.*a.*b", "a" * 20_000),
        ("(x+x+)+y", "x" * 3_000_000),  # more than a pipe holds
    ],
)
def test_no_pattern_takes_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch, made: Regexes, pattern: str, text: str
) -> None:
    monkeypatch.setattr(regexes, "SECONDS", 0.2)
    with pytest.raises(QueryError, match="takes too long"):
        made.matcher(pattern)(text)


def test_while_a_pattern_is_tried_other_threads_run(monkeypatch: pytest.MonkeyPatch, made: Regexes) -> None:
    monkeypatch.setattr(regexes, "SECONDS", 0.3)
    outcome: list[object] = []

    def search() -> None:
        try:
            outcome.append(made.matcher("(a+)+$")("a" * 60 + "!"))
        except QueryError as error:
            outcome.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    turns = 0
    while thread.is_alive():
        thread.join(0.01)
        turns += 1
    assert turns > 1
    assert isinstance(outcome[0], QueryError)


def test_all_texts_of_a_query_together_have_a_bound(made: Regexes) -> None:
    holds = made.matcher("(a)")
    assert holds("a")  # the child is there
    made._left = 0.2
    with pytest.raises(QueryError, match="takes too long"):
        for _ in range(50_000):
            holds("a")


def test_closing_ends_the_child(made: Regexes) -> None:
    made.matcher("(a)")("a")
    process = made._children[0]._process
    assert process is not None
    made.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)
