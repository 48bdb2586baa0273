"""Address headers (RFC 5322 §3.4, §4.4, and what is met instead) to addresses.

Here are the forms that nearly all mail has; `mailboxes` reads the rest. Nothing raises.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mailcli.mime import words
from mailcli.model import pattern
from mailcli.model.address import Address

LIMIT: Final = 10_000  # addresses of one header
_CACHED: Final = 300  # characters of what may be kept in a cache
# The forms nearly all mail has:  Name <a@b>   "Name" <a@b>   <a@b>   a@b
_ONE: Final = pattern.compile(
    r'(?:"([^"\\<>]*)"|([^"\\<>@,;:()\[\]]*))\s*<([^\s<>"@,;:()\[\]]+@[^\s<>"@,;:()\[\]]+)>|'
    r"([^\s<>\"@,;:()\[\]]+@[^\s<>\"@,;:()\[\]]+)"
)


def parse(raw: bytes) -> tuple[Address, ...]:
    """The addresses of a header's value; group names and empty groups have none."""
    return parse_text(words.raw_text(raw))


def parse_text(value: str) -> tuple[Address, ...]:
    """The addresses of an unfolded value."""
    if "," in value:
        # Most lists are of usual items without a comma in a name; the items come again and again.
        found = []
        for item in value.split(","):
            address = _usual(item) if len(item) < _CACHED else None
            if address is None:
                break
            found.append(address)
        else:
            return tuple(found[:LIMIT])
    if len(value) < _CACHED:
        return _cached(value)
    return tuple(_reader(value))


def parse_strictly(value: str) -> tuple[Address, ...]:
    """The same where an address lost would be mail not sent: no guess that `Doe, J <j@doe>` is one. What
    is not closed is an item without an address, since nobody knows what it was to hold."""
    from mailcli.mime.mailboxes import Reader

    reader = Reader(value, guess=False)
    found = reader.addresses(LIMIT)
    return tuple(found) if not reader.open else (Address(value, ""),)


@lru_cache(maxsize=4096)
def _cached(value: str) -> tuple[Address, ...]:
    address = _usual(value)
    return (address,) if address is not None else tuple(_reader(value))


@lru_cache(maxsize=8192)
def _usual(item: str) -> Address | None:
    match = _ONE.fullmatch(item.strip())
    if match is None:
        return None
    quoted, plain, email, bare = match.groups()
    name = quoted or plain
    return Address(words.name(name) if name else "", email or bare)


def _reader(value: str) -> list[Address]:
    from mailcli.mime.mailboxes import Reader  # few messages need it

    return Reader(value).addresses(LIMIT)
