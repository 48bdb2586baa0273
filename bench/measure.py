"""Run programs in turn, keep what each run took, and print it as a table and as JSON."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OURS = "mailcli"
TIMEOUT = 900


@dataclass(frozen=True)
class Contender:
    """One program doing one task.

    `prepare` runs before each timed run and is not timed. `turns` takes the turns counted by a
    proxy since the last call. `check` gives what is wrong with the result, "" if nothing is.
    `leaves` are the files and directories whose size on disk is part of the result. `each` is how many
    messages a run works through, for tasks whose figure is a rate.
    `note` says what a reader must know to compare (durability, what it leaves out), `unable` why
    this one could not be made ready. `once`: it takes minutes, and is not run again.
    """

    name: str
    command: Sequence[str]
    prepare: Callable[[], None] = lambda: None
    check: Callable[[], str] = lambda: ""
    turns: Callable[[], int] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    stdin: Path | None = None
    good: frozenset[int] = frozenset({0})
    note: str = ""
    unable: str = ""
    leaves: Sequence[Path] = ()
    each: int = 0
    once: bool = False


@dataclass
class Row:
    """All runs of one contender at one task; seconds, MB of peak memory and on disk."""

    task: str
    contender: Contender
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    peak: float = 0.0
    turns: list[int] = field(default_factory=list)
    disk: float = 0.0
    problem: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.walls)

    @property
    def rate(self) -> float:
        """Messages a second, 0 where that says nothing."""
        return self.contender.each / self.median if self.contender.each and self.walls else 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "program": self.contender.name,
            "runs": [round(wall, 4) for wall in self.walls],
            "median": round(self.median, 4) if self.walls else None,
            "cpu": round(statistics.median(self.cpus), 4) if self.cpus else None,
            "peak_mb": round(self.peak, 1),
            "turns": statistics.median(self.turns) if self.turns else None,
            "disk_mb": round(self.disk, 1) if self.contender.leaves else None,
            "rate": round(self.rate) if self.rate else None,
            "note": self.contender.note,
            "problem": self.problem,
        }


def compete(task: str, contenders: Sequence[Contender], runs: int) -> list[Row]:
    """Every contender in turn, `runs` times; one that fails is not run again."""
    rows = [Row(task, contender, problem=contender.unable) for contender in contenders]
    for _ in range(runs):
        for row in rows:
            if not (row.problem or (row.walls and row.contender.once)):
                _measure(row)
    return rows


def _measure(row: Row) -> None:
    contender = row.contender
    contender.prepare()
    if contender.turns is not None:
        contender.turns()
    os.sync()
    with tempfile.TemporaryFile() as errors, open(contender.stdin or os.devnull, "rb") as stdin:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(contender.command),
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(contender),
            start_new_session=True,
        )
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.daemon = True  # a benchmark that is broken off ends at once
        timer.start()
        peak = _Peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        told = " ".join(errors.read().decode(errors="replace").split())[-200:]
    turns = contender.turns() if contender.turns is not None else None
    if process.returncode not in contender.good:
        row.problem = f"exit {process.returncode}: {told}"
        return
    row.problem = contender.check()
    row.walls.append(wall)
    row.cpus.append(usage.ru_utime + usage.ru_stime)
    row.peak = max(row.peak, peak.megabytes)
    row.disk = sum(map(_megabytes, contender.leaves))
    if turns is not None:
        row.turns.append(turns)


def _megabytes(path: Path) -> float:
    """What a file, or all below a directory, has in MB; 0 if it is not there."""
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _environment(contender: Contender) -> dict[str, str]:
    """Ours with the contender's. A Python that may not write byte code would compile at each start."""
    environ = {**os.environ, **contender.environ}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ


class _Peak:
    """The most memory a process held, seen from outside.

    The kernel's ru_maxrss begins with the memory of the process that forked: ours.
    """

    def __init__(self, pid: int) -> None:
        self.megabytes = 0.0
        self._path = Path(f"/proc/{pid}/status")
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(0.02)
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", self._path.read_text())
            except OSError:
                return
            if found is None:
                return  # a zombie
            self.megabytes = max(self.megabytes, int(found[1]) / 1024)


def heading() -> str:
    return (
        f"{'task':30} {'program':26} {'median':>9} {'min':>9} {'cpu':>7} {'MB':>6} {'turns':>6}  peer/mailcli"
    )


def table(rows: Sequence[Row]) -> str:
    """One line for each row; the ratio says how many times longer the peer took than mailcli."""
    lines = []
    ours = {row.task: row.median for row in rows if row.contender.name == OURS and row.walls}
    before = ""
    for row in rows:
        task = row.task if row.task != before else ""
        before = row.task
        if not row.walls:
            lines.append(f"{task:30} {row.contender.name:26} failed: {row.problem}")
            continue
        turns = f"{statistics.median(row.turns):.0f}" if row.turns else ""
        base = ours.get(row.task)
        ratio = f"{row.median / base:.2f}" if base and row.contender.name != OURS else ""
        disk = f"{row.disk:.1f} MB on disk" if row.contender.leaves else ""
        rate = f"{row.rate:.0f}/s" if row.rate else ""
        wrong = row.problem and f"WRONG: {row.problem}"
        trailer = "  ".join(filter(None, (ratio, rate, disk, row.contender.note, wrong)))
        peak = f"{row.peak:.0f}" if row.peak else ""
        lines.append(
            f"{task:30} {row.contender.name:26} {row.median:9.3f} {min(row.walls):9.3f} "
            f"{statistics.median(row.cpus):7.2f} {peak:>6} {turns:>6}  {trailer}".rstrip()
        )
    return "\n".join(lines)


def save(rows: Sequence[Row], missing: Sequence[str], settings: Mapping[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"settings": settings, "missing": list(missing), "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(document, indent=1) + "\n")


def installed(program: str) -> bool:
    if program == "swaks":  # its TLS is an optional Perl module
        probe = ["perl", "-MNet::SSLeay", "-e1"]
        if not shutil.which("perl") or subprocess.run(probe, capture_output=True, check=False).returncode:
            return False
    return shutil.which(program) is not None
