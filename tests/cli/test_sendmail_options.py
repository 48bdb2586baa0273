from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailcli.cli.sendmail import Call, parse, until_dot
from mailcli.errors import UsageError


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # cron (Debian)
        (
            "-FCronDaemon -i -B8BITMIME -oem alice",
            Call(recipients=("alice",), full_name="CronDaemon", dots=False),
        ),
        # git send-email
        ("-i a@x.test b@x.test", Call(recipients=("a@x.test", "b@x.test"), dots=False)),
        # mutt
        ("-oem -oi -f me@x.test -- a@x.test -odd", None),
        # php, mailx
        ("-t -i", Call(from_header=True, dots=False)),
        ("-ti", Call(from_header=True, dots=False)),
        ("-i -t -fme@x.test", Call(from_header=True, dots=False, sender="me@x.test")),
        ("-r me@x.test -v a@x.test", Call(recipients=("a@x.test",), sender="me@x.test", verbose=True)),
        ("-f <> a@x.test", Call(recipients=("a@x.test",), sender="")),
        ("-Ac -Am -A work a@x.test", Call(recipients=("a@x.test",), account="work")),
        (
            "-N failure,delay -R hdrs -V id1 a",
            Call(recipients=("a",), notify="failure,delay", returns="hdrs", envelope_id="id1"),
        ),
        ("-O DeliveryMode=b -oMrSMTP -h 3 -X /dev/null -C /etc/x -L tag -p smtp a", Call(recipients=("a",))),
        ("-bm a", Call(recipients=("a",))),
        ("-bs", Call(mode="s")),
        ("-bp", Call(mode="p")),
        ("-bi", Call(mode="i")),
        ("-q", Call(mode="q")),
        ("-q30m", Call(mode="q")),
    ],
)
def test_what_callers_write_is_understood(words: str, expected: Call | None) -> None:
    if expected is None:
        expected = Call(recipients=("a@x.test", "-odd"), dots=False, sender="me@x.test")
    assert parse(words.split()) == expected


def test_an_empty_sender_is_the_null_sender() -> None:
    assert parse(["-f", "", "a@x.test"]).sender == ""


@pytest.mark.parametrize("words", [["-bd"], ["-bD"], ["-f"], ["-y"], ["-bv", "a"]])
def test_what_cannot_be_meant_is_refused(words: list[str]) -> None:
    with pytest.raises(UsageError, match="sendmail"):
        parse(words)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\n.\nb\n", b"a\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n"),
        (b".\na\n", b""),
        (b"a\n.", b"a\n"),
        (b"a\n..\nb\n", b"a\n..\nb\n"),
        (b"a\n. \nb", b"a\n. \nb"),
        (b"", b""),
    ],
)
def test_a_line_with_a_single_dot_ends_the_message(data: bytes, expected: bytes) -> None:
    assert until_dot(data) == expected


def test_the_manual_page_describes_options_that_are_understood() -> None:
    page = (Path(__file__).parents[2] / "man/mailcli-sendmail.1").read_text().replace("\\-", "-")
    described = re.findall(r"^\\fB(-\w+)\\fR(?:, \\fB(-\w+)\\fR)?( \\f[IB])?", page, re.MULTILINE)
    assert len(described) >= 9
    for first, second, value in described:
        for option in filter(None, (first, second)):
            assert parse([option, "x"] if value else [option]) != Call(), option
