"""What is here, as `Store` shows it: accounts, folders, messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from apsw import Connection

    from mailcli.model.folder import Folder
    from mailcli.model.message import Lines, Page, Summary
    from mailcli.model.query.ast import Query
    from mailcli.store.journal import Note
    from mailcli.store.search import Found
    from mailcli.store.site import Site
    from mailcli.store.values import FolderFacts, Place, Twin


class Mailbox:
    """The part of `Store` for accounts, folders and reading messages."""

    _site: Site

    # -- accounts and folders --------------------------------------------------------------------

    def accounts(self) -> list[str]:
        """Names of the accounts that have anything here."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.accounts(connection)

    def account_key(self, name: str, protocol: str = "") -> int:
        """The account's row, made when new. `protocol` ("imap", "pop3", "" for none) is noted when given."""
        from mailcli.store import location

        with self._site.database.reading() as connection:
            row = location.account_row(connection, name)
        if row is not None and protocol in ("", row[1]):
            return row[0]
        from mailcli.store import folders

        with self._site.database.writing() as connection:
            return folders.make_account(connection, self._site.tree, name, protocol)

    def remove_account(self, name: str) -> None:
        """Forget an account; its mail tree is set aside in the recovery area, never deleted."""
        from mailcli.store import folders

        folders.remove_account(self._site, name)

    def folders(self, account: str | None = None) -> list[Folder]:
        """Folders with their counts, the inbox first, then by name."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.folders(connection, account)

    def folder(self, account: str, name: str) -> Folder:
        """One folder by its exact name (INBOX in any case). NotFound suggests the nearest."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.folder(connection, account, name)

    def find_folder(self, account: str, text: str) -> Folder:
        """The folder a person means: special use (Trash, Sent …), exact name, any case. Else NotFound."""
        from mailcli.store import folders

        with self._site.database.reading() as connection:
            return folders.find_folder(connection, account, text)

    def ensure_folder(
        self,
        account: str,
        name: str,
        *,
        special: str | None = None,
        delimiter: str | None = None,
        selectable: bool | None = None,
        subscribed: bool | None = None,
    ) -> int:
        """The folder's key; made (directories too) when new. What is given as None stays as it is."""
        from mailcli.store import folders

        return folders.ensure_folder(self._site, account, name, special, delimiter, selectable, subscribed)

    def ensure_folders(self, account: str, wanted: Iterable[FolderFacts]) -> dict[str, int]:
        """As `ensure_folder` for all that a server lists, in one transaction: the keys by name."""
        from mailcli.store import folders

        return folders.ensure_folders(self._site, account, wanted)

    def rename_folder(self, key: int, name: str, *, note: Note | None = None) -> str:
        """Rename a folder and all below it, directories included (RFC 9051 §6.3.6). Returns the token
        with which the journal has it, "" without a note."""
        from mailcli.store import refoldering

        return refoldering.rename_noted(self._site, key, name, note)

    def delete_folder(self, key: int, *, reason: str = "folder deleted", note: Note | None = None) -> int:
        """Remove a folder; its messages go to the recovery area. Returns how many."""
        from mailcli.store import removing

        return removing.delete_folder(self._site, key, reason, note)[0]

    def discard_folder(self, key: int, note: Note) -> tuple[int, str]:
        """`delete_folder` for a command that says how to undo it: returns the journal's token too."""
        from mailcli.store import removing

        return removing.delete_folder(self._site, key, "folder deleted", note)

    def create_folder(self, account: str, name: str, note: Note) -> tuple[int, str]:
        """Make a folder that is not there yet. Returns its key, and the token ("": it was there)."""
        from mailcli.store import undoing

        return undoing.create_folder(self._site, account, name, note)

    def subscribe_folder(self, account: str, name: str, wanted: bool, note: Note) -> str:
        """Note that a folder is subscribed to, or not any more. Returns the token ("": so it was)."""
        from mailcli.store import undoing

        return undoing.subscribe_folder(self._site, account, name, wanted, note)

    # -- reading ---------------------------------------------------------------------------------

    def summaries(
        self,
        *,
        folders: Sequence[int] | None,
        unread: bool = False,
        limit: int | None = None,
        after: str | None = None,
        sort: str = "date",
        reverse: bool = False,
        threads: bool = False,
    ) -> Page:
        """Rows of folders (None: all).

        `sort` is date, from, subject or size: newest, A, A, largest first; `reverse` turns it round.
        """
        from mailcli.store import listing

        with self._site.database.snapshot() as connection:
            return listing.summaries(
                connection,
                folders=folders,
                unread=unread,
                limit=limit,
                after=after,
                sort=sort,
                reverse=reverse,
                threads=threads,
            )

    def get(self, ids: Iterable[str]) -> list[Summary]:
        """The rows of full ids, in that order. NotFound if one is not there."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.get(connection, ids)

    def ids(self) -> set[str]:
        """The ids of all messages."""
        from mailcli.store import arrivals

        with self._site.database.reading() as connection:
            return arrivals.ids(connection)

    def twins(self, ids: Sequence[str]) -> list[Twin]:
        """For these ids the messages of the same content in other folders, recovery included: where
        they were moved or copied from, or to."""
        from mailcli.store import arrivals

        with self._site.database.reading() as connection:
            return arrivals.twins(connection, ids)

    def places(self, ids: Iterable[str]) -> list[Place]:
        """Where messages are, here and on the server, in that order. NotFound if one is not there."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.places(connection, ids)

    def resolve(self, text: str) -> list[str]:
        """Ids meant by an id, a unique prefix, `mid:MESSAGE-ID` or `t:THREAD`. AmbiguousId, NotFound."""
        from mailcli.store import naming

        with self._site.database.reading() as connection:
            return naming.resolve(connection, text)

    def shortest(self, ids: Iterable[str]) -> dict[str, str]:
        """For each id its shortest unique prefix of 4 characters or more."""
        from mailcli.store import naming

        with self._site.database.snapshot() as connection:
            return naming.shortest(connection, ids)

    def thread(self, thread: str) -> list[Summary]:
        """All messages of a thread, oldest first."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.thread(connection, thread)

    def count(self, folder: int | None = None, *, unread: bool = False) -> int:
        """How many messages a folder (None: the mailbox) has."""
        from mailcli.store import listing

        with self._site.database.reading() as connection:
            return listing.count(connection, folder, unread)

    def data_version(self) -> int:
        """A number that changes when another connection has changed the mailbox (3 µs)."""
        with self._site.database.reading() as connection:
            version: int = connection.pragma("data_version")
            return version

    def search(
        self,
        query: Query,
        *,
        limit: int | None = None,
        after: str | None = None,
        sort: str = "date",
        reverse: bool = False,
        threads: bool = False,
        own_addresses: Sequence[str] = (),
    ) -> Page:
        """Messages that match a parsed query, newest (or with `sort="relevance"` best) first.

        `own_addresses` are what `to:me` means. With threads, `counts` are the messages of each whole
        thread. QueryError for folders and accounts that are not there.
        """
        from mailcli.model.message import Page
        from mailcli.store import listing

        asked = {"limit": limit, "after": after, "sort": sort, "reverse": reverse, "threads": threads}
        with self._site.database.snapshot() as connection:
            found = self._find(connection, query, listing.COLUMNS, own_addresses=own_addresses, **asked)
            listed = listing.Reader(connection).summaries(found.rows)
            counts = listing.thread_counts(connection, [s.thread for s in listed]) if threads else ()
        return Page(listed, found.next, counts)

    def search_lines(self, query: Query, *, ids: bool = False, **asked: Any) -> Lines:
        """As `search`, for lines of text; with `ids` for those alone."""
        from mailcli.store import listing

        with self._site.database.snapshot() as connection:
            found = self._find(connection, query, listing.IDS if ids else listing.LINE, **asked)
            return listing.Reader(connection).lines(found)

    def _find(self, connection: Connection, query: Query, columns: str, **asked: Any) -> Found:
        from mailcli.store import search

        now, read = self._site.clock(), self.known_bytes
        return search.find(connection, query, columns=columns, now=now, read=read, **asked)

    def count_matches(self, query: Query, *, threads: bool = False, own_addresses: Sequence[str] = ()) -> int:
        """How many messages match a parsed query, or in how many threads."""
        from mailcli.store import search

        with self._site.database.snapshot() as connection:
            return search.count(
                connection, query, threads=threads, own_addresses=own_addresses, read=self.known_bytes
            )

    def open_bytes(self, id: str) -> bytes:
        """The message as it was on the wire. NotFound for a row without body, LocalIOError without file."""
        from mailcli.store import reading

        return reading.wire(self._site, id)

    def known_bytes(self, id: str) -> bytes:
        """The message as far as it is here: whole, or its header with parts that are empty. NotFound."""
        from mailcli.store import outlines

        return outlines.known(self._site, id)

    def header_bytes(self, id: str) -> bytes:
        """The message's header block as it was on the wire. NotFound."""
        from mailcli.store import bodies

        return bodies.header_of(self.known_bytes(id))

    def stored_bytes(self, id: str) -> bytes:
        """The message as its file has it."""
        from mailcli.store import reading

        return reading.stored(self._site, id)[0]

    def path(self, id: str) -> Path:
        """The message's file."""
        from pathlib import Path

        from mailcli.store import reading

        return Path(reading.path(self._site, id))
