"""Giving a row to a file that has none.

A file of ours whose transaction was cut comes back with its id and, if its name has V, U and F of this
folder, with its place on the server: nothing is downloaded twice. A file of another program gets an id and
a name of ours. A file whose message the database knows elsewhere was moved here, or it is a copy and gets an
id of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailcli.mime import lineends
from mailcli.model import flags as flag_words
from mailcli.model.record import NamedTuple
from mailcli.store import (
    bodies,
    changing,
    deliver,
    disk,
    history,
    index,
    location,
    maildir,
    recovery,
    tmpfiles,
)
from mailcli.store.location import Home
from mailcli.store.maildir import Name
from mailcli.store.renames import Renames
from mailcli.store.site import Site
from mailcli.store.sql import chunks, rows
from mailcli.store.values import LIFETIME

if TYPE_CHECKING:
    import apsw

_AT_ONCE = 200


class Adopted:
    """Ids by what became of them."""

    def __init__(self) -> None:
        self.adopted: list[str] = []
        self.flags: list[str] = []
        self.moved: list[str] = []


class _File(NamedTuple):
    """A file without a row, read."""

    file: str
    name: Name
    data: bytes
    arrived: float
    bits: int
    hashes: tmpfiles.Written
    parsed: index.Parsed


def adopt(site: Site, home: Home, unknown: Sequence[str]) -> Adopted:
    """Give rows to these files of a folder (`cur/NAME`), oldest first."""
    found = Adopted()
    for some in chunks(sorted(unknown, key=lambda file: file.partition("/")[2]), _AT_ONCE):
        read = [one for file in some if (one := _read(site, home, file)) is not None]
        with site.database.writing() as connection, Renames(site.tree) as renames:
            work = _Adoption(site, connection, renames, home, found)
            for one in read:
                work.take(one)
            index.mark_dirty(connection, found.moved)
    recovery.settle(site)
    return found


def _read(site: Site, home: Home, file: str) -> _File | None:
    path = site.tree.file(home.path, file)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as opened:
            stored, mtime = opened.read(), os.fstat(fd).st_mtime
    except OSError:
        return None  # gone again, a directory, a symbolic link: not mail of this folder
    name = maildir.parse_name(file.partition("/")[2])
    if name.size is not None:
        data = lineends.to_wire(stored, name.size)
    else:  # another program's: LF is how a Maildir has CRLF, anything else is as it came
        data = stored if b"\r" in stored else stored.replace(b"\n", b"\r\n")
    seconds = name.base.partition(".")[0]
    arrived = float(seconds) if name.id and seconds.isdigit() and len(seconds) < 12 else mtime
    bits, _ = flag_words.to_bits(flag_words.from_letters(name.letters or ""))
    return _File(file, name, data, arrived, bits, tmpfiles.hashes(data), index.parse(data))


class _Adoption:
    """One transaction's worth of files."""

    def __init__(
        self, site: Site, connection: apsw.Connection, renames: Renames, home: Home, found: Adopted
    ) -> None:
        self._site = site
        self._connection = connection
        self._renames = renames
        self._home = home
        self._found = found
        self._rids = index.RowIds(connection)

    def take(self, one: _File) -> None:
        """Decide what a file is and write it down. Another run may have been faster."""
        if rows(
            self._connection,
            "SELECT 1 FROM message WHERE folder = ? AND file = ?",
            (self._home.key, one.file),
        ) or not os.path.lexists(self._path(one.file)):
            return
        identity = one.name.id
        if identity is not None and self._is_leaving(identity):
            return
        if identity is None:
            if (moved := self._moved_by_content(one)) is not None:
                self._move(moved, one)
            else:
                self._insert(one, self._new_id(), "")
            return
        known = changing.present_rows(self._connection, [identity])
        if known:
            if self._is_there(known[0]):
                self._insert(one, self._new_id(), identity)
            else:
                self._move(known[0], one)
        else:
            self._insert(one, identity, "")

    def _new_id(self) -> str:
        return deliver.free_ids(self._connection, 1)[0]

    def _path(self, file: str) -> str:
        return self._site.tree.file(self._home.path, file)

    def _is_there(self, row: changing.Row) -> bool:
        if row.file is None:
            return False
        if os.path.exists(self._site.tree.file(row.path, row.file)):
            return True
        base = row.file.partition("/")[2].partition(":")[0]
        return row.folder != self._home.key and self._site.tree.locate(row.path, base) is not None

    def _is_leaving(self, identity: str) -> bool:
        """Taken away by another run since this scan began: `recovery.settle` has yet to move the file."""
        return bool(rows(self._connection, "SELECT 1 FROM recovery WHERE id = ? AND moved = 0", (identity,)))

    def _moved_by_content(self, one: _File) -> changing.Row | None:
        """The message this was before another program moved it under a new name.

        Same Message-ID, same content but for the headers that programs insert, and its own file is gone.
        """
        message_id = one.parsed.derived[index.DERIVED_COLUMNS.index("message_id")]
        if not message_id:
            return None
        content = one.hashes.normal or one.hashes.sha256
        for (identity,) in rows(
            self._connection,
            "SELECT id FROM message WHERE message_id = ? AND coalesce(normal, sha256) = ?"
            " AND file IS NOT NULL",
            (message_id, content),
        ):
            (row,) = changing.present_rows(self._connection, [identity])
            if not self._is_there(row):
                return row
        return None

    def _move(self, row: changing.Row, one: _File) -> None:
        """The message is here now. If a program put headers in, it gets its own bytes back."""
        if row.file is None:
            self._fill(row, one)
            return
        file = self._own_bytes(row, one) or one.file
        bits = row.bits if one.name.letters is None else one.bits
        self._connection.execute(
            "UPDATE message SET folder = ?, file = ?, bits = ?, missing_since = NULL WHERE rid = ?",
            (self._home.key, file, bits, row.rid),
        )
        if row.at_folder is not None and self._account_of(row.at_folder) != self._home.account:
            recovery.leave_behind(self._connection, row.id, changing.ELSEWHERE, self._site.clock())
            changing.unbind(self._connection, row.id)
        self._found.moved.append(row.id)
        if bits != row.bits:
            self._found.flags.append(row.id)

    def _account_of(self, folder: int) -> int:
        return location.home(self._connection, folder).account

    def _fill(self, row: changing.Row, one: _File) -> None:
        """A body that came after its header, in a run that was cut before the row knew of it."""
        file = self._renames.refile(self._home.path, one.file, row.path, None)
        bodies.settle(self._site, self._connection, row.id, one.data, one.parsed)
        bodies.put(
            self._connection,
            self._rids,
            row.id,
            file,
            len(one.data),
            one.parsed,
            one.hashes,
            self._site.clock(),
        )
        self._found.moved.append(row.id)

    def _own_bytes(self, row: changing.Row, one: _File) -> str | None:
        """Write the message as it was on the wire under a name of ours in place of the file found."""
        sha256, arrived = rows(
            self._connection, "SELECT sha256, arrived FROM message WHERE rid = ?", (row.rid,)
        )[0]
        same = sha256 == one.hashes.sha256
        if same and one.name.id == row.id:
            return None
        plain = one.data if same else index.without_inserted(one.data)
        if not same and one.hashes.normal != sha256:
            # The original had such headers of its own, so it cannot be told what was put in.
            plain = one.data
            self._connection.execute(
                "UPDATE message SET size = ?, sha256 = ?, normal = ? WHERE rid = ?",
                (len(plain), one.hashes.sha256, one.hashes.normal, row.rid),
            )
        home, tree = self._home, self._site.tree
        base = maildir.make_name(
            arrived, row.id, maildir.host_name(), len(plain), uidvalidity=None, uid=None, tag=home.tag
        )
        letters = one.name.letters if one.name.letters is not None else maildir.letters_of(row.bits)
        file = maildir.place_name(base, letters)
        temporary = f"{tree.directory(home.path)}/{maildir.TMP}/{base}"
        with disk.reported("store mail"):
            disk.unlink(temporary)
            disk.write_new(temporary, lineends.to_store(plain)[0])
            disk.rename(temporary, self._path(file))
            disk.fsync_directory(os.path.dirname(self._path(file)))
            disk.unlink(self._path(one.file))
        return file

    def _insert(self, one: _File, identity: str, origin: str) -> None:
        uid, base = self._binding(one, identity, origin)
        if uid is not None:
            holder = rows(
                self._connection,
                "SELECT sha256 FROM message WHERE at_folder = ? AND uid = ?",
                (self._home.key, uid),
            )
            if holder and holder[0][0] == one.hashes.sha256:
                self._put_away(one, identity)
                return
            if holder:
                uid, base = None, (None, None)
        home = self._home
        state = index.State(
            id=identity,
            folder=home.key,
            at_folder=home.key if uid is not None else None,
            uid=uid,
            base_bits=base[0],
            base_words=base[1],
            origin=origin or None,
            file=self._own_name(one, identity),
            size=len(one.data),
            sha256=one.hashes.sha256,
            normal=one.hashes.normal,
            object_id=None,
            bits=one.bits,
            words="",
            arrived=one.arrived,
            dirty=0,
        )
        index.insert(self._connection, self._rids, state, one.parsed)
        index.mark_dirty(self._connection, [identity])
        recorded = rows(
            self._connection,
            "UPDATE pop3_message SET state = 'delivered', delivered_at = ?, sha256 = ?"
            " WHERE id = ? AND state = 'fetching' RETURNING 1",
            (self._site.clock(), one.hashes.sha256, identity),
        )
        if recorded:
            history.unsettle(self._connection, home.account_name)
        elif home.protocol != "imap":  # after a salvage the protocol is not known
            history.note_unrecorded(self._connection, home.account_name)
        self._found.adopted.append(identity)

    def _binding(
        self, one: _File, identity: str, origin: str
    ) -> tuple[int | None, tuple[int | None, str | None]]:
        """(uid in this folder or None, base flags): from the recovery area, or else from the name.

        A file whose id the recovery area has was brought back: by hand, or by a restore that was cut.
        """
        for at_folder, uid, bits, words, pending in rows(
            self._connection,
            "SELECT at_folder, uid, base_bits, base_words, pending FROM recovery WHERE id = ?",
            (identity,),
        ):
            self._connection.execute("DELETE FROM recovery WHERE id = ?", (identity,))
            # Still to be expunged: the server has it yet.
            return (uid, (bits, words)) if pending and at_folder == self._home.key else (None, (None, None))
        name, home = one.name, self._home
        ours = not origin and name.tag == home.tag and name.uidvalidity == home.uidvalidity
        return (name.uid if ours and name.uidvalidity is not None else None), (None, None)

    def _own_name(self, one: _File, identity: str) -> str:
        """The file under a name of ours, unless it has one."""
        if one.name.id == identity and one.name.size is not None:
            return one.file
        base = maildir.make_name(
            one.arrived,
            identity,
            maildir.host_name(),
            len(one.data),
            uidvalidity=None,
            uid=None,
            tag="",
        )
        with disk.reported("take over a message file"):
            return self._renames.refile(self._home.path, one.file, self._home.path, None, base)

    def _put_away(self, one: _File, identity: str) -> None:
        """Left over from a cut run, and its message was downloaded again since: one of the two must go."""
        now = self._site.clock()
        self._connection.execute(
            "INSERT OR IGNORE INTO recovery(id, account, folder, file, source, moved, size, sha256, bits,"
            " words, arrived, reason, removed_at, expires, pending)"
            " VALUES(?, ?, ?, ?, ?, 0, ?, ?, ?, '', ?, 'doubled', ?, ?, 0)",
            (
                identity,
                self._home.account_name,
                self._home.name,
                one.file.partition("/")[2],
                f"{self._home.path}/{one.file}",
                len(one.data),
                one.hashes.sha256,
                one.bits,
                one.arrived,
                now,
                now + LIFETIME,
            ),
        )
