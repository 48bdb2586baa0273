"""The connection ends, is reset or falls silent at any octet of a session, in either direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.crash import bytes, figures
from tests.support.crash.cuts import Cut, pairs, try_all
from tests.support.crash.flows import (
    CHANGES,
    INCREMENTAL,
    POP3_DELETE,
    POP3_KEEP,
    POP3_LATE,
    POP3_ONE_DELETED,
    POP3_ONE_KEPT,
    PUSHES,
)
from tests.support.crash.relay import Relay
from tests.support.crash.sends import Sending
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

MOVE = next(flow for flow in CHANGES if flow.name == "move")

# flow, tls, percent of all cuts, cuts in the sample
SESSIONS: list[tuple[Flow, str, float, int]] = [
    (PUSHES, "none", 10, 28),
    (INCREMENTAL, "none", 4, 10),
    (MOVE, "none", 4, 10),
    (POP3_KEEP, "none", 3, 8),
    (POP3_DELETE, "none", 4, 20),
    (POP3_ONE_KEPT, "none", 1, 4),
    (POP3_ONE_DELETED, "none", 2, 10),
    (POP3_LATE, "none", 2, 10),
    (PUSHES, "implicit", 5, 10),
    (POP3_DELETE, "implicit", 4, 10),
]


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()


def planned(scenario: str, template: Template, relay: Relay, percent: float, sample: int) -> list[Cut]:
    """All octets with FIN and RST, and every seventh with silence; in the sample the places that
    matter most, and some between."""
    session = bytes.recorded(template.trial(), relay)
    number = figures.share(percent, sample)
    # The outbox has its own patience with a server that is silent: minutes.
    hows = ("fin", "rst") if template.flow.name == "queue" else ("fin", "rst", "stall")
    telling = bytes.cuts(relay, bytes.places(session), hows)
    if figures.WHOLE:
        points = bytes.cuts(relay, bytes.every(session))
        points += bytes.cuts(relay, bytes.every(session, 7), hows[2:])
    else:
        points = bytes.cuts(relay, bytes.every(session, 50), ("fin",))
        telling = figures.chosen(f"{scenario} places", telling, sample // 2)
    by_name = {cut.name: cut for cut in [*points, *telling]}
    names = figures.chosen(scenario, list(by_name), number, [cut.name for cut in telling])
    wanted = [by_name[name] for name in names]
    if not isinstance(template, Sending):  # a second cut would be of another message
        wanted += pairs(wanted, number - len(wanted), scenario)
    return wanted


@pytest.mark.parametrize(
    ("flow", "tls", "percent", "sample"), SESSIONS, ids=lambda v: v.name if isinstance(v, Flow) else str(v)
)
def test_a_session_cut_at_any_octet_comes_to_the_same_end(
    tmp_path: Path,
    dovecot: Dovecot,
    relay: Relay,
    flow: Flow,
    tls: str,
    percent: float,
    sample: int,
    record_property: Callable[[str, object], None],
) -> None:
    template = Template(dovecot, tmp_path, flow, tls=tls)
    scenario = f"octets: {flow.name}{', TLS' if tls != 'none' else ''}"
    cuts = planned(scenario, template, relay, percent, sample)
    try_all(scenario, template, cuts, record_property)


@pytest.mark.parametrize(
    ("name", "tls", "percent", "sample"),
    [("send", "none", 5, 14), ("send", "implicit", 4, 8), ("queue", "none", 2, 8)],
)
def test_a_submission_cut_at_any_octet_is_not_sent_twice(
    tmp_path: Path,
    dovecot: Dovecot,
    postfix: Postfix,
    relay: Relay,
    name: str,
    tls: str,
    percent: float,
    sample: int,
    record_property: Callable[[str, object], None],
) -> None:
    template = Sending(dovecot, postfix, tmp_path, name, tls=tls)
    scenario = f"octets: {name}{', TLS' if tls != 'none' else ''}"
    try_all(scenario, template, planned(scenario, template, relay, percent, sample), record_property)
