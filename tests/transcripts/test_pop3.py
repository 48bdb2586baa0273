"""Every POP3 transcript, whole, octet by octet and at random splits: the same events, where the
pieces of one message or table count as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mailcli.wire import challenge, sasl
from mailcli.wire.pop3 import commands, events, listing
from mailcli.wire.pop3.engine import Pop3Engine
from tests.support.pop3_events import joined
from tests.transcripts.script import replay
from tests.transcripts.splits import at_random, by_octet, whole

TRANSCRIPTS = sorted((Path(__file__).parent / "pop3").glob("*.txt"))


class UniqueIds(NamedTuple):
    """All that UIDL answered, as a transcript says it."""

    items: tuple[tuple[int, str], ...]


class Sizes(NamedTuple):
    """The same of LIST."""

    items: tuple[tuple[int, int], ...]


def read(found: list[Any]) -> list[Any]:
    """Events with their pieces as one, and tables read."""
    result: list[Any] = list(joined(found))
    for place, event in enumerate(result):
        if isinstance(event, events.UniqueIds):
            result[place] = UniqueIds(tuple(listing.unique_ids(event.lines)))
        elif isinstance(event, events.Sizes):
            result[place] = Sizes(tuple(listing.sizes(event.lines)))
    return result


def names() -> dict[str, Any]:
    """What a transcript may say: commands, events, mechanisms."""
    found: dict[str, Any] = {}
    for module in (sasl, challenge, events, commands):
        found |= {name: value for name, value in vars(module).items() if name[0].isupper()}
    return found | {"UniqueIds": UniqueIds, "Sizes": Sizes}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_transcript_means_the_same_however_it_is_split(path: Path) -> None:
    expected = replay(path, Pop3Engine(), names(), whole, read)
    assert replay(path, Pop3Engine(), names(), by_octet, read) == expected
    for seed in range(20):
        assert replay(path, Pop3Engine(), names(), at_random(seed, 3 + seed * 5), read) == expected


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 15
