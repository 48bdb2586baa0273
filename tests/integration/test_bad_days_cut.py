"""Bad days in the middle of a download: cut, killed, interrupted, doubled; then run again."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.support.program import Mailbox, finish, wait_until
from tests.support.proxy import Cut

BOTH = pytest.mark.parametrize("protocol", ["imap", "pop3"])


@BOTH
@pytest.mark.parametrize(
    ("octets", "how"),
    [(3_000, "fin"), (6_000, "rst"), (120_000, "fin"), (120_000, "stall")],
)
def test_a_server_that_dies_in_the_middle_is_told_and_the_next_run_completes_it(
    make_mailbox: Callable[..., Mailbox], protocol: str, octets: int, how: str
) -> None:
    mailbox = make_mailbox(protocol, 40, 5000)
    with mailbox.through(Cut("server", octets, how)) as where:
        words = ["--deadline", "2"] if how == "stall" else []
        done = mailbox.run("fetch", *words)
    assert done.code == 75, done
    assert done.line.startswith(f"mailcli: test: {where}") and "try again later" in done.line
    assert mailbox.on_server() == 40
    assert not mailbox.litter()
    mailbox.whole()


@BOTH
def test_a_line_that_always_breaks_brings_more_with_every_run(
    make_mailbox: Callable[..., Mailbox], protocol: str
) -> None:
    mailbox = make_mailbox(protocol, 60, 5000)
    with mailbox.through(Cut("server", 150_000, "rst")):
        assert mailbox.run("fetch").code == 75
        first = len(mailbox.files())
        assert first > 0
        assert mailbox.run("fetch").code == 75
        assert len(mailbox.files()) > first
    mailbox.whole()


def test_a_cut_deletion_loses_nothing(make_mailbox: Callable[..., Mailbox]) -> None:
    mailbox = make_mailbox("pop3", 20, 500)
    mailbox.run("fetch").good()
    with mailbox.through(Cut("client", 900, "rst")):
        mailbox.run("fetch", "--delete").failed(75, "test", "the next fetch")
    mailbox.run("fetch", "--delete").good()
    assert mailbox.on_server() == 0
    mailbox.whole()


@BOTH
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_fetch_that_is_ended_by_a_signal_is_completed_by_the_next(
    make_mailbox: Callable[..., Mailbox], protocol: str, number: signal.Signals
) -> None:
    mailbox = make_mailbox(protocol, 400, 1000)
    with mailbox.through(Cut("server", 400_000, "stall")):
        process = mailbox.program.start("fetch")
        wait_until(mailbox.files)
        process.send_signal(number)
        done = finish(process)
    if number is signal.SIGINT:
        done.interrupted()
    else:
        assert (done.code, done.out, done.err) == (-number, "", "")
    mailbox.whole()


def test_a_second_fetch_leaves_the_account_to_the_first(make_mailbox: Callable[..., Mailbox]) -> None:
    mailbox = make_mailbox("imap", 400, 1000)
    with mailbox.through(Cut("server", 400_000, "stall")):
        process = mailbox.program.start("fetch")
        wait_until(mailbox.files)
        second = mailbox.run("fetch")
        assert (second.code, second.line) == (0, "mailcli: test: another fetch is running, left to it")
        quiet = mailbox.run("fetch", "-q")
        assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
        mailbox.run("fetch", "--fail-if-locked").failed(75, "test", "another", "try again")
        process.send_signal(signal.SIGINT)
        finish(process).interrupted()
    mailbox.whole()


@BOTH
def test_fetches_that_begin_at_once_double_nothing(
    make_mailbox: Callable[..., Mailbox], protocol: str
) -> None:
    mailbox = make_mailbox(protocol, 50, 500)
    started = [mailbox.program.start("fetch") for _ in range(3)]
    done = [finish(process) for process in started]
    assert {one.code for one in done} == {0}, done
    mailbox.whole()


def test_a_reader_of_our_output_that_leaves_early_is_no_error(make_mailbox: Callable[..., Mailbox]) -> None:
    mailbox = make_mailbox("imap", 300, 100)
    mailbox.run("fetch").good()
    line = " ".join(mailbox.program.words("list", "--format", "'{subject} {preview} {preview} {preview}'"))
    done = subprocess.run(
        ["/bin/sh", "-c", f"({line}; echo $? >&2) | head -1"],
        cwd="/",
        env={**mailbox.program.environ, "PYTHONPATH": str(mailbox.program.root)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == "0\n"
