"""The reader's way in: the full screen, or plain lines where there can be none."""

from __future__ import annotations

import os

from mailcli.app.context import Context
from mailcli.tui import places
from mailcli.tui.places import ALL


def run(ctx: Context, start: str | None = None, *, plain: bool = False) -> int:
    """Open the reader on the unified inbox, a folder, or the results of a query; its exit code."""
    place = places.named(ctx, start) if start else ALL
    if plain or ctx.environ.get("TERM", "dumb") == "dumb":
        from mailcli.tui.plain import PlainReader

        PlainReader(ctx, place).run()
        return 0
    # A terminal that does not answer a cursor position request would be waited for.
    os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")
    from mailcli.tui.reader import Reader

    Reader(ctx, place).run()
    return 0
