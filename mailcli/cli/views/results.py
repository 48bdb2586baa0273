"""What commands report: changes, folders, submissions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailcli.cli.views.view import Column, Field, Look, View
from mailcli.model import printable
from mailcli.model.folder import Folder


def _changed(change: Any, _look: Look) -> str:
    return printable.line(change.summary) + undo_hint(change.undo) + "\n"


def undo_hint(token: str) -> str:
    """How to undo a change, behind the line that reports it."""
    return f" (undo: mailcli undo {token})" if token else ""


CHANGES: Final = View(
    "change",
    {
        "ids": Field("words", lambda c: c.ids),
        "summary": Field("text", lambda c: c.summary),
        "undo": Field("text", lambda c: f"mailcli undo {c.undo}" if c.undo else ""),
        "pushed": Field("boolean", lambda c: c.pushed),
        "token": Field("text", lambda c: c.undo),
    },
    text=_changed,
    ident=lambda c: tuple(c.ids),
)


def _folder_columns(rows: Sequence[Folder], _look: Look) -> Sequence[Column]:
    columns = [
        Column(
            "folder",
            lambda f, _: printable.line(f.name),
            lambda f: "bold" if f.unread else "" if f.selectable else "dim",
            grow=True,
            keep=0,
        ),
        Column(
            "unread", lambda f, _: str(f.unread) if f.unread else "", lambda _: "bold", right=True, keep=1
        ),
        Column("total", lambda f, _: str(f.total), right=True, keep=2),
        Column("use", lambda f, _: f.special, lambda _: "dim", keep=3),
    ]
    if len({row.account for row in rows}) > 1:
        columns.insert(0, Column("account", lambda f, _: printable.line(f.account), lambda _: "cyan", keep=0))
    return columns


FOLDERS: Final = View(
    "folder",
    {
        "account": Field("text", lambda f: f.account),
        "name": Field("text", lambda f: f.name),
        "special": Field("text", lambda f: f.special),
        "total": Field("integer", lambda f: f.total),
        "unread": Field("integer", lambda f: f.unread),
        "subscribed": Field("boolean", lambda f: f.subscribed),
        "selectable": Field("boolean", lambda f: f.selectable),
    },
    tsv=("account", "name", "special", "total", "unread"),
    columns=_folder_columns,
)


def _sent(row: Any, look: Look) -> str:
    """Silent in scripts, like every mail sender; a person sees where the message went."""
    if not look.terminal:
        return ""
    reply = f" ({printable.line(row.outcome.text)})" if row.outcome.text else ""
    return f"{row.outcome.outcome} {printable.line(row.outcome.email)}{reply}\n"


SENT: Final = View(
    "sent",
    {
        "email": Field("text", lambda r: r.outcome.email),
        "outcome": Field("text", lambda r: r.outcome.outcome),
        "code": Field("integer", lambda r: r.outcome.code),
        "enhanced": Field("text", lambda r: r.outcome.enhanced),
        "text": Field("text", lambda r: r.outcome.text),
        "message_id": Field("text", lambda r: r.message_id),
        "queue_id": Field("text", lambda r: r.queue_id),
        "account": Field("text", lambda r: r.account),
    },
    text=_sent,
)


PREPARED: Final = View(
    "prepared",
    {
        "account": Field("text", lambda p: p.message.account.name),
        "sender": Field("text", lambda p: p.message.envelope.sender),
        "recipients": Field("words", lambda p: p.message.envelope.recipients),
        "size": Field("integer", lambda p: len(p.message.data)),
        "message_id": Field("text", lambda p: p.message.message_id),
        "message": Field("text", lambda p: p.message.data.decode("utf-8", "replace")),
        "extensions": Field("words", lambda p: p.needs),
    },
    raw=lambda p: p.message.data,
)
"""`send --dry-run`: the exact bytes."""
