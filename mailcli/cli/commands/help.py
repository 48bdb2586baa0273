"""`mailcli help`, and what every --help becomes."""

from __future__ import annotations

from mailcli.cli import help as pages
from mailcli.cli import table
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Group
from mailcli.errors import UsageError

TOPICS = ("query", "output", "exit-codes", "environment")


def run(session: Session, topic: tuple[str, ...]) -> None:
    session.out.text(page(topic))


def page(topic: tuple[str, ...]) -> str:
    """The text for a topic, a command, a command of a group, or the whole program."""
    if not topic:
        return pages.program()
    if len(topic) == 1 and topic[0] in TOPICS:
        from mailcli.cli.topics import text

        return text(topic[0])
    found = table.load(topic[0])
    if isinstance(found, Group) and len(topic) == 2:
        found = found.find(topic[1])
    elif len(topic) > 1:
        found = None
    if found is None:
        known = [*TOPICS, *(name for name, entry in table.COMMANDS.items() if entry.section)]
        raise UsageError(f"help: there is no {' '.join(topic)}", hint=table.closest(topic[0], known))
    names = (table.ALIASES.get(topic[0], topic[0]), *topic[1:])
    return pages.command(found, names)


COMMAND = Command(
    "help",
    "Explain a command, or query, output, exit-codes, environment.",
    run,
    arguments=(
        Argument(
            "topic",
            "TOPIC",
            "A command or one of these topics.",
            many=True,
            required=False,
            complete="topics",
        ),
    ),
)
