"""What the documents tell people to type is understood by the command line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from mailcli.cli import grammar
from mailcli.model.query.parse import parse

ROOT = Path(__file__).resolve().parents[2]


def typed() -> list[str]:
    """Every mailcli command in the README's blocks: without prompts, comments and other programs."""
    text = (ROOT / "README.md").read_text().replace("\\\n", " ")
    lines = [
        line for block in re.findall(r"```\w+\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]
    commands = []
    for line in lines:
        for part in re.split(r"[|&]+", line.partition("  #")[0].removeprefix("$ ")):
            found = re.search(r"(?:^|\s)(mailcli(?: .*)?)$", part.strip())
            if found and "pipx" not in part:
                commands.append(found[1])
    return commands


def test_the_readme_shows_commands() -> None:
    assert len(typed()) > 12


@pytest.mark.parametrize("command", typed())
def test_each_command_of_the_readme_is_understood(command: str) -> None:
    words = shlex.split(command)[1:]
    if not words:
        return  # the reader
    invocation = grammar.parse(words)
    if invocation.path == ("search",):
        parse(" ".join(invocation.params["query"]), now=0.0)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_make_targets_that_documents_name_exist(document: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    named = set(re.findall(r"`make ([a-z]+)", (ROOT / document).read_text()))
    assert named <= targets
