"""What came in and went out by `import` and `export`."""

from __future__ import annotations

from typing import Any, Final

from mailcli.cli.views.results import undo_hint
from mailcli.cli.views.view import Field, Look, View
from mailcli.model import printable


def _imported(done: Any, _look: Look) -> str:
    failed = f", {len(done.unreadable)} could not be read" if done.unreadable else ""
    place = printable.line(f"{done.account}:{done.folder}")
    return f"{_count(done.messages)} imported into {place}{failed}{undo_hint(done.undo)}\n"


def _count(messages: int) -> str:
    return f"{messages} message" + ("" if messages == 1 else "s")


IMPORTS: Final = View(
    "import",
    {
        "account": Field("text", lambda d: d.account),
        "folder": Field("text", lambda d: d.folder),
        "messages": Field("integer", lambda d: d.messages),
        "unreadable": Field("words", lambda d: d.unreadable),
        "token": Field("text", lambda d: d.undo),
    },
    text=_imported,
)

EXPORTS: Final = View(
    "export",
    {
        "messages": Field("integer", lambda d: d.messages),
        "missing": Field("integer", lambda d: d.missing),
        "path": Field("text", lambda d: str(d.path)),
    },
    text=lambda d, _: f"{_count(d.messages)} written to {printable.line(str(d.path))}\n",
)
