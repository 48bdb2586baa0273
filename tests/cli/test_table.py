"""The lazy table and the commands' own tables are true of the real functions."""

from __future__ import annotations

import inspect

import pytest

from mailcli.cli import table
from mailcli.cli.completion import leaves
from mailcli.cli.spec import GLOBALS, Command, Globals, Group

LEAVES = list(leaves())
each_command = pytest.mark.parametrize(
    ("path", "command"), LEAVES, ids=[" ".join(leaf.path) for leaf in LEAVES]
)


@pytest.mark.parametrize("name", list(table.COMMANDS))
def test_the_table_says_what_the_command_says(name: str) -> None:
    found = table.load(name)
    assert found is not None
    assert (found.name, found.help) == (name, table.COMMANDS[name].help)


@each_command
def test_a_commands_function_takes_the_parameters_of_its_table(
    path: tuple[str, ...], command: Command
) -> None:
    signature = inspect.signature(command.run)
    signature.bind(object(), **command.absent)


@each_command
def test_no_option_of_a_command_hides_a_global_one_or_another(
    path: tuple[str, ...], command: Command
) -> None:
    names = [name for option in (*GLOBALS, *command.options) for name in (*option.names,)]
    assert len(names) == len(set(names))
    keys = [option.key for option in command.options] + [argument.name for argument in command.arguments]
    assert len(keys) == len(set(keys))
    assert not {"-h", "--help"} & set(names)


@each_command
def test_a_command_explains_itself_in_one_sentence(path: tuple[str, ...], command: Command) -> None:
    assert command.help.endswith(".") and "\n" not in command.help and command.help[0].isupper()
    assert all(option.help.endswith((".", ")")) for option in command.options), path


def test_globals_are_the_global_options() -> None:
    assert tuple(option.key for option in GLOBALS) == Globals._fields
    assert all(isinstance(table.load(name), Group | Command) for name in table.COMMANDS)
