"""Questions, on a terminal only: asked on stderr, answered on stdin."""

from __future__ import annotations

from mailcli.cli.streams import Streams
from mailcli.errors import Interrupted


def confirm(streams: Streams, question: str, *, default: bool = False) -> bool:
    """A yes or a no."""
    choice = "[Y/n]" if default else "[y/N]"
    while True:
        given = answer(streams, f"{question} {choice} ").lower()
        if not given:
            return default
        if given in ("y", "yes", "n", "no"):
            return given[0] == "y"


def answer(streams: Streams, question: str, default: str = "") -> str:
    """One line; `default` for an empty one. Interrupted at the end of input. What was printed
    before the question is seen before it."""
    streams.flush()
    streams.say(f"{question.removesuffix(': ')} [{default}]: " if default else question)
    line = streams.stdin.readline()
    if not line:
        streams.say("\n")
        raise Interrupted("no answer was given")
    return line.decode("utf-8", "replace").strip() or default


def password(question: str) -> str:
    """A line that is not shown."""
    from getpass import getpass

    try:
        return getpass(question)
    except EOFError:
        raise Interrupted("no answer was given") from None
