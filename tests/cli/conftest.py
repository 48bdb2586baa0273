"""Calls of the program in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mailcli.cli import run
from tests.cli.calling import Called, printed, streams


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Called]:
    """Run a command line in an empty profile: what it printed and its exit code."""

    def calling(*argv: str, stdin: bytes = b"", terminals: Sequence[bool] = (False, False, False)) -> Called:
        made = streams(
            stdin,
            terminals=(terminals[0], terminals[1], terminals[2]),
            environ={"MAILCLI_PROFILE": str(tmp_path / "profile"), "HOME": str(tmp_path)},
        )
        code = run.main(argv, made)
        return Called(code, *printed(made))

    return calling
