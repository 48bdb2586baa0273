"""How much of an account's mail is downloaded, as its `imap` table says."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mailcli.errors import ConfigError, QueryError
from mailcli.model.extent import BodyPolicy, Extent, earliest, octets

Fault = Callable[..., ConfigError]
"""Makes the error of a fault: the place of the key, what is wrong, and a hint."""


def body_policy(at: tuple[str, ...], table: dict[str, Any], fault: Fault) -> BodyPolicy:
    """What a checked table says; `at` is where it stands. Raises what `fault` makes."""
    usual = _extent(at, table, Extent(), fault)
    folders = [
        (pattern, _extent((*at, "folder", pattern), own, usual, fault))
        for pattern, own in table.get("folder", {}).items()
    ]
    return BodyPolicy(usual, tuple(folders), table.get("keep_bodies", True))


def _extent(at: tuple[str, ...], table: dict[str, Any], usual: Extent, fault: Fault) -> Extent:
    """Where the table says nothing, `usual`. A `since` alone means recent."""
    name = ".".join(at)
    mode = table.get("mode", "recent" if "since" in table else usual.mode)
    for key in ("since", "older"):
        if key in table and mode != "recent":
            raise fault((*at, key), f'{name}.{key} is for mode = "recent", and mode is "{mode}"')
    if "since" in table:
        try:
            earliest(table["since"], time.time())
        except QueryError as error:
            raise fault(
                (*at, "since"),
                f"{name}.since: {error.message}",
                "write a date (2024-05-01) or an age (90d, 6w, 3mo, 1y)",
            ) from error
    size = table.get("max_size", usual.max_size)
    return Extent(
        mode,
        table.get("since", usual.since),
        (octets(size) or 0) if isinstance(size, str) else size,
        table.get("older", usual.older),
    )
