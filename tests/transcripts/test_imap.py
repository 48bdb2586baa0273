"""Every transcript, whole, octet by octet and at random splits: the same events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailcli.model.account import BearerToken, Password
from mailcli.wire import sasl
from mailcli.wire.imap import commands, events
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.uidset import EMPTY, UidSet
from mailcli.wire.mechanism import Mechanism
from tests.transcripts.script import replay
from tests.transcripts.splits import at_random, by_octet, whole

TRANSCRIPTS = sorted((Path(__file__).parent / "imap").glob("*.txt"))


def names() -> dict[str, Any]:
    """What a transcript may say. `Uids` is a set as on the wire; `Sasl` a mechanism by name."""

    def mechanism(name: str, user: str, secret: str) -> Mechanism:
        held = BearerToken(secret) if name.endswith(("BEARER", "OAUTH2")) else Password(secret)
        return sasl.choose([name], held, user, protected=True)[0]

    found: dict[str, Any] = {}
    for module in (events, commands):
        found |= {name: value for name, value in vars(module).items() if name[0].isupper()}
    return found | {
        "Uids": lambda text: UidSet.parse(text.encode()) if text else EMPTY,
        "Sasl": mechanism,
        "flags": lambda *held: frozenset(held),
        "caps": lambda text: frozenset(text.split()),
    }


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_means_the_same_however_it_is_split(path: Path) -> None:
    expected = replay(path, ImapEngine(), names(), whole)
    assert replay(path, ImapEngine(), names(), by_octet) == expected
    for seed in range(20):
        assert replay(path, ImapEngine(), names(), at_random(seed, 3 + seed * 5)) == expected


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 12
