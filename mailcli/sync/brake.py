"""The brake: more than a few messages gone at once are believed only when it was said twice."""

from __future__ import annotations

from typing import Final

FEW: Final = 50
SHARE: Final = 5  # a fifth


def holds(gone: int, held: int) -> bool:
    """Whether `gone` of the `held` messages of a folder are too many to go without a second question."""
    return gone > max(FEW, held / SHARE)
