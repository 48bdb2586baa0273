"""What every application function is given: where things are, and how to report and to stop.

Everything costly is opened on first use, so that a command pays only for what it touches: `list`
opens the store and nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mailcli.accounts.paths import Paths, paths

if TYPE_CHECKING:
    from mailcli.accounts.config import Config
    from mailcli.accounts.secrets import Secrets
    from mailcli.model.account import Account
    from mailcli.net.cancel import CancelToken
    from mailcli.net.trace import Transcript
    from mailcli.store.store import Store


class Progress(NamedTuple):
    """How far a long task is: `done` of `total` (None: not known yet) and octets so far."""

    account: str
    phase: str
    done: int
    total: int | None
    octets: int


def ignore(_: object) -> None:
    """The callback of those who do not want to know."""


class Context:
    """Configuration, store, secrets, clock, cancel token and the two ways to say something.

    `progress` is called from worker threads. `notice` takes one line for stderr. `account` is
    the `-A` choice or None.
    """

    def __init__(
        self,
        places: Paths,
        *,
        account: str | None = None,
        offline: bool = False,
        transcript: Path | None = None,
        progress: Callable[[Progress], None] = ignore,
        notice: Callable[[str], None] = ignore,
        clock: Callable[[], float] = time.time,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.paths = places
        self.account = account
        self.offline = offline
        self.transcript_path = transcript
        self.progress = progress
        self.notice = notice
        self.clock = clock
        self.environ = os.environ if environ is None else environ

    @classmethod
    def open(
        cls,
        *,
        profile: Path | None = None,
        config: Path | None = None,
        account: str | None = None,
        offline: bool = False,
        transcript: Path | None = None,
        progress: Callable[[Progress], None] = ignore,
        notice: Callable[[str], None] = ignore,
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
            environ=env,
        )

    @cached_property
    def config(self) -> Config:
        """The configuration, read once. Raises ConfigError."""
        from mailcli.accounts.config import load

        return load(self.paths.config)

    def without_network(self) -> Context:
        """A context on the same store that contacts no server: for what must never wait."""
        twin = Context(
            self.paths,
            account=self.account,
            offline=True,
            progress=self.progress,
            notice=self.notice,
            clock=self.clock,
            environ=self.environ,
        )
        twin.__dict__.update(config=self.config, store=self.store)
        return twin

    def reload(self) -> None:
        """Forget the configuration read before: it has been changed."""
        self.__dict__.pop("config", None)

    @cached_property
    def store(self) -> Store:
        """The local mailbox. What its opening had to repair is told as notices."""
        from mailcli.store.store import Store

        store = Store(self.paths.data, self.paths.state, clock=self.clock)
        for line in store.notices:
            self.notice(line)
        return store

    @cached_property
    def secrets(self) -> Secrets:
        from mailcli.accounts.secrets import Secrets

        return Secrets(self.environ)

    @cached_property
    def cancel(self) -> CancelToken:
        from mailcli.net.cancel import CancelToken

        return CancelToken()

    @cached_property
    def transcript(self) -> Transcript | None:
        """The redacted wire log, if one was asked for. Raises CannotCreate."""
        if self.transcript_path is None:
            return None
        from mailcli.net.trace import Transcript

        return Transcript.create(self.transcript_path)

    def chosen_account(self) -> Account:
        """The account of `-A`, else the default one. Raises ConfigError or NotFound."""
        return self.config.account(self.account)

    def close(self) -> None:
        """Close what was opened."""
        if "store" in self.__dict__:
            self.store.close()
        if self.__dict__.get("transcript") is not None:
            self.__dict__["transcript"].close()
        if "cancel" in self.__dict__:
            self.cancel.close()
