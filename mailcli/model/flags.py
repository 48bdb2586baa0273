"""Message flags: the system flags of RFC 9051 §2.3.2, and keywords.

Inside the program a flag is its IMAP name: a system flag in canonical case with its backslash
(`\\Seen`), a keyword as the server has it. People and JSON see the lower-case name without the
backslash; the Maildir carries the system flags as letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Flags = frozenset[str]

SEEN: Final = "\\Seen"
ANSWERED: Final = "\\Answered"
FLAGGED: Final = "\\Flagged"
DELETED: Final = "\\Deleted"
DRAFT: Final = "\\Draft"
FORWARDED: Final = "$Forwarded"
"""RFC 5788's keyword; Maildir has a letter for it (P, "passed")."""

SYSTEM: Final = (SEEN, ANSWERED, FLAGGED, DELETED, DRAFT)
BITS: Final = {flag: 1 << n for n, flag in enumerate((*SYSTEM, FORWARDED))}
"""The bit of each flag that has one in the store. Part of the database schema: append only."""

LETTERS: Final = {"D": DRAFT, "F": FLAGGED, "P": FORWARDED, "R": ANSWERED, "S": SEEN, "T": DELETED}
"""Maildir's letters, in the ASCII order in which a file name must carry them."""

_CANONICAL: Final = {flag.lower(): flag for flag in BITS}
_NAMED: Final = {flag.lstrip("\\").lower(): flag for flag in SYSTEM}


def canonical(flag: str) -> str:
    """The one spelling of a flag: system flags are case-insensitive, keywords stay as they are."""
    return _CANONICAL.get(flag.lower(), flag)


def from_name(name: str) -> str:
    """The flag a person means by `seen`, `\\Seen`, `answered` or `work`."""
    return _NAMED.get(name.lower()) or canonical(name)


def to_name(flag: str) -> str:
    """The name people and JSON see: `seen` for `\\Seen`; keywords as they are."""
    return flag[1:].lower() if flag.startswith("\\") else flag


def names(flags: Iterable[str]) -> list[str]:
    """Names in a stable order: system flags as in `SYSTEM`, then keywords by name."""
    held = set(flags)
    return [to_name(f) for f in SYSTEM if f in held] + sorted(f for f in held if f not in SYSTEM)


def from_letters(letters: str) -> Flags:
    """The flags of a Maildir suffix (what stands behind `:2,`). Unknown letters are ignored."""
    return frozenset(LETTERS[c] for c in letters if c in LETTERS)


def to_letters(flags: Iterable[str]) -> str:
    """The Maildir suffix of these flags, letters in ASCII order; keywords have no letter."""
    held = set(flags)
    return "".join(letter for letter, flag in LETTERS.items() if flag in held)


def to_bits(flags: Iterable[str]) -> tuple[int, str]:
    """Flags as the store keeps them: (bit set, other keywords sorted and joined by spaces)."""
    bits, words = 0, []
    for flag in flags:
        bit = BITS.get(flag)
        if bit is None:
            words.append(flag)
        else:
            bits |= bit
    return bits, " ".join(sorted(words))


def from_bits(bits: int, keywords: str) -> Flags:
    """The reverse of `to_bits`."""
    held = {flag for flag, bit in BITS.items() if bits & bit}
    held.update(keywords.split())
    return frozenset(held)
