from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crash import figures
from tests.support.letters import memory_directory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Killed processes leave what they wrote, on a disk or in memory; memory is faster."""
    with memory_directory() as directory:
        yield directory


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The whole takes a while: each scenario is told as it ends."""
    if figures.WHOLE and report.when == "call" and "PYTEST_XDIST_WORKER" not in os.environ:
        for value in (value for name, value in report.user_properties if name == "cuts"):
            print(figures.line(figures.Figure(*value)), file=sys.__stderr__, flush=True)  # type: ignore[misc]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The published figure: cut points tried, lost, doubled."""
    found = [
        figures.Figure(*value)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "cuts" and report.when == "call"
    ]
    if found:
        lines = figures.table(sorted(found))
        for line in lines if figures.WHOLE else lines[-2:-1]:
            terminalreporter.write_line(line)
