"""What is agreed with the servers, and the difference from it that has yet to be pushed.

Nothing is logged to be replayed: a message is where the user has it (`folder`, `bits`) and where the server
has it as last agreed (`at_folder`, `base_bits`); what differs is pending. `dirty` marks those rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from mailcli.model import flags as flag_words
from mailcli.model.flags import Flags
from mailcli.store import changing, cursors, index, journal, location, recovery
from mailcli.store.renames import Renames
from mailcli.store.site import Site
from mailcli.store.sql import chunks, marks, rows
from mailcli.store.values import (
    Agreed,
    Bound,
    Fingerprint,
    Operation,
    Pending,
    PendingAppend,
    PendingCopy,
    PendingExpunge,
    PendingMove,
    PendingStore,
    SyncChanges,
    Tombstone,
)
from mailcli.store.writer import Writer

if TYPE_CHECKING:
    import apsw


class _FlagCache(dict[tuple[int, str], Flags]):
    """{(bits, words): flags}. Folders have few different sets of flags and very many messages."""

    def __missing__(self, key: tuple[int, str]) -> Flags:
        found = self[key] = flag_words.from_bits(*key)
        return found


def agreed(connection: apsw.Connection, folder: int) -> list[Agreed]:
    """See Store.agreed."""
    flags = _FlagCache()
    return [
        Agreed(
            id_,
            uid,
            None if base_bits is None else flags[base_bits, base_words],
            flags[bits, words],
            now,
            bool(present),
        )
        for id_, uid, base_bits, base_words, bits, words, now, present in rows(
            connection,
            "SELECT id, uid, base_bits, base_words, bits, words, folder,"
            " file IS NOT NULL AND missing_since IS NULL FROM message WHERE at_folder = ? AND uid IS NOT NULL"
            " ORDER BY uid",
            (folder,),
        )
    ]


def fingerprints(connection: apsw.Connection, folder: int) -> list[Fingerprint]:
    """See Store.fingerprints."""
    return [
        Fingerprint(id_, uid, size, message_id, object_id or "", sha256 or b"")
        for id_, uid, size, message_id, object_id, sha256 in rows(
            connection,
            "SELECT id, uid, size, message_id, object_id, sha256 FROM message"
            " WHERE at_folder = ? ORDER BY uid",
            (folder,),
        )
    ]


_TOO_EARLY: Final = (
    # moved to another account, and not uploaded there yet
    "EXISTS(SELECT 1 FROM message m JOIN folder g ON g.key = m.folder JOIN account b ON b.key = g.account"
    " WHERE m.id = r.after AND m.at_folder IS NULL AND b.protocol = 'imap')"
)


def tombstones(connection: apsw.Connection, folder: int) -> list[Tombstone]:
    """See Store.tombstones."""
    flags = _FlagCache()
    return [
        Tombstone(id_, uid, flags[bits, words], bool(hidden))
        for id_, uid, bits, words, hidden in rows(
            connection,
            "SELECT id, uid, coalesce(base_bits, bits), coalesce(base_words, words),"
            f" pending = 2 OR {_TOO_EARLY} FROM recovery r"
            " WHERE pending != 0 AND at_folder = ? AND uid IS NOT NULL ORDER BY uid",
            (folder,),
        )
    ]


# -- what is pending ---------------------------------------------------------------------------

_DIRTY: Final = (
    "SELECT m.id, m.folder, m.at_folder, m.uid, m.base_bits, m.base_words, m.bits, m.words, m.origin,"
    " m.file IS NOT NULL AND m.missing_since IS NULL, o.at_folder, o.uid"
    " FROM message m JOIN folder f ON f.key = m.folder JOIN account a ON a.key = f.account"
    " LEFT JOIN message o ON o.id = m.origin AND o.uid IS NOT NULL AND EXISTS("
    "   SELECT 1 FROM folder g WHERE g.key = o.at_folder AND g.account = f.account)"
    " WHERE m.dirty = 1 AND a.name = ? ORDER BY m.rid"
)
_EXPUNGES: Final = (
    "SELECT r.id, r.at_folder, r.uid, coalesce(r.base_bits, r.bits), coalesce(r.base_words, r.words)"
    " FROM recovery r JOIN folder f ON f.key = r.at_folder"
    " JOIN account a ON a.key = f.account WHERE r.pending = 1 AND a.name = ? AND r.uid IS NOT NULL"
    f" AND NOT {_TOO_EARLY} ORDER BY r.at_folder, r.uid"
)


def pending(connection: apsw.Connection, account: str) -> Pending:
    """See Store.pending."""
    flags = _FlagCache()
    moves: list[PendingMove] = []
    copies: list[PendingCopy] = []
    appends: list[PendingAppend] = []
    stores: list[PendingStore] = []
    unagreed: list[PendingStore] = []
    for id_, folder, at_folder, uid, *more in rows(connection, _DIRTY, (account,)):
        base_bits, base_words, bits, words, origin, present, from_folder, from_uid = more
        if at_folder is None:
            if from_folder is not None:
                copies.append(PendingCopy(id_, origin, from_folder, from_uid, folder))
            elif present:
                appends.append(PendingAppend(id_, folder))
            continue
        if at_folder != folder:
            moves.append(PendingMove(id_, at_folder, uid, folder))
        have = flags[bits, words]
        if base_bits is None:
            unagreed.append(PendingStore(id_, at_folder, uid, have, frozenset()))
            continue
        base = flags[base_bits, base_words]
        if have != base:
            stores.append(PendingStore(id_, at_folder, uid, have - base, base - have))
    expunges = [
        PendingExpunge(id_, at_folder, uid, flags[bits, words])
        for id_, at_folder, uid, bits, words in rows(connection, _EXPUNGES, (account,))
    ]
    return Pending(
        tuple(moves), tuple(copies), tuple(appends), tuple(stores), tuple(expunges), tuple(unagreed)
    )


# -- writing down ------------------------------------------------------------------------------


def apply(site: Site, changes: SyncChanges, also: Callable[[Writer], None] | None) -> None:
    """See Store.apply."""
    with site.database.writing() as connection, Renames(site.tree) as renames:
        changing.release(connection, changes.unbound, site.clock())
        for identity in changes.left:
            recovery.leave_behind(connection, identity, "moved", site.clock(), wait=False)
        _bind(connection, changes.bound, site.clock())
        _relocate(site, connection, renames, changes.relocated)
        _agree(connection, renames, changes)
        # In a batch some may be gone for another reason by now: purged by the user, say.
        gone: dict[str, list[str]] = {}
        for identity, reason in changes.gone:
            gone.setdefault(reason, []).append(identity)
        for reason, ids in gone.items():
            present = changing.present_rows(connection, ids)
            recovery.take_away(connection, [row.id for row in present], reason, site.clock(), pending=False)
            _log_gone(connection, present, reason, site.clock())
        writer = Writer(connection)
        writer.expunged(changes.expunged)
        writer.hidden(changes.hidden)
        writer.end_operations(changes.ended)
        touched = {
            *changes.unbound,
            *(b.id for b in changes.bound),
            *(i for i, _ in changes.relocated),
            *(f.id for f in changes.flags),
        }
        index.mark_dirty(connection, sorted(touched))
        for key, state in changes.states:
            cursors.set_folder_state(connection, key, state)
        if also is not None:
            also(writer)
    if changes.gone or changes.unbound:
        recovery.settle(site)


def _log_gone(connection: apsw.Connection, gone: Sequence[changing.Row], reason: str, now: float) -> None:
    """What the server no longer has can be brought back: an entry for each folder."""
    homes = location.homes(connection)
    places: dict[int, list[journal.Step]] = {}
    for row in gone:
        home = homes[row.folder]
        flags = " ".join(sorted(flag_words.from_bits(row.bits, row.words)))
        step = journal.Step("gone", home.account_name, home.name, row.id, added=flags)
        places.setdefault(row.folder, []).append(step)
    for folder, steps in places.items():
        tail = f"of {homes[folder].name}: {reason}"
        journal.write(connection, journal.Note("gone", tail, by_sync=True), steps, now)


def _bind(connection: apsw.Connection, bound: Sequence[Bound], now: float) -> None:
    """Set where the server has messages. All old places are cleared first: UIDs may be exchanged."""
    before: dict[str, tuple[int, int]] = {}
    for some in chunks([b.id for b in bound]):
        for identity, folder, uid in rows(
            connection, f"SELECT id, at_folder, uid FROM message WHERE id IN ({marks(some)})", some
        ):
            before[identity] = folder, uid
    connection.executemany("UPDATE message SET uid = NULL WHERE id = ?", [(b.id,) for b in bound])
    for identity, at_folder, uid, base in bound:
        if identity not in before:
            continue
        holder = rows(
            connection,
            "SELECT o.id, o.sha256 = m.sha256 OR ((o.file IS NULL OR m.file IS NULL) AND o.size = m.size"
            " AND o.message_id = m.message_id AND m.message_id != '') FROM message o, message m"
            " WHERE o.at_folder = ? AND o.uid = ? AND m.id = ? AND o.id != m.id",
            (at_folder, uid, identity),
        )
        if holder and not holder[0][1]:
            # The server named a UID that another message has: what was agreed before stays, if it can.
            connection.execute(
                "UPDATE OR IGNORE message SET at_folder = ?, uid = ? WHERE id = ?",
                (*before[identity], identity),
            )
            continue
        if holder:  # downloaded again before it was known to be this one
            recovery.take_away(connection, [holder[0][0]], "doubled", now, pending=False)
        connection.execute(
            "UPDATE message SET at_folder = ?, uid = ?, origin = NULL WHERE id = ?",
            (at_folder, uid, identity),
        )
        if base is not None:
            bits, words = flag_words.to_bits(base)
            connection.execute(
                "UPDATE message SET base_bits = ?, base_words = ? WHERE id = ?", (bits, words, identity)
            )


def _relocate(
    site: Site, connection: apsw.Connection, renames: Renames, relocated: Iterable[tuple[str, int]]
) -> None:
    for identity, folder in relocated:
        (row,) = changing.fetch_rows(connection, [identity])
        if row.folder != folder:
            path = location.home(connection, folder).path
            site.tree.make_folder(path)
            changing.relocate(connection, renames, row, path, folder)


def _agree(connection: apsw.Connection, renames: Renames, changes: SyncChanges) -> None:
    held = {row.id: row for row in changing.present_rows(connection, [f.id for f in changes.flags])}
    for identity, base, add, remove in changes.flags:
        if identity not in held:
            continue
        bits, words = flag_words.to_bits(base)
        connection.execute(
            "UPDATE message SET base_bits = ?, base_words = ? WHERE id = ?", (bits, words, identity)
        )
        if add or remove:
            changing.change_flags(connection, renames, held[identity], add, remove)


# -- operations --------------------------------------------------------------------------------


def begin_operations(
    site: Site,
    kind: str,
    ids: Sequence[str],
    folder: int | None,
    destination: int | None,
    stage: str,
    uidnext_before: int | None,
    note: str,
) -> list[int]:
    """See Store.begin_operations."""
    started = site.clock()
    seqs = []
    with site.database.writing() as connection:
        for identity in ids:
            connection.execute(
                "INSERT INTO operation(kind, message, folder, destination, stage, uidnext_before, started,"
                " note) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
                (kind, identity, folder, destination, stage, uidnext_before, started, note),
            )
            seqs.append(connection.last_insert_rowid())
    return seqs


def set_stage(site: Site, seqs: Iterable[int], stage: str) -> None:
    """See Store.set_stage."""
    with site.database.writing() as connection:
        connection.executemany("UPDATE operation SET stage = ? WHERE seq = ?", [(stage, s) for s in seqs])


def operations(connection: apsw.Connection, account: str | None) -> list[Operation]:
    """See Store.operations. An operation belongs to the account of its folder or destination."""
    where = (
        ""
        if account is None
        else " WHERE EXISTS(SELECT 1 FROM folder f JOIN account a ON a.key = f.account WHERE a.name = ?"
        " AND f.key IN (operation.folder, operation.destination))"
    )
    return [
        Operation(*row)
        for row in rows(
            connection,
            "SELECT seq, kind, message, folder, destination, stage, uidnext_before, started, note"
            f" FROM operation{where} ORDER BY seq",
            () if account is None else (account,),
        )
    ]
