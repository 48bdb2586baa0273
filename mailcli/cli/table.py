"""The commands by name: which module has each, and its line in `mailcli --help`.

Only the module of the command that runs is imported; a test holds this table against the real
commands.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final

from mailcli.cli.spec import Command, Group
from mailcli.model.record import NamedTuple


class Entry(NamedTuple):
    section: str  # the heading in --help; "" hides the command
    module: str  # below mailcli.cli.commands
    help: str


COMMANDS: Final[dict[str, Entry]] = {
    "fetch": Entry("Read", "fetch", "Bring accounts up to date: push changes, then pull."),
    "watch": Entry("Read", "watch", "Wait for new mail, and tell of it or run a command."),
    "list": Entry("Read", "list", "List the messages of a folder, newest first."),
    "search": Entry("Read", "search", "Find messages in all accounts."),
    "read": Entry("Read", "read", "Print messages for reading."),
    "attach": Entry("Read", "attach", "List, save or open attachments."),
    "ui": Entry("Read", "ui", "Open the full-screen reader."),
    "send": Entry("Write", "send", "Send a message."),
    "reply": Entry("Write", "reply", "Answer a message."),
    "forward": Entry("Write", "forward", "Forward a message."),
    "bounce": Entry("Write", "bounce", "Send a message on as it is."),
    "draft": Entry("Write", "draft", "List, edit, send and delete drafts."),
    "outbox": Entry("Write", "outbox", "Show, send, hold and cancel what waits to be sent."),
    "sendmail": Entry("Write", "sendmail", "Send a message the way sendmail(8) is called."),
    "delete": Entry("Change", "delete", "Move messages to Trash, or expunge them."),
    "move": Entry("Change", "move", "Move messages to a folder."),
    "copy": Entry("Change", "copy", "Copy messages to a folder."),
    "archive": Entry("Change", "archive", "Move messages to Archive."),
    "spam": Entry("Change", "spam", "Move messages to Spam and mark them as such."),
    "ham": Entry("Change", "ham", "Move messages out of Spam, back to the inbox."),
    "flag": Entry("Change", "flag", "Set and clear flags and keywords."),
    "undo": Entry("Change", "undo", "Undo the last change, or an earlier one."),
    "redo": Entry("Change", "redo", "Do again what was undone last."),
    "log": Entry("Change", "log", "List the changes made here, newest first."),
    "folder": Entry("Mailbox", "folder", "List, create, rename, delete and subscribe folders."),
    "query": Entry("Mailbox", "query", "List, save and delete searches by name."),
    "contact": Entry("Mailbox", "contact", "List, add and import contacts."),
    "import": Entry("Mailbox", "import_", "Take in an mbox, a Maildir or .eml files."),
    "export": Entry("Mailbox", "export", "Write found messages to an mbox, a Maildir or .eml files."),
    "index": Entry("Mailbox", "index", "Show, check or rebuild the local index."),
    "account": Entry("Set up", "account", "Add, show, check and remove accounts."),
    "config": Entry("Set up", "config", "Read and change the configuration."),
    "doctor": Entry("Set up", "doctor", "Check that everything works, and say what to do if not."),
    "demo": Entry("Set up", "demo", "Try mailcli in a mail world of its own on this machine."),
    "completion": Entry("Set up", "completion", "Print the completion file of a shell."),
    "help": Entry("Set up", "help", "Explain a command, or query, output, exit-codes, environment."),
    "__complete": Entry("", "complete", "Answer a completion file (for shells)."),
}

ALIASES: Final = {"sync": "fetch"}


def load(name: str) -> Command | Group | None:
    """The command of that name or alias, its module imported; None if there is none."""
    entry = COMMANDS.get(ALIASES.get(name, name))
    if entry is None:
        return None
    loaded: Command | Group = import_module(f"mailcli.cli.commands.{entry.module}").COMMAND
    return loaded


def closest(word: str, known: list[str]) -> str:
    """A hint naming the known word most like `word`, or ""."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""
