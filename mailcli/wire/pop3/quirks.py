"""What POP3 servers do otherwise, as named facts.

Handled where it is read, and only named here:

- Gmail's CAPA shows PIPELINING, TOP and UIDL only after the login, Dovecot's the same before and
  after: CAPA is asked again unless it can bring nothing new (flows.sign_in).
- Messages stored with bare LF and sent as they are (dotstuff.Unstuffer).
- UIDLs longer than 70 octets, or with spaces (listing).
"""

from __future__ import annotations

import re
from typing import Final

from mailcli.model import pattern

TEMPORARY: Final = frozenset({"IN-USE", "LOGIN-DELAY", "SYS/TEMP"})
"""Response codes that ask for patience (RFC 2449 §8.1, RFC 3206 §4)."""

# A maildrop held by another session, from servers without response codes; "-ERR maildrop already
# locked" is RFC 1939's own example. A locked *account* is no such thing.
_MAILDROP_BUSY: Final = pattern.compile(
    r"\b(?:mail ?(?:box|drop)|spool)\b.{0,60}?\b(?:lock(?:ed)?|in use|busy)\b", re.IGNORECASE
)


def is_temporary(code: str, text: str) -> bool:
    """Whether an -ERR may be gone later."""
    return code in TEMPORARY or (not code and bool(_MAILDROP_BUSY.search(text)))


def lists_in_pieces(greeting: str) -> bool:
    """Whether a session may list only the first of the messages: Gmail ("Gpop ready for requests …")
    gives some hundreds, and the next after a QUIT."""
    return "gpop ready" in greeting.lower()


def hears_on(greeting: str) -> bool:
    """Whether what is written right behind the login reaches the session. RFC 2449 §6.6 lets PIPELINING mean
    every command, but with many servers one program signs in and another one serves, and what the first
    has read of more is lost: the client waits for ever. Dovecot's hands it on."""
    return "dovecot" in greeting.lower()
