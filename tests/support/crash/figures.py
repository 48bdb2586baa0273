"""How many cuts each scenario gets, and the published figure."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

T = TypeVar("T")

WHOLE = "MAILCLI_CUTS" in os.environ
"""`make crash`; otherwise the sample of `make test`."""
CUTS = int(os.environ.get("MAILCLI_CUTS", "0"))
SEED = int(os.environ.get("MAILCLI_SEED", "1"))


class Figure(NamedTuple):
    """What a scenario came to."""

    scenario: str
    tried: int
    lost: int
    doubled: int


def share(percent: float, sample: int) -> int:
    """The cuts of a scenario: so much of the whole, or the sample's number."""
    return max(1, round(CUTS * percent / 100)) if WHOLE else sample


def chosen(scenario: str, points: Sequence[T], number: int, first: Sequence[T] = ()) -> list[T]:
    """So many of the points, in their order: those that must be there, the rest drawn with the seed
    of the scenario; all of them if there are no more."""
    must = set(first)
    rest = [p for p in points if p not in must]
    drawn = random.Random(f"{SEED} {scenario}")
    kept = list(first) if len(must) <= number else drawn.sample(list(first), number)
    keep = set(kept) | set(drawn.sample(rest, min(len(rest), number - len(kept))))
    return [p for p in points if p in keep]


def line(figure: Figure, width: int = 0) -> str:
    """One scenario's."""
    return f"{figure.scenario:<{width}} {figure.tried:>7} {figure.lost:>7} {figure.doubled:>8}"


def table(figures: Sequence[Figure]) -> list[str]:
    """The figure in lines: per scenario, and in all."""
    width = max(len(f.scenario) for f in figures)
    total = Figure("in all", *(sum(column) for column in list(zip(*figures, strict=True))[1:]))
    lines = [f"{'cut points':<{width}}   tried    lost  doubled"]
    lines += [line(figure, width) for figure in (*figures, total)]
    return [*lines, f"seed {SEED} (MAILCLI_SEED)"]
