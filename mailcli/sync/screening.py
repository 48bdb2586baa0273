"""Which new messages of a maildrop are wanted: by size, and by queries over the header.

TOP gives the header before anything is downloaded. Where the server has no TOP, the message comes and is
judged then.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailcli.model.query.ast import Query


class Verdict(Enum):
    """What to do with a message: download it, leave it there, delete it there."""

    TAKE = "take"
    SKIP = "skip"
    DISCARD = "discard"


class Screen:
    """The account's rules; `own` are the user's addresses (`from:me`)."""

    def __init__(
        self, max_size: int, skip: Query | None, discard: Query | None, own: Sequence[str] = ()
    ) -> None:
        self.max_size = max_size
        self.skip = skip
        self.discard = discard
        self._own = [address.casefold() for address in own]

    @property
    def reads_headers(self) -> bool:
        return self.skip is not None or self.discard is not None

    def fingerprint(self) -> str:
        """Changes when the rules do: what was left there by others is judged again."""
        texts = [query.text if query else "" for query in (self.skip, self.discard)]
        return repr((self.max_size, *texts)) if self.max_size or any(texts) else ""

    def too_large(self, size: int) -> bool:
        return bool(self.max_size) and size > self.max_size

    def verdict(self, header: bytes, size: int) -> Verdict:
        """What the queries say of a message with this header and this size. To keep is safer than to
        delete, so `skip` goes first."""
        from mailcli.sync.headerquery import Header

        message = Header(header, size, self._own)
        if self.skip is not None and message.holds(self.skip.node):
            return Verdict.SKIP
        if self.discard is not None and message.holds(self.discard.node):
            return Verdict.DISCARD
        return Verdict.TAKE
