"""What a command is, as data: its options, its arguments, its words for people.

One table feeds Click (`grammar`), the fast path (`fast`), the help text, the completion files and
the tests that hold the manual pages to the program. Nothing here imports Click.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.cli.views.view import View


# The tables are plain classes: a NamedTuple takes fifteen times as long to define, and every
# command defines all of these before it can begin.


_MOST: Final = 10**18
"""A larger whole number means this one, which is more than there is of anything, and SQLite's integers
hold it with room to count on."""


class Option:
    """One option.

    `kind` is flag, count, text, integer (0 or more), number (above 0) or choice. `complete` names
    what the shell may offer as its value: accounts, folders, ids, addresses, changes, files or
    dirs.
    `key` is the parameter's name: `dest`, or derived from the first long name.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        help: str,
        kind: str = "flag",
        metavar: str = "",
        choices: tuple[str, ...] = (),
        multiple: bool = False,
        required: bool = False,
        complete: str = "",
        dest: str = "",
    ) -> None:
        self.names = names
        self.help = help
        self.kind = kind
        self.metavar = metavar
        self.choices = choices
        self.multiple = multiple
        self.required = required
        self.complete = complete
        long = next((name for name in names if name.startswith("--")), names[0])
        self.key = dest or long.lstrip("-").replace("-", "_")

    @property
    def takes_value(self) -> bool:
        return self.kind not in ("flag", "count")

    @property
    def absent(self) -> Any:
        """The parameter's value where the option is not given."""
        if self.multiple:
            return ()
        return {"flag": False, "count": 0}.get(self.kind)

    @property
    def placeholder(self) -> str:
        """The value as usage lines show it."""
        return "|".join(self.choices) if self.choices else self.metavar or self.kind.upper()

    def convert(self, text: str) -> Any:
        """The value of `text`; ValueError says in words what was wanted instead."""
        if self.kind == "integer":
            if not (text.isascii() and text.isdigit()):
                raise ValueError(f"{text!r} is not a whole number")
            return int(text) if len(text) < len(str(_MOST)) else _MOST
        if self.kind == "number":
            return _positive(text)
        if self.kind == "choice" and text not in self.choices:
            raise ValueError(f"{text!r} is not one of {', '.join(self.choices)}")
        return text


class Argument:
    """A positional argument; `many` takes all that are left (only the last may)."""

    def __init__(
        self,
        name: str,
        metavar: str,
        help: str = "",
        many: bool = False,
        required: bool = True,
        complete: str = "",
    ) -> None:
        self.name = name
        self.metavar = metavar
        self.help = help
        self.many = many
        self.required = required
        self.complete = complete


class Example:
    """A command line, and what it is for."""

    def __init__(self, line: str, says: str) -> None:
        self.line = line
        self.says = says


class Command:
    """One command.

    `run(session, **parameters)` does the work and returns an exit code or None (0). `words` marks
    the commands whose arguments may begin with `-` (see `is_option`), `verbatim` the one to which all
    that follows its name belongs. `about` holds paragraphs
    parted by an empty line. `view` is that of its results: --format and --ids are held against it
    before the command does anything.
    """

    def __init__(
        self,
        name: str,
        help: str,
        run: Callable[..., int | None],
        arguments: tuple[Argument, ...] = (),
        options: tuple[Option, ...] = (),
        about: str = "",
        examples: tuple[Example, ...] = (),
        words: bool = False,
        view: View | None = None,
        verbatim: bool = False,
    ) -> None:
        self.name = name
        self.help = help
        self.run = run
        self.arguments = arguments
        self.options = options
        self.about = about
        self.examples = examples
        self.words = words
        self.view = view
        self.verbatim = verbatim

    @property
    def absent(self) -> dict[str, Any]:
        """Every parameter with the value it has when the command line does not name it."""
        params: dict[str, Any] = {option.key: option.absent for option in self.options}
        params.update({argument.name: () if argument.many else None for argument in self.arguments})
        return params


class Group:
    """A command that is only the first word of others: `folder list`."""

    def __init__(self, name: str, help: str, commands: tuple[Command, ...], about: str = "") -> None:
        self.name = name
        self.help = help
        self.commands = commands
        self.about = about

    def find(self, name: str) -> Command | None:
        return next((command for command in self.commands if command.name == name), None)


GLOBALS: Final = (
    Option(("-A", "--account"), "Act for this account.", "text", "NAME", complete="accounts"),
    Option(("--json",), "Print the result as one JSON document; errors too, on stderr."),
    Option(("--format",), "Print each result by this template, like '{id} {subject}'.", "text", "TEMPLATE"),
    Option(("--ids",), "Print only the ids, one a line."),
    Option(
        ("-0", "--null"), "End each record with NUL instead of a line break; also for ids read from stdin."
    ),
    Option(("-q", "--quiet"), "Print nothing but results and errors."),
    Option(("-v", "--verbose"), "Say more on stderr; twice: tracebacks too.", "count"),
    Option(("--color",), "When to use colours.", "choice", choices=("auto", "always", "never")),
    Option(("--no-input",), "Never ask anything, even on a terminal."),
    Option(("--offline",), "Do not use the network; queue what has to be pushed."),
    Option(("--config",), "Read this configuration file.", "text", "FILE", complete="files"),
    Option(
        ("--transcript",),
        "Write what was said to servers, secrets left out.",
        "text",
        "FILE",
        complete="files",
    ),
    Option(
        ("--profile",),
        "Keep configuration, data and state under this directory.",
        "text",
        "DIR",
        complete="dirs",
    ),
    Option(("--plain",), "Do not take over the screen."),
    Option(("--log-file",), "Append what happened to this file.", "text", "FILE", complete="files"),
)

HELP: Final = Option(("-h", "--help"), "Show this help.")


class Globals(NamedTuple):
    """The global options of one call, before and after the command put together."""

    account: str | None = None
    json: bool = False
    format: str | None = None
    ids: bool = False
    null: bool = False
    quiet: bool = False
    verbose: int = 0
    color: str | None = None
    no_input: bool = False
    offline: bool = False
    config: str | None = None
    transcript: str | None = None
    profile: str | None = None
    plain: bool = False
    log_file: str | None = None


class Invocation(NamedTuple):
    """A parsed command line: what to run, and with what."""

    path: tuple[str, ...]
    command: Command
    globals: Globals
    params: dict[str, Any]


def is_option(token: str, known: dict[str, Option]) -> bool:
    """Whether a word of `search` or `flag` is an option: the rule behind `-from:x` and `-flagged`.

    An option is a token that is exactly a known option, begins with two dashes and more (so that a
    mistyped `--cuont` is an error and not a search), repeats `-v`, or is `-n` with digits. Anything
    else that begins with a dash is a word; after `--` everything is.
    """
    if token in known or (token.startswith("--") and len(token) > 2):
        return True
    if token.startswith("-n") and "-n" in known and known["-n"].kind == "integer":
        return token[2:].isascii() and token[2:].isdigit()
    return token.startswith("-vv") and not token.strip("-v")


def known_options(options: tuple[Option, ...]) -> dict[str, Option]:
    """Options by each of their names, the global ones and --help among them."""
    return {name: option for option in (*GLOBALS, HELP, *options) for name in option.names}


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e12:
        raise ValueError(f"{text!r} is not a number above 0")
    return value
