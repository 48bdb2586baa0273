"""Figures of the index, and what is wrong with it."""

from __future__ import annotations

from typing import Any, Final

from mailcli.cli.progress import size
from mailcli.cli.views.view import Field, Look, View
from mailcli.model import printable


def _status(status: Any, _look: Look) -> str:
    rows = [
        ("messages", f"{status.messages}"),
        (
            "indexed",
            f"{status.indexed}" + ("" if status.complete else " (incomplete: mailcli index rebuild)"),
        ),
        ("headers only", f"{status.remote_only}"),
        ("folders", f"{status.folders}"),
        ("threads", f"{status.threads}"),
        ("to be pushed", f"{status.pending}"),
        *([("hidden", f"{status.hidden} (deleted here, still on the server)")] if status.hidden else []),
        ("in recovery", f"{status.recovery}"),
        ("mail", size(status.mail_size)),
        ("database", f"{size(status.database_size)}, schema {status.schema}"),
        ("place", printable.line(str(status.path))),
    ]
    return "".join(f"{name + ':':14} {value}\n" for name, value in rows)


STATUS: Final = View(
    "index",
    {
        "messages": Field("integer", lambda s: s.messages),
        "indexed": Field("integer", lambda s: s.indexed),
        "remote_only": Field("integer", lambda s: s.remote_only),
        "folders": Field("integer", lambda s: s.folders),
        "threads": Field("integer", lambda s: s.threads),
        "pending": Field("integer", lambda s: s.pending),
        "hidden": Field("integer", lambda s: s.hidden),
        "recovery": Field("integer", lambda s: s.recovery),
        "database_size": Field("integer", lambda s: s.database_size),
        "mail_size": Field("integer", lambda s: s.mail_size),
        "schema": Field("integer", lambda s: s.schema),
        "complete": Field("boolean", lambda s: s.complete),
        "path": Field("text", lambda s: str(s.path)),
    },
    text=_status,
)


ATTACHED: Final = View(
    "attached",
    {"found": Field("integer", lambda a: a.found), "left": Field("integer", lambda a: a.left)},
    text=lambda a, _: f"attachments of {a.found} messages indexed\n",
)


def _problem(problem: Any, _look: Look) -> str:
    head = f"{problem.id}: " if problem.id else ""
    path = f" ({problem.path})" if problem.path else ""
    return printable.line(f"{'repaired: ' if problem.repaired else ''}{head}{problem.text}{path}") + "\n"


PROBLEMS: Final = View(
    "problem",
    {
        "kind": Field("text", lambda p: p.kind),
        "text": Field("text", lambda p: p.text),
        "id": Field("text", lambda p: p.id),
        "path": Field("text", lambda p: p.path),
        "repaired": Field("boolean", lambda p: p.repaired),
    },
    text=_problem,
)
