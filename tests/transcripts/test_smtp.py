"""Every SMTP transcript, whole, octet by octet and at random splits: the same events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailcli.wire import challenge, sasl
from mailcli.wire.smtp import commands, events
from mailcli.wire.smtp.engine import SmtpEngine
from mailcli.wire.smtp.events import Completed, Reply
from tests.transcripts.script import replay
from tests.transcripts.splits import at_random, by_octet, whole

TRANSCRIPTS = sorted((Path(__file__).parent / "smtp").glob("*.txt"))


def done(tag: int, code: int, enhanced: str, *lines: str, local: bool = False) -> Completed:
    reply = Reply(code, enhanced, lines)
    return Completed(tag, reply, (reply,), local)


def names() -> dict[str, Any]:
    """What a transcript may say: commands, events, mechanisms; `Done` is a Completed of one reply."""
    found: dict[str, Any] = {"Done": done}
    for module in (sasl, challenge, events, commands):
        found |= {name: value for name, value in vars(module).items() if name[0].isupper()}
    return found


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_means_the_same_however_it_is_split(path: Path) -> None:
    expected = replay(path, SmtpEngine(), names(), whole)
    assert replay(path, SmtpEngine(), names(), by_octet) == expected
    for seed in range(20):
        assert replay(path, SmtpEngine(), names(), at_random(seed, 3 + seed * 5)) == expected


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 20
