"""Bad days of the configuration and of the surroundings: wrong words, lost passwords, an empty cron."""

from __future__ import annotations

import os
import pty
import pwd
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.postfix import Postfix
from tests.support.program import ROOT, Done, Mailbox, Program, finish


@pytest.fixture
def mailbox(make_mailbox: Callable[..., Mailbox]) -> Mailbox:
    return make_mailbox("imap", 3)


def configuration(mailbox: Mailbox) -> Path:
    return mailbox.program.profile / "config.toml"


def changed(mailbox: Mailbox, pattern: str, value: str) -> int:
    """Replace what matches; the number of the line."""
    path = configuration(mailbox)
    text = path.read_text()
    found = re.search(pattern, text)
    assert found, text
    path.write_text(text[: found.start()] + value + text[found.end() :])
    return text.count("\n", 0, found.start()) + 1


@pytest.mark.parametrize(
    ("pattern", "value", "told"),
    [
        (r"port = ", "prot = ", "did you mean 'port'?"),
        (r"port = \d+", 'port = "imaps"', "whole number"),
        (r'tls = "implicit"', 'tls = "maybe"', "implicit, starttls, none"),
        (r'host = ".*"', "host = ", "nvalid value"),
        (r"user = ", "user ", "xpected '='"),
        (r'email = ".*"', 'email = "nobody"', "not an address"),
        (r"password = .*", 'password = { fiel = "x" }', "password"),
    ],
)
def test_a_wrong_line_of_the_configuration_is_named(
    mailbox: Mailbox, pattern: str, value: str, told: str
) -> None:
    line = changed(mailbox, pattern, value)
    mailbox.run("fetch").failed(78, f"{configuration(mailbox)}, line {line}:", told)


def test_a_configuration_that_is_not_text_is_told(mailbox: Mailbox) -> None:
    with configuration(mailbox).open("ab") as file:
        file.write(b"# caf\xe9\n")
    lines = configuration(mailbox).read_bytes().count(b"\n")
    mailbox.run("fetch").failed(78, f"line {lines}:", "not UTF-8")


@pytest.mark.parametrize("words", [["fetch"], ["fetch", "-q"], ["list"], ["send", "-s", "x", "a@b.test"]])
def test_a_missing_configuration_is_named_and_says_how_to_begin(tmp_path: Path, words: list[str]) -> None:
    done = Program(tmp_path).run(*words, text="x")
    done.failed(78, "no account", str(tmp_path / "config.toml"), "does not exist", "mailcli account add")
    assert not list(tmp_path.iterdir())


def test_a_configuration_that_cannot_be_read_is_told(mailbox: Mailbox) -> None:
    configuration(mailbox).unlink()
    configuration(mailbox).mkdir()  # permissions do not stop root
    mailbox.run("fetch").failed(74, str(configuration(mailbox)), "cannot be read", "permissions")


def test_a_password_file_that_others_may_read_is_not_used(mailbox: Mailbox) -> None:
    secret = mailbox.program.profile / "test.password"
    secret.chmod(0o640)
    mailbox.run("fetch").failed(78, "test", "others may read", "0640", f"chmod 600 {secret}")
    secret.chmod(0o600)
    mailbox.whole()


def test_a_password_file_that_is_missing_is_told(mailbox: Mailbox) -> None:
    secret = mailbox.program.profile / "test.password"
    secret.unlink()
    mailbox.run("fetch").failed(78, "test", str(secret), "No such file")


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("echo hunter2; echo hunter3 >&2; exit 3", "exit code 3"),
        ("/proc/nonexistent/program", "exit code 127"),
        ("true", "empty password"),
        ("cat", "empty password"),
    ],
)
def test_a_password_command_that_fails_is_told_without_what_it_said(
    mailbox: Mailbox, command: str, told: str
) -> None:
    changed(mailbox, r"password = .*", f"password = {{ command = '{command}' }}")
    done = mailbox.run("fetch")
    done.failed(78, "test", "imap", told)
    assert "hunter" not in done.err.replace(command, "")


@pytest.mark.parametrize("value", ["keyring = true", 'env = "NOT_SET"', 'credential = "mail"'])
def test_a_source_of_passwords_that_is_not_there_is_told_and_what_works_instead(
    mailbox: Mailbox, value: str
) -> None:
    changed(mailbox, r"password = .*", f"password = {{ {value} }}")
    mailbox.run("fetch", "-q").failed(78, "test", "imap")


def test_an_empty_environment_is_enough(mailbox: Mailbox) -> None:
    done = mailbox.program.run("fetch", "-q", environ={})
    assert done == Done(0, "", "")
    assert len(mailbox.program.run("list", environ={}).good().out.splitlines()) == 3
    assert mailbox.program.run("search", "hello", "--count", environ={}).good()


def test_without_a_profile_and_a_home_the_user_s_own_home_is_meant() -> None:
    words = [sys.executable, "-m", "mailcli", "config", "path"]
    done = subprocess.run(words, env={}, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(pwd.getpwuid(os.getuid()).pw_dir)


@pytest.mark.parametrize(
    "words",
    [
        ["account", "add", "someone@nowhere.invalid"],
        ["account", "login", "test"],
        ["delete", "mid:m0000@example.org", "--purge"],
        ["send", "-s", "subject", "someone@mail.test"],
        ["ui"],
    ],
)
def test_nothing_is_ever_asked_when_stdin_is_no_terminal(
    make_mailbox: Callable[..., Mailbox], postfix: Postfix, words: list[str]
) -> None:
    mailbox = make_mailbox("imap", 1, postfix=postfix)
    mailbox.run("fetch").good()
    screen, terminal = pty.openpty()  # stdout and stderr are one: only stdin tells
    process = subprocess.Popen(
        mailbox.program.words(*words),
        cwd=ROOT,
        env={**mailbox.program.environ, "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    shown = b""
    try:
        while data := os.read(screen, 65536):
            shown += data
    except OSError:  # EIO: the other side is closed
        pass
    os.close(screen)
    finish(process)
    assert b"?" not in re.sub(rb"\([^)]*\)", b"", shown), shown
