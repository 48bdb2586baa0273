"""The note that nothing is left to do for a listing, so that looking again costs a hash.

With 50,000 messages left on a server, comparing them with the history takes half a second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from math import floor

from mailcli.model.account import Pop3Policy
from mailcli.store.store import Store
from mailcli.store.values import Pop3Row
from mailcli.sync.pop3.history import REMEMBER, Key
from mailcli.sync.pop3.maildrop import Listed, Tables
from mailcli.sync.pop3.screening import Screen


class Seal:
    """It ends with the first change of the history, with another policy, and when time makes it otherwise."""

    def __init__(
        self, store: Store, account: str, policy: Pop3Policy, screen: Screen, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._account = account
        self._policy = policy
        self._clock = clock
        rules = f"{policy.leave} {policy.days} {screen.fingerprint()}"
        self._rules = hashlib.sha256(rules.encode()).hexdigest()[:16]

    def holds(self, tables: Tables) -> bool:
        """Whether the server answers what it answered when there was nothing left to do."""
        noted = self._store.pop3_settled(self._account).split(" ")
        if len(noted) != 3 or noted[0] != tables.seal + self._rules:
            return False
        return int(noted[1]) <= self._clock() < int(noted[2])

    def put(self, tables: Tables, listing: Iterable[Listed], known: Mapping[Key, Pop3Row]) -> None:
        """Nothing is left to do: until a message is old enough to go, or a missing one to be forgotten."""
        now = self._clock()
        until = min([now + REMEMBER, *(r[8] + REMEMBER for r in known.values() if r[8] is not None)])
        if self._policy.leave == "days":
            rows = (known.get(message.key) for message in listing)
            due = (row.delivered_at + self._policy.days * 86400 for row in rows if row and row.delivered_at)
            until = min([until, *due])
        if now < until:
            noted = f"{tables.seal}{self._rules} {floor(now)} {floor(until)}"
            self._store.transact(lambda writer: writer.pop3_settle(self._account, noted))
