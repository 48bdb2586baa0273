"""The brake: how many messages may be gone at once without a second question (`recount`)."""

from __future__ import annotations

from typing import Final

from mailcli.errors import TryAgain

FEW: Final = 50
SHARE: Final = 5  # a fifth


class Contradiction(TryAgain):
    """The server says two things of one folder. Nothing of it is removed here."""


def holds(gone: int, held: int) -> bool:
    """Whether `gone` of the `held` messages of a folder are too many to go without a second question."""
    return gone > max(FEW, held / SHARE)
