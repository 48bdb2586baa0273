"""Making the derived columns, threads and the full-text index anew; comparing all there is with the files.

State (ids, UIDs, base flags, history) is left alone: it cannot be derived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mailcli.errors import LocalIOError, MailcliError, NotFound
from mailcli.model.address import Address
from mailcli.model.message import Content, Envelope
from mailcli.model.record import NamedTuple
from mailcli.store import fulltext, index, location, outlines, parsing, scanning, threads
from mailcli.store.columns import unpack
from mailcli.store.schema import VERSION
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks, rows
from mailcli.store.values import IndexStatus, Problem

if TYPE_CHECKING:
    import apsw

REBUILDING: Final = "index.rebuilding"
"""The setting that stands while the index is incomplete."""

ASTRAY: Final = (
    "FROM message m JOIN thread_ref r ON r.message_id = m.message_id"
    " WHERE m.message_id <> '' AND m.thread <> r.thread"
)
"""Messages in another thread than the one that has their Message-ID."""

_AT_ONCE: Final = 200


def rebuild(site: Site, progress: Callable[[int, int], None] | None) -> list[Problem]:
    """See Store.rebuild."""
    problems = _scan_all(site)
    with site.database.writing() as connection:
        connection.execute("INSERT OR REPLACE INTO setting(key, value) VALUES(?, '1')", (REBUILDING,))
        fulltext.clear(connection)
        fulltext.begin_bulk(connection)
        connection.execute("DELETE FROM thread_ref")
        ids = [i for (i,) in rows(connection, "SELECT id FROM message ORDER BY rid")]
    try:
        done = 0
        site.expect(len(ids))
        for some, read in _ahead(site, list(chunks(ids, _AT_ONCE))):
            problems += read.problems
            _renew(site, some, read.parsed)
            done += len(some)
            if progress is not None:
                progress(done, len(ids))
    finally:
        with site.database.writing() as connection:
            fulltext.end_bulk(connection)
    with site.database.writing() as connection:
        connection.execute("DELETE FROM setting WHERE key = ?", (REBUILDING,))
    return problems


def _scan_all(site: Site) -> list[Problem]:
    """Adopt unknown files everywhere."""
    with site.database.reading() as connection:
        keys = sorted(location.homes(connection))
    problems = []
    for key in keys:
        try:
            scanning.scan(site, key, force=True)
        except LocalIOError as error:
            problems.append(Problem("unreadable-folder", str(error)))
    return problems


class _Read(NamedTuple):
    """Messages by id as they were parsed, and what could not be read."""

    parsed: dict[str, index.Parsed]
    problems: list[Problem]


def _ahead(site: Site, some: Sequence[Sequence[str]]) -> Iterator[tuple[Sequence[str], _Read]]:
    """Each lot of ids with its messages. The next lot is parsed meanwhile: SQLite needs no interpreter,
    so that its writing and the parsing (with its helper) keep two processors busy."""
    from concurrent.futures import Future, ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        following: Future[_Read] | None = None
        for number, ids in enumerate(some):
            read = following.result() if following is not None else _parsed(site, ids)
            following = thread.submit(_parsed, site, some[number + 1]) if number + 1 < len(some) else None
            yield ids, read


def _parsed(site: Site, ids: Sequence[str]) -> _Read:
    """All at once; one by one if a file is not where its row says."""
    with site.database.reading() as connection:
        found = rows(
            connection,
            "SELECT m.id, f.path, m.file, m.size FROM message m JOIN folder f ON f.key = m.folder"
            f" WHERE m.file IS NOT NULL AND m.id IN ({marks(ids)})",
            ids,
        )
    letters = [parsing.Filed(site.tree.file(path, file), size) for _, path, file, size in found]
    with suppress(OSError):
        parsed = dict(zip((row[0] for row in found), parsing.parse(site.worker, letters), strict=True))
        return _one_by_one(site, [i for i in ids if i not in parsed], parsed)
    return _one_by_one(site, ids, {})


def _one_by_one(site: Site, ids: Sequence[str], parsed: dict[str, index.Parsed]) -> _Read:
    problems: list[Problem] = []
    for identity in ids:
        try:
            parsed[identity] = index.parse(outlines.known(site, identity))
        except NotFound:
            pass  # purged meanwhile, or its outline is lost
        except MailcliError as error:
            problems.append(Problem("missing-file", str(error), identity))
    return _Read(parsed, problems)


def _renew(site: Site, ids: Sequence[str], parsed: Mapping[str, index.Parsed]) -> None:
    """One transaction. What has no file is indexed from its row."""
    with site.database.writing() as connection:
        rids = index.RowIds(connection)
        for rid, identity, arrived in rows(
            connection,
            f"SELECT rid, id, arrived FROM message WHERE id IN ({marks(ids)}) ORDER BY rid",
            ids,
        ):
            found = parsed.get(identity) or _from_row(connection, rid)
            index.renew(connection, rids, rid, identity, arrived, found)


def index_missing(site: Site) -> None:
    """Put messages into the full-text index that are not in it."""
    with site.database.reading() as connection:
        ids = [
            i
            for (i,) in rows(
                connection, "SELECT id FROM message WHERE rid NOT IN (SELECT rowid FROM fts) ORDER BY rid"
            )
        ]
    for some, read in _ahead(site, list(chunks(ids, _AT_ONCE))):
        _renew(site, some, read.parsed)


def _from_row(connection: apsw.Connection, rid: int) -> index.Parsed:
    """What is known of a message whose body is not here: its row."""
    derived = rows(
        connection, f"SELECT {', '.join(index.DERIVED_COLUMNS)} FROM message WHERE rid = ?", (rid,)
    )[0]
    row: dict[str, Any] = dict(zip(index.DERIVED_COLUMNS, derived, strict=True))
    sender, to, cc = (tuple(Address(*a) for a in unpack(row[c])) for c in ("sender", "recipients", "cc"))
    content = Content(
        Envelope(
            subject=row["subject"],
            sender=sender,
            to=to,
            cc=cc,
            date=row["date"],
            zone=row["zone"],
            message_id=row["message_id"],
            list_id=row["list_id"],
        ),
        "",
        row["preview"],
        row["attachments"],
        tuple(row["filenames"].split("\n")) if row["filenames"] else (),
        frozenset(row["types"].split()),
        frozenset(row["marks"].split()),
    )
    named = [row["in_reply_to"]] if row["in_reply_to"] else []
    references = threads.relevant(row["message_id"], named)
    return index.Parsed(row["date"], derived, references, fulltext.row(content))


# -- checking ----------------------------------------------------------------------------------


def check(site: Site) -> list[Problem]:
    """See Store.check."""
    problems: list[Problem] = []
    with site.database.reading() as connection:
        for (text,) in rows(connection, "PRAGMA integrity_check(20)"):
            if text != "ok":
                problems.append(Problem("database", f"SQLite: {text}"))
        homes = location.homes(connection)
        for account in {home.account for home in homes.values()}:
            try:
                location.check_mounted(connection, site.tree, account)
            except LocalIOError as error:
                problems.append(Problem("not-mounted", str(error)))
        problems += _check_index(connection)
        for home in homes.values():
            problems += _check_folder(site, connection, home)
        for identity, file in rows(
            connection, "SELECT id, file FROM recovery WHERE moved = 1 AND file IS NOT NULL"
        ):
            if site.tree.recovered(file) is None:
                problems.append(
                    Problem("missing-recovery", "a purged message's file is gone", identity, file)
                )
    return problems


def _check_index(connection: apsw.Connection) -> list[Problem]:
    problems = []
    unindexed, ghosts = rows(
        connection,
        "SELECT (SELECT count(*) FROM message WHERE rid NOT IN (SELECT rowid FROM fts)),"
        " (SELECT count(*) FROM fts WHERE rowid NOT IN (SELECT rid FROM message))",
    )[0]
    if unindexed:
        problems.append(Problem("unindexed", f"{unindexed} messages are not in the full-text index"))
    if ghosts:
        problems.append(Problem("ghosts", f"the full-text index has {ghosts} rows without a message"))
    homeless: int = connection.execute(
        "SELECT count(*) FROM message WHERE folder NOT IN (SELECT key FROM folder)"
    ).get
    if homeless:
        problems.append(Problem("homeless", f"{homeless} messages belong to no folder"))
    astray: int = connection.execute(f"SELECT count(*) {ASTRAY}").get
    if astray:
        problems.append(Problem("threads", f"{astray} messages are not in the thread of their own id"))
    if connection.execute("SELECT 1 FROM setting WHERE key = ?", (REBUILDING,)).get:
        problems.append(Problem("incomplete", "an index rebuild was interrupted: run it again"))
    return problems


def _check_folder(site: Site, connection: apsw.Connection, home: location.Home) -> list[Problem]:
    problems = []
    listing = site.tree.listing(home.path)
    known: dict[str, str] = dict(
        rows(
            connection,
            "SELECT file, id FROM message WHERE folder = ? AND file IS NOT NULL",
            (home.key,),
        )
    )
    bases = set(listing.values())
    for file in known.keys() - listing.keys():
        if file.partition("/")[2].partition(":")[0] not in bases:
            path = site.tree.file(home.path, file)
            problems.append(Problem("missing-file", "a message's file is gone", known[file], path))
    held = {file.partition("/")[2].partition(":")[0] for file in known}
    for file, base in listing.items():
        if base not in held:
            path = site.tree.file(home.path, file)
            problems.append(Problem("unknown-file", "a file has no row yet", "", path))
    return sorted(problems)


def status(site: Site) -> IndexStatus:
    """See Store.status."""
    import os

    with site.database.reading() as connection:
        found = rows(
            connection,
            "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM fts),"
            " (SELECT count(*) FROM message WHERE file IS NULL), (SELECT count(*) FROM folder),"
            " (SELECT count(DISTINCT thread) FROM message),"
            " (SELECT count(*) FROM message WHERE dirty = 1)"
            " + (SELECT count(*) FROM recovery WHERE pending = 1),"
            " (SELECT count(*) FROM recovery WHERE pending = 2),"
            " (SELECT count(*) FROM recovery), (SELECT coalesce(sum(size), 0) FROM message"
            " WHERE file IS NOT NULL),"
            " NOT EXISTS(SELECT 1 FROM setting WHERE key = ?)",
            (REBUILDING,),
        )[0]
    messages, indexed, remote_only, folder_count, thread_count, pending, hidden, purged, octets, complete = (
        found
    )
    size = 0
    for suffix in ("", "-wal"):
        if os.path.exists(site.database.path + suffix):
            size += os.path.getsize(site.database.path + suffix)
    return IndexStatus(
        messages=messages,
        indexed=indexed,
        remote_only=remote_only,
        folders=folder_count,
        threads=thread_count,
        pending=pending,
        hidden=hidden,
        recovery=purged,
        database_size=size,
        mail_size=octets,
        schema=VERSION,
        complete=bool(complete) and messages == indexed,
        path=site.database.path,
    )
