"""Mail into files: mbox, Maildir, single messages, to the octet as it was on the wire."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from mailcli.app import bodies
from mailcli.app.context import Context, Progress
from mailcli.errors import CannotCreate, Interrupted, LocalIOError, MailcliError, UsageError
from mailcli.model import flags
from mailcli.model.message import Summary
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    pass

FORMS: Final = ("mbox", "eml", "maildir")

_BATCH: Final = 200


class Exported(NamedTuple):
    """What an export did: messages written, and how many were left out since their body is neither here
    nor to be had; `reason` is that of the first."""

    messages: int
    path: Path
    missing: int = 0
    reason: str = ""


def export(ctx: Context, words: Sequence[str], out: Path, form: str | None = None) -> Exported:
    """Write the messages that match a query, oldest first, exactly as they were on the wire.

    `form`: mbox (one file, mboxrd, LF lines), eml (a directory, one file for each, named by id),
    maildir (with flags); default: eml for a directory, else mbox. Nothing is ever overwritten: CannotCreate.
    """
    from mailcli.app.listing import search

    if form is None:
        form = "eml" if out.is_dir() else "mbox"
    if form not in FORMS:
        raise UsageError(f'cannot export as "{form}"', hint=f"one of {', '.join(FORMS)}")
    rows = list(reversed(search(ctx, words).rows))
    missing: list[MailcliError] = []
    writers = {"mbox": _write_mbox, "eml": _write_eml, "maildir": _write_maildir}
    try:
        written = writers[form](ctx, rows, out, missing)
    except FileExistsError as error:
        raise CannotCreate(
            f"{error.filename or out} is there already", hint="nothing is overwritten: choose another name"
        ) from error
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise CannotCreate(f"cannot create {error.filename or out}: {error.strerror}") from error
    except OSError as error:
        raise LocalIOError(f"cannot write {error.filename or out}: {error.strerror}") from error
    return Exported(written, out, len(missing), missing[0].message if missing else "")


def _bodies(
    ctx: Context, rows: Sequence[Summary], missing: list[MailcliError]
) -> Iterator[tuple[Summary, bytes]]:
    """The rows with their bodies, fetched where they are not here; `missing`: why some did not come."""
    octets = 0
    for done, row in enumerate(rows, 1):
        ctx.cancel.check()
        if done % _BATCH == 1:
            bodies.bring(ctx, [r.id for r in rows[done - 1 : done - 1 + _BATCH] if r.remote_only])
        try:
            data = bodies.wire(ctx, row.id)
        except MailcliError as error:
            if not row.remote_only or isinstance(error, Interrupted):
                raise
            missing.append(error)
            continue
        yield row, data
        octets += len(data)
        ctx.progress(Progress(row.account, "export", done, len(rows), octets))


def export_to(ctx: Context, words: Sequence[str], file: BinaryIO) -> Exported:
    """The same as an mbox into an open file, as a pipe is; errors of writing are the system's own."""
    from mailcli.app.listing import search

    missing: list[MailcliError] = []
    written = _mbox(ctx, list(reversed(search(ctx, words).rows)), file, missing)
    return Exported(written, Path("-"), len(missing), missing[0].message if missing else "")


def _write_mbox(ctx: Context, rows: Sequence[Summary], out: Path, missing: list[MailcliError]) -> int:
    with _private(out) as file:
        try:
            return _mbox(ctx, rows, file, missing)
        except BaseException:
            out.unlink()  # half an mbox looks like a whole one
            raise


def _mbox(ctx: Context, rows: Sequence[Summary], file: BinaryIO, missing: list[MailcliError]) -> int:
    from mailcli.mime import mbox

    written = 0
    for row, data in _bodies(ctx, rows, missing):
        mbox.write(file, data, sender=row.sender[0].email if row.sender else "", when=row.arrived)
        written += 1
    file.flush()
    return written


def _write_eml(ctx: Context, rows: Sequence[Summary], out: Path, missing: list[MailcliError]) -> int:
    out.mkdir(mode=0o700, exist_ok=True)
    for row in rows:
        if (path := out / f"{row.id}.eml").exists():
            raise FileExistsError(17, "exists", str(path))
    written = 0
    for row, data in _bodies(ctx, rows, missing):
        _write_new(out / f"{row.id}.eml", data)
        written += 1
    return written


def _write_maildir(ctx: Context, rows: Sequence[Summary], out: Path, missing: list[MailcliError]) -> int:
    """A new Maildir, or more messages in one that is there."""
    from mailcli.mime.lineends import to_store

    if not ((out / "cur").is_dir() and (out / "new").is_dir()):
        out.mkdir(mode=0o700)
        for part in ("tmp", "new", "cur"):
            (out / part).mkdir(mode=0o700)
    written = 0
    for row, data in _bodies(ctx, rows, missing):
        stored, wire_size = to_store(data)
        # A message is seen in `cur` only; what no one has looked at belongs in `new`, without a suffix.
        name = f"{max(0, int(row.arrived))}.{row.id}.mailcli,W={wire_size}"
        letters = flags.to_letters(row.flags)
        target = out / "cur" / f"{name}:2,{letters}" if letters else out / "new" / name
        _write_new(target, stored)
        written += 1
    return written


def _private(path: Path) -> BinaryIO:
    """A new file for mail: its owner's alone, whatever the umask is. Raises FileExistsError."""
    flags_ = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return open(os.open(path, flags_, 0o600), "wb")


def _write_new(path: Path, data: bytes) -> None:
    with _private(path) as file:
        try:
            file.write(data)
        except BaseException:
            path.unlink()
            raise
