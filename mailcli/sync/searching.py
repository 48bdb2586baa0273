"""The server's own search (RFC 9051 §6.4.4), for messages whose bodies were not brought over.

What a server calls a match is its own affair: most look for a substring, Gmail for words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mailcli.model.query.ast import Text
from mailcli.model.record import NamedTuple
from mailcli.sync.server import Server, refusal
from mailcli.wire.imap import commands as imap
from mailcli.wire.imap.commands import Command
from mailcli.wire.imap.events import Completed, Searched, UidValidity

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
    """Search all these folders for all these texts, in one flight.

    A folder that was numbered anew since it was agreed gives nothing: its UIDs mean other messages
    now. So does one that cannot be opened. Raises ServerRefused for a search that is refused.
    """
    commands: list[Command] = []
    asked: list[tuple[int, Text | None]] = []
    for key, place in places.items():
        commands.append(imap.Select(place.mailbox, read_only=True))
        asked.append((key, None))
        for text in texts:
            commands.append(_search(server, text))
            asked.append((key, text))
    if not commands:
        return []
    events, answers = server.try_each(*commands)
    server.selected = None
    found: list[Hit] = []
    uids: set[int] = set()
    valid = False
    position = 0
    for event in events:
        match event:
            case UidValidity(_, value):
                valid = value == places[asked[position][0]].uidvalidity
            case Searched():
                uids.update(event.uids)
            case Completed() if event is answers.get(position):
                folder, of = asked[position]
                if of is None:
                    valid = valid and event.status == "OK"
                elif valid and event.status != "OK":
                    raise refusal(commands[position], event, server.label)
                elif valid and uids:
                    found.append(Hit(folder, of, frozenset(uids)))
                uids = set()
                position += 1
            case _:
                pass
    return found


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
