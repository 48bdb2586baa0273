"""Ids from the command line and from stdin."""

from __future__ import annotations

import io

import pytest

from mailcli.cli.commands.flag import split
from mailcli.cli.ids import expand
from mailcli.errors import UsageError


@pytest.mark.parametrize(
    ("stdin", "null", "ids"),
    [
        (b"7k2mabcd\tdate\tflags\n9xqdefgh\tdate\n", False, ["7k2mabcd", "9xqdefgh"]),
        (b"7k2mabcd  aligned text\n\n   \n9xqdefgh", False, ["7k2mabcd", "9xqdefgh"]),
        (b"7k2mabcd\r\n7k2mabcd\r\n", False, ["7k2mabcd"]),
        (b"7k2mabcd\x009xqdefgh\x00", True, ["7k2mabcd", "9xqdefgh"]),
        (b"7k2mabcd\x009xqdefgh\x00", False, ["7k2mabcd", "9xqdefgh"]),
        (b"7k2mabcd\tsub\nject\x009xqdefgh\x00", True, ["7k2mabcd", "9xqdefgh"]),
        (b"mid:<1@example.org>\nt:abcd\n", False, ["mid:<1@example.org>", "t:abcd"]),
        (b"", False, []),
        (b"\n", False, []),
    ],
)
def test_a_dash_reads_the_first_field_of_each_record(stdin: bytes, null: bool, ids: list[str]) -> None:
    assert expand(["-"], io.BytesIO(stdin), null=null) == ids


def test_ids_of_both_kinds_keep_their_order_and_come_once() -> None:
    assert expand(["b", "-", "a", "b"], io.BytesIO(b"c\na\n"), null=False) == ["b", "c", "a"]


def test_flag_parts_its_words() -> None:
    assert split(("7k2m", "-", "+seen", "-flagged", "9xqd")) == (
        ["7k2m", "-", "9xqd"],
        ["+seen", "-flagged"],
    )


@pytest.mark.parametrize("words", [("7k2m",), ("+seen",), ("-flagged",)])
def test_flag_wants_both_messages_and_changes(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        split(words)
