"""POP3 messages too large to come whole: their headers by TOP, and their bodies when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from mailcli.errors import MailcliError, NotFound, ServerRefused, TryAgain
from mailcli.net.cancel import CancelToken
from mailcli.net.pop3 import Pop3Connection
from mailcli.store.partial import GONE, Filled
from mailcli.store.store import Store
from mailcli.store.values import Pop3Row
from mailcli.sync.announced import unexpected
from mailcli.sync.pop3 import maildrop
from mailcli.sync.pop3.destination import Folder, Top
from mailcli.sync.pop3.history import OUTLINED, History
from mailcli.sync.pop3.maildrop import TOPS, Listed, Tops
from mailcli.sync.pop3.retr import Received, Refused, Retrieval
from mailcli.wire.pop3.quirks import is_temporary

AT_ONCE: Final = 8 << 20
"""Octets of bodies that are held before they are handed over."""


def outline(
    tops: Tops, history: History, folder: Folder, large: Sequence[Listed], now: float
) -> Iterator[list[Listed]]:
    """Bring the headers of messages and make them durable with their lines in the history. Gives of each
    batch those that came; the others have no header to give (the server may not know TOP)."""
    history.name(large)
    for start in range(0, len(large), TOPS):
        some = large[start : start + TOPS]
        headers = tops.headers([m.number for m in some])
        came = [m for m in some if m.number in headers]
        folder.outline(
            [Top(_row(history, m, headers[m.number], now), headers[m.number]) for m in came], history
        )
        yield came


def _row(history: History, message: Listed, header: bytes, now: float) -> Pop3Row:
    return Pop3Row(
        message.uidl,
        message.occurrence,
        message.size,
        OUTLINED,
        maildrop.header_hash(header),
        first_seen=now,
        id=history.id(message),
    )


def fill(
    store: Store, history: History, received: Sequence[Received], now: float
) -> tuple[list[Received], list[str]]:
    """Store the bodies of messages whose header is here. Those that are whole here now, and what to tell."""
    filled = store.fill_bodies([(history.id(one.listed), one.data) for one in received])
    here = [one for one, what in zip(received, filled, strict=True) if what.outcome != GONE]
    rows = [history.known[one.listed.key] for one in here]
    history.learn(
        [
            row._replace(state="delivered", sha256=one.digest, delivered_at=now)
            for row, one in zip(rows, here, strict=True)
        ]
    )
    return here, _told(filled)


def _told(filled: Sequence[Filled]) -> list[str]:
    return [told for one in filled if (told := unexpected(one))]


def bring(
    connection: Pop3Connection,
    history: History,
    ids: Collection[str],
    take: Callable[[list[tuple[str, bytes]]], bool],
    cancel: CancelToken,
) -> dict[str, MailcliError]:
    """Fetch the bodies of messages whose header is here, and hand them to `take` as (id, message); it says
    whether they are kept. Returns why some did not come, by id. Raises what ends the conversation; what had
    come was handed over then."""
    tops = Tops(connection)
    history.place(tops, maildrop.named(tops, maildrop.ask(connection)))
    there = {history.known[m.key].id: m for m in history.lacking()}
    label = connection.pump.label
    failed: dict[str, MailcliError] = {
        id: NotFound(
            f"the body of {id} cannot be had: {label} does not list the message any more", hint=_header(id)
        )
        for id in ids
        if id not in there
    }
    names = {there[id].number: id for id in ids if id in there}
    held: list[tuple[str, bytes]] = []
    kept = True

    def hand_over() -> None:
        nonlocal kept
        some = held.copy()
        held.clear()
        kept = (not some or take(some)) and kept

    retrieval = Retrieval(connection, lambda: (), cancel)
    octets = 0
    try:
        for one in retrieval.messages([there[id] for id in ids if id in there]):
            id = names[one.listed.number]
            if isinstance(one, Refused):
                failed[id] = _refusal(label, id, one)
                continue
            held.append((id, one.data))
            octets += len(one.data)
            if octets >= AT_ONCE:
                octets = 0
                hand_over()
    finally:
        hand_over()
    if not kept:
        connection.pump.close()  # at a QUIT some servers delete what they have given (EXPIRE 0)
    return failed


def _refusal(label: str, id: str, one: Refused) -> MailcliError:
    kind = TryAgain if is_temporary(one.end.code, one.end.text) else ServerRefused
    return kind(
        f"{label} did not give the body of {id}: {one.end.text}", hint=f"try again later; {_header(id)}"
    )


def _header(id: str) -> str:
    return f"mailcli read --headers {id} shows its header"
