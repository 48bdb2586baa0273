"""Line ends and dots of every kind through a real Postfix: as many messages as were sent, and their
bodies."""

from __future__ import annotations

import itertools
import random
import re

from mailcli.app import outbox, preparing
from tests.integration.conftest import Profile
from tests.support.postfix import Postfix

ALPHABET = (b"\r", b"\n", b".", b"x")
COMMANDS = b"MAIL FROM:<evil@e.test>\r\nRCPT TO:<evil@e.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"


def test_what_was_sent_arrives_and_nothing_else(sending: Profile, postfix: Postfix) -> None:
    short = [b"".join(some) for n in range(6) for some in itertools.product(ALPHABET, repeat=n)]
    dice = random.Random(7)
    long = [b"".join(dice.choices(ALPHABET, k=8)) for _ in range(4000)]
    to = sending.server.address(sending.user)
    # behind every arrangement stands what a smuggler wants to be taken for commands
    bodies = [COMMANDS.join(short), COMMANDS.join(long[:1500]), b"".join(long), *short[-40:]]
    before = len(postfix.accepted())
    sent: dict[str, bytes] = {}
    for n, body in enumerate(bodies):
        head = (
            f"From: {to}\r\nTo: {to}\r\nMessage-ID: <smuggle{n}.{sending.user}@x>\r\nDate: x\r\n\r\n".encode()
        )
        prepared = preparing.prepare_raw(sending.ctx, head + body, from_header=True)
        outbox.enqueue(sending.ctx, outbox.entry(prepared, sending.ctx.clock()))
        lines = re.split(rb"\r\n|\r|\n", body)
        sent[prepared.message_id] = b"\r\n".join(lines[:-1] if lines[-1] == b"" else lines)
    assert [report.error for report in outbox.run(sending.ctx)] == [None] * len(bodies)
    for message_id in sent:
        postfix.wait_delivered(message_id)
    ours = [
        entry
        for entry in postfix.accepted()[before:]
        if "evil" in entry.sender or sending.user in entry.message_id
    ]
    assert len(ours) == len(bodies)
    stored = sending.server.messages(sending.user).values()
    arrived = {re.search(rb"Message-ID: <(.*?)>", m)[1].decode(): m.split(b"\r\n\r\n", 1)[1] for m in stored}  # type: ignore[index]
    for message_id, body in sent.items():
        assert arrived[message_id].rstrip(b"\r\n") == body.rstrip(b"\r\n"), body[:80]
