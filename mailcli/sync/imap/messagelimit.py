"""What a server leaves out of one answer because the messages are too many (RFC 9738; Yahoo: 1000).

It works from the highest UID downwards, says OK all the same, and names the last UID it came to.
"""

from __future__ import annotations

from mailcli.errors import RemoteProtocolError
from mailcli.wire.imap.commands import Command, Fetch, Search
from mailcli.wire.imap.events import Completed
from mailcli.wire.imap.uidset import UidSet


def rest(command: Command, answer: Completed) -> Fetch | Search | None:
    """The FETCH or SEARCH for what this answer left out, or None if it is whole.

    Raises RemoteProtocolError if that cannot be told: half an answer must not pass for a whole one.
    """
    code = answer.code
    if code is None or code.name != "MESSAGELIMIT" or not isinstance(command, Fetch | Search):
        return None
    lowest = code.args.rpartition(b" ")[2] if b" " in code.args.strip() else b""
    if not lowest.isdigit() or not 0 < int(lowest) < 2**32:
        raise RemoteProtocolError("the server answers for some of the messages, and does not say which")
    below = int(lowest) - 1
    if isinstance(command, Fetch):
        asked = _set(command.uids)
        left = asked & UidSet.span(1, below)
        changed = left != asked
        narrower: Fetch | Search = command._replace(uids=left)
    else:
        criteria = command.criteria
        before = UidSet.span(1)
        if len(criteria) > 2 and criteria[-2] == "UID":
            criteria, before = criteria[:-2], _set(str(criteria[-1]))
        left = before & UidSet.span(1, below)
        changed = left != before
        narrower = command._replace(criteria=(*criteria, "UID", str(left)))
    if not changed:
        raise RemoteProtocolError("the server answers for a part of the messages, and always for the same")
    return narrower if left else None


def _set(uids: UidSet | str) -> UidSet:
    """`n:*` as the set it may mean."""
    if isinstance(uids, UidSet):
        return uids
    first, _, last = uids.partition(":")
    return UidSet.span(int(first)) if last == "*" else UidSet.parse(uids.encode())
