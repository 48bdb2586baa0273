"""What comes of a folder's messages: whole, the header alone, or nothing. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from mailcli.model.extent import Extent
from mailcli.model.record import NamedTuple


class Choice(NamedTuple):
    """UIDs in the order they were given."""

    whole: list[int]
    headers: list[int]
    skipped: list[int]


def choose(
    extent: Extent, uids: Iterable[int], sizes: Mapping[int, int], recent: Container[int] = ()
) -> Choice:
    """`sizes` are RFC822.SIZE as far as they are known, `recent` the UIDs that came since the cutoff
    (of a folder in that mode)."""
    choice = Choice([], [], [])
    for uid in uids:
        if extent.mode == "recent" and uid not in recent:
            (choice.skipped if extent.older == "skip" else choice.headers).append(uid)
        elif extent.mode == "headers" or 0 < extent.max_size < sizes.get(uid, 0):
            choice.headers.append(uid)
        else:
            choice.whole.append(uid)
    return choice
