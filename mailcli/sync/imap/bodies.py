"""Bodies on demand: those of a few messages whose headers are here already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mailcli.errors import MailcliError, NotFound, TryAgain
from mailcli.mime.frame import frame
from mailcli.net.cancel import CancelToken
from mailcli.store.partial import Lacking, Outline
from mailcli.store.values import SyncFolder
from mailcli.sync.imap.download import Incoming, Queue
from mailcli.sync.imap.folders import to_server
from mailcli.sync.imap.retrieval import Arrived, Retrieval
from mailcli.sync.imap.server import Server
from mailcli.wire.imap.events import Fetched

AT_ONCE = 8 << 20
"""Octets that are held before they are handed over."""


def bring(
    server: Server,
    wanted: Mapping[int, Sequence[Lacking]],
    folders: Mapping[int, SyncFolder],
    take: Callable[[list[tuple[str, bytes]]], object],
    cancel: CancelToken,
) -> dict[str, MailcliError]:
    """Fetch bodies, of each folder (by key) in one flight, and hand them to `take` as (id, message).

    The folders are examined, not selected: nothing is changed there. Returns why some did not come, by
    id. Raises what ends the conversation; what had come was handed over then.
    """
    coming = [_incoming(folders[key], lacking) for key, lacking in wanted.items()]
    held: list[tuple[str, bytes]] = []
    brought: set[str] = set()
    octets = 0

    def hand_over() -> None:
        nonlocal octets
        some, octets = held.copy(), 0
        held.clear()
        if some:
            take(some)

    def put(arrived: Arrived) -> float:
        nonlocal octets
        data = arrived.message.sections[0].data
        identity = arrived.folder.bodies[arrived.message.uid or 0]
        held.append((identity, data))
        brought.add(identity)
        octets += len(data)
        if octets >= AT_ONCE:
            hand_over()
        return 0.0

    try:
        Retrieval(server, Queue(coming), put, cancel).run(until_all_is_done=False)
    finally:
        hand_over()
    return {
        identity: _why_not(server, folder, identity)
        for folder in coming
        for identity in folder.bodies.values()
        if identity not in brought
    }


def _incoming(folder: SyncFolder, lacking: Sequence[Lacking]) -> Incoming:
    return Incoming(
        folder.key,
        folder.name,
        to_server(folder.name, folder.delimiter),
        (),
        {one.uid: one.size for one in lacking},
        folder.state,
        complete=False,
        bodies={one.uid: one.id for one in lacking},
    )


def _why_not(server: Server, folder: Incoming, identity: str) -> MailcliError:
    if folder.abandoned:
        return TryAgain(
            f"the body of {identity} cannot be fetched: {folder.abandoned}",
            hint="mailcli fetch recognises the messages again",
        )
    said = f": {folder.reason}" if folder.reason else ""
    return NotFound(
        f"{server.label} does not have {identity} in {folder.name} any more{said}",
        hint="mailcli fetch brings the folder up to date",
    )


def outline(folder: Incoming, message: Fetched, clock: Callable[[], float]) -> Outline:
    """A message of which all but the body came."""
    structure = next((value for name, value in message.raw_items if name == "BODYSTRUCTURE"), None)
    header = message.sections[0].data
    return Outline(
        folder=folder.key,
        header=header,
        size=message.size if message.size is not None else len(header),
        frame=frame(structure),
        flags=message.flags or frozenset(),
        arrived=message.internaldate if message.internaldate is not None else clock(),
        uid=message.uid,
        on_server=True,
        object_id=folder.objects.get(message.uid or 0, ""),
    )
