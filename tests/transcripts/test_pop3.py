"""Every POP3 transcript, whole, octet by octet and at random splits: the same events, where the
pieces of one message count as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailcli.wire import challenge, sasl
from mailcli.wire.pop3 import commands, events
from mailcli.wire.pop3.engine import Pop3Engine
from mailcli.wire.pop3.events import Content
from tests.transcripts.script import replay
from tests.transcripts.splits import at_random, by_octet, whole

TRANSCRIPTS = sorted((Path(__file__).parent / "pop3").glob("*.txt"))


def joined(found: list[Any]) -> list[Any]:
    result: list[Any] = []
    for event in found:
        last = result[-1] if result else None
        if isinstance(event, Content) and isinstance(last, Content) and last.tag == event.tag:
            result[-1] = Content(event.tag, last.data + event.data)
        else:
            result.append(event)
    return result


def names() -> dict[str, Any]:
    """What a transcript may say: commands, events, mechanisms."""
    found: dict[str, Any] = {}
    for module in (sasl, challenge, events, commands):
        found |= {name: value for name, value in vars(module).items() if name[0].isupper()}
    return found


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_means_the_same_however_it_is_split(path: Path) -> None:
    expected = replay(path, Pop3Engine(), names(), whole, joined)
    assert replay(path, Pop3Engine(), names(), by_octet, joined) == expected
    for seed in range(20):
        assert replay(path, Pop3Engine(), names(), at_random(seed, 3 + seed * 5), joined) == expected


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 15
