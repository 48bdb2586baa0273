"""Every flow cut at every step of its own, and run again: the same end as if nothing had happened."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.crash import figures, sends, steps
from tests.support.crash.cuts import Cut, pairs, try_all
from tests.support.crash.flows import FLOWS
from tests.support.crash.sends import Sending
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

PERCENT = 27 / len(FLOWS)


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_a_flow_cut_at_any_step_comes_to_the_same_end(
    tmp_path: Path, dovecot: Dovecot, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    template = Template(dovecot, tmp_path, flow)
    _try(f"steps: {flow.name}", template, PERCENT, 7, record_property)


@pytest.mark.parametrize("name", sends.COMMANDS)
def test_a_message_whose_sending_is_cut_at_any_step_is_not_sent_twice(
    tmp_path: Path,
    dovecot: Dovecot,
    postfix: Postfix,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    template = Sending(dovecot, postfix, tmp_path, name, tls="implicit")
    _try(f"steps: {name}", template, 3 / len(sends.COMMANDS), 6, record_property)


def _try(
    scenario: str,
    template: Template,
    percent: float,
    sample: int,
    record_property: Callable[[str, object], None],
) -> None:
    names = steps.counted(template.trial())
    numbers = range(1, len(names) + 1)
    cuts: list[Cut] = [steps.kill_at(n) for n in numbers]
    cuts += [steps.fail_at(n, errno.ENOSPC) for n in numbers if names[n - 1] not in steps.INFALLIBLE]
    cuts += [steps.fail_at(n, errno.EIO) for n in numbers if "sync" in names[n - 1]]
    number = figures.share(percent, sample)
    wanted = figures.chosen(scenario, cuts, number)
    if not isinstance(template, Sending):  # a second cut would be of another message
        wanted += pairs(cuts, number - len(wanted), scenario)
    try_all(scenario, template, wanted, record_property)
