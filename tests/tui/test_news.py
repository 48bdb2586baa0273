"""New mail that appears in the open reader by itself, from a real Dovecot."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml
from tests.support.program import Program, wait_until
from tests.tui.conftest import letter
from tests.tui.terminal import Terminal

Open = Callable[..., Terminal]


@pytest.fixture
def program(dovecot: Dovecot, tmp_path: Path, mail_user: tuple[str, str]) -> Program:
    """A fetched profile with three letters."""
    user, password = mail_user
    account_toml(tmp_path, dovecot, user, password)
    with dovecot.connect(user) as session:
        for n in range(3):
            dovecot.append_to(session, "INBOX", letter(n))
    made = Program(tmp_path)
    made.run("fetch").good()
    return made


def test_new_mail_appears_and_the_cursor_stays_with_its_message(
    program: Program, dovecot: Dovecot, mail_user: tuple[str, str], open_terminal: Open
) -> None:
    terminal = open_terminal(program.profile)
    terminal.until("letter 2")
    terminal.keys("j")
    terminal.until("2 of 3")
    dovecot.append(mail_user[0], "INBOX", letter(30))
    terminal.until("letter 30", "1 new", "3 of 4")
    terminal.keys("\r")
    terminal.until("Subject  letter 1")
    terminal.keys("qq")
    assert terminal.wait() == 0


def test_it_can_be_switched_off(
    program: Program, dovecot: Dovecot, mail_user: tuple[str, str], open_terminal: Open
) -> None:
    config = program.profile / "config.toml"
    config.write_text("reader.watch = false\n" + config.read_text())
    log = program.profile / "log"
    terminal = open_terminal(program.profile, "--transcript", str(log))
    terminal.until("letter 2")
    dovecot.append(mail_user[0], "INBOX", letter(30))
    terminal.keys("$")
    terminal.until("1 new")
    terminal.keys("q")
    assert terminal.wait() == 0
    assert log.read_text().count(" -- imap ") == 1  # the one that the key asked for


@pytest.mark.parametrize("by_itself", [True, False], ids=["watch", "key"])
def test_the_hooks_of_a_fetch_run_behind_the_screen(
    program: Program,
    dovecot: Dovecot,
    mail_user: tuple[str, str],
    open_terminal: Open,
    tmp_path: Path,
    by_itself: bool,
) -> None:
    told, shown = tmp_path / "told", tmp_path / "shown"
    config = program.profile / "config.toml"
    hooks = (
        f"[hooks]\nnew_mail = 'echo GARBAGE; echo GARBAGE >&2; cat > {told}.part; mv {told}.part {told}'\n"
        f"after_fetch = 'while ! test -e {shown}; do sleep 0.05; done; exit 3'\n"
    )
    watch = "" if by_itself else "reader.watch = false\n"
    config.write_text(f"{watch}{hooks}\n{config.read_text()}")
    terminal = open_terminal(program.profile)
    terminal.until("letter 2")
    dovecot.append(mail_user[0], "INBOX", letter(30))
    if not by_itself:
        terminal.keys("$")
    terminal.until(lambda screen: "letter 30" in screen and "1 new" in screen)
    wait_until(told.exists)
    assert [row["subject"] for row in json.loads(told.read_text())] == ["letter 30"]
    shown.touch()
    screen = terminal.until("the hook after_fetch ended with code 3")
    assert "GARBAGE" not in screen
    terminal.keys("q")
    assert terminal.wait() == 0


def test_nobody_who_leaves_waits_for_a_hook(program: Program, open_terminal: Open, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    config = program.profile / "config.toml"
    config.write_text(
        f"[hooks]\nafter_fetch = 'echo $$ > {pid}.part; mv {pid}.part {pid}; exec sleep 1000'\n"
        + config.read_text()
    )
    terminal = open_terminal(program.profile)
    terminal.until("letter 2")
    wait_until(pid.exists)
    try:
        terminal.keys("q")
        assert terminal.wait() == 0
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)
