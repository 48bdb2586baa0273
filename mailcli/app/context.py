"""What every application function is given: where things are, and how to report and to stop.

Everything costly is opened on first use, so that a command pays only for what it touches: `list`
opens the store and nothing else.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mailcli.accounts.paths import Paths, StrPath, paths
from mailcli.accounts.paths import user_path as user_path
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from mailcli.accounts.config import Config
    from mailcli.accounts.secrets import Secrets
    from mailcli.errors import MailcliError
    from mailcli.model.account import Account, Endpoint
    from mailcli.net.ahead import Ahead
    from mailcli.net.cancel import CancelToken
    from mailcli.net.trace import Transcript
    from mailcli.store.store import Store


class Progress(NamedTuple):
    """How far a long task is: `done` of `total` (None: not known yet) and octets so far, of `of_octets`
    in all (0: not known)."""

    account: str
    phase: str
    done: int
    total: int | None
    octets: int
    of_octets: int = 0


def ignore(_: object) -> None:
    """The callback of those who do not want to know."""


class Context:
    """Configuration, store, secrets, clock, cancel token and the two ways to say something.

    `progress` is called from worker threads. `notice` takes one line for stderr. `interruptible` is
    given the cancel token once there is one. `account` is the `-A` choice or None.
    """

    def __init__(
        self,
        places: Paths,
        *,
        account: str | None = None,
        offline: bool = False,
        transcript: StrPath | None = None,
        progress: Callable[[Progress], None] = ignore,
        notice: Callable[[str], None] = ignore,
        interruptible: Callable[[CancelToken], None] = ignore,
        clock: Callable[[], float] = time.time,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.paths = places
        self.account = account
        self.offline = offline
        self.transcript_path = transcript
        self.progress = progress
        self.notice = notice
        self.interruptible = interruptible
        self.clock = clock
        self.environ = os.environ if environ is None else environ
        self.brought: dict[str, bytes | MailcliError] = {}  # bodies that are not kept: see app.bodies
        self._making = threading.RLock()  # any thread may be the first to ask
        self._config: Config | None = None
        self._store: Store | None = None
        self._secrets: Secrets | None = None
        self._cancel: CancelToken | None = None
        self._transcript: Transcript | None = None
        self.ahead: dict[Endpoint, Ahead] = {}
        """Connections under way that nobody has asked for yet (`connecting.dial_ahead`)."""

    @classmethod
    def open(
        cls,
        *,
        profile: StrPath | None = None,
        config: StrPath | None = None,
        account: str | None = None,
        offline: bool = False,
        transcript: StrPath | None = None,
        progress: Callable[[Progress], None] = ignore,
        notice: Callable[[str], None] = ignore,
        interruptible: Callable[[CancelToken], None] = ignore,
        environ: Mapping[str, str] | None = None,
    ) -> Context:
        """A context for the profile the options and the environment name."""
        env = os.environ if environ is None else environ
        return cls(
            paths(profile, config, env),
            account=account,
            offline=offline,
            transcript=transcript,
            progress=progress,
            notice=notice,
            interruptible=interruptible,
            environ=env,
        )

    @property
    def config(self) -> Config:
        """The configuration, read once. Raises ConfigError."""
        with self._making:
            if self._config is None:
                from mailcli.accounts.config import load

                self._config = load(self.paths.config)
            return self._config

    def without_network(self) -> Context:
        """A context on the same store that contacts no server: for what must never wait."""
        return self._twin(offline=True)

    def apart(self) -> Context:
        """A context on the same store with a cancel token of its own: for what is ended by itself."""
        twin = self._twin(offline=self.offline)
        twin._secrets, twin._transcript = self.secrets, self.transcript
        return twin

    def _twin(self, *, offline: bool) -> Context:
        twin = Context(
            self.paths,
            account=self.account,
            offline=offline,
            progress=self.progress,
            notice=self.notice,
            clock=self.clock,
            environ=self.environ,
        )
        twin._config, twin._store, twin.brought = self.config, self.store, self.brought
        return twin

    def reload(self) -> None:
        """Forget the configuration read before: it has been changed."""
        self._config = None

    @property
    def store(self) -> Store:
        """The local mailbox. What its opening had to repair is told as notices."""
        with self._making:
            if self._store is None:
                from mailcli.store.store import Store

                self._store = Store(self.paths.data, self.paths.state, clock=self.clock)
                for line in self._store.notices:
                    self.notice(line)
            return self._store

    @property
    def secrets(self) -> Secrets:
        """Passwords, wherever the configuration says they are."""
        with self._making:
            if self._secrets is None:
                from mailcli.accounts.secrets import Secrets

                self._secrets = Secrets(self.environ)
            return self._secrets

    @property
    def cancel(self) -> CancelToken:
        """What ends every wait on a server when it is cancelled."""
        with self._making:
            if self._cancel is None:
                from mailcli.net.cancel import CancelToken

                self._cancel = CancelToken()
                self.interruptible(self._cancel)
            return self._cancel

    @property
    def transcript(self) -> Transcript | None:
        """The redacted wire log, if one was asked for. Raises CannotCreate."""
        with self._making:
            if self._transcript is None and self.transcript_path is not None:
                from pathlib import Path

                from mailcli.net.trace import Transcript

                self._transcript = Transcript.create(Path(self.transcript_path).expanduser())
            return self._transcript

    def chosen_account(self) -> Account:
        """The account of `-A`, else the default one. Raises ConfigError or NotFound."""
        return self.config.account(self.account)

    def close(self) -> None:
        """Close what was opened."""
        while self.ahead:
            self.ahead.popitem()[1].close()
        for opened in (self._store, self._transcript, self._cancel):
            if opened is not None:
                opened.close()
