"""Asking the server a second time, and another way, what a folder has. A server with a damaged index, or
half restored, says once that everything is gone."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from mailcli.errors import RemoteProtocolError
from mailcli.sync.brake import Contradiction, holds
from mailcli.sync.imap.server import Server, last, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Exists, Fetched, Searched

MOST: Final = 5_000_000
"""Messages in a folder; `1:4294967295` is said as quickly as `7`."""


def there(server: Server, mailbox: str, *, examine: bool = False) -> set[int]:
    """Open the folder afresh and ask in two ways which UIDs it has: all three answers must agree.

    Raises Contradiction if they do not, and what ends the session.
    """
    returns = ("ALL",) if server.has("ESEARCH") else ()
    events = server.ask(
        imap.Select(mailbox, examine),
        imap.Search(("ALL",), returns=returns),
        imap.Fetch("1:*", ("UID",)),
    )
    answers = only(Searched, events)
    if any(len(a.uids) > MOST for a in answers):
        raise RemoteProtocolError(f"{server.label} claims more than {MOST} messages in {mailbox}")
    searched = {uid for a in answers for uid in a.uids}
    fetched = {e.uid for e in only(Fetched, events) if e.uid is not None}
    exists = last(Exists, events)
    count = exists.count if exists else 0
    if not searched == fetched or len(searched) != count:
        raise Contradiction(
            f"{server.label} contradicts itself about {mailbox}: {count} messages, of which SEARCH finds"
            f" {len(searched)} and FETCH {len(fetched)}; nothing was removed here",
            hint="if this stays so, the server's index of that folder is damaged",
        )
    return searched


def believe(
    server: Server, mailbox: str, vanished: Collection[int], held: int, *, examine: bool = False
) -> set[int]:
    """Those of the `vanished` that are gone for sure, of a folder of which `held` were known.

    Raises Contradiction if some of many are there after all: then nothing of it is believed.
    """
    if not holds(len(vanished), held):
        return set(vanished)
    still = there(server, mailbox, examine=examine).intersection(vanished)
    if still:
        raise Contradiction(
            f"{server.label} says that {len(vanished)} of {held} messages of {mailbox} are gone, and that"
            f" {len(still)} of them are there; nothing was removed here",
            hint="run fetch again; --full compares everything",
        )
    return set(vanished)
