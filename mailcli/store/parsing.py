"""Parsing much mail on two processors, for the index made anew: the worker begins at the front, this process
at the back."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from mailcli.mime import lineends
from mailcli.model.record import NamedTuple
from mailcli.store import index

if TYPE_CHECKING:
    from mailcli.store.worker import Asked, Worker

_PORTION: Final = 16
"""Messages the worker is given at once; two portions are on their way so that it never waits."""


class Filed(NamedTuple):
    """A message in a file, and of so many octets on the wire."""

    path: str
    size: int


def parse_file(path: str, size: int) -> index.Parsed:
    """What the index wants of a message in a file. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        stored = os.read(file, size + 1)
    finally:
        os.close(file)
    # Line ends make no difference, except to what is not made of octets (UTF-16 as it is).
    return index.parse(lineends.to_wire(stored, size) if b"\0" in stored else stored)


def parse(worker: Worker | None, letters: Sequence[Filed]) -> list[index.Parsed]:
    """What the index wants of these, in their order. Raises OSError for a file that cannot be read."""
    parsed: list[index.Parsed | None] = [None] * len(letters)
    front, back = 0, len(letters)
    away: deque[tuple[range, Asked]] = deque()
    while True:
        while worker is not None and away and (front == back or worker.ready()):
            portion, asked = away.popleft()
            for number, answer in zip(portion, worker.answer(asked) or (), strict=False):
                parsed[number] = answer and index.Parsed._make(answer)
        while worker is not None and worker.usable and front < back and len(away) < 2:
            portion = range(front, front := min(front + _PORTION, back))
            away.append((portion, worker.parse(letters[portion.start : portion.stop])))
        if front < back:
            back -= 1
            parsed[back] = parse_file(*letters[back])
        elif not away:
            break
    # What the worker could not read, or had when it died.
    return [
        parse_file(*letter) if found is None else found for letter, found in zip(letters, parsed, strict=True)
    ]
