"""The server's own search (RFC 9051 §6.4.4), for messages whose bodies were not brought over.

What a server calls a match is its own affair: most look for a substring, Gmail for words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Final, TypeVar

from mailcli.model.query.ast import And, InThread, Node, Or, Saved, Text
from mailcli.model.record import NamedTuple
from mailcli.net.cancel import CancelToken
from mailcli.store.partial import Outline
from mailcli.store.values import SyncFolder
from mailcli.sync.imap.bodies import outline
from mailcli.sync.imap.download import Incoming, Queue
from mailcli.sync.imap.folders import to_server
from mailcli.sync.imap.retrieval import Arrived, Retrieval
from mailcli.sync.imap.server import Server, refusal
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.events import Completed, Searched, UidValidity

K = TypeVar("K")

_KEYS: Final = {
    "": ("TEXT",),
    "body": ("BODY",),
    "subject": ("SUBJECT",),
    "from": ("FROM",),
    "to": ("TO",),
    "cc": ("CC",),
    "bcc": ("BCC",),
    "list": ("HEADER", "List-Id"),
}


class Place(NamedTuple):
    """A folder to search: its name on the server, and the UIDVALIDITY its UIDs were agreed under."""

    mailbox: str
    uidvalidity: int


class Hit(NamedTuple):
    """The UIDs of one folder (by our key) in which the server found one text."""

    folder: int
    text: Text
    uids: frozenset[int]


def can_ask(text: Text) -> bool:
    """Whether SEARCH has a key for the text's field: it knows no file names, and no attachment's text."""
    return text.field in _KEYS or text.field.startswith("header.")


def ask(server: Server, places: Mapping[int, Place], texts: Sequence[Text]) -> list[Hit]:
    """Search all these folders for all these texts; a flight for each text.

    Never two SEARCH of one folder in a flight: Dovecot works on them side by side, and nothing tells
    their answers apart (RFC 9051 §5.5). A folder that was numbered anew since it was agreed gives nothing:
    its UIDs mean other messages now. So does one that cannot be opened. Raises ServerRefused for a search
    that is refused.
    """
    return [hit for text in texts for hit in _ask_one(server, places, text)] if places else []


def _ask_one(server: Server, places: Mapping[int, Place], text: Text) -> Iterator[Hit]:
    keys = list(places)
    search = _search(server, text)
    commands = [c for p in places.values() for c in (imap.Select(p.mailbox, read_only=True), search)]
    events, answers = server.try_each(*commands)
    server.selected = None
    uids: set[int] = set()
    valid = False
    position = 0
    for event in events:
        match event:
            case UidValidity(_, value):
                valid = value == places[keys[position // 2]].uidvalidity
            case Searched():
                uids.update(event.uids)
            case Completed() if event is answers.get(position):
                if position % 2 == 0:
                    valid = valid and event.status == "OK"
                elif valid and event.status != "OK":
                    raise refusal(search, event, server.label)
                elif valid and uids:
                    yield Hit(keys[position // 2], text, frozenset(uids))
                valid = valid and position % 2 == 0
                uids = set()
                position += 1
            case _:
                pass


def candidates(node: Node, found: Mapping[Text, Set[K]]) -> Set[K] | None:
    """Of what the server found, that which may match a query; None where only others can say.

    What a server says of messages that are not here cannot be held against a negation.
    """
    match node:
        case Text():
            return found.get(node._replace(at=0), frozenset()) if can_ask(node) else None
        case And(children):
            said = [one for one in (candidates(child, found) for child in children) if one is not None]
            return frozenset.intersection(*map(frozenset, said)) if said else None
        case Or(children):
            either = [candidates(child, found) or frozenset() for child in children]
            return frozenset().union(*either)
        case Saved(_, child) | InThread(child):
            return candidates(child, found)
        case _:
            return None


def bring(
    server: Server,
    wanted: Mapping[int, Sequence[int]],
    folders: Mapping[int, SyncFolder],
    cancel: CancelToken,
    clock: Callable[[], float],
) -> list[Outline]:
    """The headers of messages that are not here, by folder and UID."""
    coming = [
        Incoming(
            key,
            folders[key].name,
            to_server(folders[key].name, folders[key].delimiter),
            (),
            {},
            folders[key].state,
            complete=False,
            headers=uids,
        )
        for key, uids in wanted.items()
    ]
    outlines: list[Outline] = []

    def put(arrived: Arrived) -> float:
        outlines.append(outline(arrived.folder, arrived.message, clock))
        return 0.0

    Retrieval(server, Queue(coming), put, cancel).run(until_all_is_done=False)
    return outlines


def _search(server: Server, text: Text) -> imap.Search:
    """Without ESEARCH's RETURN: every server has the plain form."""
    word = text.text.encode()
    if server.has("X-GM-EXT-1") and text.field in ("", "body"):
        # Gmail's index knows its own syntax best; a quotation in it has no escape.
        word = b'"' + word.replace(b'"', b" ") + b'"'
        return imap.Search(("X-GM-RAW", word), charset=_charset(word))
    keys = _KEYS.get(text.field) or ("HEADER", text.field.removeprefix("header."))
    return imap.Search((*keys, word), charset=_charset(word))


def _charset(word: bytes) -> str | None:
    """US-ASCII needs no CHARSET, and a server that knows no other may refuse one."""
    return None if word.isascii() else "UTF-8"


def holds(server: Server, mailbox: str, message_id: str) -> bool:
    """Whether a folder has a message with this Message-ID (without its angle brackets)."""
    search = imap.Search(("HEADER", "Message-ID", message_id.encode()))
    events = server.ask(imap.Select(mailbox, read_only=True), search)
    server.selected = None
    return any(list(event.uids) for event in events if isinstance(event, Searched))
