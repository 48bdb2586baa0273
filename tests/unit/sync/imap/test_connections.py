"""Opening more connections: what a failure of one means for the next run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailcli.errors import MailcliError, ServerRefused, TimedOut, TryAgain, Unreachable
from mailcli.net.cancel import CancelToken
from mailcli.net.imap import ImapConnection
from mailcli.store.store import Store
from mailcli.sync.imap import connections
from mailcli.sync.imap.connections import Connections
from mailcli.sync.imap.download import Queue
from mailcli.sync.imap.retrieval import Arrived
from mailcli.sync.intake import Intake


@pytest.mark.parametrize(
    ("failure", "remembered"),
    [
        (Unreachable("away"), False),
        (TimedOut("slow"), False),
        (TryAgain("full"), True),
        (ServerRefused("no"), True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_a_refusal_counts_as_the_servers_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: MailcliError, remembered: bool
) -> None:
    for name, value in (("PACE", 0.0), ("IDLE", -1.0), ("BUSY", 1e9), ("WORTH_OCTETS", 0)):
        monkeypatch.setattr(connections, name, value)

    def connect(_: CancelToken) -> ImapConnection:
        raise failure

    with Store(tmp_path / "data", tmp_path / "state", clock=time.time) as store:
        more = Connections(connect, lambda _: None, frozenset(), 4, store, "limit", lambda: 1000.0)
        intake: Intake[Arrived] = Intake(lambda _: lambda: None, lambda _: 1)
        more.consider(Queue([]), intake, lambda _: 0.0)
        more.end()
        intake.finish()
        assert (store.setting("limit") is not None) == remembered
