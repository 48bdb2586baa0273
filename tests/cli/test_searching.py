"""Searches as they are typed: words of a shell, joined by spaces, in mails that are hard to find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.app.context import Context
from mailcli.cli import run
from mailcli.store.values import Arrival
from tests.cli.calling import Called, printed, streams

MAILS = {
    "hyphen": "the kata-containers runtime",
    "underscore": "a variable notterm_term_ here",
    "address": "write to foo.bar@example.com, please",
    "sign": "C++ is a language; set x=1",
    "plain": "C is a language; set x to 1",
    "reply": "the mark re: stands before a subject",
    "link": "see https://docs.example.org/a-b/c?x=2#top for more",
    "clock": "we meet at 12:30 sharp",
    "accent": "Ångström und Größe, garçon",
    "chinese": "明日の会議は中止です",
    "hangul": "내일 회의를 합니다",
    "mixed": "Windows11の設定について",
    "phrase": "the launch plan of spring",
    "scattered": "plan the spring and then launch",
    "quoted": 'he said "yes/no" (perhaps), 50% sure',
    "dash": "first — second",
}
LATER = 1_700_000_000.0


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("searching")
    ctx = Context.open(profile=directory, environ={"HOME": str(directory)})
    inbox = ctx.store.ensure_folder("local", "INBOX", special="Inbox")
    spam = ctx.store.ensure_folder("local", "Junk", special="Spam")
    arrivals = []
    for n, (name, text) in enumerate(MAILS.items()):
        sender = "Bob <bob@example.com>" if n % 2 else "Ann <ann@example.net>"
        head = f"From: {sender}\r\nSubject: {name}\r\nDate: Tue, {n + 1:02} Oct 2024 12:00:00 +0000\r\n"
        head += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        arrivals.append(Arrival(inbox, (head + text + "\r\n").encode(), arrived=LATER * 1.1))
    arrivals.append(Arrival(spam, b"Subject: spam\r\n\r\nkata-containers for free\r\n", arrived=LATER))
    ctx.store.deliver(arrivals)
    ctx.close()
    yield directory


def search(profile: Path, *argv: str) -> Called:
    made = streams(environ={"MAILCLI_PROFILE": str(profile), "HOME": str(profile), "TZ": "UTC"})
    code = run.main(("search", *argv), made)
    return Called(code, *printed(made))


def found(profile: Path, *argv: str) -> set[str]:
    done = search(profile, "--format", "{subject}", *argv)
    assert (done.code, done.err) == (0, ""), done
    return set(done.out.split())


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (["kata-containers"], "hyphen"),
        (["containers"], "hyphen"),
        (["kata-containers", "in:any"], "hyphen spam"),
        (["notterm_term_"], "underscore"),
        (["notterm"], "underscore"),
        (["foo.bar@example.com"], "address"),
        (["bar@example.com,"], "address"),
        (["C++"], "sign"),
        (["c", "language"], "sign plain"),
        (["x=1"], "sign"),
        (["re:"], "reply"),
        (["re:", "stands"], "reply"),
        (["https://docs.example.org/a-b/c?x=2#top"], "link"),
        (["docs.example.org"], "link"),
        (["12:30"], "clock"),
        (["angstrom"], "accent"),
        (["GRÖSSE"], "accent"),
        (["garcon"], "accent"),
        (["会議"], "chinese"),
        (["議は"], "chinese"),
        (["회의"], "hangul"),
        (["windows11"], "mixed"),
        (["設定"], "mixed"),
        (["launch plan"], "phrase scattered"),
        (['"launch', 'plan"'], "phrase"),
        (['"launch plan"'], "phrase"),
        (["launch", "NEAR/1", "plan"], "phrase"),
        (["yes/no"], "quoted"),
        (["(perhaps)"], "quoted"),
        (["50%"], "quoted"),
        (["—"], "dash"),
        (["langu*", "-C++"], "plain"),
        (["-from:bob", "launch"], "phrase"),
        (["launch", "NOT", "from:bob"], "phrase"),
        (["launch", "-(from:bob", "OR", "subject:phrase)"], ""),
        (["--", "-from:ann", "launch"], "scattered"),
        (["launch", "OR", "会議"], "phrase scattered chinese"),
        (["date:2024-10-02..2024-10-03"], "underscore address"),
        (["date:..2024-10-02"], "hyphen underscore"),
        (["after:2024-10-15"], "quoted dash"),
        (["subject:/^hy.+n$/"], "hyphen"),
        (["smaller:1k", "subject:hyphen"], "hyphen"),
        (["larger:1k"], ""),
    ],
)
def test_what_is_visibly_there_is_found_as_it_is_typed(profile: Path, argv: list[str], names: str) -> None:
    assert found(profile, *argv) == set(names.split())


@pytest.mark.parametrize("argv", [["-kata-containers"], ["-会議"], ["-x=1"], ["-re:"], ["-12:30"]])
def test_a_leading_minus_is_all_the_rest(profile: Path, argv: list[str]) -> None:
    (gone,) = found(profile, argv[0][1:])
    assert found(profile, *argv) == set(MAILS) - {gone}


def test_an_unknown_field_is_refused_and_the_right_one_named(profile: Path) -> None:
    done = search(profile, "form:alice")
    assert (done.code, done.out) == (2, "")
    assert "from:" in done.err and done.err.count("\n") == 1


@pytest.mark.parametrize("sort", ["date", "relevance"])
def test_pages_go_on_where_the_one_before_ended(profile: Path, sort: str) -> None:
    import json

    ids: list[str] = []
    after: list[str] = []
    while True:
        done = search(profile, "a", "OR", "the", "OR", "we", "--sort", sort, "--json", "-n", "3", *after)
        page = json.loads(done.out)
        ids += [row["id"] for row in page["data"]]
        if page["next"] is None:
            break
        after = ["--after", page["next"]]
    whole = search(profile, "a", "OR", "the", "OR", "we", "--sort", sort, "--ids").out.split()
    assert ids == whole
    assert len(whole) > 6


def test_a_preview_is_where_the_words_stand(profile: Path) -> None:
    """The file is read for it only where it is shown."""
    long = "one two three four five six seven eight nine ten " * 20
    ctx = Context.open(profile=profile, environ={"HOME": str(profile)})
    folder = ctx.store.ensure_folder("local", "Long")
    text = f"Subject: long\r\n\r\n{long}\r\nhere is the needle in the hay\r\n{long}"
    ctx.store.deliver([Arrival(folder, text.encode(), arrived=LATER)])
    ctx.close()
    assert "the needle in the hay" in search(profile, "needle", "--format", "{preview}").out
    assert "the needle in the hay" in search(profile, "needle", "--json").out
    assert search(profile, "in:Long", "--format", "{preview}").out.startswith("one two")


def test_an_explanation_is_for_people(profile: Path) -> None:
    done = search(profile, "--explain", "launch", "-from:bob", "date:2024-10..")
    assert done.code == 0
    assert '"launch"' in done.out and "NOT from" in done.out and "2024-10-01" in done.out
