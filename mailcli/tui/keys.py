"""The keys of the reader: one table for the bindings and for the help that `?` shows."""

from __future__ import annotations

from typing import Final

from mailcli.model.record import NamedTuple


class Key(NamedTuple):
    """`keys` as prompt_toolkit names them, `action` a method of the reader, and what it does;
    `shell` is the command that does the same, "" if there is none."""

    keys: tuple[str, ...]
    action: str
    text: str
    shell: str = ""


KEYS: Final = (
    Key(("j", "down"), "down", "next message; in a message: scroll down"),
    Key(("k", "up"), "up", "previous message; in a message: scroll up"),
    Key(("pagedown", " "), "page_down", "a page down"),
    Key(("pageup",), "page_up", "a page up"),
    Key(("g", "home"), "top", "to the newest"),
    Key(("G", "end"), "bottom", "to the oldest loaded"),
    Key(("enter",), "enter", "open the message, or the folder", "mailcli read ID"),
    Key(("q", "escape"), "back", "back; from the list: quit"),
    Key(("tab",), "switch", "between folders and list"),
    Key(("J",), "next_message", "next message without closing this one"),
    Key(("K",), "previous_message", "previous message without closing this one"),
    Key(("x",), "acting.select", "select"),
    Key(("*",), "acting.select_all", "select all loaded, or none"),
    Key(("d", "delete"), "acting.delete", "to Trash", "mailcli delete ID"),
    Key(("e",), "acting.archive", "to Archive", "mailcli archive ID"),
    Key(("!",), "acting.spam", "to Spam", "mailcli spam ID"),
    Key(("u",), "acting.undo", "undo the last change", "mailcli undo"),
    Key(("U",), "acting.redo", "do again what was undone", "mailcli redo"),
    Key(("N",), "acting.unread", "mark read or unread", "mailcli flag ID -seen"),
    Key(("f",), "acting.flag", "flag or unflag", "mailcli flag ID +flagged"),
    Key(("r",), "writing.reply", "reply in $EDITOR", "mailcli reply ID"),
    Key(("R",), "writing.reply_all", "reply to all", "mailcli reply ID --all"),
    Key(("F",), "writing.forward", "forward in $EDITOR", "mailcli forward ID TO"),
    Key(("m",), "writing.write", "write a new message", "mailcli send TO -s SUBJECT"),
    Key(("h",), "html", "HTML or plain text", "mailcli read ID --html"),
    Key(("s",), "acting.save", "save the attachments into this directory", "mailcli attach save ID"),
    Key(("/",), "finding.search", "search as you type", "mailcli search QUERY"),
    Key(("$", "f5"), "finding.fetch", "fetch mail now", "mailcli fetch"),
    Key(("?",), "help", "these keys"),
)


def help_lines() -> list[tuple[str, str, str]]:
    """(keys, what they do, shell command) for the help."""
    names = {" ": "Space", "pagedown": "PgDn", "pageup": "PgUp", "escape": "Esc", "enter": "Enter"}
    return [(" ".join(names.get(k, k) for k in key.keys), key.text, key.shell) for key in KEYS]
