from __future__ import annotations

import pytest

from mailcli.model.message import Summary
from mailcli.model.query.parse import parse
from mailcli.store import snippets
from mailcli.store.match import Matcher
from tests.cli.calling import summary
from tests.support.small_mailbox import SmallMailbox, mail

FILLER = "lorem ipsum dolor sit amet, consetetur sadipscing elitr " * 20


def shown(query: str, body: str, subject: str = "x") -> str:
    matcher = Matcher(SmallMailbox().connection)
    rows: list[Summary] = [summary(preview="the beginning")]
    node = parse(query, now=0.0).node
    return snippets.snippets(matcher, node, rows, lambda _: mail(subject, body=body))[0].preview


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("needle", "a needle in the hay"),
        ("NEEDLE", "a needle in the hay"),
        ("need*", "a needle in the hay"),
        ('"in the hay"', "a needle in the hay"),
        ("in-the-hay", "a needle in the hay"),
        ("hay OR nothing", "a needle in the hay"),
        ("body:needle -from:bob", "a needle in the hay"),
        ("needle NEAR/5 hay", "a needle in the hay"),
        ("angstrom", "one Ångström wide"),
        ("größe", "die Grosse hier"),
        ("grösse", "die Größe hier"),
        ("lodz", "do Łódź jadę"),
        ("会議", "明日の会議は中止"),
        ("회의", "내일 회의를 합니다"),
        ("C++", "written in C++ today"),
        ("x=1", "let x=1 be"),
        ("foo@bar.com", "ask foo@bar.com about it"),
    ],
)
def test_a_preview_is_the_place_where_the_words_stand(query: str, there: str) -> None:
    found = shown(query, f"c x 1 n {FILLER}\n{there}\n{FILLER}")
    assert there in found
    assert found.startswith("…")
    assert len(found) <= 200
    assert "\n" not in found


@pytest.mark.parametrize(
    "query", ["needl", "-needle", "subject:needle", "is:unread", "from:bob", "회사", "—"]
)
def test_without_a_place_in_the_text_it_is_the_beginning(query: str) -> None:
    assert shown(query, "a needle, 회의, C", "needle") == "the beginning"


def test_a_hit_at_the_beginning_is_not_cut_off_before() -> None:
    assert shown("needle", "> a needle\n> in the hay") == "a needle in the hay"


def test_a_message_that_cannot_be_read_keeps_its_preview() -> None:
    from mailcli.errors import NotFound

    def read(_: str) -> bytes:
        raise NotFound("only its header is here")

    matcher = Matcher(SmallMailbox().connection)
    rows = [summary(preview="the beginning")]
    assert snippets.snippets(matcher, parse("a", now=0.0).node, rows, read) == rows
