"""What single SMTP servers do otherwise, as named facts read from their greeting.

A quirk of syntax that all readers can live with is handled where it is read, and only named here:

- AUTH_EQUALS: Exchange 5.5 and others of its age offer `AUTH=LOGIN`, some beside `AUTH LOGIN`; both
  are read as AUTH (reply.extensions).
- Prose where a base64 challenge belongs, from old qmail patches ("334 ok, go on"): it is handed to
  the mechanism as it is (sasl.Exchange).
- An enhanced status on the first line only, or none on 5xx of servers that offer the extension: the
  code decides (reply.with_status).
"""

from __future__ import annotations

from typing import Final

from mailcli.model import pattern

FILES_SENT: Final = "files-sent"
"""Puts a copy of what is submitted into the account's Sent folder by itself: no second one by IMAP.
Gmail does (its banner ends in "gsmtp")."""

_BANNERS: Final = ((pattern.compile(r"\bgsmtp$"), FILES_SENT),)


def quirks(greeting: str) -> frozenset[str]:
    """The facts known of the server with this banner (its text, without the code)."""
    return frozenset(fact for pattern, fact in _BANNERS if pattern.search(greeting.strip()))
