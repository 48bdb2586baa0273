"""The database schema and its migrations.

A migration is a numbered function, run in a transaction of its own together with the new `user_version`.
Never change one that was published: add the next.

In `message` one row is one copy of a message in one folder. State and derived columns stand side by side;
`rebuild` makes the derived ones anew and leaves the others alone. Addresses are packed by `listing.pack`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import apsw

APPLICATION_ID: Final = 0x6D61696C  # "mail"
PAGE_SIZE: Final = 8192

_TABLES: Final = (
    """CREATE TABLE account(
        key INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, protocol TEXT NOT NULL DEFAULT '',
        directory TEXT NOT NULL)""",
    # path: directory below mail/; tag: F= in file names; renaming: the path a rename is on its way to.
    # cur_mtime, new_mtime: of the directories at the last scan that found nothing new (nanoseconds).
    """CREATE TABLE folder(
        key INTEGER PRIMARY KEY, account INTEGER NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL UNIQUE,
        tag TEXT NOT NULL UNIQUE, renaming TEXT, special TEXT NOT NULL DEFAULT '',
        delimiter TEXT NOT NULL DEFAULT '/',
        subscribed INTEGER NOT NULL DEFAULT 1, selectable INTEGER NOT NULL DEFAULT 1,
        uidvalidity INTEGER, uidnext INTEGER, highestmodseq INTEGER, server_count INTEGER,
        mailbox_id TEXT NOT NULL DEFAULT '', permanent_flags TEXT, synced_at REAL,
        cur_mtime INTEGER NOT NULL DEFAULT 0, new_mtime INTEGER NOT NULL DEFAULT 0,
        UNIQUE(account, name))""",
    # rid = (when << 20) + seq, so that newest first is the order of the key.
    # folder: where the user has it. at_folder, uid, base_*: where and with which flags the server has it,
    # as last agreed (NULL: not there / never agreed). origin: the id it was copied from, until it is pushed.
    # file: "cur/NAME" (NULL: the body is not here). size and sha256 are those of the wire form; normal is
    # the hash without the headers that other programs insert, where it differs. dirty: see agreement.py.
    """CREATE TABLE message(
        rid INTEGER PRIMARY KEY, id TEXT NOT NULL, folder INTEGER NOT NULL,
        at_folder INTEGER, uid INTEGER, base_bits INTEGER, base_words TEXT, origin TEXT,
        file TEXT, size INTEGER NOT NULL, sha256 BLOB, normal BLOB, object_id TEXT,
        bits INTEGER NOT NULL, words TEXT NOT NULL, arrived REAL NOT NULL,
        dirty INTEGER NOT NULL DEFAULT 0, missing_since REAL,
        date REAL, zone INTEGER, subject TEXT NOT NULL, sender TEXT NOT NULL, recipients TEXT NOT NULL,
        cc TEXT NOT NULL, message_id TEXT NOT NULL, in_reply_to TEXT NOT NULL, list_id TEXT NOT NULL,
        thread TEXT NOT NULL, attachments INTEGER NOT NULL, filenames TEXT NOT NULL, types TEXT NOT NULL,
        marks TEXT NOT NULL, preview TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX message_by_id ON message(id)",
    "CREATE UNIQUE INDEX message_by_uid ON message(at_folder, uid) WHERE at_folder IS NOT NULL",
    "CREATE INDEX message_by_folder ON message(folder)",  # rowid order comes with it: newest first
    "CREATE INDEX message_unread ON message(folder) WHERE bits & 1 = 0",
    "CREATE INDEX message_by_message_id ON message(message_id)",
    "CREATE INDEX message_by_thread ON message(thread)",
    "CREATE INDEX message_dirty ON message(folder) WHERE dirty = 1",
    "CREATE INDEX message_leaving ON message(at_folder) WHERE dirty = 1",
    "CREATE INDEX message_suspect ON message(folder) WHERE missing_since IS NOT NULL",
    "CREATE TABLE thread_ref(message_id TEXT PRIMARY KEY, thread TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX thread_ref_by_thread ON thread_ref(thread)",
    # file: its name in recovery/ (NULL: there was none). source: where it lay below mail/; moved: 0 until
    # it is in recovery/. pending: the server has yet to be told; after: not before this id is uploaded.
    """CREATE TABLE recovery(
        id TEXT PRIMARY KEY, account TEXT NOT NULL, folder TEXT NOT NULL, at_folder INTEGER, uid INTEGER,
        base_bits INTEGER, base_words TEXT, file TEXT, source TEXT, moved INTEGER NOT NULL,
        size INTEGER NOT NULL, sha256 BLOB, bits INTEGER NOT NULL, words TEXT NOT NULL,
        arrived REAL NOT NULL, reason TEXT NOT NULL, removed_at REAL NOT NULL, expires REAL NOT NULL,
        pending INTEGER NOT NULL, after TEXT) WITHOUT ROWID""",
    "CREATE INDEX recovery_pending ON recovery(at_folder) WHERE pending = 1",
    "CREATE INDEX recovery_unmoved ON recovery(id) WHERE moved = 0",
    """CREATE TABLE operation(
        seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, message TEXT NOT NULL, folder INTEGER,
        destination INTEGER, stage TEXT NOT NULL, uidnext_before INTEGER, started REAL NOT NULL,
        note TEXT NOT NULL)""",
    """CREATE TABLE pop3_message(
        account INTEGER NOT NULL, uidl TEXT NOT NULL, occurrence INTEGER NOT NULL, size INTEGER NOT NULL,
        header_hash BLOB, sha256 BLOB, state TEXT NOT NULL, first_seen REAL NOT NULL, delivered_at REAL,
        missing_since REAL, id TEXT NOT NULL, PRIMARY KEY(account, uidl, occurrence)) WITHOUT ROWID""",
    "CREATE INDEX pop3_by_id ON pop3_message(id)",
    "CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
)


def _first(connection: apsw.Connection) -> None:
    from mailcli.store import criteria, fulltext

    for statement in (*_TABLES, *criteria.INDEXES, *fulltext.DDL):
        connection.execute(statement)


def _journal(connection: apsw.Connection) -> None:
    from mailcli.store import journal

    for statement in journal.DDL:
        connection.execute(statement)


def _outlines(connection: apsw.Connection) -> None:
    """Messages of which only the header is here. data: deflated, see outlines.py."""
    connection.execute(
        "CREATE TABLE outline(key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, data BLOB NOT NULL)"
    )
    # skipped: UIDs of this UIDVALIDITY that are left on the server, behind what said so
    connection.execute("ALTER TABLE folder ADD COLUMN skipped TEXT NOT NULL DEFAULT ''")
    connection.execute("CREATE INDEX message_lacking ON message(at_folder) WHERE file IS NULL")


def _attachments(connection: apsw.Connection) -> None:
    """The text of attachments, by the ids of their messages."""
    connection.execute("CREATE TABLE attachment_text(id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID")
    connection.execute(
        "CREATE TRIGGER attachment_text_gone AFTER DELETE ON message BEGIN"
        " DELETE FROM attachment_text WHERE id = old.id; END"
    )


def _withheld(connection: apsw.Connection) -> None:
    """UIDs of a folder that the server lists and does not give, behind when to ask again."""
    connection.execute("ALTER TABLE folder ADD COLUMN withheld TEXT NOT NULL DEFAULT ''")


def _announced(connection: apsw.Connection) -> None:
    """Each fetch asks which messages a killed one had announced: a few, if any, of a long history."""
    connection.execute("CREATE INDEX pop3_fetching ON pop3_message(account) WHERE state = 'fetching'")


def _objects(connection: apsw.Connection) -> None:
    """A body that is here is found by the server's own name for it (RFC 8474, X-GM-MSGID)."""
    connection.execute("CREATE INDEX message_by_object ON message(object_id) WHERE object_id IS NOT NULL")


MIGRATIONS: Final[tuple[Callable[[apsw.Connection], None], ...]] = (
    _first,
    _journal,
    _outlines,
    _attachments,
    _withheld,
    _announced,
    _objects,
)
VERSION: Final = len(MIGRATIONS)


def migrate(connection: apsw.Connection, version: int) -> None:
    """Bring a database from `version` to VERSION, one transaction for each step."""
    for number in range(version, VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done it while this one waited for the lock.
            if connection.pragma("user_version") == number:
                MIGRATIONS[number](connection)
                connection.pragma("user_version", number + 1)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
