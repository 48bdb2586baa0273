"""The download of a run: connections fetch from one queue, a thread makes durable what they bring,
and a folder's cursor is committed in the transaction of its last message."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from mailcli.model.account import Account
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.net.imap import ImapConnection
from mailcli.store.partial import CHANGED
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from mailcli.store.writer import Writer
from mailcli.sync.announced import unexpected
from mailcli.sync.imap.bodies import outline
from mailcli.sync.imap.compression import Line
from mailcli.sync.imap.connections import Connections
from mailcli.sync.imap.download import Incoming, Queue
from mailcli.sync.imap.retrieval import Arrived, Retrieval
from mailcli.sync.imap.server import Server
from mailcli.sync.imap.withheld import LOUD, WAITS
from mailcli.sync.intake import Intake
from mailcli.sync.tally import Tally
from mailcli.wire.imap.events import Fetched

TELL_EVERY: Final = 0.05
"""Seconds between two reports of progress within a folder."""


def weigh(arrived: Arrived) -> int:
    """Octets of the message."""
    return len(arrived.message.sections[0].data)


class Progress(NamedTuple):
    """`done` of `total` messages of this folder have come; `octets` of `all_octets` of the whole run."""

    folder: str
    done: int
    total: int
    octets: int
    all_octets: int


class Downloading:
    """See `run.Synchroniser` for what these are."""

    def __init__(
        self,
        store: Store,
        account: Account,
        server: Server,
        *,
        tally: Tally,
        progress: Callable[[Progress], None],
        cancel: CancelToken,
        clock: Callable[[], float],
        connect: Callable[[CancelToken], ImapConnection] | None,
    ) -> None:
        self.store = store
        self.account = account
        assert account.incoming is not None
        self.endpoint = account.incoming
        self.server = server
        self.tally = tally
        self.progress = progress
        self.cancel = cancel
        self.clock = clock
        self.connect = connect
        self._all_octets = 0
        self._octets = 0  # that have come
        self._told = 0.0
        self._telling = threading.Lock()

    def run(self, folders: Sequence[Incoming]) -> None:
        """Fetch all of it, and commit the cursors, also of folders with nothing to fetch. Raises what
        the first connection or the store raises; what had arrived is durable then."""
        self._commit(folders)
        coming = [folder for folder in folders if not folder.committed]
        if not coming:
            return
        self._all_octets = sum(folder.octets for folder in coming)
        self.store.expect(sum(folder.whole for folder in coming))
        queue = Queue(coming)
        intake: Intake[Arrived] = Intake(self._store, weigh)
        line = Line(self.store, self.endpoint)
        line.compress(self.server, self._all_octets)
        more = self._more_connections(line)

        def heard(octets: int, seconds: float) -> None:
            line.note(octets, seconds)
            if more is not None:
                more.consider(queue, intake, put)

        self.progress(Progress(coming[0].name, 0, coming[0].total, 0, self._all_octets))

        def put(arrived: Arrived) -> float:
            self._tell(arrived)
            return intake.put(arrived)

        try:
            first = Retrieval(self.server, queue, put, self.cancel, heard)
            first.run(until_all_is_done=True)
        except BaseException:
            queue.close()
            if more is not None:
                more.end()
            intake.abandon()
            raise
        queue.close()
        if more is not None:
            more.end()
        intake.finish()
        self._commit(coming)
        line.remember()
        self._report(coming)

    def _more_connections(self, line: Line) -> Connections | None:
        if self.connect is None or self.endpoint.connections < 2:
            return None
        return Connections(
            self.connect,
            line.compress,
            self.endpoint.disabled,
            self.endpoint.connections,
            self.store,
            f"imap.connections.{self.account.name}",
            self.clock,
        )

    def _store(self, batch: list[Arrived]) -> Callable[[], None]:
        """Have a batch stored; what is returned waits until it is. On the intake's thread.

        The cursor of a folder goes into the transaction of its last messages if all others are durable by
        now, and else into one of its own.
        """
        from mailcli.store.along import Along  # a run that finds nothing new stores nothing

        counts: dict[Incoming, int] = {}
        for folder, _ in batch:
            counts[folder] = counts.get(folder, 0) + 1
        bodies: list[Arrived] = []
        outlines: list[Arrived] = []
        whole: list[Arrived] = []
        for arrived in batch:
            if arrived.message.uid in arrived.folder.bodies:
                bodies.append(arrived)
            else:
                bare = arrived.message.sections[0].name == "BODY[HEADER]"
                (outlines if bare else whole).append(arrived)
        if bodies:
            self._fill(bodies)
        if outlines:
            self.store.deliver_outlines([outline(*a, self.clock) for a in outlines])
        last = [
            f for f, count in counts.items() if f.done + count + f.withheld >= f.total and not f.abandoned
        ]
        cursors = [(folder.key, folder.cursor) for folder in last]
        storing = (
            self.store.begin_delivery([self._arrival(*a) for a in whole], Along(cursors)) if whole else None
        )
        octets = sum(map(weigh, batch))

        def finish() -> None:
            if storing is not None:
                storing.finish()
                for folder in last:
                    folder.committed = True
            self.tally.new += len(batch) - len(bodies)
            self.tally.octets += octets
            for folder, count in counts.items():
                folder.done += count
            self._commit(list(counts))

        return finish

    def _tell(self, arrived: Arrived) -> None:
        """Report progress, a few times a second and at the end of each folder. Connections share it."""
        folder = arrived.folder
        with self._telling:
            folder.came += 1
            self._octets += weigh(arrived)
            now = time.monotonic()
            if now - self._told < TELL_EVERY and folder.came < folder.total:
                return
            self._told = now
            self.progress(Progress(folder.name, folder.came, folder.total, self._octets, self._all_octets))

    def _fill(self, arrived: Sequence[Arrived]) -> None:
        """Bodies of messages of which only the header was here."""
        filled = self.store.fill_bodies(
            [(a.folder.bodies[a.message.uid or 0], a.message.sections[0].data) for a in arrived]
        )
        self.tally.bodies += len(filled)
        self.tally.notices += filter(None, (unexpected(one) for one in filled if one.outcome == CHANGED))

    def _arrival(self, folder: Incoming, message: Fetched) -> Arrival:
        return Arrival(
            folder=folder.key,
            data=message.sections[0].data,
            flags=message.flags or frozenset(),
            arrived=message.internaldate if message.internaldate is not None else self.clock(),
            uid=message.uid,
            uidvalidity=folder.uidvalidity,
            on_server=True,
            object_id=folder.objects.get(message.uid or 0, ""),
        )

    def _commit(self, folders: Sequence[Incoming]) -> None:
        """The cursors of all folders that have all they will get."""
        ready = [folder for folder in folders if folder.arrived and not folder.committed]

        def commit_cursors(writer: Writer) -> None:
            for folder in ready:
                writer.put_cursor(folder.key, folder.cursor)

        if ready:
            self.store.transact(commit_cursors)
        for folder in ready:
            folder.committed = True

    def _report(self, folders: Sequence[Incoming]) -> None:
        for folder in folders:
            if folder.abandoned:
                self.tally.problems.append(folder.abandoned)
            elif folder.withheld:
                said = f": {folder.reason}" if folder.reason else ""
                memory = folder.memory
                told = self.tally.problems if memory.tries <= LOUD else self.tally.notices
                hours = WAITS[min(memory.tries, len(WAITS)) - 1] // 3600
                again = f"; asked for again in {hours} hour{'s' if hours > 1 else ''}" if hours else ""
                told.append(
                    f"{self.server.label} did not give {folder.withheld} messages of"
                    f" {folder.name}{said}{again}"
                )
