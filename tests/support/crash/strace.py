"""Cuts at a system call: the process is killed before its n-th, or that one fails."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple

from tests.support.crash.children import LIMIT, Ended, Hung
from tests.support.crash.cuts import LOCAL_FAILURES, Cut, NotReached, ended_well
from tests.support.crash.tracee import NUMBERS
from tests.support.crash.trial import Trial
from tests.support.program import ROOT

KILLED: Final = tuple(NUMBERS)
"""Without those that Python makes many of as it starts: the process that forks would be cut."""
FAILING: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "full disk": {
        "ENOSPC": ("write", "pwrite64", "mkdir", "ftruncate"),
        "EIO": ("fsync", "fdatasync", "rename", "unlink", "syncfs"),
    },
    "failing disk": {"EIO": ("write", "pwrite64", "ftruncate", "mkdir"), "ENOSPC": ("rename",)},
    "interrupted": {"EINTR": ("write", "pwrite64", "rename", "unlink", "mkdir")},
}
_CALL: Final = re.compile(r"(\d+) +(\w+)\(")


class Point(NamedTuple):
    """One system call of a run: the n-th of its name in a thread, the which-th so named."""

    thread: str
    which: int
    call: str
    number: int


def lacking() -> str:
    """Why system calls cannot be cut here; "" if they can."""
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        return "system calls are known by their numbers on x86-64 Linux only"
    if not shutil.which("strace"):
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"strace does not work here: {done.stderr.strip()}"


class Strace:
    """strace with these options around a process that runs flows, one after the other."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.log = directory / f"strace-{os.getpid()}-{abs(hash(options))}.log"
        self.log.touch()
        # Not --seccomp-bpf: with it strace 6.1 delivers no signal (it injects errors all the same).
        command = ["strace", "-f", "-qq", "-o", str(self.log), *options]
        self._process = subprocess.Popen(
            [*command, sys.executable, "-m", "tests.support.crash.tracee"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._read = 0

    def __enter__(self) -> Strace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise Hung("strace does not end") from None

    def run(self, trial: Trial, point: Point | None = None, pad: int = 0, **more: object) -> Ended:
        """The trial's command; its value is [thread id, name, index] of its threads."""
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = {"flow": trial.flow.name, "profile": str(trial.profile), "pad": pad, "thread": None}
        if point is not None:
            asked |= {"thread": [point.thread, point.which], "call": point.call}
        asked |= {name: str(value) for name, value in more.items()}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the process under strace died"
        return Ended(*json.loads(answer))

    def written(self) -> str:
        """What the log has more than at the last call."""
        with self.log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        self._read += len(data)
        return data.decode("ascii", "replace")


def points(trial: Trial, directory: Path) -> list[Point]:
    """Every system call of a run that may be cut."""
    calls = ",".join(KILLED)
    with Strace(directory, "-e", f"trace={calls}", "-e", "signal=none") as strace:
        strace.written()
        ended = strace.run(trial)
        assert ended.code == 0, ended
    found = Counter((int(m[1]), m[2]) for m in map(_CALL.match, strace.written().splitlines()) if m)
    return [
        Point(name, index, call, number + 1)
        for identity, name, index in ended.value
        for call in KILLED
        for number in range(found[identity, call])
    ]


class Cutter:
    """Makes the cuts of one kind ("kill", or one of FAILING) at points of one run."""

    def __init__(self, directory: Path, kind: str, points: list[Point]) -> None:
        self.kind = kind
        failing = FAILING.get(kind, {})
        calls = [call for some in failing.values() for call in some] or list(KILLED)
        self._errors = {call: error for error, some in failing.items() for call in some}
        self.points = [p for p in points if p.call in calls]
        self._when = max((p.number for p in self.points), default=0) + 60
        options = [] if kind == "kill" else ["--seccomp-bpf"]
        options += ["-e", f"trace={','.join(calls)}"]
        for error, some in failing.items() or [("", calls)]:
            inject = f"error={error}" if error else "signal=KILL"
            options += ["-e", f"inject={','.join(some)}:{inject}:when={self._when}"]
        self.strace = Strace(directory, *options)

    def cuts(self) -> list[Cut]:
        return [self._cut(point) for point in self.points]

    def _cut(self, point: Point) -> Cut:
        def make(trial: Trial) -> str:
            self.strace.written()
            trial.disk_failed = bool(self._errors)
            trial.told = ended = self.strace.run(trial, point, self._when - point.number)
            if not ended.killed and "INJECTED" not in self.strace.written():
                raise NotReached
            return ended_well(ended, LOCAL_FAILURES)

        verb = f"{self._errors[point.call]} from" if self._errors else "killed before"
        return Cut(f"{verb} {point.call} {point.number} of {point.thread} {point.which}", make)
