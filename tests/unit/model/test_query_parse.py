from __future__ import annotations

from datetime import UTC

import pytest

from mailcli.errors import QueryError
from mailcli.model.query.ast import And, Everything, Name, Near, Not, Or, Own, Regex, Text
from mailcli.model.query.explain import unparse
from mailcli.model.query.parse import parse

NOW = 1_717_243_200.0  # Saturday 2024-06-01 12:00:00 UTC


def form(text: str, **options: object) -> str:
    """The parsed form with all parentheses."""
    return unparse(parse(text, now=NOW, zone=UTC, **options).node, full=True)  # type: ignore[arg-type]


def fault(text: str, **options: object) -> QueryError:
    with pytest.raises(QueryError) as caught:
        form(text, **options)
    return caught.value


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a b", '"a" AND "b"'),
        ("a AND b and c", '"a" AND "b" AND "c"'),
        ("a OR b or c", '"a" OR "b" OR "c"'),
        ("a b OR c d", '("a" AND "b") OR ("c" AND "d")'),
        ("a (b OR c)", '"a" AND ("b" OR "c")'),
        ("-a NOT b not c", 'NOT "a" AND NOT "b" AND NOT "c"'),
        ("-(a b)", 'NOT ("a" AND "b")'),
        ("NOT (NOT a)", 'NOT (NOT "a")'),
        ("-from:x", 'NOT from:"x"'),
        ('-"a b"', 'NOT "a b"'),
        ("subject:(a OR b c)", 'subject:"a" OR (subject:"b" AND subject:"c")'),
        ("subject:(a from:b)", 'subject:"a" AND from:"b"'),
        ("is:(unread OR flagged)", "is:unread OR is:flagged"),
        ("a NEAR b", '"a" NEAR/10 "b"'),
        ('"a b" NEAR/3 c*', '"a b" NEAR/3 c*'),
        ("subject:(a NEAR/2 b)", 'subject:("a" NEAR/2 "b")'),
        ("thread:{from:a OR b}", 'thread:{from:"a" OR "b"}'),
        ("word*", "word*"),
        ("*", "*"),
        ("Or And Not", '"Or" AND "And" AND "Not"'),
        ("printf(3)", '"printf" AND "3"'),
        ("from:me from:(me OR x)", 'from:me AND (from:me OR from:"x")'),
        ('from:"me" subject:me', 'from:"me" AND subject:"me"'),
        ("FROM:bob Subject:x", 'from:"bob" AND subject:"x"'),
        ("header.X-Foo:bar header.x-foo:*", 'header.x-foo:"bar" AND header.x-foo:*'),
        ("has:ATTACHMENT", "has:attachment"),
        ('in:"Sent Items"', 'in:"Sent Items"'),
        ("mime:image/*", "mime:image/*"),
        ("id:7K2M id:a@b", "id:7k2m AND id:a@b"),
        (" \u3000 a\u3000b ", '"a" AND "b"'),
    ],
)
def test_the_grammar_reads_as_documented(text: str, parsed: str) -> None:
    assert form(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "re:",
        "https://example.org/a?b=c",
        "12:30",
        "Re:",
        "foo:8080",
        "x@y:22",
        "C++",
        "x=1",
        "-",
        "::1",
        "/usr/bin",
    ],
)
def test_what_only_looks_like_a_field_is_text(text: str) -> None:
    assert parse(text, now=NOW).node == Text("", text, at=0)


def test_a_regex_exists_only_as_a_fields_value() -> None:
    assert parse(r"subject:/a\/b (c|d)/ x", now=NOW).node == And(
        (Regex("subject", r"a\/b (c|d)", at=0), Text("", "x", at=21))
    )
    assert isinstance(parse("/a/", now=NOW).node, Text)
    assert isinstance(parse("in:/a/", now=NOW).node, Name)


def test_nodes_carry_their_position() -> None:
    node = parse("a  -from:bob (c OR is:unread)", now=NOW).node
    assert isinstance(node, And)
    assert node.children[1] == Not(Text("from", "bob", at=4))
    inner = node.children[2]
    assert isinstance(inner, Or)
    assert inner.children == (Text("", "c", at=14), Name("is", "unread", at=19))


def test_me_is_the_own_address_only_unquoted() -> None:
    assert parse("from:me", now=NOW).node == Own("from", at=0)
    assert parse("from:ME", now=NOW).node == Own("from", at=0)
    assert parse("from:me*", now=NOW).node == Text("from", "me", prefix=True, at=0)


def test_the_last_word_is_a_prefix_while_typing() -> None:
    assert form("foo ba", typing=True) == '"foo" AND ba*'
    assert form("foo ba ", typing=True) == '"foo" AND "ba"'
    assert form('foo "ba"', typing=True) == '"foo" AND "ba"'
    assert form("subject:ba", typing=True) == "subject:ba*"
    assert form("is:unread", typing=True) == "is:unread"
    assert form("C++", typing=True) == '"C++"'


def test_saved_queries_stand_for_their_text() -> None:
    saved = {"boss": "from:ann OR from:bea", "both": "query:boss is:unread"}
    assert form("x query:both", saved=saved) == '"x" AND query:"both"'
    error = fault("query:bos", saved=saved)
    assert error.hint == "did you mean query:boss?"
    assert "contains itself" in fault("query:a", saved={"a": "x query:b", "b": "query:a"}).message
    error = fault("x query:bad", saved={"bad": "subjct:x"})
    assert error.position == 8
    assert 'in the saved query "bad"' in error.message


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "empty"),
        ("  ", 0, "empty"),
        ("a subjct:x", 2, 'no field "subjct:"'),
        ("std::string", 0, 'no field "std:"'),
        ("C:\\dir", 0, 'no field "C:"'),
        ("header:x", 0, 'no field "header:"'),
        ("subject:", 0, "has no value"),
        ("subject: x", 0, "has no value"),
        ("(subject:)", 1, "has no value"),
        ("is:unred", 0, "no is:unred"),
        ("has:file", 0, "no has:file"),
        ("(a", 0, '"(" is never closed'),
        ("a)", 1, '")" is out of place'),
        ("()", 0, "nothing stands in the parentheses"),
        ("a {b}", 2, '"{" is out of place'),
        ("subject:{a}", 8, "braces go with thread: only"),
        ("thread:{a", 7, '"{" is never closed'),
        ("thread:{a)", 9, "out of place"),
        ('a "b', 2, "never closed"),
        ('""', 0, "empty phrase"),
        ('"a b"*', 5, "cannot be a prefix"),
        ("a*b", 1, "a star may only end a word"),
        ("*.pdf", 0, "a star may only end a word"),
        ("subject:*", 8, "letters are missing"),
        ("from:a OR", 9, "missing"),
        ("OR a", 0, "OR has nothing"),
        ("a AND", 5, "missing"),
        ("AND a", 0, "AND has nothing"),
        ("a OR OR b", 5, "OR has nothing"),
        ("a NOT", 5, "nothing follows NOT"),
        ("NOT NOT a", 4, "NOT has nothing"),
        ("--force", 0, "two minus signs"),
        ("NEAR b", 0, "NEAR has nothing"),
        ("a NEAR", 2, "NEAR needs"),
        ("a NEAR/5000 b", 2, "1000 words"),
        ("a NEAR b NEAR c", 9, "NEAR has nothing"),
        ("subject:a NEAR b", 10, "NEAR stands between"),
        ("date:(2024 NEAR 2025)", 11, "NEAR has no meaning"),
        ("subject:/a", 8, "never closed"),
        ("subject://", 8, "never closed"),
        ("subject:/(/", 9, "not a regular expression"),
        ("subject:/a/b", 11, "something follows"),
        ("attachment:/a/", 11, "no regular expressions"),
        ("is:unread*", 9, "takes no star"),
        ("date:2024*", 9, "takes no star"),
        ("id:!!", 3, "is no id"),
        ("query:x", 6, "no saved query"),
    ],
)
def test_what_is_not_in_the_grammar_is_an_error_at_its_place(text: str, position: int, said: str) -> None:
    error = fault(text)
    assert said in error.message
    assert error.position == position
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("subjct:x", "did you mean subject:?"),
        ("form:x", "did you mean from:?"),
        ("newerthan:x", "did you mean newer_than:?"),
        ("is:unred", "did you mean is:unread?"),
        ("has:attachments", "did you mean has:attachment?"),
        ("header:x", "did you mean header.NAME:?"),
        ("mailto:x@y", 'quote it: "mailto:x@y"'),
    ],
)
def test_an_error_says_what_to_write_instead(text: str, hint: str) -> None:
    assert hint in fault(text).hint


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "(" * 60 + "a" + ")" * 60, "thread:{" * 60, "subject:(" * 100_000]
)
def test_nesting_is_bounded_without_exhausting_the_stack(text: str) -> None:
    assert "50 deep" in fault(text).message


def test_the_number_of_terms_is_bounded() -> None:
    assert "1000 terms" in fault("a " * 100_000).message
    wide = parse(" OR ".join(["a"] * 1000), now=NOW).node
    assert isinstance(wide, Or)
    assert len(wide.children) == 1000


def test_saved_queries_cannot_multiply_beyond_the_bound() -> None:
    saved = {"q0": "a b c d e f g h"}
    saved |= {f"q{n}": " ".join([f"query:q{n - 1}"] * 8) for n in range(1, 40)}
    assert "1000 terms" in fault("query:q39", saved=saved).message


def test_everything_is_a_star() -> None:
    assert parse("*", now=NOW).node == Everything()
    near = parse('a NEAR "b c"', now=NOW).node
    assert near == Near("", Text("", "a", at=0), Text("", "b c", at=7), 10, at=0)


@pytest.mark.parametrize(
    ("text", "everywhere"),
    [
        ("a", False),
        ("in:any a", True),
        ("a OR in:Trash", True),
        ("-in:INBOX", False),
        ("NOT (-in:INBOX)", True),
        ("id:7k2m", True),
        ("thread:{in:Trash}", False),
    ],
)
def test_a_query_that_names_its_place_looks_there_only(text: str, everywhere: bool) -> None:
    assert parse(text, now=NOW).everywhere is everywhere
