"""POP3 events: what the server said."""

from __future__ import annotations

from mailcli.model.record import NamedTuple
from mailcli.wire.offered import Offered


class Greeting(NamedTuple):
    """`timestamp` is the APOP challenge with its angle brackets, or "" (RFC 1939 §7); `code` is
    the response code of a refusal, as in Completed."""

    ok: bool
    text: str
    timestamp: str = ""
    code: str = ""


class Completed(NamedTuple):
    """The end of a command; commands complete in the order of `send`.

    `code` is the response code of RFC 2449 §8 and RFC 3206 of an -ERR in upper case without its
    brackets ("IN-USE", "AUTH", "SYS/TEMP"), or "". `text` is decoded, not filtered for a terminal.
    """

    tag: int
    ok: bool
    code: str
    text: str


class Capabilities(Offered):
    """What CAPA offered, without what the user disables."""

    __slots__ = ()


class Statistics(NamedTuple):
    messages: int
    octets: int


class Sizes(NamedTuple):
    """Whole lines of the answer to LIST, as they come; `listing.sizes` reads them."""

    tag: int
    lines: bytes


class UniqueIds(NamedTuple):
    """Whole lines of the answer to UIDL, as they come; `listing.unique_ids` reads them."""

    tag: int
    lines: bytes


class Content(NamedTuple):
    """A piece of a message asked for by RETR or TOP, dot-stuffing removed.

    All pieces of a tag come one after the other, before its Completed. Without a Completed that
    is ok the message is not whole and must be discarded.
    """

    tag: int
    data: bytes


class Truncated(NamedTuple):
    """EOF came inside the answer to this command: discard what came of it."""

    tag: int


class Unparsed(NamedTuple):
    """A STAT answer that says nothing we understand."""

    tag: int
    raw: bytes


Pop3Event = (
    Greeting | Completed | Capabilities | Statistics | Sizes | UniqueIds | Content | Truncated | Unparsed
)
