"""One traversal, several printers: the forms a result takes, to the byte."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from mailcli.cli.output import Output
from mailcli.cli.spec import Globals
from mailcli.cli.views.fetches import FETCHES
from mailcli.cli.views.messages import MESSAGES
from mailcli.cli.views.results import CHANGES, FOLDERS
from mailcli.errors import UsageError
from mailcli.model.address import Address
from mailcli.model.folder import Folder
from tests.cli.calling import output, printed, streams, summary


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


ROWS = [
    summary(),
    summary(
        id="9xqdefgh",
        subject="日本語の件名 with a tail that is rather long, so that it has to be cut",
        sender=(Address("", "ops@example.org"),),
        flags=frozenset(),
        attachments=0,
        date=None,
        zone=None,
        when=1_795_100_000,
        arrived=1_795_100_000.0,
        size=99,
    ),
    summary(id="bcdfghjk", subject="", sender=(), when=1_600_000_000, date=1_600_000_000.0, zone=-330),
]
SHORT = {"7k2mabcd": "7k2m", "9xqdefgh": "9xqd", "bcdfghjk": "bcdf"}


def show(options: Globals | None = None, *, terminal: bool = False, width: int = 80) -> str:
    out, made = output(options, terminal=terminal, width=width, NO_COLOR="1")
    out.show(MESSAGES, ROWS, shorten=lambda _ids: SHORT)
    return printed(made)[0]


def test_on_a_terminal_a_remark_stands_below_the_list_it_speaks_of() -> None:
    reading, writing = os.pipe()
    made = streams(terminals=(True, True, True))
    with os.fdopen(writing, "wb") as made.stdout, os.fdopen(os.dup(writing), "wb") as made.stderr:
        made.write("the list\n")
        made.say("50 shown\n")
    with os.fdopen(reading, "rb") as screen:
        assert screen.read() == b"the list\n50 shown\n"


def test_piped_messages_are_tab_separated_with_the_full_id_first() -> None:
    assert show() == (
        "7k2mabcd\t2026-11-20T14:05:00+01:00\tseen flagged work\tAlice Ng <alice@example.org>\tLaunch plan"
        "\tINBOX\t2345\n"
        "9xqdefgh\t2026-11-19T15:53:20+01:00\t\tops@example.org"
        "\t日本語の件名 with a tail that is rather long, so that it has to be cut\tINBOX\t99\n"
        "bcdfghjk\t2020-09-13T06:56:40-05:30\tseen flagged work\t\t\tINBOX\t2345\n"
    )


def test_a_terminal_gets_aligned_lines_with_short_ids_fitted_to_its_width() -> None:
    assert show(terminal=True) == (
        "7k2m       14:05   ★@  Alice Ng         Launch plan\n"
        "9xqd   Thu 15:53  ●    ops@example.org  日本語の件名 with a tail that is rather…\n"
        "bcdf  2020-09-13   ★@                   (no subject)\n"
    )


def test_a_narrow_terminal_loses_columns_before_the_subject() -> None:
    assert show(terminal=True, width=40) == (
        "7k2m   ★@  Alice Ng      Launch plan\n"
        "9xqd  ●    ops@example…  日本語の件名 w…\n"
        "bcdf   ★@                (no subject)\n"
    )


@pytest.mark.parametrize("width", range(1, 200, 7))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    import wcwidth

    widest = max(wcwidth.wcswidth(line) for line in show(terminal=True, width=width).splitlines())
    assert widest <= max(width, 10)  # the id is never cut: a line of its own at least


def test_colour_marks_what_is_unread_and_resets_after_itself() -> None:
    out, made = output(terminal=True)
    out.show(MESSAGES, ROWS, shorten=lambda _ids: SHORT)
    lines = printed(made)[0].splitlines()
    assert "\x1b[1m" in lines[1] and "\x1b[1m" not in lines[0]
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b") for line in lines)


@pytest.mark.parametrize(
    ("color", "environ", "terminal", "coloured"),
    [
        (None, {}, True, True),
        (None, {}, False, False),
        (None, {"NO_COLOR": "1"}, True, False),
        (None, {"NO_COLOR": ""}, True, True),
        (None, {"TERM": "dumb"}, True, False),
        ("always", {"NO_COLOR": "1"}, True, True),
        ("never", {}, True, False),
    ],
)
def test_colour_follows_the_option_then_no_color_then_the_terminal(
    color: str | None, environ: dict[str, str], terminal: bool, coloured: bool
) -> None:
    made = streams(terminals=(False, terminal, terminal), environ=environ)
    out = Output(made, Globals(color=color))
    assert out.colour is coloured


def test_json_is_one_document_of_schema_1() -> None:
    document = json.loads(show(Globals(json=True)))
    assert list(document) == ["schema", "data", "next", "warnings"]
    assert (document["schema"], document["next"], document["warnings"]) == (1, None, [])
    assert document["data"][0] == {
        "id": "7k2mabcd",
        "account": "work",
        "folder": "INBOX",
        "date": "2026-11-20T14:05:00+01:00",
        "from": {"name": "Alice Ng", "email": "alice@example.org"},
        "to": [
            {"name": "", "email": "bob@example.org"},
            {"name": "Carol", "email": "carol@example.org"},
        ],
        "cc": [],
        "subject": "Launch plan",
        "flags": ["seen", "flagged", "work"],
        "size": 2345,
        "attachments": 1,
        "thread": "t7k2mabcd",
        "message_id": "1@example.org",
        "in_reply_to": "0@example.org",
        "preview": "Here is the plan",
    }
    assert document["data"][2]["from"] is None
    assert [row["id"] for row in document["data"]] == [row.id for row in ROWS]


def test_an_empty_json_document_is_still_one() -> None:
    out, made = output(Globals(json=True))
    out.show(MESSAGES, (), following="c1")
    assert printed(made)[0] == '{"schema": 1, "data": [], "next": "c1", "warnings": []}\n'


def test_a_notice_is_a_warning_of_the_json_document_and_a_line_of_stderr_otherwise() -> None:
    out, made = output(Globals(json=True))
    out.notice("queued")
    out.show(MESSAGES, ())
    assert json.loads(printed(made)[0])["warnings"] == ["queued"]
    assert printed(made)[1] == ""
    out, made = output()
    out.notice("queued")
    assert printed(made) == ("", "mailcli: queued\n")
    out, made = output(Globals(quiet=True))
    out.notice("queued")
    assert printed(made) == ("", "")


def test_ids_and_nul_are_for_xargs() -> None:
    assert show(Globals(ids=True)) == "7k2mabcd\n9xqdefgh\nbcdfghjk\n"
    assert show(Globals(ids=True, null=True)) == "7k2mabcd\0009xqdefgh\0bcdfghjk\0"
    assert show(Globals(ids=True), terminal=True) == "7k2mabcd\n9xqdefgh\nbcdfghjk\n"
    assert show(Globals(null=True)).count("\0") == 3


def test_a_template_prints_a_line_for_each_message() -> None:
    assert show(Globals(format=r"{date:%F} {from.email}\t{subject}")).splitlines()[0] == (
        "2026-11-20 alice@example.org\tLaunch plan"
    )


def test_forms_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--json and --ids do not go together"):
        Output(output()[1], Globals(json=True, ids=True))


NASTY = "a\x1b[31mb\u202ec\x9bd\te\nf\x00g"


def test_what_others_wrote_cannot_drive_the_terminal_or_break_the_columns() -> None:
    row = summary(subject=NASTY, sender=(Address(NASTY, "x@y.example"),), folder="a\tb\x1bc")
    for terminal in (False, True):
        out, made = output(terminal=terminal, width=200, NO_COLOR="1")
        out.show(MESSAGES, [row])
        text = printed(made)[0]
        assert not set(text) & set("\x1b\u202e\x9b\x00")
        assert text.count("\n") == 1
        assert text.count("\t") == (0 if terminal else 6)
    out, made = output(Globals(format="{subject}|{from.name}|{from}"))
    out.show(MESSAGES, [row])
    assert not set(printed(made)[0]) & set("\x1b\u202e\x9b\x00\t")


def test_json_keeps_the_value_and_escapes_what_could_drive_a_terminal() -> None:
    out, made = output(Globals(json=True))
    out.show(MESSAGES, [summary(subject=NASTY + "\udcff\u2028é日本")])
    text = printed(made)[0]
    assert json.loads(text)["data"][0]["subject"] == NASTY + "\udcff\u2028é日本"
    assert "é日本" in text
    assert not set(text) & set("\x1b\u202e\x9b\x00\u2028\ufffd")


def test_a_change_says_how_to_undo_it_and_is_silent_with_quiet() -> None:
    from mailcli.app.changing import Change

    done = Change(("7k2mabcd",), "1 message moved to Trash", "k7m2")
    out, made = output()
    out.show(CHANGES, [done], quiet=True)
    assert printed(made)[0] == "1 message moved to Trash (undo: mailcli undo k7m2)\n"
    out, made = output(Globals(quiet=True))
    out.show(CHANGES, [done], quiet=True)
    assert printed(made)[0] == ""
    out, made = output(Globals(quiet=True, ids=True))
    out.show(CHANGES, [done], quiet=True)
    assert printed(made)[0] == "7k2mabcd\n"


def test_folders_are_listed_with_their_account_first_when_piped() -> None:
    folders = [
        Folder(1, "work", "INBOX", "Inbox", 12, 3, True, True),
        Folder(2, "work", "Projekte/Büro", "", 5, 0, True, True),
    ]
    out, made = output()
    out.show(FOLDERS, folders)
    assert printed(made)[0] == "work\tINBOX\tInbox\t12\t3\nwork\tProjekte/Büro\t\t5\t0\n"
    out, made = output(terminal=True, NO_COLOR="1")
    out.show(FOLDERS, folders)
    assert printed(made)[0] == "INBOX          3  12  Inbox\nProjekte/Büro      5\n"


def test_fetch_prints_one_line_for_each_account() -> None:
    from mailcli.app.fetching import FetchReport
    from mailcli.errors import TimedOut

    reports = [
        FetchReport("work", "imap", 12, 3, 1, 0, 1234, 0.5),
        FetchReport("home", "imap", pushed=2),
        FetchReport("pop", "pop3", error=TimedOut("pop: no answer", hint="try again")),
    ]
    out, made = output()
    out.show(FETCHES, reports, quiet=True)
    assert printed(made)[0] == "work: 12 new, 3 changed, 1 gone\nhome: 0 new, 0 changed, 0 gone, 2 pushed\n"
    out, made = output(Globals(json=True))
    out.show(FETCHES, reports, quiet=True)
    data = json.loads(printed(made)[0])["data"]
    assert data[0] == {
        "account": "work",
        "protocol": "imap",
        "new": 12,
        "changed": 3,
        "gone": 1,
        "pushed": 0,
        "bytes": 1234,
        "seconds": 0.5,
        "error": None,
    }
    assert data[2]["error"] == {
        "code": 75,
        "kind": "TimedOut",
        "message": "pop: no answer",
        "hint": "try again",
    }
