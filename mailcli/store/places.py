"""Where messages are: apart from the other values, because every list imports it."""

from __future__ import annotations

from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple


class Place(NamedTuple):
    """Where one copy of a message is: `folder` here, `at_folder`/`uid` on the server as last agreed."""

    id: str
    account: str
    folder: int
    at_folder: int | None
    uid: int | None
    flags: Flags
    file_present: bool
