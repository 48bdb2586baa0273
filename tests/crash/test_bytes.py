"""The connection ends, is reset or falls silent at any octet of a session, in either direction.

With `MAILCLI_CUTS` large enough it ends at each octet in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.crash import bytes, figures
from tests.support.crash.cuts import Cut, pairs, try_all
from tests.support.crash.flows import (
    POP3_DELETE,
    POP3_KEEP,
    POP3_LATE,
    POP3_ONE_DELETED,
    POP3_ONE_KEPT,
    PUSHES,
    SHORT,
)
from tests.support.crash.relay import Relay
from tests.support.crash.sends import Sending
from tests.support.crash.trial import Flow, Template
from tests.support.dovecot import Dovecot
from tests.support.postfix import Postfix

# flow, tls, percent of all cuts, cuts in the sample
SESSIONS: list[tuple[Flow, str, float, int]] = [
    *((flow, "none", 4, sample) for flow, sample in zip(SHORT, (6, 4, 10, 28), strict=True)),
    (POP3_KEEP, "none", 3, 8),
    (POP3_DELETE, "none", 4, 20),
    (POP3_ONE_KEPT, "none", 1, 4),
    (POP3_ONE_DELETED, "none", 2, 10),
    (POP3_LATE, "none", 2, 10),
    (PUSHES, "implicit", 4, 10),
    (POP3_DELETE, "implicit", 2, 10),
]


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()


def planned(scenario: str, template: Template, relay: Relay, percent: float, sample: int) -> list[Cut]:
    """Every octet with FIN, every seventh with RST, and every 49th with silence, and all three at the
    places that matter most; in the sample those, and some between."""
    session = bytes.recorded(template.trial(), relay)
    number = figures.share(percent, sample)
    # The outbox has its own patience with a server that is silent: minutes.
    waits = template.flow.name.startswith(("queue", "outbox"))
    hows = ("fin", "rst") if waits else ("fin", "rst", "stall")
    telling = bytes.cuts(relay, bytes.places(session), hows)
    if figures.WHOLE:
        points = bytes.cuts(relay, bytes.every(session), ("fin",))
        points += bytes.cuts(relay, bytes.every(session, 7), ("rst",))
        points += bytes.cuts(relay, bytes.every(session, 49), hows[2:])
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


BDAT = "chunking = true"


@pytest.mark.parametrize(
    ("name", "tls", "settings", "percent", "sample"),
    [
        ("send", "none", "", 2, 14),
        ("send", "none", BDAT, 2, 10),
        ("send", "implicit", "", 2, 6),
        ("send", "implicit", BDAT, 1, 4),
        ("send", "starttls", "", 2, 6),
        ("send", "starttls", BDAT, 1, 4),
        ("queue", "none", "", 1, 4),
        ("outbox run of two", "none", "", 2, 8),
        ("outbox run of two", "none", BDAT, 1, 4),
    ],
)
def test_a_submission_cut_at_any_octet_is_not_sent_twice(
    tmp_path: Path,
    dovecot: Dovecot,
    postfix: Postfix,
    relay: Relay,
    name: str,
    tls: str,
    settings: str,
    percent: float,
    sample: int,
    record_property: Callable[[str, object], None],
) -> None:
    template = Sending(dovecot, postfix, tmp_path, name, tls=tls, settings=settings)
    kinds = {"implicit": ", TLS", "starttls": ", STARTTLS", "none": ""}
    scenario = f"octets: {name}{', BDAT' * bool(settings)}{kinds[tls]}"
    try_all(scenario, template, planned(scenario, template, relay, percent, sample), record_property)
