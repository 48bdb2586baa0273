"""What lies where: a mailbox on the server and one here, read off the disk."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from mailcli.app.context import Context
from mailcli.model.flags import to_letters
from tests.support.dovecot import Dovecot

Boxes = dict[str, list[list[str]]]
"""Folder -> sorted [content, flags]; empty folders are left out."""


class End(NamedTuple):
    """Both sides when all is quiet; `recovery` are the contents kept there."""

    server: Boxes
    local: Boxes
    recovery: list[str]


def content(data: bytes) -> str:
    """What a message is known by: SHA-256 with LF for line ends."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def counted(boxes: Boxes) -> Counter[str]:
    """How often each content is there."""
    return Counter(row[0] for rows in boxes.values() for row in rows)


# -- the server's ------------------------------------------------------------------------------


def on_server(server: Dovecot, user: str) -> Boxes:
    """A user's mailbox in Dovecot's Maildir: what a session that ends now would leave."""
    return in_maildir(server.maildir(user))


def in_maildir(top: Path) -> Boxes:
    """A Maildir++ of Dovecot's."""
    boxes: Boxes = {}
    for place in [top, *top.glob(".*")] if top.is_dir() else []:
        if not (place / "cur").is_dir():
            continue
        keywords = _keywords(place)
        rows = []
        for sub in ("new", "cur"):
            for path in (place / sub).iterdir():
                letters = path.name.partition(":2,")[2]
                words = [keywords.get(c, c) if c.islower() else c for c in letters]
                try:
                    rows.append([content(path.read_bytes()), "".join(sorted(words))])
                except FileNotFoundError:
                    return in_maildir(top)  # renamed under our eyes: look again
        if rows:
            boxes[place.name[1:].replace(".", "/") if place != top else "INBOX"] = sorted(rows)
    return boxes


def _keywords(place: Path) -> dict[str, str]:
    try:
        lines = (place / "dovecot-keywords").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {chr(ord("a") + int(n)): f"({word})" for n, _, word in (line.partition(" ") for line in lines)}


def copy_home(server: Dovecot, old: Path, new: Path) -> None:
    """Copy a home with its times, for the user whom Dovecot runs as."""
    shutil.copytree(old, new, dirs_exist_ok=True)
    if os.getuid() == 0:
        owner = server.maildir("abroad").parent.stat()
        for directory, _, names in os.walk(new):
            os.chown(directory, owner.st_uid, owner.st_gid)
            for name in names:
                os.chown(Path(directory, name), owner.st_uid, owner.st_gid)


# -- ours --------------------------------------------------------------------------------------


def files_here(profile: Path) -> list[Path]:
    """Every message file, those in recovery included, those in tmp/ not."""
    tree = profile / "data"
    return [
        p for p in tree.rglob("*") if p.is_file() and (p.parent.name in ("cur", "new") or _recovered(p, tree))
    ]


def _recovered(path: Path, tree: Path) -> bool:
    return path.parent == tree / "recovery"


def contents_here(profile: Path) -> set[str]:
    """The contents of those files."""
    return {content(path.read_bytes()) for path in files_here(profile)}


def local_end(ctx: Context, profile: Path) -> tuple[Boxes, list[str]]:
    """Folders and recovery as the store tells them. Raises AssertionError if it finds itself wrong."""
    store = ctx.store
    problems = store.check()
    assert not problems, problems
    boxes: Boxes = {}
    for folder in [f for name in store.accounts() for f in store.folders(name)]:
        rows = store.summaries(folders=[folder.key]).rows
        if rows:
            boxes[folder.name] = sorted([content(store.known_bytes(r.id)), _flags(r.flags)] for r in rows)
    kept = [p for p in files_here(profile) if _recovered(p, profile / "data")]
    return boxes, sorted(content(p.read_bytes()) for p in kept)


def _flags(flags: frozenset[str]) -> str:
    words = [*to_letters(flags), *(f"({f})" for f in flags if not f.startswith("\\"))]
    return "".join(sorted(words))
