"""What a message says about itself: the values every layer exchanges.

`Envelope` and `Content` come from `mime.read`; `Summary` and `Page` from the store. None of them holds the
message's bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailcli.model.address import Address
from mailcli.model.flags import Flags
from mailcli.model.record import NamedTuple


class Envelope(NamedTuple):
    """The header fields that lists, threads and searches need, decoded and unfolded.

    `date` is seconds since the epoch, `zone` the header's own offset in minutes (None: the header
    said -0000 or nothing); both None when the header is absent or absurd. Message ids stand
    without angle brackets. Strings may still hold control characters: every sink filters.
    """

    subject: str = ""
    sender: tuple[Address, ...] = ()  # From
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    date: float | None = None
    zone: int | None = None
    message_id: str = ""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    list_id: str = ""


class Part(NamedTuple):
    """One part of a message's MIME tree.

    `n` is the IMAP part number (RFC 9051 §6.4.5: "1", "2.1"), `type` lower-case `major/minor`,
    `name` the decoded file name ("" if none), `size` the octets after decoding the transfer
    encoding, `depth` 0 for the top, `disposition` "inline", "attachment" or "". `start` and
    `end` bound the part's body in the message's bytes.
    """

    n: str
    type: str
    name: str
    size: int
    cid: str
    disposition: str
    charset: str
    encoding: str
    depth: int
    start: int
    end: int
    attachment: bool


class Content(NamedTuple):
    """All the index wants of a message, read in one pass.

    `text` is the readable text of the bodies (HTML converted), `attachments` counts the parts a
    person would call one, `filenames` are their names, `types` all MIME types of leaf parts,
    `marks` facts such as "encrypted", "signed", "invite", "list". `preview` is one line of at
    most 200 characters of the message's own words.
    """

    envelope: Envelope
    text: str
    preview: str
    attachments: int
    filenames: tuple[str, ...]
    types: frozenset[str]
    marks: frozenset[str]


class Summary(NamedTuple):
    """One row of a list: one copy of a message in one folder.

    `rid` is the store's row id (newer is larger; internal), `when` the sort time in seconds since
    the epoch, `date`/`zone` the Date header's own (None: absent or absurd, use `arrived`), `size`
    the octets on the wire, `thread` the thread's id, `remote_only` true for a row whose body was
    not downloaded.
    """

    rid: int
    id: str
    account: str
    folder: str
    when: int
    date: float | None
    zone: int | None
    arrived: float
    sender: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    flags: Flags
    size: int
    attachments: int
    thread: str
    message_id: str
    in_reply_to: str
    preview: str
    remote_only: bool


class Page(NamedTuple):
    """Rows of a list, and the cursor (`next`) behind the last of them, None when there are no more.

    With threads each row is the newest message of its thread and `counts` has the number of messages
    of each; without, `counts` is empty.
    """

    rows: list[Summary]
    next: str | None = None
    counts: tuple[int, ...] = ()


class Lines(NamedTuple):
    """Rows of a list as far as a line of text tells of them, as the store has them.

    To make Summaries of the hundred thousand rows that a pipe is given takes five times as long. A row is
    (row id, id, date or else arrival, zone, bits, words, sender, subject, folder, size), or only its first
    two where ids are wanted; `flags` says what bits and words are, `senders` and `folders` what stands for
    a sender and a folder. The same few recur: ask once for each.
    """

    rows: Sequence[tuple[Any, ...]]
    next: str | None
    flags: Callable[[int, str], Flags]
    senders: Callable[[str], Sequence[Address]]
    folders: Mapping[int, str]
