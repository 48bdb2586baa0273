"""What belongs into the transaction of a delivery besides the mail: POP3 history, settings, operations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mailcli.errors import NotFound

if TYPE_CHECKING:
    import apsw

    from mailcli.store.values import FolderState, Pop3Row


class Writer:
    """What `also=` and `transact` are given; it is good for that one transaction."""

    ids: tuple[str, ...]
    """In `deliver`: the ids of the arrivals, in their order."""

    def __init__(self, connection: apsw.Connection, ids: tuple[str, ...] = ()) -> None:
        self.connection = connection
        self.ids = ids

    def _account(self, name: str) -> int:
        key: int | None = self.connection.execute("SELECT key FROM account WHERE name = ?", (name,)).get
        if key is None:
            raise NotFound(f"there is no account {name} in the mailbox")
        return key

    def pop3_record(self, account: str, rows: Iterable[Pop3Row]) -> None:
        """Insert or replace rows of the POP3 history."""
        key = self._changed(account)
        self.connection.executemany(
            "INSERT OR REPLACE INTO pop3_message(account, uidl, occurrence, size, state, header_hash, sha256,"
            " first_seen, delivered_at, missing_since, id) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(key, *row) for row in rows],
        )

    def pop3_forget(self, account: str, keys: Iterable[tuple[str, int]]) -> None:
        """Remove rows (uidl, occurrence) of the POP3 history."""
        key = self._changed(account)
        self.connection.executemany(
            "DELETE FROM pop3_message WHERE account = ? AND uidl = ? AND occurrence = ?",
            [(key, *row) for row in keys],
        )

    def pop3_missing(self, account: str, keys: Iterable[tuple[str, int]], since: float | None) -> None:
        """Messages of the POP3 history that are not listed since then; None: they are listed again."""
        self._set(account, "missing_since", since, keys)

    def pop3_deleted(self, account: str, keys: Iterable[tuple[str, int]]) -> None:
        """The server has deleted these messages of the POP3 history."""
        self._set(account, "state", "deleted", keys)

    def _set(self, account: str, column: str, value: object, keys: Iterable[tuple[str, int]]) -> None:
        key = self._changed(account)
        self.connection.executemany(
            f"UPDATE pop3_message SET {column} = ? WHERE account = ? AND uidl = ? AND occurrence = ?",
            [(value, key, *row) for row in keys],
        )

    def _changed(self, account: str) -> int:
        from mailcli.store import history

        history.unsettle(self.connection, account)
        return self._account(account)

    def pop3_settle(self, account: str, listing: str) -> None:
        """For this listing the history says that there is nothing to do; the next change of the history
        ends that."""
        from mailcli.store import history

        history.settle(self.connection, account, listing)

    def pop3_all_recorded(self, account: str) -> None:
        """A whole run went well: `pop3_unrecorded` has nothing more to tell."""
        from mailcli.store import history

        history.forget_unrecorded(self.connection, account)

    def put_cursor(self, folder: int, state: FolderState) -> None:
        """Set how far a folder is agreed. What we hold of it is counted here, not what the server said:
        after a download cut short the counters differ, and the next run opens the folder again."""
        from mailcli.store import cursors
        from mailcli.wire.imap.uidset import UidSet

        held = cursors.agreed_count(self.connection, folder)
        for text in (state.skipped.rpartition("|")[2], state.withheld.rpartition(" ")[2]):
            if text:
                left_out = UidSet.parse(text.encode())
                held += len(left_out) - cursors.agreed_among(self.connection, folder, left_out.ranges)
        cursors.set_folder_state(self.connection, folder, state._replace(server_count=held))

    def expunged(self, ids: Iterable[str]) -> None:
        """The server has done the EXPUNGE or DELE of these recovery entries."""
        self.connection.executemany("UPDATE recovery SET pending = 0 WHERE id = ?", [(i,) for i in ids])

    def hidden(self, ids: Iterable[str]) -> None:
        """The server keeps the messages of these recovery entries, and they are not to come back."""
        self.connection.executemany("UPDATE recovery SET pending = 2 WHERE id = ?", [(i,) for i in ids])

    def put_setting(self, key: str, value: str | None) -> None:
        """Keep a value under a key; None removes it."""
        if value is None:
            self.connection.execute("DELETE FROM setting WHERE key = ?", (key,))
        else:
            self.connection.execute("INSERT OR REPLACE INTO setting(key, value) VALUES(?, ?)", (key, value))

    def end_operations(self, seqs: Iterable[int]) -> None:
        """The outcome of these operations is known."""
        self.connection.executemany("DELETE FROM operation WHERE seq = ?", [(s,) for s in seqs])
