"""More connections of one account, opened in the background while the first one downloads, as long as
the network and not this machine sets the pace. A server that refuses another one is not asked again for
a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from mailcli.errors import (
    AuthenticationFailed,
    LocalIOError,
    MailcliError,
    ServerRefused,
    TimedOut,
    TryAgain,
    Unreachable,
)
from mailcli.net.cancel import CancelToken
from mailcli.net.imap import ImapConnection
from mailcli.store.store import Store
from mailcli.sync.imap.download import Queue
from mailcli.sync.imap.retrieval import Arrived, Retrieval
from mailcli.sync.imap.server import Server
from mailcli.sync.intake import Intake

WORTH_OCTETS: Final = 16 << 20
WORTH_MESSAGES: Final = 1000
"""So much still waits where another connection may pay for signing in."""
PACE: Final = 0.5
"""Seconds between two looks whether another would help."""
IDLE: Final = 0.5
BUSY: Final = 0.7
"""The network sets the pace if the store waits for it more than half of the time, and we do not compute
most of it: then another connection only takes processor time away."""
BACK_OFF: Final = 3600.0
"""Seconds for which a server's limit is remembered."""


class Connections:
    """The connections besides the first. `connect` opens one that the given token can cancel;
    `prepare` is called with it before it fetches; `most` counts the first one too."""

    def __init__(
        self,
        connect: Callable[[CancelToken], ImapConnection],
        prepare: Callable[[Server], None],
        disabled: frozenset[str],
        most: int,
        store: Store,
        setting: str,
        clock: Callable[[], float],
    ) -> None:
        self._connect = connect
        self._prepare = prepare
        self._disabled = disabled
        self._store = store
        self._setting = setting
        self._clock = clock
        self._most = min(most, self._remembered(most))
        self._threads: list[threading.Thread] = []
        self._token = CancelToken()
        self._looked = self._marks(0.0)
        self._opening = False

    def consider(self, queue: Queue, intake: Intake[Arrived], put: Callable[[Arrived], float]) -> None:
        """Open another one if it is likely to pay; what it fetches goes to `put`. Called often, by the
        first connection."""
        now, idle, busy = marks = self._marks(intake.idle)
        seconds = now - self._looked[0]
        if seconds < PACE or self._opening or 1 + len(self._threads) >= self._most:
            return
        idle, busy = (idle - self._looked[1]) / seconds, (busy - self._looked[2]) / seconds
        self._looked = marks
        if idle < IDLE or busy > BUSY or (queue.octets < WORTH_OCTETS and queue.messages < WORTH_MESSAGES):
            return
        self._opening = True
        thread = threading.Thread(target=self._fetch, args=(queue, put), name="download", daemon=True)
        self._threads.append(thread)
        thread.start()

    @staticmethod
    def _marks(idle: float) -> tuple[float, float, float]:
        """Now; seconds that the store waited for mail; seconds of processor time we took."""
        return time.monotonic(), idle, time.process_time()

    def end(self) -> None:
        """Close them all, and wait until they are."""
        self._token.cancel()
        for thread in self._threads:
            thread.join()
        self._token.close()

    def _fetch(self, queue: Queue, put: Callable[[Arrived], float]) -> None:
        """One more connection's whole life. Its end is nobody else's: what it had goes back."""
        try:
            connection = self._connect(self._token)
        except (TimedOut, Unreachable):
            self._most = 0  # an outage says nothing of what the server allows: the next run may try
            return
        except (TryAgain, ServerRefused, AuthenticationFailed):
            self._most = len(self._threads)
            self._remember()
            return
        except BaseException as failure:
            if not isinstance(failure, MailcliError):
                queue.fail(failure)
            self._most = 0
            return
        finally:
            self._opening = False
        try:
            with connection:
                server = Server(connection, self._disabled)
                self._prepare(server)
                Retrieval(server, queue, put, self._token).run(until_all_is_done=False)
        except LocalIOError as failure:
            queue.fail(failure)
        except MailcliError:
            self._most = 0  # the first goes on alone
        except BaseException as failure:
            queue.fail(failure)

    # -- what the server allows ----------------------------------------------------------------

    def _remembered(self, most: int) -> int:
        """The limit met last, while it is remembered."""
        limit, _, until = (self._store.setting(self._setting) or "").partition(" ")
        if limit.isdigit() and until.isdigit() and self._clock() < int(until):
            return int(limit)
        return most

    def _remember(self) -> None:
        until = int(self._clock() + BACK_OFF)
        self._store.put_setting(self._setting, f"{self._most} {until}")
