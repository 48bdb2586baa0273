"""The public id of a message: eight characters, drawn once, kept for ever."""

from __future__ import annotations

import os
from typing import Final

ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Lowercase letters and digits without look-alikes (no i, l, o, 0, 1)."""

LENGTH: Final = 8
SHORTEST_PREFIX: Final = 4
"""Lists never show a shorter prefix, so that an id copied today stays unique for a while."""

_FAIR: Final = 256 - 256 % len(ALPHABET)
"""Bytes from here on would make the first letters likelier."""


def new_id() -> str:
    """Draw an id. 31**8 is 8.5e11: the caller still holds it against the ids it has.

    From os.urandom and not `secrets`, whose import costs more than listing the mailbox does.
    """
    drawn = ""
    while len(drawn) < LENGTH:
        drawn += "".join(ALPHABET[b % len(ALPHABET)] for b in os.urandom(LENGTH) if b < _FAIR)
    return drawn[:LENGTH]


def is_prefix(text: str) -> bool:
    """Whether `text` may be an id or the beginning of one."""
    return 0 < len(text) <= LENGTH and all(c in ALPHABET for c in text)
