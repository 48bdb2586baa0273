"""Whether a body is that of the header which announced it, and what to tell if it is not."""

from __future__ import annotations

from mailcli.store.partial import CHANGED, RESIZED, Filled


def is_another(data: bytes, header: bytes, size: int) -> bool:
    """Whether a body is not of the message whose header and size were announced."""
    from mailcli.store.bodies import header_of

    return header_of(data) != header and len(data) != size


def another(identity: str) -> str:
    return f"{identity}: the server sent another message than it had announced"


def unexpected(filled: Filled) -> str:
    """What the user should know of a body that is not quite what its header announced, or ""."""
    if filled.outcome == RESIZED:
        return f"{filled.id}: the server sent another number of octets than it had announced"
    if filled.outcome == CHANGED:
        kept = (
            f"; the header it announced is kept as {filled.kept} in the recovery area" if filled.kept else ""
        )
        return another(filled.id) + kept
    return ""
