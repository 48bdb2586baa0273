"""What holds for the reader whatever the bytes are."""

from __future__ import annotations

import time

from mailcli.mime import html, read, tree
from mailcli.model import printable

SECONDS_A_MEGABYTE = 1.0
"""Of process time, for one reading; a slow machine shared by others is given five times that."""
_GRACE = 5
_SMALL = 200_000  # octets; no message is expected to take less time than this many


def hold(data: bytes) -> None:
    """Read a message in all ways; AssertionError where a law is broken."""
    begun = time.process_time()
    content = read.content(data)
    reading = read.reading(data)
    rich = read.reading(data, html=True)
    taken = time.process_time() - begun
    allowed = SECONDS_A_MEGABYTE * _GRACE * max(len(data), _SMALL) / 1_000_000
    assert taken < allowed * 3, f"{taken:.2f} s for {len(data)} octets read three times"
    assert content.envelope == reading.envelope == rich.envelope
    assert len(reading.parts) <= tree.MAX_PARTS * 2
    assert max(part.depth for part in reading.parts) <= tree.MAX_DEPTH + 1
    for part in reading.parts[:200]:
        assert 0 <= part.start <= part.end <= len(data)
        assert part.type.startswith("multipart/") or len(read.part_bytes(data, part)) == part.size
        read.part_text(data, part).encode()
    for text in (content.text, content.preview, reading.text, reading.html, rich.text):
        text.encode()  # no lone surrogate
        printable.block(text)
    assert len(content.text) <= 20 * len(data) + 10_000
    html.render(data[:20_000].decode("latin-1")).encode()
