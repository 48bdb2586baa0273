"""The text of `--help`, laid out from the command tables.

The program's own page needs no command's module; a command's page needs only its own.
"""

from __future__ import annotations

from mailcli.cli import table
from mailcli.cli.spec import GLOBALS, HELP, Argument, Command, Group, Option

WIDTH = 80


def program() -> str:
    """`mailcli --help`."""
    lines = [
        "Usage: mailcli [OPTIONS] COMMAND [WORDS]",
        "",
        "One program for mail: send, fetch, search and read. Without a command, on a",
        "terminal, the full-screen reader opens.",
    ]
    sections: dict[str, list[tuple[str, str]]] = {}
    for name, entry in table.COMMANDS.items():
        if entry.section:
            sections.setdefault(entry.section, []).append((name, entry.help))
    for section, rows in sections.items():
        lines += ["", f"{section}:", *_rows(rows, 12)]
    lines += ["", "Options, before or after the command:", *_rows([_option(o) for o in (*GLOBALS, HELP)], 25)]
    lines += _rows([("    --version", "Print the version.")], 25)
    lines += ["", "mailcli help COMMAND says more; so do the manual pages: man mailcli."]
    return "\n".join(lines) + "\n"


def command(found: Command | Group, path: tuple[str, ...]) -> str:
    """The page of one command or group."""
    where = " ".join(("mailcli", *path))
    if isinstance(found, Group):
        lines = [f"Usage: {where} COMMAND", "", found.help]
        lines += _about(found.about)
        lines += ["", "Commands:"]
        lines += _rows([(_usage_words(each, each.name), each.help) for each in found.commands], 30)
        lines += ["", f"{where} COMMAND --help says more."]
        return "\n".join(lines) + "\n"
    lines = [*_usage(found, where), "", found.help, *_about(found.about)]
    described = [(a.metavar, a.help) for a in found.arguments if a.help]
    if described:
        lines += ["", "Arguments:", *_rows(described, 25)]
    if found.options:
        lines += ["", "Options:", *_rows([_option(option) for option in found.options], 25)]
    if found.examples:
        lines += ["", "Examples:"]
        for example in found.examples:
            lines += [f"  {example.line}", *_wrap(example.says, 6)]
    lines += ["", f"Options of every command: mailcli --help. Manual page: man mailcli-{path[0]}."]
    return "\n".join(lines) + "\n"


def signature(option: Option) -> str:
    """`-n, --limit N`, as help and manual pages show an option."""
    text = ", ".join(option.names)
    return f"{text} {option.placeholder}" if option.takes_value else text


def _argument(argument: Argument) -> str:
    text = f"{argument.metavar}..." if argument.many else argument.metavar
    return text if argument.required else f"[{text}]"


def _usage_words(found: Command, start: str) -> str:
    return " ".join((start, *(_argument(argument) for argument in found.arguments)))


def _usage(found: Command, where: str) -> list[str]:
    options = ["[OPTIONS]"] if any(not option.required for option in found.options) else []
    for option in found.options:
        if option.required:
            options.append(f"{option.names[-1]} {option.placeholder}")
    words = [_argument(argument) for argument in found.arguments]
    return [f"Usage: {' '.join((where, *options, *words))}"]


def _option(option: Option) -> tuple[str, str]:
    text = signature(option)
    if not option.names[0].startswith("--"):
        return text, option.help
    return "    " + text, option.help


def _about(about: str) -> list[str]:
    lines: list[str] = []
    for paragraph in about.strip().split("\n\n"):
        if paragraph:
            lines += ["", *_wrap(" ".join(paragraph.split()), 0)]
    return lines


def _rows(rows: list[tuple[str, str]], column: int) -> list[str]:
    """Two columns: terms, and their explanations wrapped beside or below them."""
    lines = []
    for term, says in rows:
        wrapped = _wrap(says, 2 + column)
        head = f"  {term}"
        if len(head) < 2 + column and wrapped:
            lines += [head + wrapped[0][len(head) :], *wrapped[1:]]
        else:
            lines += [head, *wrapped]
    return lines


def _wrap(text: str, indent: int) -> list[str]:
    """Greedy lines of at most WIDTH; textwrap costs more to import than this page to print."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > WIDTH - indent:
            lines.append(" " * indent + line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, " " * indent + line] if line else lines
