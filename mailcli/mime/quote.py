"""Quoting what is answered."""

from __future__ import annotations

from typing import Final

from mailcli.mime import compose
from mailcli.model import printable
from mailcli.model.message import Envelope

ATTRIBUTION: Final = "On {date}, {name} wrote:"


def quoted(text: str) -> str:
    """Text with LF as a quotation: `> ` before each line, `>` before quotes and empty lines.

    The signature is left out; the result ends with LF unless it is empty.
    """
    text = printable.block(text).replace("\t", "    ")
    signature = text.rfind("\n-- \n")
    if signature >= 0 and text.count("\n", signature) <= 12:  # a real one is short
        text = text[:signature]
    text = text.strip("\n").rstrip()
    if not text:
        return ""
    return "".join([f"{_mark(line)}{line.rstrip()}\n" for line in text.split("\n")])


def _mark(line: str) -> str:
    return ">" if not line.strip() or line.startswith(">") else "> "


def attribution(envelope: Envelope, template: str = ATTRIBUTION) -> str:
    """The line above a quotation; `{date}`, `{name}` and `{email}` are filled in."""
    sender = envelope.sender[0] if envelope.sender else None
    when = "an unknown day"
    if envelope.date is not None:
        when = compose.date(envelope.date, envelope.zone or 0)
    name = printable.line(sender.label) if sender else "somebody"
    email = printable.line(sender.email) if sender else ""
    return template.replace("{date}", when).replace("{name}", name).replace("{email}", email)
