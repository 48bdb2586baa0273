"""Ways in which a network may cut what a server sends."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator


def whole(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def by_octet(data: bytes) -> Iterator[bytes]:
    for at in range(len(data)):
        yield data[at : at + 1]


def at_random(seed: int, most: int) -> Callable[[bytes], Iterator[bytes]]:
    """Pieces of 1 to `most` octets, the same for the same seed."""
    chance = random.Random(seed)

    def cut(data: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(data):
            size = chance.randint(1, most)
            yield data[at : at + size]
            at += size

    return cut
