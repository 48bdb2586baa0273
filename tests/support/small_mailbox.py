"""A message table with full-text index in memory, without files: what searches are tested on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import apsw

from mailcli.model import flags as flag_names
from mailcli.model.message import Content
from mailcli.store import index, schema


class Message(NamedTuple):
    """One message of the mailbox, as a test wrote it."""

    rid: int
    id: str
    folder: str
    raw: bytes
    content: Content
    flags: frozenset[str]


def mail(
    subject: str = "a subject",
    sender: str = "Bob Builder <bob@example.com>",
    to: str = "Me <me@example.org>",
    body: str = "some words",
    date: str | None = "Mon, 06 May 2024 10:00:00 +0000",
    extra: str = "",
    message_id: str = "",
) -> bytes:
    """A plain text mail, UTF-8 throughout. `extra`: whole header lines."""
    lines = [f"From: {sender}", f"To: {to}", f"Subject: {subject}"]
    if date is not None:
        lines.append(f"Date: {date}")
    if message_id:
        lines.append(f"Message-ID: <{message_id}>")
    if extra:
        lines.append(extra)
    lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "", body, ""]
    return "\r\n".join(lines).encode()


ACCOUNTS = ("home", "work")
FOLDERS = (
    ("work", "INBOX", "Inbox"),
    ("work", "Projects/Alpha", ""),
    ("work", "Lists/Alpha", ""),
    ("work", "Lists/Beta", ""),
    ("work", "Junk", "Spam"),
    ("work", "Deleted Items", "Trash"),
    ("home", "INBOX", "Inbox"),
    ("home", "Trash", "Trash"),
)


class SmallMailbox:
    """Two accounts with the folders above; messages get ids `aaaaaaaa`, `aaaaaaab` …"""

    def __init__(self) -> None:
        self.connection = apsw.Connection(":memory:")
        schema.migrate(self.connection, 0)
        for key, name in enumerate(ACCOUNTS, 1):
            self.connection.execute("INSERT INTO account VALUES(?, ?, 'imap', ?)", (key, name, name))
        self._folders: dict[str, int] = {}
        for key, (account, name, special) in enumerate(FOLDERS, 1):
            path = f"{account}/{name}"
            self._folders[path] = key
            self.connection.execute(
                "INSERT INTO folder(key, account, name, path, tag, special) VALUES(?, ?, ?, ?, ?, ?)",
                (key, ACCOUNTS.index(account) + 1, name, path, path, special),
            )
        self.messages: list[Message] = []
        self.read_ids: list[str] = []

    def add(
        self,
        raw: bytes,
        folder: str = "work/INBOX",
        flags: Sequence[str] = (),
        arrived: float = 1_720_000_000.0,
        size: int | None = None,
    ) -> Message:
        """Store a message. `size` may lie."""
        from mailcli.mime.read import content

        letters = "abcdefghjkmnpqrstuvwxyz"
        n = len(self.messages)
        identity = "aaaaaa" + letters[n // len(letters)] + letters[n % len(letters)]
        parsed = index.parse(raw)
        bits, words = flag_names.to_bits(flags)
        state = index.State(
            *(identity, self._folders[folder], None, None, None, None, None, "cur/x"),
            *(len(raw) if size is None else size, None, None, None, bits, words, arrived, 0),
        )
        self.connection.execute("BEGIN")
        rid = index.insert(self.connection, index.RowIds(self.connection), state, parsed)
        self.connection.execute("COMMIT")
        message = Message(rid, identity, folder, raw, content(raw), frozenset(flags))
        self.messages.append(message)
        return message

    def threads(self) -> dict[int, str]:
        """The thread of each row id, as it is now: threads merge."""
        rows = self.connection.execute("SELECT rid, thread FROM message").fetchall()
        return {int(str(rid)): str(thread) for rid, thread in rows}

    def read(self, identity: str) -> bytes:
        """What `find` calls for terms that must look into a message; says which were read."""
        self.read_ids.append(identity)
        return next(m.raw for m in self.messages if m.id == identity)
