"""What POP3 servers have shown us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailcli.model.record import NamedTuple
from mailcli.store.sql import rows
from mailcli.store.values import Pop3Row

if TYPE_CHECKING:
    import apsw

COLUMNS: Final = (
    "p.uidl, p.occurrence, p.size, p.state, ifnull(p.header_hash, x''), ifnull(p.sha256, x''), p.first_seen,"
    " p.delivered_at, p.missing_since, p.id"
)


class Unrecorded(NamedTuple):
    """A message of a POP3 account that the history does not name: its line was lost. `sha256` is b"" where
    only the header is here."""

    id: str
    size: int
    sha256: bytes
    message_id: str


_UNRECORDED: Final = "pop3 unrecorded "
"""A setting, with the account's name behind it: there may be messages without a line in the history."""


_SETTLED: Final = "pop3 settled "
"""A setting, with the account's name behind it: the listing for which the history says that there is
nothing to do. Whatever changes the history removes it, a salvage too (`note_unrecorded`)."""


def pop3_known(connection: apsw.Connection, account: str) -> dict[tuple[str, int], Pop3Row]:
    """See Store.pop3_known."""
    found = rows(
        connection,
        f"SELECT {COLUMNS} FROM pop3_message p JOIN account a ON a.key = p.account WHERE a.name = ?",
        (account,),
    )
    return {(row[0], row[1]): Pop3Row._make(row) for row in found}


def latest(connection: apsw.Connection, account: str) -> float | None:
    """See Store.pop3_latest."""
    ((when,),) = rows(
        connection,
        "SELECT max(max(first_seen, ifnull(delivered_at, 0), ifnull(missing_since, 0))) FROM pop3_message"
        " WHERE account = (SELECT key FROM account WHERE name = ?)",
        (account,),
    )
    return None if when is None else float(when)


def pop3_fetching(connection: apsw.Connection, account: str) -> list[Pop3Row]:
    """See Store.pop3_fetching."""
    found = rows(
        connection,
        # SQLite takes the primary key for the better way, and reads the whole history.
        f"SELECT {COLUMNS} FROM pop3_message p INDEXED BY pop3_fetching JOIN account a ON a.key = p.account"
        " WHERE a.name = ? AND p.state = 'fetching'",
        (account,),
    )
    return [Pop3Row._make(row) for row in found]


def pop3_pending_deletes(connection: apsw.Connection, account: str) -> list[Pop3Row]:
    """See Store.pop3_pending_deletes. `Writer.expunged` with their ids when QUIT has been answered."""
    found = rows(
        connection,
        # In this order: few are purged, and the history is long.
        f"SELECT {COLUMNS} FROM recovery r CROSS JOIN pop3_message p ON p.id = r.id"
        " JOIN account a ON a.key = p.account WHERE a.name = ? AND r.pending = 1 AND r.account = a.name"
        " AND p.state != 'deleted' ORDER BY r.removed_at",
        (account,),
    )
    return [Pop3Row._make(row) for row in found]


def note_unrecorded(connection: apsw.Connection, account: str) -> None:
    """Messages came here by another way than a download: a file was adopted, the database salvaged."""
    connection.execute(
        "INSERT OR IGNORE INTO setting(key, value) VALUES(?, 'yes')", (f"{_UNRECORDED}{account}",)
    )
    unsettle(connection, account)


def forget_unrecorded(connection: apsw.Connection, account: str) -> None:
    """Every message that the server has is in the history again."""
    connection.execute("DELETE FROM setting WHERE key = ?", (f"{_UNRECORDED}{account}",))


def pop3_unrecorded(connection: apsw.Connection, account: str) -> list[Unrecorded] | None:
    """See Store.pop3_unrecorded."""
    if not rows(connection, "SELECT 1 FROM setting WHERE key = ?", (f"{_UNRECORDED}{account}",)):
        return None
    found = rows(
        connection,
        "SELECT m.id, m.size, ifnull(m.sha256, x''), m.message_id FROM message m"
        " JOIN folder f ON f.key = m.folder JOIN account a ON a.key = f.account WHERE a.name = ?"
        " AND iif(m.file IS NULL, EXISTS(SELECT 1 FROM outline o WHERE o.id = m.id), m.sha256 IS NOT NULL)"
        " AND NOT EXISTS(SELECT 1 FROM pop3_message p WHERE p.id = m.id)",
        (account,),
    )
    return [Unrecorded(*row) for row in found]


def settled(connection: apsw.Connection, account: str) -> str:
    """See Store.pop3_settled."""
    for (listing,) in rows(connection, "SELECT value FROM setting WHERE key = ?", (f"{_SETTLED}{account}",)):
        if not pop3_pending_deletes(connection, account):
            return str(listing)
    return ""


def settle(connection: apsw.Connection, account: str, listing: str) -> None:
    """See Writer.pop3_settle."""
    if not rows(connection, "SELECT 1 FROM setting WHERE key = ?", (f"{_UNRECORDED}{account}",)):
        connection.execute(
            "INSERT OR REPLACE INTO setting(key, value) VALUES(?, ?)", (f"{_SETTLED}{account}", listing)
        )


def unsettle(connection: apsw.Connection, account: str) -> None:
    """The history changes."""
    connection.execute("DELETE FROM setting WHERE key = ?", (f"{_SETTLED}{account}",))


def arrived(connection: apsw.Connection, identity: str, sha256: bytes, now: float) -> None:
    """The body of a message of which the header was here has come: from now on it may be deleted there."""
    for (account,) in rows(
        connection,
        "UPDATE pop3_message SET state = 'delivered', delivered_at = ?, sha256 = ?"
        " WHERE id = ? AND state = 'outlined'"
        " RETURNING (SELECT name FROM account WHERE key = pop3_message.account)",
        (now, sha256, identity),
    ):
        unsettle(connection, account)


def forget(connection: apsw.Connection, account: str) -> None:
    """The account is removed; another may come to have its name."""
    for kind in ("unrecorded", "settled", "screen", "login", "capabilities", "mbox"):
        connection.execute("DELETE FROM setting WHERE key = ?", (f"pop3 {kind} {account}",))
