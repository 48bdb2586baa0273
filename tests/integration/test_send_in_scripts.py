"""`send` as scripts call it: odd input, closed pipes, full disks. Each outcome has its exit code."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.scripted import Smtp, account
from tests.support.program import Done, Program, finish


class Refusing(Smtp):
    """Knows nobody whose name begins with `no`."""

    def __init__(self) -> None:
        super().__init__({"RCPT": lambda server, tag, to: b"550 5.1.1 unknown\r\n" if b"<no" in to else None})


@pytest.fixture
def server() -> Iterator[Smtp]:
    with Refusing() as server:
        yield server


@pytest.fixture
def program(tmp_path: Path, server: Smtp) -> Program:
    return account(tmp_path / "profile", smtp=server.port)


def with_stdout(program: Program, stdout: int, *words: str) -> Done:
    """A run that prints into this descriptor."""
    process = subprocess.Popen(
        program.words(*words),
        env=dict(program.environ),
        cwd=program.root,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(stdout)
    with process:
        done = finish(process)
    return done._replace(out=done.out or "")


def broken_pipe() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("output", [broken_pipe, full_disk])
@pytest.mark.parametrize(("to", "code"), [("ann@b.example", 0), ("nobody@b.example", 67)])
def test_the_exit_code_is_that_of_the_message_whoever_reads_the_outcome(
    program: Program, server: Smtp, output: object, to: str, code: int
) -> None:
    assert callable(output)
    for words in (("send", "-s", "s", to), ("send", "--queue", "-s", "s", to)):
        done = with_stdout(program, output(), "--json", *words)
        assert done.code == code, done
        assert ("could not be printed" in done.err) == (output is full_disk), done
    assert len(server.taken) == (2 if code == 0 else 0)


def test_a_run_of_the_outbox_that_nobody_reads_has_the_code_of_its_messages(
    program: Program, server: Smtp
) -> None:
    program.run("--offline", "send", "--queue", "-q", "-s", "s", "nobody@b.example", text="x\n").good()
    assert with_stdout(program, broken_pipe(), "outbox", "run").code == 67


def test_what_keeps_a_queued_message_from_going_is_told(program: Program, server: Smtp) -> None:
    server.says["AUTH"] = b"535 5.7.8 no\r\n"
    done = program.run("send", "--queue", "-s", "s", "ann@b.example", text="x\n")
    assert done.code == 0 and "535 5.7.8 no" in done.err and "outbox run" in done.err
    assert program.run("outbox", "run").code == 77
    (row,) = json.loads(program.run("outbox", "list", "--json").out)["data"]
    assert (row["state"], row["attempts"]) == ("queued", 0)  # no try is counted, nothing comes back
    del server.says["AUTH"]
    assert program.run("outbox", "run").code == 0 and len(server.taken) == 1
