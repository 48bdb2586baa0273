"""A watch of a profile on a thread of its own, and what it told so far."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import TypeVar

from mailcli.app import watching
from mailcli.app.context import Context
from mailcli.app.lookout import Timing
from mailcli.app.watching import Arrived, Happening
from tests.support.program import wait_until

H = TypeVar("H")

FAST = Timing(quiet=0.05, longest=0.5, tick=0.05, first=0.05, most=0.2, refused=0.2, locked=0.05)


class Watched:
    """A context manager: the watch runs for the block."""

    def __init__(self, ctx: Context, timing: Timing = FAST) -> None:
        self.ctx = ctx
        self.told: list[Happening] = []
        self._happenings = watching.watch(ctx, timing=timing)
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for happening in self._happenings:
            self.told.append(happening)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ctx.cancel.cancel()
        self._thread.join(10)
        assert not self._thread.is_alive()

    def all(self, kind: type[H]) -> list[H]:
        return [happening for happening in self.told if isinstance(happening, kind)]

    def until(self, kind: type[H], count: int = 1) -> H:
        """Wait for the `count`th happening of a kind."""
        wait_until(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    @property
    def subjects(self) -> list[str]:
        return [row.subject for arrived in self.all(Arrived) for row in arrived.messages]

    def until_subjects(self, *subjects: str) -> None:
        """Wait until exactly these messages were told of, each once."""
        wait_until(lambda: len(self.subjects) >= len(subjects))
        assert sorted(self.subjects) == sorted(subjects)
