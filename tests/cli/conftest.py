"""Calls of the program in this process: in an empty profile, and in the mail world."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from mailcli.app import demonstration
from mailcli.app.context import Context
from mailcli.cli import run
from tests.cli.calling import Called, printed, streams
from tests.cli.schemas import Mail


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


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A profile in a mail world of its own: alice by IMAP, bob by POP3, both fetched."""
    directory = tmp_path_factory.mktemp("world")
    ctx = Context.open(profile=directory, environ=os.environ)
    with demonstration.world(time.time()) as world:
        demonstration.settle(world, directory, ctx).close()
        yield directory
    ctx.close()


@pytest.fixture(scope="module")
def mail(home: Path) -> Mail:
    """Run a command line in that profile; with a terminal on stdin, stdout and stderr if asked."""

    def calling(
        *argv: str, stdin: bytes = b"", terminals: tuple[bool, bool, bool] = (False, False, False)
    ) -> Called:
        environ = {
            "MAILCLI_PROFILE": str(home),
            "HOME": str(home),
            "PATH": os.environ["PATH"],
            "NO_COLOR": "1",
        }
        made = streams(stdin, terminals=terminals, environ=environ)
        code = run.main(argv, made)
        return Called(code, *printed(made))

    fetched = calling("fetch")
    assert (fetched.code, fetched.err) == (0, ""), fetched.err
    return calling
