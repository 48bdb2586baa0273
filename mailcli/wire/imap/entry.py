"""A command on its way, and what kinds of command there are."""

from __future__ import annotations

from typing import Final

from mailcli.wire.imap import commands as c

NEEDS_SELECTION: Final = frozenset({c.Fetch, c.Store, c.Search, c.Copy, c.Move, c.Expunge, c.Unselect})

CHANGES_SELECTION: Final = frozenset({c.Store, c.Copy, c.Move, c.Expunge})
"""Written only once their SELECT has succeeded. After a SELECT that ends in BAD the old mailbox stays
selected (RFC 9051 §6.3.2), and these would do their work in it."""

BEFORE_SIGN_IN: Final = frozenset({c.Capability, c.Noop, c.Logout, c.StartTls, c.Login, c.Authenticate, c.Id})

ALONE: Final = frozenset({c.StartTls, c.Login, c.Authenticate, c.Compress})
"""Barriers that also wait for all before them: what these change must not meet old answers."""

BARRIERS: Final = ALONE | {c.Idle}


class Entry:
    """One command between `send` and its Completed."""

    __slots__ = ("command", "done_tag", "kind", "selection", "steps", "tag")

    def __init__(self, tag: int, command: c.Command, selection: int) -> None:
        self.tag = tag
        self.command = command
        self.kind = type(command)
        self.selection = selection  # tag of the SELECT that it counts on, 0: none
        self.done_tag = 0  # of IDLE: the tag of its DONE
        self.steps = 0  # of AUTHENTICATE: challenges answered, -1 broken off; of IDLE: 1 entered, 2 DONE
