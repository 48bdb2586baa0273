"""How full accounts are, as the last fetch was told."""

from __future__ import annotations

from pathlib import Path

from mailcli.app.context import Context
from mailcli.model.quota import Usage


def quota(ctx: Context, name: str) -> Usage | None:
    """How full the account's mailbox on the server was when it was last fetched, if that was told."""
    if not Path(ctx.paths.data, "mailcli.db").exists():
        return None  # nothing was ever fetched, and looking makes no database
    return Usage.read(ctx.store.setting(Usage.key(name)))
