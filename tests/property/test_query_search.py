"""Searches against a plain evaluation of the same tree over small mailboxes."""

from __future__ import annotations

import string
from datetime import UTC
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from mailcli.errors import QueryError
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
    Text,
    conjunction,
    disjunction,
)
from mailcli.model.query.explain import unparse
from mailcli.model.query.parse import parse
from mailcli.store import search
from tests.support.query_oracle import Oracle
from tests.support.small_mailbox import FOLDERS, SmallMailbox, mail

NOW = 1_717_243_200.0
OWN = ("me@example.org", "ann@x.org")
WORDS = (
    *("alpha", "alphabet", "beta", "Ångström", "angstrom", "C++", "C", "c++17", "x=1", "x", "1", "a=b=c"),
    *("会議資料", "会議", "資料", "회의를", "회의", "foo-bar", "foo", "notterm_term_", "—", "50%", "#12"),
    *("🎉", "€5", "re:"),
)
PEOPLE = (
    "Ann <ann@x.org>",
    "Jo Ann <jo.ann@x.org>",
    "Bob Alpha <bob@example.com>",
    "me@example.org",
    '"Not me" <me@example.org.invalid>',
)
DATES = (
    *(
        "Mon, 06 May 2024 10:00:00 +0000",
        "Sun, 05 May 2024 23:30:00 -0200",
        "Wed, 01 Jan 2020 00:00:00 +0000",
    ),
    *("Fri, 01 Jan 2040 00:00:00 +0000", None, "not a date"),
)
PATHS = tuple(f"{account}/{name}" for account, name, _ in FOLDERS)

texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
mails = st.builds(
    mail,
    subject=texts,
    sender=st.sampled_from(PEOPLE),
    to=st.sampled_from(PEOPLE),
    body=texts,
    date=st.sampled_from(DATES),
    message_id=st.sampled_from(["", *(f"{n}@x" for n in range(4))]),
    extra=st.sampled_from(
        ["X-A: b", "In-Reply-To: <0@x>", "References: <1@x> <2@x>", "List-Id: <alpha.x.org>"]
    ),
)
flag_sets = st.lists(st.sampled_from(["\\Seen", "\\Flagged", "\\Answered", "work", "workshop"]), unique=True)


@st.composite
def mailboxes(draw: st.DrawFn) -> SmallMailbox:
    mailbox = SmallMailbox()
    for _ in range(draw(st.integers(0, 8))):
        mailbox.add(draw(mails), draw(st.sampled_from(PATHS)), draw(flag_sets))
    return mailbox


text_fields = st.sampled_from(["", "", "", "subject", "from", "to", "body", "list"])
single_words = st.builds(
    Text, text_fields, st.sampled_from(WORDS).filter(lambda w: w.isalnum() or w[-1] in "+%"), st.booleans()
)
phrases = st.builds(Text, text_fields, texts.filter(bool), st.just(False))
plain = st.sampled_from([w for w in WORDS if w.isalnum()])


@st.composite
def nears(draw: st.DrawFn) -> Near:
    left, right = (Text("", draw(plain), draw(st.booleans())) for _ in range(2))
    return Near(draw(text_fields), left, right, draw(st.integers(0, 4)))


names = st.sampled_from(
    [
        *(Name("is", word) for word in ("unread", "read", "flagged", "answered", "replied", "signed")),
        *(Name("has", word) for word in ("attachment", "list", "link")),
        *(Name("in", word) for word in ("any", "inbox", "junk", "projects/alpha", "beta", "deleted items")),
        *(Name("account", word) for word in ("home", "work")),
        *(Name("tag", "work"), Name("tag", "work", True), Name("id", "aaaaaa"), Name("id", "aaaaaaac")),
        *(Name("mime", "text"), Name("mime", "text/plain"), Name("mime", "image")),
    ]
)
regexes = st.builds(
    Regex, st.sampled_from(["subject", "from", "body"]), st.sampled_from(["al", "^x", "C..", "me@"])
)


def _parsed(text: str) -> Node:
    return parse(text, now=NOW, zone=UTC).node


measures = st.sampled_from(
    ["date:2024-05", "date:2024-05-06", "before:2023", "after:2024-05-06", "date:2019..2021", "newer_than:4w",
     "older_than:1y", "after:2039", "larger:250", "smaller:250", "size:..300", "from:me", "to:me"]
).map(_parsed)  # fmt: skip
leaves: st.SearchStrategy[Node] = st.one_of(
    single_words, phrases, nears(), names, regexes, measures, st.just(Everything())
)
trees: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(conjunction),
        st.lists(inner, min_size=2, max_size=3).map(disjunction),
        inner.map(Not),
        inner.map(InThread),
    ),
    max_leaves=6,
)

slow = settings(max_examples=250)


def shape(value: object) -> object:
    """A tree without positions, with the kinds of its nodes: equal tuples need not be equal trees."""
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        if fields is None:
            return tuple(map(shape, value))
        return type(value).__name__, *(shape(v) for f, v in zip(fields, value, strict=True) if f != "at")
    return value


@slow
@given(mailboxes(), st.lists(trees, min_size=1, max_size=5))
def test_a_search_finds_what_a_plain_evaluation_finds(mailbox: SmallMailbox, nodes: list[Node]) -> None:
    oracle = Oracle(mailbox, OWN)
    for node in nodes:
        query = Query("", node)
        expected = oracle.find(query)
        found = search.find(mailbox.connection, query, own_addresses=OWN, read=mailbox.read)
        assert found.rids == expected, unparse(node)
        assert search.count(mailbox.connection, query, own_addresses=OWN, read=mailbox.read) == len(expected)


# Windows as small as the mailboxes, so that an answer is put together from several of them.
@patch.object(search, "_WINDOWS", (1, 3))
@slow
@given(mailboxes(), trees, st.integers(1, 3), st.booleans())
def test_pages_put_together_are_the_whole_answer(
    mailbox: SmallMailbox, node: Node, limit: int, reverse: bool
) -> None:
    expected = Oracle(mailbox, OWN).find(Query("", node))[:: -1 if reverse else 1]
    for sort in ("date", "relevance"):
        pages: list[int] = []
        after = None
        while True:
            found = search.find(
                mailbox.connection, Query("", node), limit=limit, after=after, reverse=reverse, sort=sort,
                own_addresses=OWN, read=mailbox.read, now=NOW,
            )  # fmt: skip
            pages += found.rids
            after = found.next
            if after is None:
                break
            assert len(found.rids) == limit
        assert (pages if sort == "date" else sorted(pages)) == (
            expected if sort == "date" else sorted(expected)
        )
        whole = search.find(
            mailbox.connection, Query("", node), reverse=reverse, sort=sort,
            own_addresses=OWN, read=mailbox.read, now=NOW,
        )  # fmt: skip
        assert pages == whole.rids


@patch.object(search, "_WINDOWS", (1, 3))
@slow
@given(mailboxes(), trees, st.integers(1, 3))
def test_threads_come_once_each_at_their_newest_match(mailbox: SmallMailbox, node: Node, limit: int) -> None:
    threads = mailbox.threads()
    newest: dict[str, int] = {}
    for rid in Oracle(mailbox, OWN).find(Query("", node)):
        newest.setdefault(threads[rid], rid)
    pages: list[int] = []
    after = None
    while True:
        found = search.find(
            mailbox.connection, Query("", node), limit=limit, after=after, threads=True,
            own_addresses=OWN, read=mailbox.read,
        )  # fmt: skip
        pages += found.rids
        after = found.next
        if after is None:
            break
    assert pages == list(newest.values())


@settings(max_examples=400)
@given(trees)
def test_a_tree_survives_being_written_and_parsed(node: Node) -> None:
    for full in (False, True):
        again = parse(unparse(node, full=full), now=NOW, zone=UTC).node
        assert shape(again) == shape(node)


pieces = st.sampled_from(
    [
        *("a", "OR", "or", "AND", "NOT", "not", "-", "--", "("),
        *(")", "{", "}", '"', "*", "NEAR", "NEAR/3", "/", ".."),
        *("from:", "subject:", "thread:{", "is:unread", "date:2024", "date:", "size:1M..", "x:y", "http://a"),
        *("me", "header.x:", "in:any", "/a/", " ", " ", " ", "\\", "\0"),
        *("\ud800", "\u3000", "会議", "id:", "query:q", "lang:"),
    ]
)


@settings(max_examples=300)
@given(
    st.one_of(st.lists(pieces, max_size=25).map("".join), st.text(alphabet=string.printable), st.text()),
    st.booleans(),
)
def test_parsing_gives_a_tree_or_a_query_error(text: str, typing: bool) -> None:
    try:
        query = parse(text, now=NOW, zone=UTC, saved={"q": "a OR b"}, typing=typing)
    except QueryError as error:
        assert error.position is not None
        assert 0 <= error.position <= len(text)
        assert error.message
        assert error.hint
        return
    again = parse(unparse(query.node), now=NOW, zone=UTC, saved={"q": "a OR b"}).node
    assert shape(again) == shape(query.node)


_EMPTY = SmallMailbox()
_EMPTY.add(mail())


@settings(max_examples=400)
@given(st.one_of(st.lists(pieces, max_size=15).map("".join), st.text()))
def test_whatever_parses_can_be_searched(text: str) -> None:
    try:
        query = parse(text, now=NOW, zone=UTC, saved={"q": "a OR b"})
        search.find(_EMPTY.connection, query, limit=5, own_addresses=OWN, read=_EMPTY.read)
        search.find(_EMPTY.connection, query, sort="relevance", own_addresses=OWN, read=_EMPTY.read)
    except QueryError as error:
        assert error.exit_code == 2


def test_own_is_a_leaf() -> None:
    assert isinstance(_parsed("from:me"), Own)
