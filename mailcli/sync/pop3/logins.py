"""What is remembered of a POP3 server from one login to the next: the pause that it wants between the two
(LOGIN-DELAY, RFC 2449 §6.5), and its capabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mailcli.model.account import Endpoint
from mailcli.store.store import Store
from mailcli.wire.pop3.events import Capabilities
from mailcli.wire.pop3.flows import Greeted, Offers

_LONGEST: Final = 86400
"""Seconds; a server that says more is not meant for polling, or mistaken."""

_FRESH: Final = 86400.0
"""Seconds after which capabilities are asked for again: a server may have learned something."""

_KNOWN: Final = "pop3 capabilities "
"""A setting, with the account's name behind it."""


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
            self._noted = f"{int(self._clock())} {self.delay}" if self.delay else None
            self._store.put_setting(self._setting, self._noted)


class Known:
    """The capabilities of an account's server. `offers` is None where it has to be asked."""

    def __init__(self, store: Store, account: str, endpoint: Endpoint, clock: Callable[[], float]) -> None:
        self._store = store
        self._setting = _KNOWN + account
        self._clock = clock
        words = (endpoint.label, endpoint.tls.value, endpoint.user, endpoint.auth, *sorted(endpoint.disabled))
        self._whose = " ".join(words).replace("\n", " ")
        self.offers = self._read()

    def _read(self) -> Offers | None:
        when, _, rest = (self._store.setting(self._setting) or "").partition("\n")
        whose, _, offered = rest.partition("\n")
        if not when or whose != self._whose or not 0 <= self._clock() - float(when) < _FRESH:
            return None
        before, _, after = offered.partition("\n\n")
        return Offers(_parsed(before), _parsed(after))

    def learn(self, offers: Offers | None) -> None:
        """Keep what the server was asked for just now, if it was."""
        if offers is not None:
            lines = (str(int(self._clock())), self._whose, _text(offers.before), "", _text(offers.after))
            self._store.put_setting(self._setting, "\n".join(lines))


def doubt(store: Store, account: str) -> None:
    """Something failed with what is known of the account's server: the next login asks."""
    if store.setting(_KNOWN + account) is not None:
        store.put_setting(_KNOWN + account, None)


def _text(offered: Capabilities | None) -> str:
    return "-" if offered is None else "\n".join(" ".join((name, *words)) for name, words in offered.names)


def _parsed(text: str) -> Capabilities | None:
    if text == "-":
        return None
    lines = [line.split() for line in text.split("\n") if line]
    return Capabilities(tuple((words[0], tuple(words[1:])) for words in lines))
