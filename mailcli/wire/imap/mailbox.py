"""The selected mailbox, as far as the engine must know it: sequence numbers end here."""

from __future__ import annotations

from array import array
from typing import Final

_MOST: Final = 1 << 20
"""Sequence numbers above it are not remembered: 4 MiB is enough for a server's word."""


class Selected:
    """Which UID has which sequence number, where a FETCH has told; 0 where none has.

    The array grows only as far as FETCH responses reach, and removing one number moves the rest at
    memory speed: opening a mailbox of any size costs nothing.
    """

    __slots__ = ("_uids", "exists", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.exists: int | None = None
        self._uids = array("I")

    def resize(self, exists: int) -> None:
        """EXISTS. It may not shrink a mailbox, but what a server says is what it has."""
        self.exists = exists
        if len(self._uids) > exists:
            del self._uids[exists:]

    def learn(self, seq: int, uid: int) -> None:
        uids = self._uids
        known = len(uids)
        if seq <= known:
            uids[seq - 1] = uid
        elif seq == known + 1 <= _MOST:
            uids.append(uid)
        elif seq <= _MOST:
            uids.frombytes(bytes((seq - 1 - known) * uids.itemsize))
            uids.append(uid)

    def uid(self, seq: int) -> int | None:
        return (self._uids[seq - 1] or None) if seq <= len(self._uids) else None

    def expunge(self, seq: int) -> int | None:
        """EXPUNGE: the UID that had this number, if known; all above move down."""
        if self.exists is not None:
            self.exists -= 1
        return (self._uids.pop(seq - 1) or None) if seq <= len(self._uids) else None

    def vanish(self) -> None:
        """VANISHED names UIDs, perhaps of messages never there: where the numbers of the others move
        to is unknown. Forget them (RFC 7162 §3.2.10: no EXPUNGE follows in such a session)."""
        self.exists = None
        del self._uids[:]
