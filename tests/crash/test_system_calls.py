"""Every flow killed before a system call, or met by a full or failing disk, and run again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.crash import figures, sends, strace
from tests.support.crash.cuts import Cut, pairs, try_all
from tests.support.crash.flows import FLOWS, POP3_DELETE, PUSHES
from tests.support.crash.sends import Sending
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

PERCENT = 20 / (len(FLOWS) + len(sends.COMMANDS))
SAMPLED = (PUSHES, POP3_DELETE)
KINDS = {"kill": 0.5, "full disk": 0.25, "failing disk": 0.15, "interrupted": 0.1}
if not figures.WHOLE:
    KINDS = {"kill": 0.5, "full disk": 0.5}


@pytest.mark.parametrize("flow", FLOWS if figures.WHOLE else SAMPLED, ids=lambda flow: flow.name)
def test_a_flow_cut_at_any_system_call_comes_to_the_same_end(
    tmp_path: Path, dovecot: Dovecot, flow: Flow, record_property: Callable[[str, object], None]
) -> None:
    _try(tmp_path, Template(dovecot, tmp_path, flow), PERCENT, record_property)


@pytest.mark.parametrize("name", sends.COMMANDS if figures.WHOLE else ["queue"])
def test_a_message_whose_sending_is_cut_at_any_system_call_is_not_sent_twice(
    tmp_path: Path,
    dovecot: Dovecot,
    postfix: Postfix,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    _try(tmp_path, Sending(dovecot, postfix, tmp_path, name), PERCENT, record_property)


def _try(
    tmp_path: Path, template: Template, percent: float, record_property: Callable[[str, object], None]
) -> None:
    if reason := strace.lacking():
        pytest.skip(reason)
    points = strace.points(template.trial(), tmp_path)
    scenario = f"system calls: {template.flow.name}"
    number = figures.share(percent, sample=12)
    wanted: list[Cut] = []
    cutters = [strace.Cutter(tmp_path, kind, points) for kind in KINDS]
    try:
        for cutter in cutters:
            some = round(number * KINDS[cutter.kind])
            by_name = {cut.name: cut for cut in cutter.cuts()}
            chosen = figures.chosen(f"{scenario} {cutter.kind}", list(by_name), some)
            wanted += [by_name[name] for name in chosen]
        if not isinstance(template, Sending):  # a second cut would be of another message
            wanted += pairs(wanted, number - len(wanted), scenario)
        try_all(scenario, template, wanted, record_property)
    finally:
        for cutter in cutters:
            cutter.strace.__exit__(None, None, None)
