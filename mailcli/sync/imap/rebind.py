"""UIDVALIDITY changed: the server numbers a folder anew (RFC 9051 §2.3.1.1).

Nothing is downloaded again that can be recognised: the messages there and here are matched as
multisets by size and Message-ID. What is only here goes to the recovery area, never away; what is
only there is new. So is what was purged here and not expunged there yet: its old UID may name any
message now, so it must never reach the server, and the message comes back instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailcli.store.store import Store
from mailcli.store.values import Bound, Gone, SyncChanges
from mailcli.sync import brake
from mailcli.sync.imap import recount
from mailcli.sync.imap.identity import MESSAGE_ID, message_id
from mailcli.sync.imap.plan import Purged
from mailcli.sync.imap.server import Server, only
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Fetched


def rebind(
    store: Store, server: Server, folder: int, mailbox: str, uidvalidity: int, purged: Sequence[Purged] = ()
) -> int:
    """Give the messages of the selected folder their new UIDs; returns how many were not found
    on the server any more. Raises Contradiction if those are many and the server is not sure."""
    there: dict[tuple[int, str], list[int]] = {}
    found = 0
    for event in only(Fetched, server.ask(imap.Fetch("1:*", ("RFC822.SIZE", MESSAGE_ID)))):
        if event.uid is not None and event.size is not None:
            found += 1
            header = event.sections[0].data if event.sections else b""
            there.setdefault((event.size, message_id(header)), []).append(event.uid)
    changes = SyncChanges(expunged=[tomb.id for tomb in purged])
    state = store.folder_state(folder)
    for print_ in store.fingerprints(folder):
        uids = there.get((print_.size, print_.message_id))
        if uids:
            changes.bound.append(Bound(print_.id, folder, uids.pop(0), None))
        else:
            changes.gone.append(Gone(print_.id, "not there after UIDVALIDITY changed"))
    anew = state._replace(uidvalidity=uidvalidity, uidnext=0, skipped="", withheld="")
    changes.states.append((folder, anew))
    if brake.holds(len(changes.gone), len(changes.gone) + len(changes.bound)):
        again = len(recount.there(server, mailbox))
        if again != found:
            raise brake.Contradiction(
                f"{server.label} numbered {mailbox} anew and names first {found}, then {again} messages"
                " in it; nothing was removed here"
            )
    store.apply(changes)
    return len(changes.gone)
