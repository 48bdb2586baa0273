"""The power goes after any system call: what was not synced is gone, torn, or there in another order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.crash import figures, power, strace
from tests.support.crash.cuts import try_all
from tests.support.crash.flows import FLOWS, POP3_DELETE, PUSHES
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot

PERCENT = 20 / len(FLOWS)
SAMPLED = (PUSHES, POP3_DELETE)


@pytest.fixture(autouse=True)
def needs_strace() -> None:
    if reason := strace.lacking():
        pytest.skip(reason)


@pytest.mark.parametrize("flow", FLOWS if figures.WHOLE else SAMPLED, ids=lambda flow: flow.name)
def test_a_power_loss_after_any_call_loses_and_doubles_nothing(
    tmp_path: Path, dovecot: Dovecot, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    template = Template(dovecot, tmp_path, flow)
    recording = power.record(template.trial(), tmp_path)
    scenario = f"power loss: {flow.name}"
    cuts = power.cuts(recording, figures.share(PERCENT, sample=16), scenario)
    try_all(scenario, template, cuts, record_property)


@pytest.mark.parametrize("bug", ["no file fsync", "no directory fsync", "rows before files"])
def test_a_safety_taken_out_is_missed(tmp_path: Path, dovecot: Dovecot, bug: str) -> None:
    template = Template(dovecot, tmp_path, POP3_DELETE)
    recording = power.record(template.trial(), tmp_path, bug)
    if bug == "rows before files":  # until they are named
        cut = power.cut(recording, [call.name for call in recording.calls].index("rename") + 1, "all kept")
    else:  # the server has deleted by then
        cut = power.cut(recording, len(recording.calls), "unsynced dropped")
    found: list[figures.Figure] = []
    with pytest.raises(AssertionError, match="did harm"):
        try_all(bug, template, [cut], lambda _, figure: found.append(figures.Figure(*figure)))  # type: ignore[misc]
    assert found[0].lost > 0
