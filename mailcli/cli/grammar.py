"""The command line through Click, built from the same tables as the fast path.

Click only parses here: every command's callback hands back an `Invocation`, which `run` carries
out. The global options are declared on the program and on every command; where one is given on
both sides of the command, the later one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import click
from click.core import ParameterSource

from mailcli.cli import table
from mailcli.cli.fast import bare, help_for
from mailcli.cli.spec import (
    GLOBALS,
    HELP,
    Command,
    Globals,
    Group,
    Invocation,
    Option,
    is_option,
    known_options,
)
from mailcli.errors import UsageError

_SHARED: Final = "global "  # before a global option's parameter name, so that no command's clashes


def parse(argv: Sequence[str]) -> Invocation:
    """The invocation of this command line; UsageError if it is wrong."""
    try:
        result = _Program().main(list(argv), prog_name="mailcli", standalone_mode=False)
    except _HelpWanted as wanted:
        return help_for(wanted.path)
    except click.UsageError as error:
        raise _usage(error) from None
    assert isinstance(result, Invocation)
    return result


class _HelpWanted(Exception):
    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path


class _Value(click.ParamType[Any]):
    """An option's value, converted as its table entry says."""

    def __init__(self, option: Option) -> None:
        self.name = option.kind
        self._option = option

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self._option.convert(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _option(option: Option, prefix: str = "") -> click.Option:
    declared = [*option.names, prefix + option.key]
    if prefix:  # Click wants an identifier; the parameter is renamed after the declaration is read
        declared[-1] = "global_" + option.key
    if option.kind == "flag":
        made = click.Option(declared, is_flag=True, default=False)
    elif option.kind == "count":
        made = click.Option(declared, count=True)
    else:
        made = click.Option(declared, type=_Value(option), multiple=option.multiple, required=option.required)
    made.name = prefix + option.key
    return made


def _help_option() -> click.Option:
    def show(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
        if wanted:
            raise _HelpWanted(_path(ctx))

    return click.Option(
        [*HELP.names, "help_wanted"], is_flag=True, is_eager=True, expose_value=False, callback=show
    )


def _params(options: tuple[Option, ...]) -> list[click.Parameter]:
    shared = [_option(option, _SHARED) for option in GLOBALS]
    return [*shared, _help_option(), *(_option(option) for option in options)]


class _Leaf(click.Command):
    """One command. Those marked `words` keep what begins with `-` and is no option of theirs."""

    def __init__(self, spec: Command) -> None:
        params = _params(spec.options)
        for argument in spec.arguments:
            params.append(
                click.Argument(
                    [argument.name],
                    nargs=-1 if argument.many else 1,
                    required=argument.required,
                    metavar=argument.metavar,
                )
            )
        super().__init__(spec.name, params=params, add_help_option=False)
        self.spec = spec

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _placed(ctx):
            if self.spec.verbatim:
                args = ["--", *args]
            elif self.spec.words:
                args = _options_first(args, known_options(self.spec.options))
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Invocation:
        given = {name: value for name, value in ctx.params.items() if not name.startswith(_SHARED)}
        return Invocation(_path(ctx), self.spec, _globals(ctx), given)


class _Words(click.Group):
    """What the program and the groups share: sub-commands by table, errors with a suggestion."""

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            params=_params(()),
            add_help_option=False,
            no_args_is_help=False,
            invoke_without_command=True,
            callback=self._alone,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _placed(ctx):
            return super().parse_args(ctx, args)

    def _known(self) -> list[str]:
        raise NotImplementedError

    def _without_command(self, ctx: click.Context) -> Invocation:
        raise NotImplementedError

    def _alone(self, **_params: Any) -> Invocation | None:
        ctx = click.get_current_context()
        return None if ctx.invoked_subcommand else self._without_command(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._known()

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None:
            near = table.closest(args[0], self._known())
            raise _Unknown(f"there is no command {args[0]!r}", near, ctx)
        return command.name, command, args[1:]


class _Program(_Words):
    def __init__(self) -> None:
        super().__init__("mailcli")

    def _known(self) -> list[str]:
        return [name for name, entry in table.COMMANDS.items() if entry.section] + list(table.ALIASES)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        spec = table.load(name)
        if spec is None:
            return None
        return _Subcommands(spec) if isinstance(spec, Group) else _Leaf(spec)

    def _without_command(self, ctx: click.Context) -> Invocation:
        return bare(_globals(ctx))


class _Subcommands(_Words):
    def __init__(self, spec: Group) -> None:
        super().__init__(spec.name)
        self.spec = spec

    def _known(self) -> list[str]:
        return [command.name for command in self.spec.commands]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        found = self.spec.find(name)
        return None if found is None else _Leaf(found)

    def _without_command(self, ctx: click.Context) -> Invocation:
        raise _Unknown(f"say which: {', '.join(self._known())}", "", ctx)


class _Unknown(click.UsageError):
    def __init__(self, message: str, near: str, ctx: click.Context) -> None:
        super().__init__(message, ctx)
        self.near = near


@contextmanager
def _placed(ctx: click.Context) -> Iterator[None]:
    """Some of Click's complaints do not say which command they are about."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


def _options_first(args: list[str], known: dict[str, Option]) -> list[str]:
    """The same tokens with the options and their values before `--`, the words after it.

    Walks with each option's arity in hand, so that a value that looks like an option stays one.
    """
    options: list[str] = []
    words: list[str] = []
    rest = list(reversed(args))
    while rest:
        token = rest.pop()
        if token == "--":
            words.extend(reversed(rest))
            break
        if not token.startswith("-") or len(token) == 1 or not is_option(token, known):
            words.append(token)
            continue
        options.append(token)
        if token in known and known[token].takes_value:
            if not rest:
                raise click.BadOptionUsage(token, f"option {token} needs a value")
            options.append(rest.pop())
    return [*options, "--", *words]


def _path(ctx: click.Context) -> tuple[str, ...]:
    names: list[str] = []
    walk: click.Context | None = ctx
    while walk is not None and walk.parent is not None:
        names.append(walk.command.name or "")
        walk = walk.parent
    return tuple(reversed(names))


def _globals(ctx: click.Context) -> Globals:
    """The global options of the whole line: given later wins, -v adds up."""
    chain: list[click.Context] = []
    walk: click.Context | None = ctx
    while walk is not None:
        chain.append(walk)
        walk = walk.parent
    merged: dict[str, Any] = {}
    for level in reversed(chain):
        for option in GLOBALS:
            name = _SHARED + option.key
            if level.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
                continue
            value = level.params[name]
            merged[option.key] = merged.get(option.key, 0) + value if option.kind == "count" else value
    return Globals(**merged)


def _usage(error: click.UsageError) -> UsageError:
    """Click's complaint as one of ours: where it happened, what is wrong, what to do."""
    path = _path(error.ctx) if error.ctx is not None else ()
    where = " ".join(("mailcli", *path))
    message = " ".join(error.format_message().split()).rstrip(".")
    hints = [f"see {where} --help"]
    if isinstance(error, click.NoSuchOption):
        near = table.closest(error.option_name, list(_known_names(error)))
        message = f"there is no option {error.option_name}"
        hints = [near, *hints] if near else hints
    elif isinstance(error, _Unknown) and error.near:
        hints.insert(0, error.near)
    elif message[:1].isupper() and not message[:2].isupper():
        message = message[0].lower() + message[1:]
    return UsageError(f"{' '.join(path)}: {message}" if path else message, hint=" ".join(hints))


def _known_names(error: click.UsageError) -> list[str]:
    assert error.ctx is not None
    return [name for param in error.ctx.command.params for name in param.opts if name.startswith("-")]
