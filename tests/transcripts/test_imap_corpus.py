"""Replies that other clients' test suites have recorded, if that corpus lies beside the checkout."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from mailcli.errors import RemoteProtocolError
from mailcli.wire.imap import commands as c
from mailcli.wire.imap import events as e
from mailcli.wire.imap.engine import ImapEngine

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus" / "suites"

# What we never ask for, and what those suites mean to be wrong.
NOT_OURS = re.compile(rb"\* (?:ACL|LISTRIGHTS|MYRIGHTS|METADATA|SORT|THREAD|XLIST)\b|\+ ")
WRONG = re.compile(r"invalid|overflow")
TAG = re.compile(rb"(?m)^[A-Za-z][0-9#]+ (?=OK|NO|BAD)")


def recorded() -> Iterator[tuple[str, bytes]]:
    wanted = re.compile(r"Imap/Resources/.*\.txt|.*(?:response|seeds|unsupported).*\.imap")
    for name in ("MailKit.tar.xz", "libetpan.tar.xz"):
        with tarfile.open(CORPUS / name) as archive:
            for member in archive:
                if member.isfile() and wanted.search(member.name):
                    held = archive.extractfile(member)
                    assert held is not None
                    yield member.name, held.read()


def replied(name: str, data: bytes) -> list[e.Event]:
    engine = ImapEngine()
    if "greeting" not in name.lower():
        engine.receive(b"* PREAUTH hi\r\n")
        engine.send(c.Select("INBOX"))
        engine.outgoing()
        engine.receive(b"A1 OK done\r\n")
        engine.send(c.Noop())
        engine.outgoing()
    if b"\r\n" not in data:
        data = data.replace(b"\n", b"\r\n")  # a file that git has kept as text
    return engine.receive(TAG.sub(b"A2 ", data))


if CORPUS.is_dir():

    def test_recorded_replies_are_understood() -> None:
        seen = 0
        for name, data in recorded():
            try:
                events = replied(name, data)
            except RemoteProtocolError:
                assert WRONG.search(name), name
                continue
            strange = [x.raw for x in events if isinstance(x, e.Unparsed) and not NOT_OURS.match(x.raw)]
            assert not strange or WRONG.search(name), (name, strange)
            seen += len(events)
        assert seen > 400
