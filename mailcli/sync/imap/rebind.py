"""UIDVALIDITY changed: the server numbers a folder anew (RFC 9051 §2.3.1.1).

Nothing is downloaded again that can be recognised: the messages there and here are matched as
multisets, by the server's own ids, else by size and Message-ID. What is only here goes to the recovery
area, never away; what is only there is new. So is what was purged here and not expunged there yet: its
old UID may name any message now, so it must never reach the server, and the message comes back instead.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailcli.store.store import Store
from mailcli.store.values import Bound, Gone, SyncChanges
from mailcli.sync import brake
from mailcli.sync.imap import objects, recount
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
    named: dict[str, list[int]] = {}
    items = (*objects.item(server), "RFC822.SIZE", MESSAGE_ID)
    found = 0
    for event in only(Fetched, server.ask(imap.Fetch("1:*", items))):
        if event.uid is not None and event.size is not None:
            found += 1
            header = event.sections[0].data if event.sections else b""
            there.setdefault((event.size, message_id(header)), []).append(event.uid)
            if event.email_id:
                named.setdefault(event.email_id, []).append(event.uid)
    changes = SyncChanges(expunged=[tomb.id for tomb in purged])
    state = store.folder_state(folder)
    prints = store.fingerprints(folder)
    bound = {p.id: uids.pop(0) for p in prints if (uids := named.get(p.object_id))}
    taken = set(bound.values())
    for print_ in prints:
        alike = there.get((print_.size, print_.message_id), [])
        uid = bound.get(print_.id)
        while uid is None and alike:
            first = alike.pop(0)
            uid = first if first not in taken else None
        if uid is not None:
            taken.add(uid)
            changes.bound.append(Bound(print_.id, folder, uid, None))
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
