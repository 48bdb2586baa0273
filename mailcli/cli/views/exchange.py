"""What came in and went out by `import` and `export`."""

from __future__ import annotations

from typing import Any, Final

from mailcli.cli.views.view import Field, Look, View
from mailcli.model import printable


def _imported(done: Any, _look: Look) -> str:
    failed = f", {len(done.problems)} could not be read" if done.problems else ""
    return f"{done.count} imported into {printable.line(done.folder)}{failed}\n"


IMPORTS: Final = View(
    "import",
    {
        "account": Field("text", lambda d: d.account),
        "folder": Field("text", lambda d: d.folder),
        "count": Field("integer", lambda d: d.count),
        "ids": Field("words", lambda d: d.ids),
        "problems": Field("words", lambda d: d.problems),
    },
    text=_imported,
    ident=lambda d: tuple(d.ids),
)

EXPORTS: Final = View(
    "export",
    {"count": Field("integer", lambda d: d[0]), "path": Field("text", lambda d: str(d[1]))},
    text=lambda d, _: f"{d[0]} written to {printable.line(str(d[1]))}\n",
)
