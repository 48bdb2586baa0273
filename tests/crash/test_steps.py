"""Every flow cut at every step of its own, and run again: the same end as if nothing had happened."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.crash import figures, steps
from tests.support.crash.cuts import Cut, pairs, try_all
from tests.support.crash.flows import FLOWS
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot

PERCENT = 30 / len(FLOWS)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_cut_at_any_step_comes_to_the_same_end(
    tmp_path: Path, dovecot: Dovecot, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    template = Template(dovecot, tmp_path, flow)
    scenario = f"steps: {flow.name}"
    names = steps.counted(template.trial())
    numbers = range(1, len(names) + 1)
    cuts: list[Cut] = [steps.kill_at(n) for n in numbers]
    cuts += [steps.fail_at(n, errno.ENOSPC) for n in numbers if names[n - 1] not in steps.INFALLIBLE]
    cuts += [steps.fail_at(n, errno.EIO) for n in numbers if "sync" in names[n - 1]]
    number = figures.share(PERCENT, sample=12)
    wanted = figures.chosen(scenario, cuts, number)
    wanted += pairs(cuts, number - len(wanted), scenario)
    try_all(scenario, template, wanted, record_property)
