"""The log of changes, and what undoing them did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mailcli.cli import dates
from mailcli.cli.views.view import Column, Field, Look, View
from mailcli.model import printable


def _undone(undone: Any, _look: Look) -> str:
    if not undone.anything:
        return f"{printable.line(undone.summary)}\n"
    follow = "redo: mailcli redo" if undone.back else f"undo: mailcli undo {undone.entry.token}"
    return f"{printable.line(undone.summary)} ({follow})\n"


UNDONE: Final = View(
    "undone",
    {
        "token": Field("text", lambda u: u.entry.token),
        "undone": Field("boolean", lambda u: u.back),
        "summary": Field("text", lambda u: u.summary),
        "ids": Field("words", lambda u: u.ids),
        "left": Field("integer", lambda u: u.left),
        "lost": Field("integer", lambda u: u.lost),
        "pushed": Field("boolean", lambda u: u.pushed),
    },
    text=_undone,
    ident=lambda u: u.ids,
)


def _state(entry: Any) -> str:
    return "undone" if entry.undone is not None else "synced" if entry.by_sync else "done"


def _kept(entry: Any, look: Look) -> str:
    return f"{entry.kept} until {dates.short(entry.until, look.now).strip()}" if entry.kept else ""


def _columns(_rows: Sequence[Any], _look: Look) -> Sequence[Column]:
    return [
        Column("token", lambda e, _: e.token, lambda _: "cyan", keep=0),
        Column("time", lambda e, look: dates.short(e.at, look.now), keep=3),
        Column("state", lambda e, _: "" if _state(e) == "done" else _state(e), lambda _: "dim", keep=2),
        Column(
            "what",
            lambda e, _: printable.line(e.words),
            lambda e: "dim" if e.undone is not None else "",
            grow=True,
            keep=0,
        ),
        Column("account", lambda e, _: printable.line(" ".join(e.accounts)), lambda _: "dim", keep=4),
        Column("kept", _kept, lambda _: "dim", keep=1),
    ]


LOG: Final = View(
    "log",
    {
        "token": Field("text", lambda e: e.token),
        "date": Field("date", lambda e: dates.iso(e.at, None)),
        "state": Field("text", _state),
        "verb": Field("text", lambda e: e.verb),
        "summary": Field("text", lambda e: e.words),
        "messages": Field("integer", lambda e: e.messages),
        "accounts": Field("words", lambda e: e.accounts),
        "kept": Field("integer", lambda e: e.kept),
        "until": Field("date", lambda e: dates.iso(e.until, None) if e.until else None, none=True),
    },
    tsv=("token", "date", "state", "summary", "messages", "accounts", "kept", "until"),
    columns=_columns,
    ident=lambda e: (e.token,),
)
"""`state` is done, undone, or synced: taken away by a fetch. Of its messages `kept` are in the recovery
area, the first of them until `until`."""
