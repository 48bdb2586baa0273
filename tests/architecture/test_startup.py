"""What starting costs, counted in imports: they do not drift with the machine's load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailcli.cli import table

_PROBE = """
import contextlib, io, json, os, sys
before = set(sys.modules)
sys.argv = ["mailcli", *{argv!r}]
from mailcli.__main__ import main
saved = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
code = main()
sys.stdout.flush()
os.dup2(saved, 1)
print(json.dumps([code, sorted(set(sys.modules) - before)]))
"""

DEAR = {
    "asyncio",
    "click",
    "dns",
    "email",
    "importlib.metadata",
    "inspect",
    "keyring",
    "pkg_resources",
    "prompt_toolkit",
    "selectolax",
    "socket",
    "ssl",
    "subprocess",
    "tomlkit",
    "wcwidth",
}
"""Modules that no start-up path may import; each costs more than the work of a whole `list`."""


def imported(tmp_path: Path, *argv: str, codes: tuple[int, ...] = (0,)) -> set[str]:
    """The modules a command line imports, in a fresh process with an empty profile."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(argv=list(argv))],
        capture_output=True,
        env={**os.environ, "MAILCLI_PROFILE": str(tmp_path)},
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code in codes, done.stderr
    return set(modules)


def commands_of(modules: set[str]) -> set[str]:
    prefix = "mailcli.cli.commands."
    return {name.removeprefix(prefix) for name in modules if name.startswith(prefix)}


def test_version_imports_nothing_but_itself(tmp_path: Path) -> None:
    modules = imported(tmp_path, "--version")
    assert {name for name in modules if name.startswith("mailcli")} == {"mailcli", "mailcli.__main__"}
    assert "typing" not in modules


@pytest.mark.parametrize("argv", [["--help"], ["help"], ["-h"]])
def test_the_programs_help_imports_no_other_command(tmp_path: Path, argv: list[str]) -> None:
    modules = imported(tmp_path, *argv)
    assert commands_of(modules) == {"help"}
    assert not modules & DEAR
    assert not any(name.startswith(("mailcli.app", "mailcli.store", "mailcli.net")) for name in modules)


@pytest.mark.parametrize("name", [name for name, entry in table.COMMANDS.items() if entry.section])
def test_a_commands_help_imports_that_command_alone(tmp_path: Path, name: str) -> None:
    modules = imported(tmp_path, name, "--help")
    assert commands_of(modules) == {table.COMMANDS[name].module, "help"}
    assert not modules & DEAR
    assert not any(name.startswith(("mailcli.app", "mailcli.store", "mailcli.net")) for name in modules)


def test_a_wrong_line_imports_click_and_still_no_other_command(tmp_path: Path) -> None:
    modules = imported(tmp_path, "list", "--nonsense", codes=(2,))
    assert "click" in modules
    assert commands_of(modules) == {"list"}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile with an account and a message, so that everything a list needs is needed."""
    from mailcli.app.context import Context
    from mailcli.store.values import Arrival

    directory = tmp_path_factory.mktemp("profile")
    (directory / "config.toml").write_text(
        '[accounts.work]\nemail = "alice@example.org"\npassword = { command = "false" }\n'
        '[accounts.work.imap]\nhost = "imap.example.org"\n'
    )
    ctx = Context.open(profile=directory, environ={"HOME": str(directory)})
    inbox = ctx.store.ensure_folder("work", "INBOX", special="Inbox")
    data = "From: Zoë <zoe@example.org>\r\nSubject: 会議\r\n\r\nhi\r\n".encode()
    ctx.store.deliver([Arrival(inbox, data, arrived=1_795_000_000.0)])
    ctx.close()
    return directory


@pytest.mark.parametrize(
    "argv",
    [
        ["list"],
        ["list", "--format", "{date:%F} {from.email}"],
        ["search", "--count", "hi"],
        ["account", "list"],
        ["list", "--json", "-n", "5"],
        ["search", "from:alice", "-is:read"],
        ["__complete", "ids"],
        ["__complete", "accounts"],
        ["folder", "list"],
    ],
)
def test_what_is_answered_locally_imports_nothing_of_the_network(profile: Path, argv: list[str]) -> None:
    modules = imported(profile, *argv)
    assert not modules & DEAR
    assert not any(name.startswith(("mailcli.net", "mailcli.sync", "mailcli.wire")) for name in modules)
