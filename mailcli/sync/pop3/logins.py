"""The pause that a POP3 server wants between two logins (LOGIN-DELAY, RFC 2449 §6.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mailcli.store.store import Store
from mailcli.wire.pop3.flows import Greeted

_LONGEST: Final = 86400
"""Seconds; a server that says more is not meant for polling, or mistaken."""


class Logins:
    """When the account last signed in, and the `delay` in seconds that its server then announced."""

    def __init__(self, store: Store, account: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._setting = f"pop3 login {account}"
        self._clock = clock
        self._noted = store.setting(self._setting)
        when, delay = (self._noted or "0 0").split()
        self._last, self.delay = float(when), int(delay)

    def wait(self) -> int:
        """Seconds until the next login is welcome; 0 if it is now, or if the clock was set back."""
        passed = self._clock() - self._last
        return int(self.delay - passed) + 1 if 0 <= passed < self.delay else 0

    def note(self, greeted: Greeted) -> None:
        """A login has just succeeded."""
        offered = greeted.capabilities
        words = offered.parameters("LOGIN-DELAY") if offered is not None else ()
        self.delay = min(int(words[0]), _LONGEST) if words and words[0].isdecimal() else 0
        if self.delay or self._noted is not None:
            self._noted = f"{self._clock():.0f} {self.delay}" if self.delay else None
            self._store.put_setting(self._setting, self._noted)
