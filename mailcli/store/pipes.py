"""Values between this process and its worker: a length, and what `marshal` makes of a value."""

from __future__ import annotations

import marshal
import os
from typing import Any


def send(pipe: int, value: Any) -> None:
    """A length and a value."""
    data = marshal.dumps(value)
    view = memoryview(len(data).to_bytes(4, "big") + data)
    while view:
        view = view[os.write(pipe, view) :]


def receive(pipe: int) -> Any:
    """The next value; None at the end."""
    head = _exactly(pipe, 4)
    data = _exactly(pipe, int.from_bytes(head, "big")) if head else b""
    return marshal.loads(data) if data else None  # noqa: S302 - from our own parent or child


def _exactly(pipe: int, count: int) -> bytes:
    """So many octets, or none if the other end is gone."""
    parts: list[bytes] = []
    while count:
        part = os.read(pipe, min(count, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
