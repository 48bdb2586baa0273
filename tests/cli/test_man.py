"""The manual pages say what the program does: held against its tables."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from mailcli import errors
from mailcli.accounts.fields import SECRET_KINDS, TABLES
from mailcli.cli import table
from mailcli.cli.completion import leaves
from mailcli.cli.spec import GLOBALS, HELP, Command, Group, Option
from mailcli.errors import MailcliError
from mailcli.model.query import fields

ROOT = Path(__file__).resolve().parents[2]
MAN = ROOT / "man"
PUBLIC = [name for name, entry in table.COMMANDS.items() if entry.section]
EVERY = {n for o in (*GLOBALS, HELP) for n in o.names} | {
    n for _, command in leaves() for o in command.options for n in o.names
}
FOREIGN = {"-I", "-m", "--preview", "-r", "-d", "-h", "-rn", "-p", "-F"}
"""Options of other programs in examples."""


def plain(name: str) -> str:
    """A page's text: fonts and escapes taken out, requests at the line's beginning kept."""
    text = (MAN / name).read_text(encoding="utf-8")
    text = re.sub(r"\\f[BIR]", "", text)
    return text.replace(r"\-", "-").replace(r"\e", "\\").replace(r"\&", "")


def headings(text: str) -> list[str]:
    """The option names of .TP paragraphs."""
    found: list[str] = []
    lines = text.splitlines()
    for tag, line in pairwise(lines):
        if tag == ".TP" and line.startswith("-"):
            found += re.findall(r"(?:^|, )(--?[A-Za-z0-9][A-Za-z0-9-]*)", line)
    return found


def options_of(found: Command | Group) -> list[Option]:
    commands = found.commands if isinstance(found, Group) else (found,)
    return [option for command in commands for option in command.options]


@pytest.mark.parametrize("name", PUBLIC)
def test_a_page_describes_exactly_the_options_of_its_command(name: str) -> None:
    found = table.load(name)
    assert found is not None
    text = plain(f"mailcli-{name}.1")
    if isinstance(found, Command) and found.verbatim:
        return  # its options are not the table's: tests/cli/test_sendmail_options.py
    assert sorted(headings(text)) == sorted(n for option in options_of(found) for n in option.names)
    for option in options_of(found):
        if option.takes_value:
            assert f"{option.names[-1]} {option.placeholder}" in text


@pytest.mark.parametrize("name", PUBLIC)
def test_a_page_names_every_command_of_its_group_and_no_option_there_is_not(name: str) -> None:
    found = table.load(name)
    text = plain(f"mailcli-{name}.1")
    for command in found.commands if isinstance(found, Group) else ():
        assert f"mailcli {name} {command.name}" in text
    if isinstance(found, Command) and found.verbatim:
        return
    named = set(re.findall(r"(?<![\w/'.{|=-])(--?[A-Za-z][A-Za-z-]*)(?![\w:])", text))
    excused = FOREIGN | {"-from", "-is", "-FLAG", "-flagged", "-seen", "-n5", "-text"}
    assert not {n for n in named - EVERY if n not in excused and not n.endswith("-")}


def test_the_main_page_describes_the_global_options_and_every_command() -> None:
    text = plain("mailcli.1")
    shared = [n for option in (*GLOBALS, HELP) for n in option.names]
    assert sorted(headings(text)) == sorted([*shared, "--version"])
    for name in PUBLIC:
        assert f"mailcli-{name}(1)" in text


def test_the_main_page_has_every_exit_code() -> None:
    text = plain("mailcli.1")
    section = text[text.index(".SH EXIT STATUS") : text.index(".SH EXAMPLES")]
    codes = {
        str(kind.exit_code)
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, MailcliError)
    }
    assert set(re.findall(r"^\.B (\d+)$", section, re.MULTILINE)) == codes | {"0"}


def test_the_configuration_page_has_every_key() -> None:
    text = plain("mailcli-config.5")
    for fields_ in TABLES.values():
        for key in fields_:
            if key not in ("accounts", *TABLES["special"]):
                assert re.search(rf"\b{key}\b", text), key
    for kind in SECRET_KINDS:
        assert f"password = {{ {kind} = " in text


def test_the_example_of_the_configuration_page_is_sound() -> None:
    from mailcli.accounts.config import parse

    text = plain("mailcli-config.5")
    example = text[text.index(".RS\n") + 4 : text.index(".RE")]
    assert tomllib.loads(example)["default_account"] == "work"
    assert parse(example.encode(), Path("example.toml")).accounts["work"].email == "alice@example.org"


def test_the_query_page_has_every_field_and_state() -> None:
    text = plain("mailcli-query.7")
    for field in fields.KNOWN - {"lang", "query"}:
        assert f"{field}:" in text, field
    for word in (*fields.IS, *fields.HAS):
        assert re.search(rf"\b{word}\b", text), word


@pytest.mark.parametrize("page", sorted(path.name for path in MAN.iterdir()))
def test_a_page_is_well_formed_and_lists_its_examples(page: str) -> None:
    text = (MAN / page).read_text(encoding="utf-8")
    assert text.startswith(".TH MAILCLI")
    assert ".SH SEE ALSO" in text
    for named, section in re.findall(r"(mailcli(?:-[a-z]+)?)\((\d)\)", plain(page)):
        assert (MAN / f"{named}.{section}").exists(), named
    if shutil.which("groff"):
        done = subprocess.run(
            ["groff", "-man", "-ww", "-z", "-K", "utf8", "-Tutf8", str(MAN / page)],
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", PUBLIC)
def test_a_page_has_the_examples_of_its_command(name: str) -> None:
    found = table.load(name)
    commands = found.commands if isinstance(found, Group) else (found,)
    text = plain(f"mailcli-{name}.1")
    for command in commands:
        assert isinstance(command, Command)
        for example in command.examples:
            assert example.line in text
