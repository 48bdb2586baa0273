"""Power loss: what may lie on the disk after each system call of a run.

strace records the calls that change files, with all their data. The model is that of a journaling
file system, taken at its word and no further: what is written is on the disk once its file was
fsynced, a name once a directory that it is in was (a rename is one entry of the journal, so either
directory's will do), everything once syncfs has returned. What was not synced may be there wholly, in
part, or not at all, names and data apart from each other. SQLite's files are like any others; its
shared memory is gone.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.crash import sites
from tests.support.crash.cuts import Cut
from tests.support.crash.figures import SEED
from tests.support.crash.strace import Strace
from tests.support.crash.trial import Trial

TRACED: Final = (
    "openat,close,write,pwrite64,ftruncate,fsync,fdatasync,syncfs,rename,unlink,mkdir,rmdir,link,dup,fcntl"
)
IMAGES: Final = ("all kept", "unsynced dropped", "names without data", "data without names", "torn")
SECTOR: Final = 512

_LINE: Final = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_STRING: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Call(NamedTuple):
    """One system call that worked: name, strings in it, its first and its last number, its result.
    Marks that the run has made are calls named "sent" and "received"."""

    name: str
    strings: tuple[bytes, ...]
    first: int
    last: int
    result: int
    text: str


class Recording(NamedTuple):
    """A run: what was there before (path below the profile -> content), its calls, and the server's
    mailbox as it was each time something had come from it."""

    before: dict[str, bytes]
    directories: frozenset[str]
    root: str
    calls: list[Call]
    snapshots: Path


def record(trial: Trial, directory: Path, bug: str = "") -> Recording:
    """Do the trial's command under strace; `bug` names a fault seeded into the run."""
    before = {
        str(p.relative_to(trial.profile)): p.read_bytes() for p in trial.profile.rglob("*") if p.is_file()
    }
    directories = frozenset(str(p.relative_to(trial.profile)) for p in trial.profile.rglob("*") if p.is_dir())
    snapshots = directory / f"snapshots-{trial.profile.name}-{bug}".replace(" ", "-")
    home = trial.server.maildir(trial.user).parent
    shutil.copytree(home, snapshots / "0")
    options = ("--seccomp-bpf", "-y", "-xx", "-s", "16777216", "-e", f"trace={TRACED}", "-e", "signal=none")
    with Strace(directory, *options) as strace:
        ended = strace.run(trial, bug=bug, home=home, snapshots=snapshots)
        assert ended.code == 0, ended
    pids = {str(identity) for identity, _, _ in ended.value}
    shutil.copytree(home, snapshots / "end")
    calls = list(_calls(strace.log.read_text("ascii"), pids))
    strace.log.unlink()
    return Recording(before, directories, str(trial.profile), calls, snapshots)


def _calls(log: str, pids: set[str]) -> Iterator[Call]:
    """The calls of these threads, in the order in which they returned."""
    begun: dict[str, str] = {}
    for line in log.splitlines():
        pid, _, rest = line.partition(" ")
        if pid not in pids:
            continue
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>").strip()
            continue
        if "resumed>" in rest and pid in begun:
            rest = begun.pop(pid) + rest.partition("resumed>")[2]
        found = _LINE.match(f"{pid} {rest.strip()}")
        if found is None:
            continue
        name, words, result = found[2], found[3], int(found[4])
        strings = tuple(bytes.fromhex(s.replace("\\x", "")) for s in _STRING.findall(words))
        if name == "write" and words.startswith("-1"):
            yield Call("mark", strings, -1, -1, 0, "")
            continue
        if result < 0:
            continue
        plain = re.sub(r"<[^<>]*>", "", _STRING.sub("", words))
        numbers = re.findall(r"-?\b\d+\b", plain)
        first = int(numbers[0]) if numbers else -1
        yield Call(name, strings, first, int(numbers[-1]) if numbers else -1, result, plain)


class _Inode:
    """A file: its content now, what of it is synced, and the writes since."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.synced = bytes(data)
        self.since: list[tuple[int, bytes]] = []

    def write(self, offset: int, data: bytes) -> None:
        if len(self.data) < offset:
            self.data.extend(bytes(offset - len(self.data)))
        self.data[offset : offset + len(data)] = data
        self.since.append((offset, data))

    def truncate(self, size: int) -> None:
        del self.data[size:]
        self.data.extend(bytes(size - len(self.data)))

    def sync(self) -> None:
        self.synced, self.since = bytes(self.data), []

    def torn(self, drawn: random.Random) -> bytes:
        """The synced content with some of the sectors written since."""
        data = bytearray(self.synced)
        for offset, piece in self.since:
            for start in range(0, len(piece), SECTOR):
                if drawn.random() < 0.5:
                    part, at = piece[start : start + SECTOR], offset + start
                    if drawn.random() < 0.1:
                        part = part[: len(part) // 2]
                    if len(data) < at:
                        data.extend(bytes(at - len(data)))
                    data[at : at + len(part)] = part
        return bytes(data)


class _Change:
    """An entry of the journal: a name that goes, a name that comes (with its inode; None: a directory)."""

    def __init__(self, gone: str, new: str, inode: _Inode | None) -> None:
        self.gone, self.new, self.inode = gone, new, inode
        self.synced = False
        self.parents = {_parent(name) for name in (gone, new) if name}


class Disk:
    """The model, fed with calls."""

    def __init__(self, recording: Recording) -> None:
        self._root = recording.root
        self._files = {name: _Inode(data) for name, data in recording.before.items()}
        self._names: dict[str, _Inode | None] = {**dict.fromkeys(recording.directories), **self._files}
        self._first = dict(self._names)
        self._journal: list[_Change] = []
        self._open: dict[int, _Inode | str] = {}
        self._offsets: dict[int, int] = {}
        self._inodes = list(self._files.values())
        self.snapshot = 0

    def feed(self, call: Call) -> bool:
        """Take a call in; whether it changed anything that a power loss could show."""
        act = getattr(self, f"_do_{call.name}", None)
        return bool(act(call)) if act is not None else False

    def _below(self, path: bytes) -> str | None:
        text = os.fsdecode(path)
        if text == self._root:
            return ""
        return text[len(self._root) + 1 :] if text.startswith(self._root + "/") else None

    def _do_mark(self, call: Call) -> bool:
        self.snapshot = int(call.strings[0])
        return True

    def _do_openat(self, call: Call) -> bool:
        self._open.pop(call.result, None)
        name = self._below(call.strings[0]) if call.strings else None
        if name is None or name.endswith("-shm"):
            return False
        if name not in self._names and "O_CREAT" in call.text:
            inode = _Inode()
            self._inodes.append(inode)
            self._enter("", name, inode)
        found = self._names.get(name)
        if found is None:
            self._open[call.result] = name
            return False
        self._open[call.result] = found
        self._offsets[call.result] = len(found.data) if "O_APPEND" in call.text else 0
        if "O_TRUNC" in call.text:
            found.truncate(0)
        return True

    def _do_close(self, call: Call) -> bool:
        self._open.pop(call.first, None)
        return False

    def _inode(self, call: Call) -> _Inode | None:
        found = self._open.get(call.first)
        return found if isinstance(found, _Inode) else None

    def _do_write(self, call: Call) -> bool:
        if (inode := self._inode(call)) is not None:
            inode.write(self._offsets[call.first], call.strings[0][: call.result])
            self._offsets[call.first] += call.result
        return inode is not None

    def _do_pwrite64(self, call: Call) -> bool:
        if (inode := self._inode(call)) is not None:
            inode.write(call.last, call.strings[0][: call.result])
        return inode is not None

    def _do_ftruncate(self, call: Call) -> bool:
        if (inode := self._inode(call)) is not None:
            inode.truncate(call.last)
        return inode is not None

    def _do_fsync(self, call: Call) -> bool:
        found = self._open.get(call.first)
        if isinstance(found, _Inode):
            found.sync()
        elif found is not None:
            for change in self._journal:
                change.synced |= found in change.parents
        return found is not None

    _do_fdatasync = _do_fsync

    def _do_syncfs(self, call: Call) -> bool:
        for inode in self._inodes:
            inode.sync()
        for change in self._journal:
            change.synced = True
        return True

    def _do_rename(self, call: Call) -> bool:
        old, new = (self._below(s) for s in call.strings[:2])
        if old is None or new is None:
            return False
        for name in [n for n in self._names if n == old or n.startswith(old + "/")]:
            self._enter(name, new + name[len(old) :], self._names[name])
        return True

    def _do_unlink(self, call: Call) -> bool:
        name = self._below(call.strings[0])
        if name in self._names:
            self._enter(name, "", None)
        return name is not None

    _do_rmdir = _do_unlink

    def _do_mkdir(self, call: Call) -> bool:
        name = self._below(call.strings[0])
        if name is not None:
            self._enter("", name, None)
        return name is not None

    def _enter(self, gone: str, new: str, inode: _Inode | None) -> None:
        change = _Change(gone, new, inode)
        self._journal.append(change)
        _apply(self._names, change)

    def image(self, kind: str, seed: str) -> dict[str, bytes | None]:
        """What lies on the disk: name -> content, None for a directory."""
        drawn = random.Random(seed)
        names = dict(self._first)
        upto = {p: drawn.random() for c in self._journal for p in sorted(c.parents)}
        for number, change in enumerate(self._journal):
            kept = kind in ("all kept", "names without data") or change.synced
            if kind == "torn":
                kept |= any(number / len(self._journal) < upto[p] for p in change.parents)
            if kept:
                _apply(names, change)
        found: dict[str, bytes | None] = {}
        for name, inode in names.items():
            if inode is None:
                found[name] = None
            elif kind == "torn":
                found[name] = inode.torn(drawn)
            else:
                whole = kind in ("all kept", "data without names")
                found[name] = bytes(inode.data) if whole else inode.synced
        # a name needs its directories: what lies in one that is not there cannot be there
        return {n: d for n, d in found.items() if _reachable(n, found)}


def _apply(names: dict[str, _Inode | None], change: _Change) -> None:
    if change.gone:
        names.pop(change.gone, None)
    if change.new:
        names[change.new] = change.inode


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _reachable(name: str, names: dict[str, bytes | None]) -> bool:
    parent = _parent(name)
    return not parent or (parent in names and _reachable(parent, names))


def cuts(recording: Recording, wanted: int, scenario: str) -> list[Cut]:
    """So many power losses, each after a call that changed something, with images all unlike."""
    disk = Disk(recording)
    changed = [number for number, call in enumerate(recording.calls, 1) if disk.feed(call)]
    points = [(number, kind) for number in changed for kind in IMAGES]
    random.Random(f"{SEED} {scenario}").shuffle(points)
    made: list[Cut] = []
    seen: set[bytes] = set()
    for number, kind in points:
        if len(made) == wanted:
            break
        image, snapshot = image_at(recording, number, kind)
        digest = hashlib.sha256(repr((sorted(image.items()), snapshot)).encode()).digest()
        if digest not in seen:
            seen.add(digest)
            made.append(cut(recording, number, kind))
    return made


def image_at(recording: Recording, number: int, kind: str) -> tuple[dict[str, bytes | None], int]:
    """The disk after so many calls, and which snapshot of the server goes with it: what it had done
    by its answer to the last thing it was sent."""
    disk = Disk(recording)
    for call in recording.calls[:number]:
        disk.feed(call)
    return disk.image(kind, f"{SEED} {number}"), disk.snapshot


def _answered(snapshots: Path, number: int) -> Path:
    """The snapshot taken when this sending was answered, perhaps together with later ones."""
    later = [int(p.name) for p in snapshots.iterdir() if p.name != "end" and int(p.name) >= number]
    return snapshots / (str(min(later)) if later else "end")


def cut(recording: Recording, number: int, kind: str) -> Cut:
    """The power goes after so many calls."""

    def make(trial: Trial) -> str:
        image, snapshot = image_at(recording, number, kind)
        home = trial.server.maildir(trial.user).parent
        shutil.rmtree(home)
        sites.copy_home(trial.server, _answered(recording.snapshots, snapshot), home)
        shutil.rmtree(trial.profile)
        trial.profile.mkdir()
        for name, data in sorted(image.items()):
            path = trial.profile / name
            if data is None:
                path.mkdir(exist_ok=True)
            else:
                path.touch(mode=0o600)
                path.write_bytes(data)
        trial.configure()
        return ""

    last = recording.calls[number - 1]
    return Cut(f"power loss after call {number} ({last.name}), {kind}", make)
