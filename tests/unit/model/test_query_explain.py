from __future__ import annotations

from datetime import UTC

from mailcli.model.query.explain import explain
from mailcli.model.query.parse import parse


def explained(text: str, saved: dict[str, str] | None = None) -> list[str]:
    return explain(parse(text, now=1_717_243_200.0, zone=UTC, saved=saved or {})).splitlines()


def test_the_parsed_form_has_all_its_parentheses() -> None:
    assert explained("a OR b -c")[0] == 'query: "a" OR ("b" AND NOT "c")'


def test_dates_are_said_as_instants() -> None:
    assert "  date:2024-05: from 2024-05-01T00:00:00Z to 2024-05-31T23:59:59Z" in explained("date:2024-05")


def test_the_scope_is_said() -> None:
    assert "looks: everywhere but Spam and Trash (in:any: there too)" in explained("a")
    assert "looks: where it says" in explained("a in:any")


def test_the_plan_says_who_answers_each_term() -> None:
    lines = explained('a is:unread subject:/x/ body:/y/ header.x-z:w "—"')
    assert '  full-text index: "a"' in lines
    assert "  message table: is:unread" in lines
    assert "  checked on the header fields of what is left: subject:/x/" in lines
    assert '  read from the files of what is left: body:/y/, header.x-z:"w", "—"' in lines


def test_saved_queries_are_laid_open() -> None:
    assert '  query:boss = from:"ann" OR from:"bea"' in explained(
        "query:boss x", {"boss": "from:ann OR from:bea"}
    )
