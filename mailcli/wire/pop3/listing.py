"""Reading the multi-line answers that are tables: LIST, UIDL, CAPA (RFC 1939 §5, §7; RFC 2449).

A mailbox may have 50,000 messages: one regular expression reads a whole table.
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern
from mailcli.wire.engine import Tag
from mailcli.wire.pop3.events import Capabilities, Pop3Event, Sizes, UniqueIds, Unparsed

# "scan listing": what stands behind the size is the server's own (RFC 1939 §5).
# Message numbers begin at 1 (§4); sizes stay within what a database keeps.
_SIZE: Final = pattern.compile(
    r"^[ \t]*0*+([0-9]{1,10})[ \t]+([0-9]{1,18})(?:[ \t][^\r\n]*)?\r?$", re.MULTILINE
)
# RFC 1939 §7 allows 70 octets of 0x21-0x7E; longer ones, with spaces and 8-bit octets are about.
_UNIQUE_ID: Final = pattern.compile(
    r"^[ \t]*0*+([0-9]{1,10})[ \t]+([^ \t\r\n\x00][^\r\n\x00]{0,1023})\r?$", re.MULTILINE
)


def sizes(tag: Tag, table: bytes) -> list[Pop3Event]:
    """Sizes, and an Unparsed for each line that is none."""
    text = table.decode("latin-1")
    found = _SIZE.findall(text)
    items = tuple([(int(number), int(size)) for number, size in found])
    return [*_unparsed(tag, text, len(found), _SIZE), Sizes(items)]


def unique_ids(tag: Tag, table: bytes) -> list[Pop3Event]:
    """UniqueIds, and an Unparsed for each line that is none."""
    text = table.decode("latin-1")
    found = _UNIQUE_ID.findall(text)
    items = tuple([(int(number), unique_id.rstrip(" \t")) for number, unique_id in found])
    return [*_unparsed(tag, text, len(found), _UNIQUE_ID), UniqueIds(items)]


def capabilities(table: bytes, disabled: frozenset[str]) -> Capabilities:
    """Capabilities without the disabled ones (upper case)."""
    names = []
    for line in table.decode("utf-8", "replace").splitlines():
        words = line.split()
        if words and words[0].upper() not in disabled:
            names.append((words[0].upper(), tuple(words[1:])))
    return Capabilities(tuple(names))


def _unparsed(tag: Tag, text: str, matched: int, pattern: re.Pattern[str]) -> list[Pop3Event]:
    if text.count("\n") == matched:
        return []
    bad = (line for line in text.split("\n")[:-1] if not pattern.match(line))
    return [Unparsed(tag, line.rstrip("\r").encode("latin-1")) for line in bad]
