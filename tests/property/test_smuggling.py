"""No message ends before its end: what leaves is taken apart by a receiver that shares no line with the
sender, for every short arrangement of line ends and dots."""

from __future__ import annotations

import itertools
import re

from mailcli.mime import raw
from mailcli.model.address import Address
from mailcli.wire.dotstuff import TERMINATOR, stuff

ALPHABET = (b"\r", b"\n", b".", b"x")
LONGEST = 8
HEADER = b"From: a@b.c\r\nDate: x\r\nMessage-ID: <1@b.c>\r\n\r\n"


def received(wire: bytes, end: bytes) -> list[bytes]:
    """The messages a server takes from a stream, with its own idea of where one ends: `end` is a pattern
    of the end of data. Dots are unstuffed line by line, as RFC 5321 §4.5.2 has it for a receiver."""
    *messages, rest = re.split(end, wire)
    assert rest == b"", rest
    return [re.sub(rb"(?m)^\.", b"", message) for message in messages]


STRICT = rb"(?<=\r\n)\.\r\n"
LAX = rb"(?:(?<=[\r\n])|^)\.(?:\r\n|\r|\n)"
"""A server that takes any CR or LF for a line end: the one smuggling needs."""


def bodies() -> itertools.chain[bytes]:
    return itertools.chain.from_iterable(
        map(b"".join, itertools.product(ALPHABET, repeat=length)) for length in range(LONGEST + 1)
    )


def test_every_arrangement_of_line_ends_and_dots_is_one_message_for_every_receiver() -> None:
    count = 0
    for body in bodies():
        sent = raw.submission(
            HEADER + body, recipients_from_header=False, now=0.0, default_sender=Address("", "a@b.c")
        )
        wire = stuff(sent.data) + TERMINATOR
        strict = received(wire, STRICT)
        assert strict == received(wire, LAX), body
        (message,) = strict
        lines = re.split(rb"\r\n|\r|\n", body)
        if lines[-1] == b"":
            lines.pop()
        expected = b"".join(line + b"\r\n" for line in lines)
        assert message == HEADER + expected, body
        count += 1
    assert count == sum(len(ALPHABET) ** n for n in range(LONGEST + 1))
