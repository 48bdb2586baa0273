from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from unittest.mock import patch

import pytest

from mailcli.errors import NotFound, QueryError, UsageError
from mailcli.model.query.parse import parse
from mailcli.store import search
from tests.support.small_mailbox import SmallMailbox, mail

NOW = 1_717_243_200.0  # 2024-06-01 12:00 UTC
OWN = ("me@example.org",)

Find = Callable[..., list[str]]


@pytest.fixture
def mailbox() -> SmallMailbox:
    return SmallMailbox()


@pytest.fixture
def find(mailbox: SmallMailbox) -> Find:
    """Ids of the hits, newest first."""

    def run(text: str, **options: object) -> list[str]:
        query = parse(text, now=NOW, zone=UTC)
        ids = {m.rid: m.id for m in mailbox.messages}
        found = search.find(
            mailbox.connection, query, own_addresses=OWN, read=mailbox.read, now=NOW, **options  # type: ignore[arg-type]
        )  # fmt: skip
        return [ids[rid] for rid in found.rids]

    return run


VISIBLE = (
    "Ask foo@bar.com about kata-containers, notterm_term_ or C++ (re: x=1):"
    " Ångström, 会議の資料, 회의를 50% 🎉 — #12"
)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "kata-containers",
            "kata",
            "containers",
            "foo@bar.com",
            "bar.com",
            "foo@",
            "notterm_term_",
            "notterm",
        ),
        *("term", "C++", "c++", "re:", "x=1", "x=1*", "C++*", "ångström", "angstrom", "ANGSTROM", "Ångström"),
        *(
            "会議",
            "資料",
            "会",
            "会議の資料",
            "회의",
            "회의를",
            "50%",
            "#12",
            "12",
            "🎉",
            "—",
            '"about kata containers"',
        ),
        *("kat*", "containers,", "(C++)", "会*", "회*", "about NEAR/1 containers", "Ａｓｋ"),
    ],
)
@pytest.mark.parametrize("field", ["subject", "body", ""])
def test_words_that_are_visibly_there_are_found(
    mailbox: SmallMailbox, find: Find, query: str, field: str
) -> None:
    text = {"subject": VISIBLE} if field == "subject" else {"body": VISIBLE}
    there = mailbox.add(mail(**text))
    mailbox.add(mail("another", body="C x 1 x==1 会 議 foo bar com"))
    assert there.id in find(f"{field}:({query})" if field else query)


@pytest.mark.parametrize(
    "query", ["C++", "C++*", "x=1", "x=1*", "#12", "50%", "angstroms", "資議", "🎂", "…", "C#", "angs,*"]
)
def test_words_with_signs_are_not_their_bare_letters(mailbox: SmallMailbox, find: Find, query: str) -> None:
    mailbox.add(mail("C c+ Cc, x 1 x==1 x=2 12 50 percent Ångström 会議の資料 🎉"))
    assert find(query) == []


def test_a_word_across_a_line_break_of_chinese_is_found(mailbox: SmallMailbox, find: Find) -> None:
    there = mailbox.add(mail(body="明日の会\n議です"))
    assert find("会議") == [there.id]


def test_a_text_without_tokens_reads_only_what_the_other_terms_leave(
    mailbox: SmallMailbox, find: Find
) -> None:
    mailbox.add(mail("one", body="a … b"))
    two = mailbox.add(mail("two", body="a … b"))
    mailbox.add(mail("two", body="nothing"), flags=["\\Seen"])
    assert find("… subject:two is:unread") == [two.id]
    assert mailbox.read_ids == [two.id]


def test_a_message_whose_bytes_are_not_here_matches_no_term_that_needs_them(mailbox: SmallMailbox) -> None:
    mailbox.add(mail(body="a … b"))

    def read(_: str) -> bytes:
        raise NotFound("only the headers were fetched")

    query = parse("body:/a/ OR header.subject:* OR …", now=NOW)
    assert search.find(mailbox.connection, query, read=read).rids == []
    assert search.find(mailbox.connection, query).rids == []


def test_spam_and_trash_are_left_out_unless_named(mailbox: SmallMailbox, find: Find) -> None:
    inbox = mailbox.add(mail("word"))
    spam = mailbox.add(mail("word"), folder="work/Junk")
    trash = mailbox.add(mail("word"), folder="home/Trash")
    gone = mailbox.add(mail("word"), folder="work/Deleted Items")
    assert find("word") == [inbox.id]
    assert find("-nothing") == [inbox.id]
    assert set(find("word in:any")) == {inbox.id, spam.id, trash.id, gone.id}
    assert set(find("in:trash")) == {trash.id, gone.id}
    assert find("in:junk word") == find("in:spam word") == [spam.id]
    assert find(f"id:{spam.id}") == [spam.id]
    assert find("word -in:sent") == [inbox.id]


def test_a_folder_is_named_whole_in_any_case_or_by_its_last_part(mailbox: SmallMailbox, find: Find) -> None:
    alpha = mailbox.add(mail(), folder="work/Projects/Alpha")
    other = mailbox.add(mail(), folder="work/Lists/Alpha")
    beta = mailbox.add(mail(), folder="work/Lists/Beta")
    work, home = mailbox.add(mail()), mailbox.add(mail(), folder="home/INBOX")
    assert find("in:projects/alpha") == [alpha.id]
    assert find("in:BETA") == [beta.id]
    assert set(find("in:lists/*")) == {other.id, beta.id}
    assert set(find("in:inbox")) == {work.id, home.id}
    assert find("in:inbox account:HOME") == [home.id]
    assert find("in:drafts") == []


@pytest.mark.parametrize(
    ("query", "said", "hint"),
    [
        ("a in:alpha", "several folders: Lists/Alpha, Projects/Alpha", "whole name"),
        ("a in:Bet", 'no folder "Bet"', ""),
        ("a in:Lists/Betta", 'no folder "Lists/Betta"', "did you mean in:Lists/Beta?"),
        ("a account:wrk", 'no account "wrk"', "did you mean account:work?"),
    ],
)
def test_a_place_that_is_not_there_is_an_error(find: Find, query: str, said: str, hint: str) -> None:
    with pytest.raises(QueryError) as caught:
        find(query)
    assert said in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.position in (2, 5)


def test_an_account_chosen_apart_from_the_query_bounds_it(mailbox: SmallMailbox) -> None:
    mailbox.add(mail("a"))
    home = mailbox.add(mail("a"), folder="home/INBOX")
    trash = mailbox.add(mail("a"), folder="home/Trash")

    def find(text: str, account: str) -> list[int]:
        return search.find(mailbox.connection, parse(text, now=NOW, account=account)).rids

    assert find("a", "home") == find("", "home") == [home.rid]
    assert find("a OR in:any", "home") == sorted((home.rid, trash.rid), reverse=True)
    assert find("a", "not fetched yet") == []


def test_own_addresses_are_whole_addresses(mailbox: SmallMailbox, find: Find) -> None:
    mine = mailbox.add(mail(sender="I <Me@Example.org>", to="you@example.org"))
    mailbox.add(mail(sender="jo.me@example.org", to="you@example.org"))
    mailbox.add(mail(sender="me@example.org.invalid", to='"me@example.org" <you@example.org>'))
    assert find("from:me") == [mine.id]
    assert find("to:me") == []
    assert len(find('from:"me"')) == 3


def test_own_addresses_may_be_patterns(mailbox: SmallMailbox) -> None:
    tagged = mailbox.add(mail(sender="Me <me+lists@my.example.org>", to="ann@x.org"))
    other = mailbox.add(mail(sender="you@x.org", to="Any <Any.Body@Mine.org>, b@x.org"))
    mailbox.add(mail(sender="me+lists@my.example.org.invalid", to='"x@mine.org" <ann@x.org>'))

    def find(text: str) -> list[int]:
        own = ["me+*@my.example.org", "*@mine.org"]
        return search.find(mailbox.connection, parse(text, now=NOW), own_addresses=own).rids

    assert find("from:me") == [tagged.rid]
    assert find("to:me") == [other.rid]
    assert find("-to:me -from:me") == [mailbox.messages[2].rid]


def test_a_term_on_a_field_the_message_lacks_is_false_and_its_negation_true(
    mailbox: SmallMailbox, find: Find
) -> None:
    there = mailbox.add(mail(date=None))
    for term in ("date:1970..", "before:2100", "newer_than:1y", "list:x", "cc:x", "header.x-y:*", "lang:de",
                 "cc:/a/", "filename:x", "header.x-y:/./", "tag:work", "cc:me"):  # fmt: skip
        assert find(term) == [], term
        assert find(f"-{term}") == [there.id], term


def test_dates_speak_of_the_header_even_where_it_is_not_believed(mailbox: SmallMailbox, find: Find) -> None:
    future = mailbox.add(mail("x", date="Mon, 06 May 2044 10:00:00 +0000"))
    past = mailbox.add(mail("x", date=None))
    mailbox.connection.execute("UPDATE message SET date = ? WHERE id = ?", (-5e7, past.id))
    normal = mailbox.add(mail("x", date="Mon, 06 May 2024 23:59:59 +0000"))
    assert find("date:2044") == [future.id]
    assert find("after:2040 x") == [future.id]
    assert find("date:..1969 x") == [past.id]
    assert find("date:2024-05-06") == [normal.id]
    assert find("before:2024-05-06 after:2024-05-06") == [normal.id]
    assert find("-date:2024 date:2024-07 OR date:2044") == [future.id]


def test_headers_are_searched_by_words_and_by_regex(mailbox: SmallMailbox, find: Find) -> None:
    extra = "X-Spam-Level: 5.1 C++ points\r\nContent-Language: de-AT, en\r\nX-Note: =?utf-8?q?gr=C3=BCn?="
    there = mailbox.add(mail(extra=extra))
    mailbox.add(mail(extra="X-Spam-Level: 0"))
    for query in ("header.x-spam-level:points", 'header.X-Spam-Level:"5.1 c++"', "header.x-note:grun",
                  "header.x-note:GR*", "header.x-spam-level:/^5\\./", "lang:de", "lang:EN", "lang:de-at",
                  "header.x-spam-level:(5 NEAR/2 points)", "header.x-note:*"):  # fmt: skip
        assert find(query) == [there.id], query
    for query in ("header.x-spam-level:C#", "header.x-spam-level:(5 NEAR/1 points)", "lang:d", "lang:fr"):
        assert find(query) == [], query


def test_regexes_run_on_what_people_see(mailbox: SmallMailbox, find: Find) -> None:
    there = mailbox.add(
        mail("=?utf-8?q?gr=C3=BCn_12?=", sender="Ann <ann@x.org>", extra="Bcc: Zoe <z@x.org>")
    )
    mailbox.add(mail("green"))
    for query in ("subject:/^GRÜN \\d+$/", "from:/ann ann@x/", "bcc:/zoe/", "bcc:zoe"):
        assert find(query) == [there.id], query
    assert len(find("body:/^some/")) == 2
    assert find("subject:/a/ OR subject:/12/") == [there.id]


def test_types_keywords_and_flags_are_searched(mailbox: SmallMailbox, find: Find) -> None:
    there = mailbox.add(mail(), flags=["\\Flagged", "Work", "$Forwarded", "$Muted"])
    mailbox.add(mail(), flags=["\\Seen", "workshop"])
    for query in ("tag:work", "tag:WORK is:flagged", "tag:flagged", "tag:forwarded", "tag:$forwarded",
                  "is:muted", "tag:work mime:text", "mime:text/plain tag:flag*"):  # fmt: skip
        assert find(query) == [there.id], query
    assert len(find("tag:work*")) == 2
    assert find("mime:image OR mime:text/html OR mime:tex") == []


def test_threads_are_found_whole(mailbox: SmallMailbox, find: Find) -> None:
    first = mailbox.add(mail("start", message_id="a@x"))
    reply = mailbox.add(
        mail("other", message_id="b@x", extra="In-Reply-To: <a@x>"), folder="work/Deleted Items"
    )
    mailbox.add(mail("else"))
    assert find("thread:{other}") == [first.id]
    assert set(find("in:any thread:{start}")) == {first.id, reply.id}
    assert find("thread:{other} start -thread:{else}") == [first.id]
    thread = mailbox.threads()[first.rid]
    assert find(f"thread:{thread}") == find(f"thread:t:{thread}") == [first.id]
    assert find("id:b@x") == [reply.id]


def test_a_thousand_terms_and_a_long_phrase_are_within_sqlites_limits(
    mailbox: SmallMailbox, find: Find
) -> None:
    there = mailbox.add(mail(body="w7"))
    assert find(" OR ".join(f"w{n}" for n in range(1000))) == [there.id]
    assert find(" OR ".join(f"id:aaaaa{'a' * (n % 3)} tag:x" for n in range(500))) == []
    assert find(" ".join(f"-w{n + 8}" for n in range(1000))) == [there.id]
    assert find(" OR ".join(f"(w{n} OR is:flagged)" for n in range(500))) == [there.id]
    assert find(f'"{"w7 " * 20_000}"') == []


@pytest.mark.parametrize("reverse", [False, True])
def test_answers_in_pages_skip_and_repeat_nothing(mailbox: SmallMailbox, reverse: bool) -> None:
    for n in range(23):
        mailbox.add(mail("even" if n % 2 == 0 else "odd", date=f"Mon, 06 May 2024 10:00:{n // 3:02} +0000"))
    wanted = sorted((m.rid for m in mailbox.messages if b"even" in m.raw), reverse=not reverse)
    query = parse("even", now=NOW)
    with patch.object(search, "_WINDOWS", (2, 5)):
        pages, after = [], None
        for _ in range(3):
            page = search.find(mailbox.connection, query, limit=4, after=after, reverse=reverse)
            pages.append(page.rids)
            after = page.next
    assert pages == [wanted[:4], wanted[4:8], wanted[8:]]
    assert after is None


def test_relevance_weighs_the_subject_and_the_age(mailbox: SmallMailbox, find: Find) -> None:
    long = " ".join(f"filler{n}" for n in range(50))
    body = mailbox.add(mail("something", body=f"word {long}"))
    subject = mailbox.add(mail("word", body=long))
    old = mailbox.add(mail("word", body=long, date="Mon, 06 May 2002 10:00:00 +0000"))
    for _ in range(9):  # so that the word is rare
        mailbox.add(mail("nothing", body=long))
    assert find("word", sort="relevance")[0] == subject.id
    assert set(find("word", sort="relevance")) == {body.id, subject.id, old.id}
    assert find("word", sort="relevance").index(old.id) > 0
    assert find("is:unread", sort="relevance") == find("is:unread")


def test_relevance_knows_whom_one_writes_to(mailbox: SmallMailbox, find: Find) -> None:
    mailbox.add(mail("launch", sender="x@stranger.test"))
    friend = mailbox.add(mail("launch", sender="Ann <ANN@friend.test>"))
    mailbox.add(mail("launch", sender="z@stranger.test"))
    assert find("launch", sort="relevance")[0] != friend.id
    mailbox.connection.execute("UPDATE folder SET special = 'Sent' WHERE name = 'Lists/Beta'")
    mailbox.add(mail("hello", to="Ann <ann@friend.test>, other@x.test"), folder="work/Lists/Beta")
    assert find("launch", sort="relevance")[0] == friend.id
    assert find("launch", sort="relevance", reverse=True)[-1] == friend.id


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sort", ["date", "relevance"])
def test_pages_skip_and_repeat_nothing_while_mail_arrives(
    mailbox: SmallMailbox, sort: str, reverse: bool, threads: bool
) -> None:
    before = {
        mailbox.add(
            mail(
                f"word {'word ' * (n % 5)}",
                body="filler " * (n % 7),
                date=f"Mon, {1 + n:02} Apr 2024 10:00:00 +0000",
            )
        ).rid
        for n in range(24)
    }
    for _ in range(40):
        mailbox.add(mail("nothing", body="at all", date="Mon, 01 Apr 2019 10:00:00 +0000"))
    query = parse("word", now=NOW)
    pages, after, now = [], None, NOW
    for turn in range(12):
        page = search.find(
            mailbox.connection,
            query,
            sort=sort,
            limit=5,
            after=after,
            now=now,
            reverse=reverse,
            threads=threads,
        )
        pages += page.rids
        after = page.next
        if after is None:
            break
        now += 1000
        for n in range(4 if turn < 3 else 0):  # each changes what a word counts
            mailbox.add(
                mail(
                    "word word word",
                    body="filler " * n,
                    date=f"Wed, 0{1 + turn % 9} May 2024 1{n}:00:00 +0000",
                )
            )
    assert after is None
    assert len(set(pages)) == len(pages)
    assert before <= set(pages)
    if sort == "date":
        assert (len(pages) > len(before)) == reverse  # what comes is the newest


@pytest.mark.parametrize("threads", [False, True])
def test_relevance_of_a_page_is_that_of_the_whole_answer(mailbox: SmallMailbox, threads: bool) -> None:
    """Old messages are not looked at where none can be among the best, and only there."""
    long = " ".join(f"filler{n}" for n in range(80))
    good = mailbox.add(mail("word", body="word", date="Sat, 06 May 2023 10:00:00 +0000"))
    for n in range(30):
        mailbox.add(mail(f"letter {n}", body=f"{long} {'word ' * (n % 2)}"))
    for n in range(20):
        mailbox.add(mail("word", body=long, date=f"Mon, 06 May {1980 + n} 10:00:00 +0000"))
    for n in range(60):  # so that the word is rare
        mailbox.add(mail("nothing", body=long, date=f"Mon, 06 May 2001 10:00:{n:02} +0000"))
    for text in ("word", "subject:word", "word OR letter", "word -filler7", '"word word" OR from:bob'):
        query = parse(text, now=NOW)
        whole = search.find(mailbox.connection, query, sort="relevance", now=NOW, threads=threads).rids
        for sizes, limit in (((2, 5), 3), ((10, 40), 7), ((500, 5000), 7)):
            with patch.object(search, "_WINDOWS", sizes):
                pages, after = [], None
                for _ in range(3):
                    page = search.find(
                        mailbox.connection, query, limit=limit, after=after, sort="relevance", now=NOW,
                        threads=threads,
                    )  # fmt: skip
                    pages += page.rids
                    after = page.next
                    if after is None:
                        break
            assert pages == whole[: 3 * limit], (text, sizes)
    assert (
        search.find(mailbox.connection, parse("word", now=NOW), sort="relevance", now=NOW).rids[0] == good.rid
    )


def test_relevance_of_a_common_word_looks_at_the_newest_messages_only(mailbox: SmallMailbox) -> None:
    for n in range(40):
        mailbox.add(mail("word" if n % 3 else "else", date=f"Mon, 06 May {1985 + n} 10:00:00 +0000"))
    asked: list[tuple[int, int]] = []

    def watch(_: object, sql: str, values: object) -> bool:
        if isinstance(values, dict) and "expression" in values:
            asked.append((values["low"], values["high"]))
        return True

    mailbox.connection.exec_trace = watch
    with patch.object(search, "_WINDOWS", (5, 5, 5)):
        search.find(mailbox.connection, parse("word", now=NOW), sort="relevance", limit=2, now=NOW)
    assert 1 <= len(asked) < 4
    assert all(low > 0 for low, _ in asked)


def test_a_wrong_cursor_or_order_is_a_usage_error(mailbox: SmallMailbox, find: Find) -> None:
    with pytest.raises(UsageError):
        find("a", after="x")
    with pytest.raises(UsageError):
        find("a", after="12", sort="relevance")
    with pytest.raises(UsageError):
        find("a", sort="size")


def test_threads_are_counted_as_they_are_listed(mailbox: SmallMailbox) -> None:
    root = "root@example.org"
    mailbox.add(mail("word", message_id=root))
    mailbox.add(mail("word", extra=f"References: <{root}>", message_id="second@example.org"))
    mailbox.add(mail("word", message_id="third@example.org"))
    mailbox.add(mail("other", message_id="fourth@example.org"))
    query = parse("word", now=NOW)
    assert search.count(mailbox.connection, query) == 3
    assert search.count(mailbox.connection, query, threads=True) == 2
    assert len(search.find(mailbox.connection, query, threads=True).rids) == 2


def test_counting_agrees_with_finding(mailbox: SmallMailbox, find: Find) -> None:
    for n in range(5):
        mailbox.add(mail(f"word{n}"), flags=["\\Seen"] if n % 2 else [])
    for query in ("*", "is:unread", "-word1", "word1 OR word2", "larger:1"):
        assert search.count(mailbox.connection, parse(query, now=NOW)) == len(find(query))


def test_a_users_word_is_never_index_syntax(mailbox: SmallMailbox, find: Find) -> None:
    there = mailbox.add(mail("AND column subject : body NEAR a + b ^ rowid"))
    for query in (
        '"AND"',
        "^rowid",
        "a+b",
        "subject:column",
        '"subject : body"',
        "rowid'",
        "b;--",
        "NOT^",
        "near",
    ):
        find(query)
    assert find('"NEAR" "AND"') == [there.id]
    assert find("\0") == []
    assert find("a\0b") == [there.id]
