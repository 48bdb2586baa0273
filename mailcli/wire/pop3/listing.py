"""Reading the multi-line answers that are tables: LIST, UIDL, CAPA (RFC 1939 §5, §7; RFC 2449).

A mailbox may have 50,000 messages: one regular expression reads many lines.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern
from mailcli.wire.pop3.events import Capabilities

# "scan listing": what stands behind the size is the server's own (RFC 1939 §5).
# Message numbers begin at 1 (§4); sizes stay within what a database keeps.
_SIZE: Final = pattern.compile(
    r"^[ \t]*0*+([0-9]{1,10})[ \t]+([0-9]{1,18})(?:[ \t][^\r\n]*)?\r?$", re.MULTILINE
)
# RFC 1939 §7 allows 70 octets of 0x21-0x7E; longer ones, with spaces and 8-bit octets are about.
_UNIQUE_ID: Final = pattern.compile(
    r"^[ \t]*0*+([0-9]{1,10})[ \t]+([^ \t\r\n\x00][^\r\n\x00]{0,1023})\r?$", re.MULTILINE
)


def sizes(lines: bytes) -> list[tuple[int, int]]:
    """(message number, size in octets as the server counts), in its order, of the lines that are such."""
    return [(int(number), int(size)) for number, size in _SIZE.findall(lines.decode("latin-1"))]


def unique_ids(lines: bytes) -> list[tuple[int, str]]:
    """(message number, UIDL), in the server's order, of the lines that are such. The text is opaque, at
    most 1,024 octets, each octet one character (so that octets outside ASCII survive)."""
    found = _UNIQUE_ID.findall(lines.decode("latin-1"))
    return [(int(number), unique_id.rstrip(" \t")) for number, unique_id in found]


def capabilities(table: bytes, disabled: frozenset[str]) -> Capabilities:
    """Capabilities without the disabled ones (upper case)."""
    names = []
    for line in table.decode("utf-8", "replace").splitlines():
        words = line.split()
        if words and words[0].upper() not in disabled:
            names.append((words[0].upper(), tuple(words[1:])))
    return Capabilities(tuple(names))
