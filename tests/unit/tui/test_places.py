"""The sidebar's rows."""

from __future__ import annotations

from pathlib import Path

from mailcli.app.context import Context
from mailcli.tui.places import sidebar


def test_a_folder_below_a_name_that_is_none_shows_its_whole_name(tmp_path: Path) -> None:
    ctx = Context.open(profile=tmp_path, environ={"HOME": str(tmp_path)})
    try:
        for name in ("INBOX", "Drafts", "Foo/Baz", "Work", "Work/2026", "Work/a/b"):
            ctx.store.ensure_folder("local", name)
        rows = [(place.label, place.depth) for place in sidebar(ctx) if place.folder][1:]
    finally:
        ctx.close()
    assert rows == [("Inbox", 1), ("Drafts", 1), ("Foo/Baz", 1), ("Work", 1), ("2026", 2), ("a/b", 2)]
