"""How full a mailbox on a server is."""

from __future__ import annotations

from mailcli.model.record import NamedTuple


class Usage(NamedTuple):
    """`used` of `limit` octets (more than 0), as told at `when` (seconds since the epoch)."""

    used: int
    limit: int
    when: float

    @staticmethod
    def key(account: str) -> str:
        """The setting in which an account's usage is kept."""
        return f"imap quota {account}"

    @classmethod
    def read(cls, text: str | None) -> Usage | None:
        """The reverse of `str`; None for what is none."""
        words = (text or "").split()
        if len(words) != 3 or not all(word.isdigit() for word in words) or words[1] == "0":
            return None
        return cls(int(words[0]), int(words[1]), float(words[2]))

    def __str__(self) -> str:
        return f"{self.used} {self.limit} {self.when:.0f}"

    @property
    def percent(self) -> int:
        return self.used * 100 // self.limit
