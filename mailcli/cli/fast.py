"""The command line without Click, for lines that leave no doubt.

Importing Click costs twice what a whole `list` may. This reads the same option tables and answers
None to whatever it does not fully understand (an unknown option, a bad value, clustered short
options, a missing argument): Click then parses the line, or says what is wrong with it. A property
test holds both to equal results.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mailcli.cli import table
from mailcli.cli.spec import (
    GLOBALS,
    HELP,
    Argument,
    Command,
    Globals,
    Group,
    Invocation,
    Option,
    is_option,
    known_options,
)

_GLOBAL = frozenset(GLOBALS)


def parse(argv: Sequence[str]) -> Invocation | None:
    """The invocation of this command line, or None: ask Click."""
    reading = _Reading(argv)
    path: list[str] = []
    found: Command | Group | None = None
    while not isinstance(found, Command):
        word = reading.next_word()
        if reading.doubt:
            return None
        if reading.help:
            return help_for(path)
        if word is None:
            return None if path else bare(reading.globals())
        found = found.find(word) if isinstance(found, Group) else table.load(word)
        if found is None:
            return None
        path.append(found.name)
    reading.enter(found)
    words: list[str] = []
    while (word := reading.next_word()) is not None:
        words.append(word)
    if reading.doubt:
        return None
    if reading.help:
        return help_for(path)
    bound = _bind(found.arguments, words)
    if bound is None or any(option.required and option.key not in reading.own for option in found.options):
        return None
    return Invocation(tuple(path), found, reading.globals(), {**found.absent, **reading.own, **bound})


def help_for(path: Sequence[str]) -> Invocation:
    """`mailcli PATH --help` is `mailcli help PATH`, whatever else stands on the line."""
    command = table.load("help")
    assert isinstance(command, Command)
    return Invocation(("help",), command, Globals(), {"topic": tuple(path)})


def bare(given: Globals) -> Invocation:
    """`mailcli` alone: the reader. Its path is empty, because off a terminal it becomes help."""
    command = table.load("ui")
    assert isinstance(command, Command)
    return Invocation((), command, given, command.absent)


class _Reading:
    """One pass over argv; `doubt` is set where Click has to decide, `help` where --help was seen."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._rest = list(reversed(argv))
        self._known = known_options(())
        self._words = False
        self._command = False
        self._literal = False  # after "--"
        self._shared: dict[str, Any] = {}
        self.own: dict[str, Any] = {}
        self.doubt = False
        self.help = False

    def enter(self, command: Command) -> None:
        self._known = known_options(command.options)
        self._words = command.words
        self._literal = command.verbatim
        self._command = True

    def globals(self) -> Globals:
        return Globals(**self._shared)

    def next_word(self) -> str | None:
        """The next token that is no option; None at the end or in doubt."""
        while self._rest and not self.doubt:
            token = self._rest.pop()
            if self._literal or not token.startswith("-") or len(token) == 1:
                return token
            if token == "--":
                self.doubt = not self._command
                self._literal = True
            elif token in self._known:
                self._option(self._known[token], None)
            elif token.startswith("--"):
                name, equals, value = token.partition("=")
                option = self._known.get(name)
                if option is None or not equals or not option.takes_value:
                    self.doubt = True
                else:
                    self._option(option, value)
            elif self._words and not is_option(token, self._known):
                return token
            else:
                self.doubt = True
        return None

    def _option(self, option: Option, value: str | None) -> None:
        if option is HELP:
            self.help = True
            return
        into = self._shared if option in _GLOBAL else self.own
        if option.kind == "flag":
            into[option.key] = True
        elif option.kind == "count":
            into[option.key] = into.get(option.key, 0) + 1
        else:
            if value is None:
                if not self._rest:
                    self.doubt = True
                    return
                value = self._rest.pop()
            try:
                converted = option.convert(value)
            except ValueError:
                self.doubt = True
                return
            into[option.key] = (*into.get(option.key, ()), converted) if option.multiple else converted


def _bind(arguments: tuple[Argument, ...], words: list[str]) -> dict[str, Any] | None:
    """The positional parameters; None if there are too few or too many words."""
    bound: dict[str, Any] = {}
    for argument in arguments:
        if argument.many:
            bound[argument.name], words = tuple(words), []
        else:
            bound[argument.name] = words[0] if words else None
            words = words[1:]
        if argument.required and not bound[argument.name]:
            return None
    return None if words else bound
