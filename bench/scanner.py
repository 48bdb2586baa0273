"""`python -m bench.scanner READER DIRECTORY`: read every file of a directory as mail, and say nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def _ours() -> Callable[[bytes], Any]:
    from mailcli.store.index import parse

    return parse


def _library(name: str) -> Callable[[bytes], Any]:
    """Python's parser, asked for no more than subject, sender and the decoded text parts."""
    from email import message_from_bytes, policy

    chosen = getattr(policy, name)

    def read(data: bytes) -> Any:
        mail = message_from_bytes(data, policy=chosen)
        texts = [p.get_payload(decode=True) for p in mail.walk() if p.get_content_maintype() == "text"]
        return mail["subject"], mail["from"], texts

    return read


READERS: dict[str, Callable[[], Callable[[bytes], Any]]] = {
    "mailcli": _ours,
    "email (compat32)": lambda: _library("compat32"),
    "email (default)": lambda: _library("default"),
}


def main() -> None:
    reader, place = sys.argv[1:]
    read = READERS[reader]()
    for path in Path(place).iterdir():
        read(path.read_bytes())


if __name__ == "__main__":
    main()
