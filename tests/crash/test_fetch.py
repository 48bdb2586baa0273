"""Fetches killed at a step of theirs and run again: the same end as if nothing had happened.

Every step of the store is a cut point (`disk.failpoint`); the server is a real one. Two kills in a
row are tried too, since what the first leaves behind is where the second begins.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest, fetch
from mailcli.store import disk
from tests.integration.conftest import message
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml

COUNT = 9
DELETE = FetchRequest(leave="delete")
EVERY = 3
"""Of the steps of a run, each so many-th is cut: `make crash` cuts all of them."""


def stride() -> int:
    return 1 if "MAILCLI_CUTS" in os.environ else EVERY


def run(profile: Path, request: FetchRequest) -> None:
    ctx = Context.open(profile=profile, environ={"HOME": "/nonexistent"})
    for report in fetch(ctx, request):
        if report.error is not None:
            raise report.error
    ctx.close()


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Do the work in a process of its own that is killed just before its step-th step; whether it
    came to that."""
    pid = os.fork()
    if pid == 0:
        left = step

        def cut(name: str, path: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        disk.failpoint = cut
        try:
            work()
        except BaseException:  # a fork must never return into the tests
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, -signal.SIGKILL}, "the run failed instead of being killed"
    return code != 0


def subjects(profile: Path) -> Counter[str]:
    """Every message of the mailbox, with how often it is there, once database and files agree."""
    ctx = Context.open(profile=profile, environ={"HOME": "/nonexistent"})
    try:
        assert ctx.store.check() == []
        return Counter(row.subject for row in ctx.store.summaries(folders=None).rows)
    finally:
        ctx.close()


WANTED = Counter(f"m{n}" for n in range(COUNT))


@pytest.fixture
def prepared(tmp_path: Path, dovecot: Dovecot) -> Callable[[str, int], tuple[Path, str]]:
    """A new user with COUNT messages on the server, and an account for it."""

    def prepare(protocol: str, number: int) -> tuple[Path, str]:
        user, password = dovecot.user()
        dovecot.fill(user, [message(f"m{n}") for n in range(COUNT)])
        profile = tmp_path / f"{protocol}{number}"
        account_toml(profile, dovecot, user, password, protocol=protocol)
        return profile, user

    return prepare


def steps() -> Iterator[int]:
    step = 1
    while step < 1000:
        yield step
        step += stride()


@pytest.mark.parametrize(("protocol", "request_"), [("imap", FetchRequest()), ("pop3", DELETE)])
def test_a_fetch_killed_at_a_step_and_run_again_loses_and_doubles_nothing(
    prepared: Callable[[str, int], tuple[Path, str]],
    dovecot: Dovecot,
    protocol: str,
    request_: FetchRequest,
) -> None:
    cuts = 0
    for step in steps():
        profile, user = prepared(protocol, step)
        cut = killed_at(step, lambda p=profile: run(p, request_))  # type: ignore[misc]
        if protocol == "pop3" and cut:
            on_server = Counter(
                line.partition(b": ")[2].decode()
                for data in dovecot.messages(user).values()
                for line in data.split(b"\r\n")
                if line.startswith(b"Subject")
            )
            here = subjects_by_files(profile)
            assert on_server | here >= WANTED, "deleted on the server before it was safe here"
        run(profile, request_)
        assert subjects(profile) == WANTED
        if protocol == "pop3":
            assert dovecot.messages(user) == {}
        if not cut:
            break
        cuts += 1
    assert cuts >= 5


def test_a_second_kill_in_what_the_first_left_doubles_nothing(
    prepared: Callable[[str, int], tuple[Path, str]],
) -> None:
    for protocol, request_ in (("imap", FetchRequest()), ("pop3", FetchRequest())):
        profile, _ = prepared(protocol, 0)
        step, cuts = 12, 0
        while killed_at(step, lambda p=profile, r=request_: run(p, r)):  # type: ignore[misc]
            step += 5
            cuts += 1
        assert cuts >= 2
        assert subjects(profile) == WANTED


def subjects_by_files(profile: Path) -> Counter[str]:
    """What lies in the Maildirs, whatever the database says."""
    return Counter(
        line.partition(b": ")[2].decode()
        for path in profile.glob("data/mail/**/*")
        if path.parent.name in {"cur", "new"}
        for line in path.read_bytes().split(b"\n")
        if line.startswith(b"Subject")
    )
