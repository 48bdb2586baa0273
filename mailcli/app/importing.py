"""Mail from files: mbox, Maildir, single messages. Nothing here needs an account."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mailcli.app.context import Context, Progress
from mailcli.app.folders import check_name
from mailcli.errors import NotFound, UsageError
from mailcli.model import flags, pattern
from mailcli.model.account import LOCAL
from mailcli.model.flags import Flags
from mailcli.model.folder import INBOX
from mailcli.model.record import NamedTuple
from mailcli.store.journal import Note

if TYPE_CHECKING:
    from mailcli.store.editing import Making

_BATCH: Final = 200
_BATCH_OCTETS: Final = 16 << 20
_OLDEST: Final = 1  # s; a time of 0 in a file name or Date says nothing

_STATUS: Final = pattern.compile(rb"^(?:x-)?status[ \t]*:[ \t]*([A-Za-z]*)", re.IGNORECASE | re.MULTILINE)
_STATUS_FLAGS: Final = {
    "R": flags.SEEN,  # Status: R is "read", O "old"
    "A": flags.ANSWERED,
    "F": flags.FLAGGED,
    "T": flags.DRAFT,
    "D": flags.DELETED,
}
_FIELD: Final = pattern.compile(rb"(?:[!-9;-~]{1,200}[ \t]*:|>?From )")
_KNOWN: Final = pattern.compile(
    rb"(?:from|date|subject|received|return-path|message-id|to|mime-version|delivered-to|x-[a-z-]+)[ \t]*:",
    re.IGNORECASE,
)
"""One of these is in the header of every mail, and in no /etc/passwd."""
_MAILDIR_TIME: Final = pattern.compile(r"(\d{9,11})\.")
_MAILDIR_FLAGS: Final = pattern.compile(r"[:;!]2,([A-Za-z]*)\Z")  # `;` and `!` where `:` cannot be
_MAILDIR_WIRE: Final = pattern.compile(r",W=(\d+)")


class Imported(NamedTuple):
    """What an import did: messages stored, where, and one line for each thing that could not be read.
    `undo` is the token with which it is undone, "" if nothing was stored."""

    messages: int
    account: str
    folder: str
    unreadable: tuple[str, ...] = ()
    undo: str = ""


class _Mail(NamedTuple):
    data: bytes  # wire form
    flags: Flags
    arrived: float


def import_paths(ctx: Context, paths: Sequence[Path], to: str | None = None) -> Imported:
    """Store the messages of mbox files, Maildirs, .eml files and directories of .eml files.

    `to`: a folder (made if it is not there; default: the inbox) of the account chosen with -A or
    the default one, or `ACCOUNT:FOLDER`; without any account, of the built-in one. Nothing is
    deduplicated. Raises NotFound for a path that is not there, before anything is stored.
    """
    for path in paths:
        if not path.exists():
            raise NotFound(f"there is no {path}")
    account, folder, key = _destination(ctx, to)
    unreadable: list[str] = []
    batch: list[_Mail] = []
    done = octets = held = 0

    making = ctx.store.making(Note("import", f"into {account}:{folder}"))

    def store() -> None:
        nonlocal done, held
        _deliver(ctx, key, batch, making)
        done, held = done + len(batch), 0
        batch.clear()
        ctx.progress(Progress(account, f"import into {folder}", done, None, octets))

    for mail in _mails(paths, unreadable, ctx.clock()):
        ctx.cancel.check()
        batch.append(mail)
        octets += len(mail.data)
        held += len(mail.data)
        if len(batch) >= _BATCH or held >= _BATCH_OCTETS:
            store()
    if batch:
        store()
    return Imported(done, account, folder, tuple(unreadable), making.token)


def _destination(ctx: Context, to: str | None) -> tuple[str, str, int]:
    """(account, folder, its key); the folder is made if it is not there."""
    name, colon, rest = (to or INBOX).partition(":")
    known = {LOCAL, *ctx.config.accounts, *ctx.store.accounts()}
    if colon and name in known:
        account, folder = name, rest
    else:
        account, folder = _account(ctx), to or INBOX
    if not folder or folder.startswith("/") or folder.endswith("/") or "//" in folder:
        raise UsageError(f'"{folder}" is no name for a folder')
    try:
        found = ctx.store.find_folder(account, folder)
        return account, found.name, found.key
    except NotFound:
        check_name(folder)
        special = "Inbox" if folder.upper() == INBOX else None
        key = ctx.store.ensure_folder(account, folder, special=special)
        return account, folder, key


def _account(ctx: Context) -> str:
    if ctx.account == LOCAL or (ctx.account is None and not ctx.config.accounts):
        return LOCAL
    if ctx.account == "all":
        raise UsageError("an import goes to one account", hint=f"-A NAME, or -A {LOCAL}")
    return ctx.chosen_account().name


def _deliver(ctx: Context, key: int, batch: Sequence[_Mail], making: Making) -> None:
    from mailcli.store.values import Arrival

    arrivals = [Arrival(key, mail.data, mail.flags, mail.arrived) for mail in batch]
    ctx.store.deliver(arrivals, also=making.note(arrivals))


def _mails(paths: Sequence[Path], unreadable: list[str], now: float) -> Iterator[_Mail]:
    """Every message of the paths; what cannot be read is noted and passed over."""
    for path in paths:
        try:
            if not path.is_dir():
                yield from _file(path, unreadable, now)
            elif (path / "cur").is_dir() and (path / "new").is_dir():
                yield from _maildir(path, unreadable, now)
            else:
                yield from _directory(path, unreadable, now)
        except OSError as error:
            unreadable.append(f"{path}: {error.strerror}")


def _file(path: Path, unreadable: list[str], now: float) -> Iterator[_Mail]:
    """An .eml is one message whatever it begins with; any other file is an mbox."""
    from mailcli.mime import mbox

    if path.suffix.lower() == ".eml":
        yield from _single(path, unreadable, now, path.parent)
        return
    if stat.S_ISCHR(path.stat().st_mode) or stat.S_ISBLK(path.stat().st_mode):
        unreadable.append(f"{path}: a device")
        return
    modified = path.stat().st_mtime
    count = 0
    with path.open("rb") as file:
        parted = mbox.opens(file.peek(1000))  # what stands behind a From line is mail, however odd
        for data in mbox.split(file):
            count += 1
            if not parted and data.strip() and not _is_mail(data):
                unreadable.append(f"{path}: message {count} does not begin as a mail does")
                continue
            wire = _wire(data)
            yield _Mail(wire, _status(data), _arrived(wire, None, modified, now))
    if not count and path.stat().st_size:
        unreadable.append(f"{path}: no mail in it")


def _read(path: Path, root: Path) -> bytes:
    """A file met below `root`. Who made the directory may have laid anything in it: a pipe, which
    would be waited for, a device, a link to what is not his to send here."""
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise OSError(0, "a link to outside of the directory", str(path))
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "not a file", str(path))
        return file.read()


def _is_mail(data: bytes) -> bool:
    """Whether it begins as a mail does, and has a field that mails have."""
    if _FIELD.match(data) is None:
        return False
    header = re.split(rb"\r?\n\r?\n", data[:65536], maxsplit=1)[0]
    return any(_KNOWN.match(line) for line in header.splitlines())


def _directory(path: Path, unreadable: list[str], now: float) -> Iterator[_Mail]:
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".eml" and not p.is_dir())
    if not found:
        unreadable.append(f"{path}: neither a Maildir nor a directory with .eml files")
    for file in found:
        yield from _single(file, unreadable, now, path)


def _single(path: Path, unreadable: list[str], now: float, root: Path) -> Iterator[_Mail]:
    try:
        data = _read(path, root)
        modified = path.stat().st_mtime
    except OSError as error:
        unreadable.append(f"{path}: {error.strerror}")
        return
    if not data.strip():
        unreadable.append(f"{path}: empty")
        return
    wire = _wire(data)
    yield _Mail(wire, _status(data), _arrived(wire, None, modified, now))


def _maildir(path: Path, unreadable: list[str], now: float) -> Iterator[_Mail]:
    """Both `new` and `cur`, in the order of their names, which begin with the time of arrival."""
    files = [p for part in ("cur", "new") for p in (path / part).iterdir() if not p.name.startswith(".")]
    for file in sorted(files, key=lambda p: p.name):
        try:
            data = _read(file, path)
            modified = file.stat().st_mtime
        except OSError as error:
            unreadable.append(f"{file}: {error.strerror}")
            continue
        letters = _MAILDIR_FLAGS.search(file.name)
        stamp = _MAILDIR_TIME.match(file.name)
        size = _MAILDIR_WIRE.search(file.name)
        # W equal to the file's size: exactly as it was on the wire (our own rule, see mime.lineends).
        wire = data if size and int(size[1]) == len(data) else _wire(data)
        held = flags.from_letters(letters[1]) if letters and file.parent.name == "cur" else frozenset()
        yield _Mail(wire, held, _arrived(wire, float(stamp[1]) if stamp else None, modified, now))


def _wire(data: bytes) -> bytes:
    """A file with plain LF lines gets CRLF; any other is taken exactly as it is."""
    return data if b"\r" in data else data.replace(b"\n", b"\r\n")


def _status(data: bytes) -> Flags:
    """The flags of the header's Status and X-Status (mbox has no other place for them)."""
    end = re.search(rb"\r?\n\r?\n", data)
    letters = _STATUS.findall(data, 0, end.start() + 1 if end else len(data))
    held = b"".join(letters).decode("ascii").upper()
    return frozenset(flag for letter, flag in _STATUS_FLAGS.items() if letter in held)


def _arrived(wire: bytes, stamp: float | None, modified: float, now: float) -> float:
    """When it came: the Maildir name's time, else its Date, else the file's time; never later than now."""
    from mailcli.mime.read import envelope

    if stamp is None:
        stamp = envelope(wire).date
    if stamp is None or not _OLDEST <= stamp <= now:
        stamp = modified
    return max(_OLDEST, min(stamp, now))
