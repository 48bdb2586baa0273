"""`config`: reading and changing single settings, and preparing the file for an editor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mailcli.app.context import Context

_FIRST: str = """\
# mailcli's configuration; `man mailcli-config` describes it.
# `mailcli account add ADDRESS` writes the accounts.
"""


def get(ctx: Context, key: str) -> Any:
    """What the file says at a dotted key (`accounts.work.imap.host`): text, number, truth value,
    list or table. Passwords are never there, only where they are kept. Raises NotFound, UsageError."""
    from mailcli.accounts import edit

    return edit.get_value(Path(ctx.paths.config), key)


def set(ctx: Context, key: str, value: str | None) -> None:
    """Set a key to the meaning of `value` (None: remove it), keeping the file's comments.

    Raises UsageError (no such key, a value of another kind), ConfigError (the result is unsound;
    nothing was written), CannotCreate, LocalIOError.
    """
    from mailcli.accounts import edit

    edit.set_value(Path(ctx.paths.config), key, value)
    ctx.reload()


def prepare(ctx: Context) -> Path:
    """The file to edit, made with a comment in it if it is missing. Raises CannotCreate."""
    path = Path(ctx.paths.config)
    if not path.exists():
        from mailcli.accounts.durable import replace_file

        replace_file(path, _FIRST.encode())
    return path


def schema() -> dict[str, Any]:
    """The JSON schema of the configuration file."""
    from mailcli.accounts.schema import schema as made

    return made()
