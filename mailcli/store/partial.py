"""The values of messages of which a part is here: the header first, the body later."""

from __future__ import annotations

from typing import Final

from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple


class Outline(NamedTuple):
    """A message of which only the header is stored; its body stays where it is until it is wanted.

    `header` is the header block as on the wire with its empty line, `size` that of the whole message
    (RFC822.SIZE), `frame` what is known of its parts (`mime.frame`; b"": nothing). All else as in Arrival.
    """

    folder: int
    header: bytes
    size: int
    frame: bytes = b""
    flags: Flags = frozenset()
    arrived: float = 0.0
    uid: int | None = None
    id: str | None = None
    on_server: bool = False
    object_id: str = ""


class Lacking(NamedTuple):
    """A message whose body the server has as `uid` and we have not."""

    id: str
    uid: int
    size: int


FILLED: Final = "filled"
RESIZED: Final = "resized"
CHANGED: Final = "changed"
THERE: Final = "there"
GONE: Final = "gone"


class Filled(NamedTuple):
    """What became of a body that came after its header.

    `outcome` is FILLED; RESIZED: the same header, but another size than the server had said; CHANGED: not
    the message that was announced, whose header `kept` (an id) in the recovery area has; THERE: another
    process was faster; GONE: the message is here no more.
    """

    id: str
    outcome: str
    kept: str = ""
