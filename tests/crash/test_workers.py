"""A run and the worker that stores its mail: one of the two is killed, and the other is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.crash import figures, steps, workers
from tests.support.crash.cuts import Cut, try_all
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot

PERCENT = 6 / len(workers.FLOWS)
MOST = 24
"""Steps of a worker's that are tried: to wait for the lock is the first of each batch."""


@pytest.mark.parametrize("flow", workers.FLOWS, ids=lambda flow: flow.name)
def test_a_run_or_its_worker_that_is_killed_leaves_all_to_the_other_or_to_the_next_run(
    tmp_path: Path, dovecot: Dovecot, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    template = Template(dovecot, tmp_path, flow)
    scenario = f"workers: {flow.name}"
    count = len(steps.counted(template.trial()))
    number = figures.share(PERCENT, sample=6)
    cuts: list[Cut] = []
    kinds = ((workers.run_killed, MOST), (workers.worker_killed, MOST), (workers.worker_killed_at, count))
    for kind, most in kinds:
        some = [kind(n) for n in range(1, most + 1)]
        cuts += figures.chosen(f"{scenario} {kind.__name__}", some, number // len(kinds), some[:1])
    try_all(scenario, template, cuts, record_property)
