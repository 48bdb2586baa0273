"""Cuts at an octet of a session: the connection ends, is reset, or falls silent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tests.support import proxy
from tests.support.crash.children import Ended
from tests.support.crash.cuts import CONNECTION_FAILURES, Cut, NotReached, ended_well
from tests.support.crash.relay import Passed, Relay
from tests.support.crash.trial import Trial

PATIENCE: Final = 0.5
"""Seconds a run that meets silence is given."""

_PLACES: Final = re.compile(
    rb"DELE|QUIT|\r\n\.\r\n|EXPUNGE|MOVE|COPY|APPEND|STORE|DATA|COPYUID|APPENDUID|VANISHED|354|250 2\.0\.0"
)


def recorded(trial: Trial, relay: Relay) -> Passed:
    """What a whole run and the server say to each other."""
    ended, passed = _through(trial, relay, None)
    assert ended.code == 0, ended
    return passed


def _through(
    trial: Trial, relay: Relay, cut: proxy.Cut | None, deadline: float | None = None
) -> tuple[Ended, Passed]:
    passed: list[Passed] = []
    trial.configure(relay.port)
    if trial.flow.known:
        trial.look(lambda ending: relay.serve(ending, trial.template.target))
    ended = trial.run(
        deadline=deadline,
        meanwhile=lambda ending: passed.append(relay.serve(ending, trial.template.target, cut)),
    )
    trial.configure()
    trial.connections += passed[0].connections
    return ended, passed[0]


def places(session: Passed) -> list[proxy.Cut]:
    """Octets worth looking at: where each side's turns end, and in and after the words that change
    something."""
    found: list[proxy.Cut] = []
    for side, chunks in (("client", session.client), ("server", session.server)):
        said = b"".join(chunks)
        edges, total = set[int](), 0
        for chunk in chunks:
            total += len(chunk)
            edges |= {total - 2, total - 1, total}
        for match in _PLACES.finditer(said):
            line = said.find(b"\n", match.start()) + 1
            edges |= {match.start(), match.start() + 2, match.end(), line - 1, line}
        found += [proxy.Cut(side, n) for n in sorted(edges) if 0 <= n <= len(said)]
    return found


def every(session: Passed, stride: int = 1) -> list[proxy.Cut]:
    """Both directions at every octet."""
    return [
        proxy.Cut(side, n)
        for side, chunks in (("client", session.client), ("server", session.server))
        for n in range(0, sum(map(len, chunks)) + 1, stride)
    ]


def cuts(relay: Relay, where: Iterable[proxy.Cut], hows: Iterable[str] = ("fin", "rst")) -> list[Cut]:
    """These cuts, in each of these ways."""
    hows = tuple(hows)
    return [_cut(relay, at._replace(how=how)) for at in where for how in hows]


def _cut(relay: Relay, at: proxy.Cut) -> Cut:
    def make(trial: Trial) -> str:
        ended, passed = _through(trial, relay, at, PATIENCE if at.how == "stall" else None)
        if not passed.cut:
            raise NotReached
        return ended_well(ended, CONNECTION_FAILURES | trial.failures)

    return Cut(f"{at.how} after octet {at.octets} of the {at.side}", make)
