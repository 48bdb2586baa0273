from __future__ import annotations

from pathlib import Path

import pytest

from mailcli.wire.imap import events as e
from mailcli.wire.imap import quirks
from mailcli.wire.imap.engine import ImapEngine
from mailcli.wire.imap.quirks import Quirk
from tests.transcripts.script import turns

TRANSCRIPTS = Path(__file__).parents[3] / "transcripts" / "imap"


def betrayed(transcript: str) -> frozenset[Quirk]:
    """What a transcript's greeting, ID and capabilities betray."""
    greeting, server_id = "", None
    names: set[str] = set()
    engine = ImapEngine()
    lines = b"".join(turn.server for turn in turns(TRANSCRIPTS / f"{transcript}.txt")).splitlines(True)
    for line in lines:
        if line.startswith((b"* OK [CAPABILITY", b"* OK", b"* CAPABILITY", b"* ID", b"* PREAUTH")):
            for event in engine.receive(line):
                if isinstance(event, e.Greeting):
                    greeting = event.text
                elif isinstance(event, e.ServerId):
                    server_id = event.pairs
                elif isinstance(event, e.Capabilities):
                    names |= event.names
    return quirks.of(greeting=greeting, server_id=server_id, capabilities=names)


@pytest.mark.parametrize(
    ("transcript", "found"),
    [
        ("gmail", {Quirk.LABELS, Quirk.CODE_WITHOUT_TEXT}),
        ("office365", {Quirk.THROTTLES, Quirk.UNQUOTED_STATUS_NAME}),
        ("yahoo", {Quirk.COPYUID_MISPAIRED}),
        ("icloud", {Quirk.NO_QRESYNC}),
        ("courier", {Quirk.COPIES_HIDDEN_UNTIL_RESELECT}),
        ("coremail-163", {Quirk.ID_FIRST}),
        ("qq", {Quirk.ASCENDING_SETS_ONLY}),
        ("purelymail", {Quirk.ENABLE_ALONE}),
        ("hmailserver", {Quirk.UID_EXPUNGE_NEEDS_UIDPLUS}),
        ("proton-bridge", {Quirk.UIDVALIDITY_UNSTABLE}),
        ("dovecot-sync", {Quirk.VANISHED_FROM_ZERO}),
        ("malformed", set()),
    ],
)
def test_a_server_betrays_its_quirks(transcript: str, found: set[Quirk]) -> None:
    assert betrayed(transcript) == found


def test_nothing_known_is_no_quirk() -> None:
    assert quirks.of() == frozenset()
    assert quirks.of(greeting="paolo's server ready") == frozenset()


def test_push_for_apple_alone_is_not_icloud() -> None:
    assert quirks.of(capabilities=["IMAP4REV1", "QRESYNC", "XAPPLEPUSHSERVICE"]) == frozenset()
