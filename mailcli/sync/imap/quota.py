"""How full a mailbox is (RFC 9208), as the server said while it was asked for its folders."""

from __future__ import annotations

from typing import Final

from mailcli.model.quota import Usage
from mailcli.store.store import Store
from mailcli.sync.imap.server import Server, only
from mailcli.sync.tally import Tally
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Quota

FULL: Final = 95
"""Percent from which on every run says so: soon mail is turned away."""
FRESH: Final = 3600.0
"""Seconds for which the same figures are not written again."""


def ask(server: Server) -> None:
    """Ask with the commands that follow: no turn is spent on it, and a refusal means nothing."""
    if server.has("QUOTA"):
        server.aside(imap.GetQuotaRoot("INBOX"))


def note(store: Store, account: str, server: Server, now: float, tally: Tally) -> None:
    """Keep what was answered; of several roots the fullest one counts."""
    storage = [q for q in only(Quota, server.aside_answers) if q.resource == "STORAGE" and q.limit > 0]
    server.aside_answers.clear()
    if not storage:
        return
    fullest = max(storage, key=lambda q: q.used / q.limit)
    usage = Usage(fullest.used * 1024, fullest.limit * 1024, now)
    key = Usage.key(account)
    known = Usage.read(store.setting(key))
    if known is None or known[:2] != usage[:2] or not 0 <= now - known.when < FRESH:
        store.put_setting(key, str(usage))
    if usage.percent > FULL:
        tally.notices.append(f"the mailbox on {server.label} is {usage.percent} % full")
