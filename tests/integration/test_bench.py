from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import Contender, compete, table

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.getuid() != 0, reason="Postfix can be started by root only")
def test_tasks_run_and_are_right_for_mailcli_where_no_peer_is_installed(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    tasks = ["startup", "smtp", "imap-noop", "search-rare"]
    words = [*tasks, "--messages", "40", "--runs", "1", "--rtt", "0,2", "--json", str(result)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(result.read_text())["rows"]
    assert {row["task"].partition(",")[0] for row in rows} == set(tasks)
    assert "not compared: mbsync (isync)" in done.stdout
    assert all(row["problem"] == "" and row["median"] > 0 for row in rows)
    assert all(row["turns"] for row in rows if row["task"].endswith("2 ms"))


def test_a_wrong_result_is_told() -> None:

    wrong = Contender("mailcli", ["true"], check=lambda: "3 messages, not 4")
    failing = Contender("peer", ["sh", "-c", "echo no such host >&2; exit 75"])
    rows = compete("task", [wrong, failing], 1)
    assert "WRONG: 3 messages, not 4" in table(rows)
    assert "failed: exit 75: no such host" in table(rows)
