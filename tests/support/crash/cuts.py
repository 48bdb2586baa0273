"""Trying many cuts of one scenario, and telling what came of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.support.crash.children import BUG, Ended, Hung
from tests.support.crash.figures import CUTS, SEED, Figure
from tests.support.crash.trial import Template, Trial

ONLY = os.environ.get("MAILCLI_CUT", "")
"""A cut by its name, to look at it alone."""

LOCAL_FAILURES = frozenset({73, 74})
CONNECTION_FAILURES = frozenset({75})


class NotReached(Exception):
    """The run came to its end before the cut fell."""


class Cut(NamedTuple):
    """`name` reproduces it. `make` cuts a run of the trial and says what is wrong with how it ended
    ("" if nothing is); NotReached if it was not cut."""

    name: str
    make: Callable[[Trial], str]


def ended_well(ended: Ended, codes: frozenset[int]) -> str:
    """What is wrong with the end of a run that met a failure: it may be survived, or told."""
    if ended.killed or ended.code == 0 or ended.code in codes:
        return ""
    kind = "a bug" if ended.code == BUG else "the wrong exit code"
    return f"{kind}, {ended.code}: {ended.message}"


def pairs(cuts: Sequence[Cut], number: int, scenario: str) -> list[Cut]:
    """So many cuts of two: what the first leaves behind is where the second begins."""
    import random

    drawn = random.Random(f"{SEED} {scenario} pairs")
    return [_pair(drawn.choice(cuts), drawn.choice(cuts)) for _ in range(number)]


def _pair(first: Cut, second: Cut) -> Cut:
    def make(trial: Trial) -> str:
        wrong = first.make(trial)
        try:
            return wrong or second.make(trial)
        except NotReached:
            return ""  # the second run had less to do

    return Cut(f"{first.name}, then {second.name}", make)


def try_all(
    scenario: str,
    template: Template,
    cuts: Sequence[Cut],
    record: Callable[[str, object], None],
) -> Figure:
    """Make each cut in a trial of its own and judge it. The figure is recorded; AssertionError with
    the names of those that did harm."""
    _ = template.expected
    tried = lost = doubled = 0
    harm: list[str] = []
    for cut in cuts:
        if ONLY and cut.name != ONLY:
            continue
        trial = template.trial()
        try:
            wrong = cut.make(trial)
        except NotReached:
            trial.remove()
            continue
        except Hung as error:
            wrong = f"it hung: {error}"
        verdict = trial.judge()
        tried += 1
        lost += verdict.lost
        doubled += verdict.doubled
        if wrong or not verdict.good:
            harm.append(f"  {cut.name}: {wrong} {verdict}")
            if ONLY:
                print(f"left at {trial.profile}, server {trial.server.maildir(trial.user)}", file=sys.stderr)
                continue
        trial.remove()
    figure = Figure(scenario, tried, lost, doubled)
    record("cuts", tuple(figure))
    assert not harm, "\n".join(
        [f"{scenario}: {len(harm)} of {tried} did harm; MAILCLI_CUT=NAME (with MAILCLI_CUTS={CUTS}, "
         f"MAILCLI_SEED={SEED}) tries one alone", *harm[:12]]
    )  # fmt: skip
    assert tried or ONLY, f"{scenario}: no cut fell, the test shows nothing"
    return figure
