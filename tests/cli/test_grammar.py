"""Where options may stand, and what is an option and what a word."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcli.cli import fast, grammar, table
from mailcli.cli.completion import leaves
from mailcli.cli.spec import GLOBALS, Command, Group, Invocation, Option, is_option, known_options
from mailcli.errors import UsageError


def both(*argv: str) -> Invocation:
    """The invocation, which the fast path must see as Click does unless it leaves it to Click."""
    slow = grammar.parse(argv)
    quick = fast.parse(argv)
    assert quick is None or quick == slow
    return slow


def fails(*argv: str) -> UsageError:
    assert fast.parse(argv) is None
    with pytest.raises(UsageError) as caught:
        grammar.parse(argv)
    return caught.value


@pytest.mark.parametrize("option", GLOBALS, ids=lambda o: o.key)
def test_every_global_option_means_the_same_before_and_after_the_command(option: Option) -> None:
    value = [option.choices[1] if option.choices else "some value"] if option.takes_value else []
    for name in option.names:
        before = both(name, *value, "list")
        after = both("list", name, *value)
        assert before.globals == after.globals != both("list").globals
        assert both("folder", name, *value, "list").globals == after.globals
        assert both("folder", "list", name, *value).globals == after.globals


def test_a_global_option_given_twice_takes_the_later_value() -> None:
    assert both("-A", "home", "list", "-A", "work").globals.account == "work"
    assert (
        both("--color", "never", "folder", "--color=auto", "list", "--color", "always").globals.color
        == "always"
    )


def test_verbose_adds_up_over_both_places() -> None:
    assert both("-v", "list", "-v").globals.verbose == 2
    assert both("list", "-vv").globals.verbose == 2


def test_an_options_value_may_look_like_an_option_or_a_command() -> None:
    assert both("--format", "--json", "list").globals.format == "--json"
    assert both("-A", "list", "list").globals.account == "list"
    assert both("send", "-s", "--json", "a@b.example").params["subject"] == "--json"
    assert both("send", "-s", "--json", "a@b.example").globals.json is False
    assert both("search", "--format", "-x", "y").globals.format == "-x"


def test_a_is_attach_and_capital_a_is_account() -> None:
    parsed = both("send", "-a", "x.pdf", "-A", "work", "-a", "y.pdf", "bob@example.org")
    assert parsed.params["attach"] == ("x.pdf", "y.pdf")
    assert parsed.globals.account == "work"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["-from:x", "foo"], ("-from:x", "foo")),
        (["foo", "-newer_than:3w"], ("foo", "-newer_than:3w")),
        (["-vip"], ("-vip",)),
        (["-e", "foo"], ("foo",)),
        (["foo", "-e", "bar"], ("foo", "bar")),
        (["-n", "5", "foo"], ("foo",)),
        (["-n5", "foo"], ("foo",)),
        (["foo", "--json", "-n", "5", "-x"], ("foo", "-x")),
        (["--", "-e", "--json"], ("-e", "--json")),
        (["foo", "--", "-n"], ("foo", "-n")),
        (["-Awork"], ("-Awork",)),
        (["-eq"], ("-eq",)),
        (["-"], ("-",)),
    ],
)
def test_a_word_of_search_that_is_no_option_is_part_of_the_query(
    argv: list[str], words: tuple[str, ...]
) -> None:
    assert both("search", *argv).params["query"] == words


def test_options_of_search_are_known_by_their_exact_names() -> None:
    parsed = both("search", "foo", "-e", "-n5", "-q", "-vv", "--json", "-A", "work", "-seen")
    assert parsed.params["exit_code"] is True
    assert parsed.params["limit"] == 5
    assert (parsed.globals.quiet, parsed.globals.verbose, parsed.globals.json) == (True, 2, True)
    assert parsed.globals.account == "work"
    assert parsed.params["query"] == ("foo", "-seen")


def test_a_mistyped_long_option_of_search_is_an_error_and_not_a_search() -> None:
    error = fails("search", "foo", "--cuont")
    assert "--cuont" in error.message
    assert "--count" in error.hint


def test_an_option_of_search_without_its_value_is_an_error() -> None:
    assert "needs a value" in fails("search", "foo", "--format").message
    assert "needs a value" in fails("search", "foo", "-n").message


def test_flag_keeps_its_changes_apart_from_options() -> None:
    parsed = both("flag", "7k2m", "+seen", "-flagged", "-y", "-answered", "--json")
    assert parsed.params == {"words": ("7k2m", "+seen", "-flagged", "-answered"), "yes": True}
    assert parsed.globals.json


def test_sync_is_fetch() -> None:
    assert both("sync", "work") == both("fetch", "work")


def test_no_command_at_all_is_the_reader() -> None:
    assert both().path == ()
    assert both("--plain", "-A", "work").globals.account == "work"


@pytest.mark.parametrize(
    "argv", [["--help"], ["list", "-h"], ["folder", "create", "--help"], ["-q", "folder", "-h"]]
)
def test_help_is_shown_whatever_else_is_missing(argv: list[str]) -> None:
    parsed = both(*argv)
    assert parsed.path == ("help",)
    assert parsed.params["topic"] == tuple(word for word in argv if not word.startswith("-"))


@pytest.mark.parametrize(
    ("argv", "says", "hint"),
    [
        (["lst"], "no command 'lst'", "did you mean list?"),
        (["folder", "remove"], "folder: there is no command 'remove'", "mailcli folder --help"),
        (["folder"], "folder: say which", "mailcli folder --help"),
        (["list", "--unreed"], "list: there is no option --unreed", "did you mean --unread?"),
        (["list", "a", "b"], "unexpected extra argument", "mailcli list --help"),
        (["list", "-n", "many"], "not a whole number", "mailcli list --help"),
        (["list", "-n", "-1"], "not a whole number", "mailcli list --help"),
        (["list", "--sort", "colour"], "not one of date", "mailcli list --help"),
        (["fetch", "--deadline", "0"], "not a number above 0", "mailcli fetch --help"),
        (["fetch", "--deadline", "nan"], "not a number above 0", "mailcli fetch --help"),
        (["move", "7k2m"], "--to", "mailcli move --help"),
        (["read"], "missing argument", "mailcli read --help"),
        (["list", "--json=yes"], "does not take a value", "mailcli list --help"),
    ],
)
def test_a_wrong_line_says_what_is_wrong_and_where_to_look(argv: list[str], says: str, hint: str) -> None:
    error = fails(*argv)
    assert says in error.message
    assert hint in error.hint
    assert "\n" not in error.message + error.hint


def test_is_option_is_a_rule_one_can_say() -> None:
    known = known_options((Option(("-n",), "", "integer"), Option(("--count",), "")))
    options = {"-n", "-n12", "--count", "--anything", "--count=1", "-v", "-vvv", "-q", "-h"}
    words = {"-", "-from:x", "-nine", "-n1x", "-vip", "-qv", "-count", "--"}
    assert {token for token in options | words if token == "--" or is_option(token, known)} - {
        "--"
    } == options


# -- the fast path and Click agree ---------------------------------------------------------------

PATHS = [leaf.path for leaf in leaves()]
VALUES = st.sampled_from(
    ["5", "work", "-", "", "--json", "-x", "date", "auto", "a b", "0.5", "-from:x", "+seen"]
)


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    path = draw(st.sampled_from(PATHS))
    found = table.load(path[0])
    command = found.find(path[1]) if isinstance(found, Group) else found
    assert isinstance(command, Command)

    def tokens(options: Iterable[Option]) -> st.SearchStrategy[list[str]]:
        return st.one_of([_tokens(option) for option in options])

    def _tokens(option: Option) -> st.SearchStrategy[list[str]]:
        name = st.sampled_from(option.names)
        if not option.takes_value:
            return name.map(lambda n: [n])
        good = st.sampled_from(option.choices) if option.choices else VALUES
        separate = st.tuples(name, st.one_of(good, VALUES)).map(list)
        joined = st.tuples(name, VALUES).map(lambda t: [f"{t[0]}={t[1]}"])
        return st.one_of(separate, separate, joined)

    words = st.one_of(VALUES, st.sampled_from(["--", "-n5", "-vv", "-eq"])).map(lambda w: [w])
    before = draw(st.lists(tokens(GLOBALS), max_size=2))
    after = draw(st.lists(st.one_of(tokens(GLOBALS), tokens(command.options or GLOBALS), words), max_size=7))
    return [*chain(*before), *path, *chain(*after)]


@given(lines())
def test_what_the_fast_path_understands_it_understands_as_click_does(argv: list[str]) -> None:
    quick = fast.parse(argv)
    if quick is not None:
        assert quick == grammar.parse(argv)


@pytest.mark.parametrize(
    "argv",
    [
        ["list"],
        ["list", "-n", "20", "--json"],
        ["-A", "work", "list", "Archive", "--unread"],
        ["search", "from:alice", "-is:read", "-n", "20"],
        ["search", "--count", "launch"],
        ["__complete", "ids", "--", "7k"],
        ["folder", "list"],
        ["read", "7k2m"],
    ],
)
def test_everyday_lines_need_no_click(argv: list[str]) -> None:
    assert fast.parse(argv) == grammar.parse(argv)
