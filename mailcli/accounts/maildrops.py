"""What a POP3 download brings, leaves and deletes, as an account's `pop3` table says."""

from __future__ import annotations

import re
from typing import Any

from mailcli.accounts.extents import Fault
from mailcli.model.account import Pop3Policy
from mailcli.model.extent import octets


def pop3_policy(at: tuple[str, ...], table: dict[str, Any], fault: Fault) -> Pop3Policy:
    """What a checked table says; `at` is where it stands. Raises what `fault` makes."""
    name = ".".join(at)
    days = table.get("delete_after", 0)
    if days and "leave" in table:
        raise fault(
            (*at, "delete_after"), f"{name} has both `leave` and `delete_after`", "delete_after stands alone"
        )
    deliver = table.get("deliver", "")
    if deliver and not re.match(r"(?:folder|maildir|mbox|pipe):\s*\S", deliver):
        raise fault(
            (*at, "deliver"),
            f"{name}.deliver: {deliver!r} is no destination",
            '"folder:NAME", "maildir:PATH", "mbox:PATH" or "pipe:COMMAND"',
        )
    size = table.get("max_size", 0)
    return Pop3Policy(
        "days" if days else table.get("leave", "keep"),
        days,
        (octets(size) or 0) if isinstance(size, str) else size,
        table.get("large", "headers"),
        table.get("session_size", 0),
        table.get("skip", ""),
        table.get("discard", ""),
        deliver,
    )
