"""POP3 events: what the server said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


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


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What CAPA offered: (keyword in upper case, parameters as sent), in order.

    Capabilities disabled by the user are left out.
    """

    names: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __contains__(self, keyword: str) -> bool:
        """Whether a keyword (in upper case) was offered."""
        return any(name == keyword for name, _ in self.names)

    def parameters(self, keyword: str) -> tuple[str, ...]:
        """The parameters of a keyword; () if it has none or was not offered."""
        return tuple(word for name, words in self.names if name == keyword for word in words)


class Statistics(NamedTuple):
    messages: int
    octets: int


class Sizes(NamedTuple):
    """(message number, size in octets as the server counts), in its order."""

    items: tuple[tuple[int, int], ...]


class UniqueIds(NamedTuple):
    """(message number, UIDL), in the server's order. The text is opaque, at most 1,024 octets,
    each octet one character (so that octets outside ASCII survive)."""

    items: tuple[tuple[int, str], ...]


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
    """A line of a listing, or a STAT answer, that says nothing we understand."""

    tag: int
    raw: bytes


Pop3Event = (
    Greeting | Completed | Capabilities | Statistics | Sizes | UniqueIds | Content | Truncated | Unparsed
)
