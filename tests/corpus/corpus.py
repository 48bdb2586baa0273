"""Where the developers' corpus of real mail is, and what is in it. It is no part of the checkout."""

from __future__ import annotations

import json
import lzma
import os
import re
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

LISTS = ("linux-man", "usrp-users", "kasan-dev")


@cache
def directory() -> Path | None:
    """`$MAILCLI_CORPUS`, or `shared/corpus` beside the checkout or beside a directory above it."""
    named = os.environ.get("MAILCLI_CORPUS")
    if named:
        return Path(named)
    for parent in Path(__file__).resolve().parents[2:]:
        for place in (parent / "shared" / "corpus", parent.parent / "shared" / "corpus"):
            if place.is_dir():
                return place
    return None


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r:xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file.read()


@cache
def mails(name: str) -> dict[str, bytes]:
    """The messages of a list by member name."""
    root = directory()
    assert root is not None
    return dict(_members(root / "lists" / f"{name}.tar.xz"))


@cache
def fixtures() -> dict[str, bytes]:
    """All files of the suites by path."""
    root = directory()
    assert root is not None
    return {
        name: data for path in sorted((root / "suites").glob("*.tar.xz")) for name, data in _members(path)
    }


def answers(name: str) -> Iterator[dict[str, Any]]:
    """What the IMAP server said about each message of a list, or of "suites"."""
    root = directory()
    assert root is not None
    with lzma.open(root / "oracle" / f"{name}.messages.jsonl.xz", "rt") as lines:
        for line in lines:
            yield json.loads(line)


def appended(data: bytes) -> bytes:
    """A message as the server got it: without an mbox's separator, line ends CRLF."""
    if data.startswith(b"From "):
        data = data[data.find(b"\n") + 1 :]
    return re.sub(rb"\r?\n", b"\r\n", data)
