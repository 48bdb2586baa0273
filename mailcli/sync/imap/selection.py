"""What of the folders' mail comes in this run: the configuration held against what is new and lacking."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from mailcli.model.extent import Extent
from mailcli.model.record import NamedTuple
from mailcli.store.values import FolderState, SyncFolder
from mailcli.sync.imap.delta import Delta
from mailcli.sync.imap.download import Incoming
from mailcli.sync.imap.extent import Choice, choose
from mailcli.sync.imap.omissions import Omissions, skips
from mailcli.sync.imap.server import Server, only
from mailcli.sync.imap.withheld import Withheld
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import Searched
from mailcli.wire.imap.uidset import EMPTY, UidSet

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class News(NamedTuple):
    """The UIDs of a folder that are only on the server, newest first; `cursor` for when they are here."""

    row: SyncFolder
    mailbox: str
    uids: list[int]
    delta: Delta
    cursor: FolderState


class Selected(NamedTuple):
    """What comes whole and what without its body; `skipped`: for the folder's cursor."""

    whole: list[int]
    headers: list[int]
    skipped: str

    def first(self, count: int | None) -> Selected:
        """At most so many messages (None: all)."""
        if count is None:
            return self
        whole = self.whole[: max(0, count)]
        return self._replace(whole=whole, headers=self.headers[: max(0, count - len(whole))])


class Selection:
    """What is not here, and the server that has it."""

    def __init__(self, omissions: Omissions, server: Server) -> None:
        self._omissions = omissions
        self._server = server

    def incoming(self, news: Sequence[News], limit: int | None) -> list[Incoming]:
        """What is to be downloaded of each folder, at most `limit` messages and bodies in all."""
        incoming = []
        for one, chosen in zip(news, self._choose(news), strict=True):
            bodies = self._omissions.lacking(one.row)
            part = chosen.first(limit)
            if limit is not None:
                limit -= len(part.whole) + len(part.headers)
                bodies = bodies[: max(0, limit)]
                limit -= len(bodies)
            incoming.append(
                Incoming(
                    one.row.key,
                    one.row.name,
                    one.mailbox,
                    part.whole,
                    one.delta.sizes | {body.uid: body.size for body in bodies},
                    one.cursor._replace(skipped=chosen.skipped, withheld=_withheld(one)),
                    complete=part == chosen,
                    headers=part.headers,
                    bodies={body.uid: body.id for body in bodies},
                    objects=one.delta.objects,
                )
            )
        return incoming

    def _choose(self, news: Sequence[News]) -> list[Selected]:
        """For each folder, in one flight where ages have to be asked for."""
        recent = self._recent([n for n in news if n.uids and self._omissions.extent(n.row).mode == "recent"])
        selected = []
        for row, mailbox, uids, delta, _ in news:
            extent = self._omissions.extent(row)
            left_out = EMPTY if delta.rebuilt else self._omissions.skipped(row)
            known = set(left_out)
            aside = known if delta.rebuilt else known.union(self._omissions.withheld(row))
            choice = choose(
                extent, [uid for uid in uids if uid not in aside], delta.sizes, recent.get(mailbox, ())
            )
            selected.append(Selected(choice.whole, choice.headers, _skipped(extent, known, choice, delta)))
        return selected

    def _recent(self, news: Sequence[News]) -> dict[str, set[int]]:
        """{mailbox: the UIDs that came since the cutoff}. SINCE goes by days (RFC 9051 §6.4.4)."""
        flight: list[Command] = []
        for row, mailbox, *_ in news:
            when = time.localtime(self._omissions.cutoff(row))
            date = f"{when.tm_mday}-{_MONTHS[when.tm_mon - 1]}-{when.tm_year}"
            flight += [imap.Select(mailbox, read_only=True), imap.Search(("SINCE", date))]
        wanted = {n.mailbox: set(n.uids) for n in news}
        found: dict[str, set[int]] = {mailbox: set() for mailbox in wanted}
        for answer in only(Searched, self._server.ask(*flight)) if flight else ():
            if answer.mailbox in found:
                found[answer.mailbox].update(u for u in wanted[answer.mailbox] if u in answer.uids)
        return found


def _withheld(one: News) -> str:
    known = Withheld.read(one.row.state.withheld)
    return "" if one.delta.rebuilt else str(known - one.delta.remote.vanished)


def _skipped(extent: Extent, known: set[int], choice: Choice, delta: Delta) -> str:
    left_out = (known - set(delta.remote.vanished)).union(choice.skipped)
    return f"{extent.since}|{UidSet.of(left_out)}" if left_out and skips(extent) else ""
