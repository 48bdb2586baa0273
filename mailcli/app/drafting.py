"""A draft as text for an editor, and back: header lines, a blank line, the body."""

from __future__ import annotations

from typing import Final

from mailcli.accounts.paths import user_path
from mailcli.app.addressing import attachment, expanded, header
from mailcli.app.context import Context
from mailcli.errors import MessageMalformed
from mailcli.model.address import Address
from mailcli.model.draft import Draft

_ADDRESSED: Final = ("To", "Cc", "Bcc", "Reply-To")


def to_text(draft: Draft) -> str:
    """The draft for an editor. The fields that people fill in always stand there, even empty."""
    lines = [
        f"To: {_joined(draft, 'to')}",
        f"Cc: {_joined(draft, 'cc')}",
        *([f"Bcc: {_joined(draft, 'bcc')}"] if draft.bcc else []),
        f"Subject: {draft.subject}",
        *(f"{name}: {value}" for name, value in draft.headers),
    ]
    return "\n".join(lines) + "\n\n" + draft.text


def from_text(ctx: Context, draft: Draft, text: str) -> Draft:
    """The draft as it was edited. What is not in the text (threading, attachments) is kept;
    `Attach: PATH` lines attach files, and aliases are names of people, as on a command line. Raises
    MessageMalformed, NotFound for a file."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    fields: dict[str, list[str]] = {}
    others: list[tuple[str, str]] = []
    for line in _unfolded(head):
        name, colon, value = line.partition(":")
        if not colon:
            raise MessageMalformed(f"{line!r} is no header line", hint="leave a blank line above the text")
        known = name.strip().title()
        if known in {*_ADDRESSED, "Subject", "Attach"}:
            fields.setdefault(known, []).append(value.strip())
        else:
            others.append(header(name.strip(), value.strip()))
    added = tuple(attachment(user_path(p)) for p in fields.get("Attach", ()))

    def people(name: str) -> tuple[Address, ...]:
        return expanded(ctx, [value for value in fields.get(name, ()) if value])

    return draft._replace(
        to=people("To"),
        cc=people("Cc"),
        bcc=people("Bcc"),
        reply_to=people("Reply-To") or draft.reply_to,
        subject=" ".join(fields.get("Subject", ())),
        headers=tuple(others),
        text=body,
        attachments=(*draft.attachments, *added),
    )


def _joined(draft: Draft, field: str) -> str:
    return ", ".join(_typed(a.name, a.email) for a in getattr(draft, field))


def _typed(name: str, email: str) -> str:
    """An address in the form in which `expanded` reads it again."""
    if not name:
        return email
    if all(c.isalnum() or c in " '-_" for c in name):
        return f"{name} <{email}>"
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{email}>'


def _unfolded(head: str) -> list[str]:
    lines: list[str] = []
    for line in head.split("\n"):
        if line[:1] in {" ", "\t"} and lines:
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line)
    return lines
