"""Cuts of a run that has a worker store its mail: one of the two is killed, and the other is not."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from mailcli.store import site, worker
from mailcli.store.site import Site
from mailcli.sync import intake
from tests.support.crash import steps
from tests.support.crash.children import LIMIT
from tests.support.crash.cuts import Cut, NotReached, ended_well
from tests.support.crash.flows import DELETE, KEEP, mail, many
from tests.support.crash.trial import Flow, Template, Trial

BATCH: Final = 4
PATIENCE: Final = 0.3
"""Seconds a worker whose run is gone stands still, so that the next run is under way when it goes on."""


def _twelve(template: Template) -> None:
    template.server.fill(template.user, [mail(n) for n in range(3 * BATCH)])


FLOWS: Sequence[Flow] = (
    Flow("imap fetch by a worker", "imap", many),
    Flow("pop3 keep by a worker", "pop3", _twelve, KEEP),
    Flow("pop3 delete by a worker", "pop3", _twelve, DELETE),
)

_CODE: Final = """if 1:
    import os, signal, sys, time
    sys.path[:] = {{path!r}}
    from contextlib import contextmanager
    from mailcli.store import disk, serving
    from mailcli.store.database import Database
    left = {number}
    def step(name, path):
        global left
        left -= 1
        if left == 0:
            with open({fallen!r}, "x") as file:
                print(os.getpid(), file=file)
            os.kill({victim}, signal.SIGKILL)
            time.sleep({pause})
    locked = Database.locked
    @contextmanager
    def locking(self):
        step("lock", "")
        with locked(self):
            yield
    Database.locked, disk.failpoint = locking, step
    serving.serve(*sys.argv[1:])"""


def hire() -> None:
    """From now on a worker stores whatever is fetched, in small batches."""
    site.WORTH_A_WORKER = 0  # type: ignore[misc]
    os.cpu_count = lambda: 2
    intake.FIRST_MESSAGES = intake.BATCH_MESSAGES = BATCH  # type: ignore[misc]


def run_killed(number: int) -> Cut:
    """The run is killed when the worker is about to do its step of this number. The worker lives on, and
    there is another run before it ends."""

    def make(trial: Trial) -> str:
        wrong = _at(trial, number, "os.getppid()")
        with suppress(ProcessLookupError):
            orphan = os.pidfd_open(int(_fallen(trial).read_text()))
            wrong = wrong or ended_well(trial.run(), frozenset())
            ends = select.select([orphan], [], [], LIMIT)[0]
            os.close(orphan)
            return wrong if ends else "the worker does not end"
        return wrong

    return Cut(f"run killed at step {number} of its worker", make)


def worker_killed(number: int) -> Cut:
    """The worker is killed when it is about to do its step of this number."""
    return Cut(f"worker killed at its step {number}", lambda trial: _at(trial, number, "os.getpid()"))


def _fallen(trial: Trial) -> Path:
    """The worker writes its process id there when the cut falls."""
    return trial.profile.with_suffix(".fallen")


def _at(trial: Trial, number: int, victim: str) -> str:
    fallen = _fallen(trial)

    def cutting() -> None:
        hire()
        worker._CODE = _CODE.format(number=number, victim=victim, pause=PATIENCE, fallen=str(fallen))  # type: ignore[misc]

    ended = trial.run(cutting)
    if not fallen.exists():
        raise NotReached
    return ended_well(ended, frozenset())


def worker_killed_at(number: int) -> Cut:
    """The worker is killed when its run is about to do its step of this number."""

    def make(trial: Trial) -> str:
        def cutting() -> Callable[[], bool]:
            left, workers = number, list[worker.Worker]()
            begin = worker.Worker.__init__

            def beginning(self: worker.Worker, site: Site) -> None:
                begin(self, site)
                workers.append(self)

            def step(name: str, path: str) -> None:
                nonlocal left
                left -= 1
                if left <= 0 and workers:
                    os.kill(workers.pop().pid, signal.SIGKILL)

            hire()
            worker.Worker.__init__ = beginning  # type: ignore[method-assign]
            steps.watch(step)
            return lambda: left <= 0 and not workers

        ended = trial.run(cutting)
        if not ended.value:
            raise NotReached
        return ended_well(ended, frozenset())

    return Cut(f"worker killed at step {number} of its run", make)
