"""Work beside the screen. The screen sends requests and gets typed messages back; it never waits.

Two kinds of thread: one for the local mailbox, so that what a key did is done before the next key
is, and a few for the network, which may take as long as it likes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mailcli.app.context import Progress
from mailcli.errors import Interrupted, MailcliError, told
from mailcli.model.record import NamedTuple

Job = int


class Done(NamedTuple):
    """A job's result."""

    job: Job
    result: Any


class Failed(NamedTuple):
    """A job's error: what failed, and the remedy."""

    job: Job
    error: MailcliError


class Cancelled(NamedTuple):
    """A job that was not wanted any more."""

    job: Job


class Working(NamedTuple):
    """How far a job on the network is."""

    progress: Progress


Message = Done | Failed | Cancelled | Working


class Jobs:
    """Runs functions on threads and posts their outcome with `post`, which must be callable from
    any thread (`loop.call_soon_threadsafe`)."""

    def __init__(self, post: Callable[[Callable[[], None]], None]) -> None:
        self._post = post
        self._numbers = itertools.count(1)
        self._local = ThreadPoolExecutor(1, "local")
        self._network = ThreadPoolExecutor(4, "network")  # one of them watches
        self._latest: dict[str, Job] = {}

    def local(self, work: Callable[[], Any], then: Callable[[Message], None], *, replaces: str = "") -> Job:
        """Run on the local thread. Of jobs with the same `replaces` only the newest is answered:
        the others end as Cancelled, unrun if they had not begun."""
        return self._submit(self._local, work, then, replaces)

    def network(self, work: Callable[[], Any], then: Callable[[Message], None]) -> Job:
        """Run on a network thread."""
        return self._submit(self._network, work, then, "")

    def close(self) -> None:
        """Let the local job under way finish; drop those that wait."""
        self._network.shutdown(wait=False, cancel_futures=True)
        self._local.shutdown(wait=True, cancel_futures=True)

    def _submit(
        self,
        pool: ThreadPoolExecutor,
        work: Callable[[], Any],
        then: Callable[[Message], None],
        replaces: str,
    ) -> Job:
        job = next(self._numbers)
        if replaces:
            self._latest[replaces] = job

        def stale() -> bool:
            return bool(replaces) and self._latest[replaces] != job

        def run() -> None:
            answer: Message
            if stale():
                answer = Cancelled(job)
            else:
                answer = _outcome(job, work)
            self._post(lambda: then(Cancelled(job) if stale() else answer))

        pool.submit(run)
        return job


def _outcome(job: Job, work: Callable[[], Any]) -> Message:
    try:
        return Done(job, work())
    except Interrupted:
        return Cancelled(job)
    except Exception as error:  # a bug too must be shown on the screen, not lost with its thread
        return Failed(job, told(error))
