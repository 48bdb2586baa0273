"""What lists are made of: apart from the other values, because every list needs it."""

from __future__ import annotations

from typing import NamedTuple

from mailcli.model.flags import Flags
from mailcli.model.message import Summary


class Place(NamedTuple):
    """Where one copy of a message is: `folder` here, `at_folder`/`uid` on the server as last agreed."""

    id: str
    account: str
    folder: int
    at_folder: int | None
    uid: int | None
    flags: Flags
    file_present: bool


class Page(NamedTuple):
    """Rows of a list, and the cursor (`next`) behind the last of them, None when there are no more.

    With threads each row is the newest message of its thread and `counts` has the number of messages
    of each; without, `counts` is empty.
    """

    rows: list[Summary]
    next: str | None = None
    counts: tuple[int, ...] = ()
