"""What of the folders' mail is not here, and whether it is to stay so: the configuration held against
what was left out, withheld, or came without its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailcli.wire.imap.uidset import EMPTY, UidSet

if TYPE_CHECKING:
    from mailcli.model.extent import BodyPolicy, Extent
    from mailcli.store.partial import Lacking
    from mailcli.store.store import Store
    from mailcli.store.values import SyncFolder


class Omissions:
    """`now` is what ages count from; `patient` is whether what a server did not give is not asked for
    at once again."""

    def __init__(self, store: Store, policy: BodyPolicy, now: float, *, patient: bool = True) -> None:
        self._store = store
        self._policy = policy
        self._now = now
        self._patient = patient

    def extent(self, row: SyncFolder) -> Extent:
        """How much of a folder's mail belongs here."""
        return self._policy.of(row.name)

    def cutoff(self, row: SyncFolder) -> float | None:
        """The time of arrival before which a message of a folder is old; None: none is."""
        return self.extent(row).cutoff(self._now)

    def lacking(self, row: SyncFolder) -> list[Lacking]:
        """The messages whose bodies belong here and are not, newest first."""
        extent = self.extent(row)
        if extent.mode == "headers":
            return []
        lacking = self._store.lacking(row.key, since=extent.cutoff(self._now), max_size=extent.max_size)
        quiet = self.withheld(row)
        return [one for one in lacking if one.uid not in quiet] if quiet else lacking

    def withheld(self, row: SyncFolder) -> UidSet:
        """The UIDs that the server did not give, and that are not asked for in this run."""
        if not row.state.withheld or not self._patient:
            return EMPTY
        from mailcli.sync.imap.withheld import Withheld

        return Withheld.read(row.state.withheld).quiet(self._now)

    def left_out(self, row: SyncFolder) -> UidSet:
        """The UIDs that are not here, and count as known."""
        return self.skipped(row) | self.withheld(row)

    def skipped(self, row: SyncFolder) -> UidSet:
        """The UIDs that were left out and are to stay so: they count as known."""
        since, _, uids = row.state.skipped.rpartition("|")
        extent = self.extent(row)
        return UidSet.parse(uids.encode()) if uids and skips(extent) and since == extent.since else EMPTY

    def wants_more(self, row: SyncFolder) -> bool:
        """Whether what was left out of a folder is not left out any more, or lacks its body."""
        again = bool(row.state.withheld) and not self.withheld(row)
        return again or bool(row.state.skipped and not self.skipped(row)) or bool(self.lacking(row))


def skips(extent: Extent) -> bool:
    """Whether old messages do not come at all."""
    return extent.mode == "recent" and extent.older == "skip"
