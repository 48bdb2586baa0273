"""`python -m bench [TASK…] [--messages N] [--runs N] [--rtt 0,20] [--json FILE]`."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from pathlib import Path

from bench.arena import Arena
from bench.measure import Row, compete, heading, installed, save, table
from bench.peers import PACKAGES
from bench.pop3 import TASKS as POP3
from bench.tasks import TASKS as OTHERS

TASKS = {**OTHERS, **POP3}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="mailcli beside its peers")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="all, if none is named; see --list")
    parser.add_argument("--messages", type=int, default=2000, help="in a mailbox (10000 are 220 MB)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rtt", default="0,20", help="round-trip times in ms")
    parser.add_argument(
        "--json", type=Path, default=Path("bench/results") / time.strftime("%Y%m%d-%H%M%S.json")
    )
    parser.add_argument("--only", metavar="PROGRAM,…", help="these programs, as the table names them")
    parser.add_argument("--list", action="store_true", help="say what there is to run")
    given = parser.parse_args()
    if given.list:
        for name, task in TASKS.items():
            print(f"{name:18} {task.about}")
        return 0
    unknown = [name for name in given.tasks if name not in TASKS]
    if unknown:
        parser.error(f"no such task: {', '.join(unknown)} (there are {', '.join(TASKS)})")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended
    only = given.only.split(",") if given.only else []
    rows: list[Row] = []
    print(f"{given.messages} messages, {given.runs} runs each, {os.cpu_count()} cores, seconds")
    print(heading(), flush=True)
    with Arena(given.messages) as arena:
        for name in given.tasks or TASKS:
            task = TASKS[name]
            for rtt in [int(word) for word in given.rtt.split(",")] if task.wire else [0]:
                title = f"{name}, {rtt} ms" if task.wire else name
                print(f"{title} …", file=sys.stderr, flush=True)
                contenders = [c for c in task.make(arena, rtt) if not only or c.name in only]
                done = compete(title, contenders, given.runs)
                if done:
                    print(table(done), flush=True)
                rows += done
    missing = [f"{program} ({package})" for program, package in PACKAGES.items() if not installed(program)]
    settings = {
        "messages": given.messages,
        "runs": given.runs,
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.platform(),
    }
    if missing:
        print(f"not installed, so not compared: {', '.join(missing)}")
    save(rows, missing, settings, given.json)
    print(f"all figures: {given.json}")
    return 1 if any(row.problem for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
