"""Ids as arguments: `-` stands for those on stdin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO


def expand(words: Iterable[str], stdin: BinaryIO, *, null: bool) -> list[str]:
    """The ids named, each once, in order; `-` is replaced by what stdin holds."""
    named: dict[str, None] = {}
    for word in words:
        named.update(dict.fromkeys(_read(stdin, null) if word == "-" else (word,)))
    return list(named)


def _read(stdin: BinaryIO, null: bool) -> Iterator[str]:
    """The first field of each line; with `null`, and wherever NULs are, records end with NUL."""
    data = stdin.read()
    records = data.split(b"\0") if null or b"\0" in data else data.splitlines()
    for record in records:
        fields = record.split(maxsplit=1)
        if fields:
            yield fields[0].decode("utf-8", "surrogateescape")
