"""`mailcli flag`."""

from __future__ import annotations

from functools import partial

from mailcli.cli.changes import ABOUT, YES, change
from mailcli.cli.session import Session
from mailcli.cli.spec import Argument, Command, Example
from mailcli.cli.views.results import CHANGES
from mailcli.errors import UsageError


def run(session: Session, words: tuple[str, ...], yes: bool) -> None:
    from mailcli.app import changing

    ids, changes = split(words)
    changing.parse_flags(changes)
    change(session, ids, "Flag", yes, partial(changing.flag, words=changes))


def split(words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """(ids, flag changes): a change begins with + or -, but `-` alone is the ids on stdin."""
    changes = [word for word in words if word[:1] in ("+", "-") and word != "-"]
    ids = [word for word in words if word not in changes]
    if not changes:
        raise UsageError("flag: no change is given", hint="like +seen or -flagged")
    if not ids:
        raise UsageError("flag: no message is given", hint="give ids, or - to read them from stdin")
    return ids, changes


COMMAND = Command(
    "flag",
    "Set and clear flags and keywords.",
    run,
    arguments=(
        Argument(
            "words",
            "ID|+FLAG|-FLAG",
            "Messages, and what to set (+) or clear (-) on them.",
            many=True,
            complete="ids",
        ),
    ),
    options=(YES,),
    about="""
    The flags are seen, answered, flagged, deleted and draft; any other word is an IMAP keyword of your
    own. A word that begins with - is a flag to clear, not an option; options are exactly those listed,
    and after -- everything is a word.

    """
    + ABOUT,
    examples=(
        Example("mailcli flag 7k2m +seen -flagged", "Read, and no longer marked."),
        Example("mailcli search from:alice is:unread | mailcli flag - +seen +work", "Many at once."),
    ),
    words=True,
    view=CHANGES,
)
