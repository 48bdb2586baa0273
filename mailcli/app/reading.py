"""Reading one message and its attachments."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from mailcli.app import bodies
from mailcli.app.context import Context
from mailcli.errors import CannotCreate, LocalIOError, MailcliError, NotFound
from mailcli.mime import read as mime
from mailcli.mime.lineends import to_store
from mailcli.mime.read import Reading
from mailcli.model import pattern, printable
from mailcli.model.flags import SEEN
from mailcli.model.message import Part, Summary
from mailcli.model.record import NamedTuple

_RESERVED: Final = pattern.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_NAME_OCTETS: Final = 200


class Message(NamedTuple):
    """A row of the store and what its bytes say."""

    summary: Summary
    reading: Reading


def read(
    ctx: Context, id: str, *, html: bool = False, mark_seen: bool = False, header_will_do: bool = False
) -> Message:
    """Parse a message for showing; `html` prefers the HTML body; with `header_will_do` a body that cannot
    be fetched is done without, with a notice. Raises NotFound, LocalIOError, and as `bodies.wire`."""
    try:
        data = bodies.wire(ctx, id)
    except MailcliError as error:
        if not header_will_do or not ctx.store.get([id])[0].remote_only:
            raise
        ctx.notice(error.message)
        data = ctx.store.header_bytes(id)
    (summary,) = ctx.store.get([id])
    reading = mime.reading(data, html=html)
    if mark_seen and SEEN not in summary.flags:
        from mailcli.app.changing import mark_seen as mark

        mark(ctx, [id])
        (summary,) = ctx.store.get([id])
    return Message(summary, reading)


def header(ctx: Context, id: str) -> Message:
    """What can be shown of a message at once, while its body is fetched."""
    (summary,) = ctx.store.get([id])
    return Message(summary, mime.reading(ctx.store.header_bytes(id)))


def thread(ctx: Context, id: str) -> list[Summary]:
    """All messages of the thread this one belongs to, oldest first."""
    (summary,) = ctx.store.get([id])
    return ctx.store.thread(summary.thread)


def raw(ctx: Context, id: str) -> bytes:
    """The message as it is stored: line ends as in the file."""
    data = bodies.wire(ctx, id)
    return to_store(data)[0] if id in ctx.brought else ctx.store.stored_bytes(id)


def attachments(ctx: Context, id: str) -> list[Part]:
    """The parts a person would call attachments, in order."""
    return [p for p in mime.parts(bodies.wire(ctx, id)) if p.attachment]


def part(ctx: Context, id: str, n: str) -> tuple[Part, bytes]:
    """One part by its number, decoded. Raises NotFound with the numbers there are."""
    data = bodies.wire(ctx, id)
    parts = mime.parts(data)
    for candidate in parts:
        if candidate.n == n:
            return candidate, mime.part_bytes(data, candidate)
    numbers = ", ".join(p.n for p in parts[:20])
    raise NotFound(f"message {id} has no part {n}", hint=f"its parts are {numbers}")


def pick(ctx: Context, id: str, choice: Sequence[str]) -> list[tuple[Part, bytes]]:
    """Attachments by position (1 is the first), part number or file name pattern; all of them for
    an empty choice. Raises NotFound for a choice that names none."""
    data = bodies.wire(ctx, id)
    there = [p for p in mime.parts(data) if p.attachment]
    if not choice:
        chosen = there
    else:
        chosen = []
        for word in choice:
            matches = _matching(there, word)
            if not matches:
                names = ", ".join(printable.line(p.name) or p.n for p in there) or "none"
                raise NotFound(
                    f"message {id} has no attachment {printable.line(word)}", hint=f"it has: {names}"
                )
            chosen.extend(p for p in matches if p not in chosen)
    return [(p, mime.part_bytes(data, p)) for p in chosen]


def save_attachments(ctx: Context, id: str, choice: Sequence[str], directory: Path) -> list[Path]:
    """Write attachments into a directory (made if missing), never over a file that is there.

    Returns the paths written. Raises NotFound, CannotCreate, LocalIOError.
    """
    return save_chosen(pick(ctx, id, choice), directory)


def save_chosen(chosen: Sequence[tuple[Part, bytes]], directory: Path) -> list[Path]:
    """Write parts into a directory, as `save_attachments`."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotCreate(f"cannot create the directory {directory}: {error.strerror}") from error
    return [_write_new(directory, safe_name(p.name) or f"part-{p.n}", content) for p, content in chosen]


def safe_name(name: str) -> str:
    """A file name out of a sender's: no directory, no dot or dash in front (`rm *` would take it for
    an option), no control or reserved name."""
    base = re.split(r"[/\\]", printable.line(name).replace("\ufffd", "_"))[-1].strip(" .")
    base = re.sub(r'[:*?"<>|]', "_", base)
    while len(base.encode()) > _NAME_OCTETS:
        stem, dot, suffix = base.rpartition(".")
        base = stem[:-1] + dot + suffix if dot and len(suffix) < 16 else base[:-1]
    return f"_{base}" if _RESERVED.match(base) or base.startswith(("-", "~")) else base


def _matching(parts: Sequence[Part], word: str) -> list[Part]:
    by_place = [p for n, p in enumerate(parts, 1) if str(n) == word]
    by_number = [p for p in parts if p.n == word]
    by_name = [p for p in parts if p.name and fnmatch(p.name.lower(), word.lower())]
    return by_place or by_number or by_name


def _write_new(directory: Path, name: str, content: bytes) -> Path:
    """Create a file that was not there: O_EXCL and O_NOFOLLOW, so that neither a file nor a link
    laid in the way is written through."""
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    for n in range(1, 1000):
        path = directory / (name if n == 1 else f"{stem} ({n}){dot}{suffix}")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            continue
        except OSError as error:
            raise CannotCreate(f"cannot create {path}: {error.strerror}") from error
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise LocalIOError(f"cannot write {path}: {error.strerror}") from error
        return path
    raise CannotCreate(f"cannot create {directory / name}: a thousand files of that name are there")
