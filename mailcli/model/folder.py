"""Folders and their special uses (RFC 6154)."""

from __future__ import annotations

from typing import Final

from mailcli.model.record import NamedTuple

INBOX: Final = "INBOX"

SPECIAL_USES: Final = ("Inbox", "Archive", "Drafts", "Sent", "Spam", "Trash", "All")
"""Our names; RFC 6154's `\\Junk` is Spam here, and Inbox needs no attribute."""


def all_mail(account: str) -> str:
    """The setting that names the folder with all mail of an account whose folders are labels (Gmail)."""
    return f"all mail {account}"


class Folder(NamedTuple):
    """A folder as the user sees it.

    `key` is the store's row id, `name` UTF-8 with `/` between levels (the inbox is always
    "INBOX"), `special` one of SPECIAL_USES or "", `total` and `unread` count local rows,
    `selectable` is false for a mere level in the hierarchy (\\Noselect, \\NonExistent).
    """

    key: int
    account: str
    name: str
    special: str
    total: int
    unread: int
    subscribed: bool
    selectable: bool
