"""A message waiting to be sent: what is frozen when it is queued, and how far it has come since."""

from __future__ import annotations

import json
from typing import Any, Final

from mailcli.errors import LocalIOError
from mailcli.model.draft import Envelope, Outcome
from mailcli.model.record import NamedTuple
from mailcli.model.wishes import NONE, Wishes

QUEUED: Final = "queued"
"""To be tried at `next_try`."""
COMMITTING: Final = "committing"
"""Durable before the final dot leaves: found so after a cut, only the server knows (RFC 1047)."""
UNKNOWN: Final = "unknown"
"""The dot left and the answer was lost. Never sent again by itself."""
SENT: Final = "sent"
"""Accepted for everybody; only the copy for Sent may still be to be filed."""
HELD: Final = "held"
"""The user said: not now."""
FAILED: Final = "failed"
"""Refused for good, or tried for days."""

_FORMAT: Final = 1
_WITH_WISHES: Final = 2
"""The form of an entry that asks something of the server: a mailcli that does not know of it must not
send it without."""


class Entry(NamedTuple):
    """What does not change: the envelope, the exact bytes, and how the user wants it sent.

    `data` has CRLF line ends; `copy` is what goes to Sent where that differs (it has the Bcc).
    Both are empty in an entry read for a list. `octets` is the size of `data`. Times are seconds
    since the epoch. `kept` is false for the record of a plain `send`, which is never sent by
    itself; `composed` is true for what we have written ourselves. `key` is the idempotency key's
    digest, or ""; `wishes` is what is asked of the server.
    """

    id: str
    account: str
    envelope: Envelope
    message_id: str
    subject: str
    queued: float
    not_before: float
    kept: bool = True
    partial: bool = False
    on_unknown: str = "hold"
    ehlo: str = ""
    key: str = ""
    wishes: Wishes = NONE
    composed: bool = False
    octets: int = 0
    data: bytes = b""
    copy: bytes = b""


class State(NamedTuple):
    """How far an entry has come. `outcomes` has the recipients that are decided; `note` says why
    the others are not. `queue_id` is the server's name for the message. `filed`: the copy is in
    Sent, or none is wanted."""

    phase: str = QUEUED
    attempts: int = 0
    next_try: float = 0.0
    changed: float = 0.0
    outcomes: tuple[Outcome, ...] = ()
    note: str = ""
    queue_id: str = ""
    stage: str = ""
    filed: bool = False

    @property
    def reached(self) -> bool:
        """Whether the message went to anybody."""
        return any(o.outcome == "sent" for o in self.outcomes)

    def open(self, entry: Entry) -> tuple[str, ...]:
        """The recipients that are not decided yet."""
        decided = {o.email for o in self.outcomes}
        return tuple(r for r in entry.envelope.recipients if r not in decided)


def encode_entry(entry: Entry) -> tuple[bytes, bytes, bytes]:
    """One line of JSON, then the message, then the copy."""
    head: dict[str, Any] = {
        "format": _FORMAT if entry.wishes == NONE else _WITH_WISHES,
        "id": entry.id,
        "account": entry.account,
        "sender": entry.envelope.sender,
        "recipients": entry.envelope.recipients,
        "message_id": entry.message_id,
        "subject": entry.subject,
        "queued": entry.queued,
        "not_before": entry.not_before,
        "kept": entry.kept,
        "partial": entry.partial,
        "on_unknown": entry.on_unknown,
        "ehlo": entry.ehlo,
        "key": entry.key,
        "composed": entry.composed,
        "octets": len(entry.data),
        "copy_octets": len(entry.copy),
    }
    if entry.wishes != NONE:
        head["wishes"] = entry.wishes._asdict()
    return json.dumps(head).encode() + b"\n", entry.data, entry.copy


def decode_entry(line: bytes) -> tuple[Entry, int]:
    """The entry of a file's first line, without its bytes, and how many the copy has.

    Raises LocalIOError for what is no entry, or one that a newer mailcli wrote.
    """
    try:
        head: dict[str, Any] = json.loads(line)
        if head["format"] not in (_FORMAT, _WITH_WISHES):
            raise LocalIOError("an outbox entry was written by a newer mailcli", hint="use that one")
        entry = Entry(
            id=str(head["id"]),
            account=str(head["account"]),
            envelope=Envelope(str(head["sender"]), tuple(map(str, head["recipients"]))),
            message_id=str(head["message_id"]),
            subject=str(head["subject"]),
            queued=float(head["queued"]),
            not_before=float(head["not_before"]),
            kept=bool(head["kept"]),
            partial=bool(head["partial"]),
            on_unknown=str(head["on_unknown"]),
            ehlo=str(head["ehlo"]),
            key=str(head["key"]),
            wishes=_wishes(head["wishes"]) if "wishes" in head else NONE,
            composed=bool(head.get("composed", False)),
            octets=int(head["octets"]),
        )
        return entry, int(head["copy_octets"])
    except (ValueError, KeyError, TypeError) as error:
        raise LocalIOError(f"an outbox entry is damaged: {error}") from error


def _wishes(held: dict[str, Any]) -> Wishes:
    return Wishes(**{**held, "notify": tuple(map(str, held["notify"]))})


def encode_state(state: State) -> bytes:
    return json.dumps({**state._asdict(), "outcomes": [list(o) for o in state.outcomes]}).encode() + b"\n"


def decode_state(data: bytes) -> State:
    """Raises LocalIOError for what is no state."""
    try:
        held: dict[str, Any] = json.loads(data)
        held["outcomes"] = tuple(
            Outcome(str(email), str(word), int(code), str(enhanced), str(text))
            for email, word, code, enhanced, text in held["outcomes"]
        )
        return State(**held)
    except (ValueError, KeyError, TypeError) as error:
        raise LocalIOError(f"an outbox entry's state is damaged: {error}") from error
