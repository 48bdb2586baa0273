"""The public id of a message: eight characters, drawn once, kept for ever."""

from __future__ import annotations

import os
from typing import Final

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Lowercase letters and digits without look-alikes (no i, l, o, 0, 1)."""

LENGTH: Final = 8
SHORTEST_PREFIX: Final = 4
"""Lists never show a shorter prefix, so that an id copied today stays unique for a while."""

_LETTERS: Final = (ALPHABET.encode() * 9)[:256]
_UNFAIR: Final = bytes(range(256 - 256 % len(ALPHABET), 256))
"""Octets that would make the first letters likelier."""


def new_id() -> str:
    """Draw an id. 31**8 is 8.5e11: the caller still holds it against the ids it has.

    From os.urandom and not `secrets`, whose import costs more than listing the mailbox does.
    """
    drawn = b""
    while len(drawn) < LENGTH:
        octets = os.urandom(LENGTH + 2)
        drawn += octets.translate(_LETTERS, _UNFAIR)
    return drawn[:LENGTH].decode()


def is_prefix(text: str) -> bool:
    """Whether `text` may be an id or the beginning of one."""
    return 0 < len(text) <= LENGTH and all(c in ALPHABET for c in text)
