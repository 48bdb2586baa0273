"""Messages of which only the header is here, and the bodies that come later."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from mailcli.errors import LocalIOError, NotFound
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.model.query.parse import parse
from mailcli.store import disk, schema
from mailcli.store.partial import CHANGED, FILLED, GONE, RESIZED, THERE, Outline
from mailcli.store.store import Store
from mailcli.store.tmpfiles import hashes
from mailcli.store.values import Bound, Fingerprint, Scan, SyncChanges
from mailcli.store.values import Gone as GoneRow
from mailcli.store.writer import Writer
from tests.support.letters import NOW, Clock, as_first_version, files, letter, litter, open_store, remote

MIXED = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b1"
FRAME = (
    b"--b1\r\nContent-Type: text/plain\r\n\r\n\r\n"
    b'--b1\r\nContent-Type: application/pdf; name="report.pdf"\r\n'
    b"Content-Disposition: attachment\r\n\r\n\r\n--b1--\r\n"
)


def header(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"


def outline(folder: int, number: int, data: bytes = b"", *, frame: bytes = b"") -> Outline:
    """A letter that the server has as UID `number`, of which only the header came."""
    data = data or letter(number)
    return Outline(
        folder,
        header(data),
        len(data),
        frame,
        frozenset({FLAGGED}),
        NOW - 1000 + number,
        uid=number,
        on_server=True,
    )


def found(store: Store, text: str) -> list[str]:
    return [s.id for s in store.search(parse(text, now=NOW)).rows]


def test_a_header_is_listed_sorted_threaded_and_found_like_a_message(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    data = letter(2, references=[1], extra=MIXED + "\r\nList-Id: <talk.example.org>\r\nX-Tone: warm")
    (whole,) = store.deliver([remote(inbox, 1)])
    (bare,) = store.deliver_outlines([outline(inbox, 2, data, frame=FRAME)])
    assert len(files(tmp_path)) == 1
    (row,) = store.get([bare])
    assert (row.subject, row.size, row.flags) == ("Letter 2", len(data), frozenset({FLAGGED}))
    assert (row.attachments, row.preview, row.remote_only) == (1, "", True)
    assert {s.id for s in store.thread(row.thread)} == {whole, bare}
    assert [s.id for s in store.summaries(folders=[inbox], sort="size").rows] == [bare, whole]
    for query in (
        "subject:2",
        "from:ann letter 2",
        "list:talk",
        "has:attachment",
        "filename:pdf",
        "mime:application/pdf",
        "header.X-Tone:warm",
        f"size:{len(data)}..{len(data)}",
    ):
        assert found(store, query) == [bare], query
    assert found(store, "body:words") == [whole]
    assert found(store, "-body:words") == [bare]


def test_a_header_comes_once_and_not_beside_its_message(store: Store, inbox: int) -> None:
    (first,) = store.deliver_outlines([outline(inbox, 1)])
    (whole,) = store.deliver([remote(inbox, 2)])
    assert store.deliver_outlines([outline(inbox, 1), outline(inbox, 2)]) == [first, whole]
    assert not store.get([whole])[0].remote_only
    assert store.count() == 2


def test_what_belongs_with_headers_is_in_their_transaction(store: Store, inbox: int) -> None:
    def also(writer: Writer) -> None:
        writer.put_setting("first", writer.ids[0])
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        store.deliver_outlines([outline(inbox, 1)], also=also)
    assert (store.count(), store.setting("first")) == (0, None)


def test_bytes_are_not_there_but_the_header_is(store: Store, inbox: int) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    for read in (store.open_bytes, store.stored_bytes, store.path):
        with pytest.raises(NotFound, match="not downloaded"):
            read(bare)
    assert store.known_bytes(bare) == header(letter(1))
    assert store.status().remote_only == 1
    assert store.status().mail_size == 0
    assert store.check() == []


@pytest.mark.parametrize("count", [1, 40])
def test_a_body_makes_the_row_whole_and_leaves_its_place(
    store: Store, inbox: int, tmp_path: Path, count: int
) -> None:
    mails = [letter(n + 1, references=[n]) for n in range(count)]
    ids = store.deliver_outlines([outline(inbox, n, m) for n, m in enumerate(mails, 1)])
    store.set_flags(ids, frozenset({SEEN}))
    threads = [s.thread for s in store.get(ids)]
    done = store.fill_bodies(list(zip(ids, mails, strict=True)))
    assert [(d.id, d.outcome) for d in done] == [(i, FILLED) for i in ids]
    assert [store.open_bytes(i) for i in ids] == mails
    assert [s.thread for s in store.get(ids)] == threads
    assert [p.uid for p in store.places(ids)] == list(range(1, count + 1))
    assert all(s.flags == {SEEN, FLAGGED} and s.preview and not s.remote_only for s in store.get(ids))
    assert store.path(ids[0]).name.endswith(":2,FS")
    assert ",V=7,U=1,F=" in store.path(ids[0]).name
    assert sorted(found(store, "body:words")) == sorted(ids)
    assert (store.lacking(inbox), store.check(), litter(tmp_path)) == ([], [], [])
    assert {f.sha256 for f in store.fingerprints(inbox)} == {hashes(m).sha256 for m in mails}


def test_a_body_that_comes_twice_is_stored_once(store: Store, inbox: int, tmp_path: Path) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    (first,) = store.fill_bodies([(bare, letter(1))])
    (again,) = store.fill_bodies([(bare, letter(1))])
    assert (first.outcome, again.outcome) == (FILLED, THERE)
    assert (len(files(tmp_path)), litter(tmp_path)) == (1, [])


def test_two_who_bring_the_same_body_store_it_once(
    store: Store, inbox: int, tmp_path: Path, clock: Clock
) -> None:
    """The second comes while the first, its file already durable in tmp/, is about to rename it."""
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    outcomes: list[str] = []

    def faster() -> None:
        with open_store(tmp_path, clock) as other:
            outcomes.append(other.fill_bodies([(bare, letter(1))])[0].outcome)
            other.set_flags([bare], frozenset({SEEN}))  # and the file has another name by now

    def second(step: str, path: str) -> None:
        if step == "fsync" and not outcomes:
            disk.failpoint = None
            thread = threading.Thread(target=faster)
            thread.start()
            thread.join()

    disk.failpoint = second
    outcomes.append(store.fill_bodies([(bare, letter(1))])[0].outcome)
    assert outcomes == [FILLED, THERE]
    assert (len(files(tmp_path)), litter(tmp_path)) == (1, [])
    assert store.open_bytes(bare) == letter(1)
    assert store.scan(inbox, force=True) == Scan()


def test_a_body_of_a_message_purged_meanwhile_is_not_stored(store: Store, inbox: int, tmp_path: Path) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])

    def purge(step: str, path: str) -> None:
        if step == "fsync":
            disk.failpoint = None
            store.purge([bare])

    disk.failpoint = purge
    assert store.fill_bodies([(bare, letter(1))])[0].outcome == GONE
    assert (files(tmp_path), litter(tmp_path), store.count()) == ([], [], 0)


@pytest.mark.parametrize("step", ["create", "write", "fsync", "rename", "fsync directory"])
def test_a_full_disk_leaves_the_header(store: Store, inbox: int, tmp_path: Path, step: str) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])

    def fail(name: str, path: str) -> None:
        if name == step:
            raise OSError(28, os.strerror(28), path)

    disk.failpoint = fail
    with pytest.raises(LocalIOError):
        store.fill_bodies([(bare, letter(1))])
    disk.failpoint = None
    assert store.get([bare])[0].remote_only
    assert (files(tmp_path), litter(tmp_path)) == ([], [])
    assert store.fill_bodies([(bare, letter(1))])[0].outcome == FILLED


def test_a_file_of_a_cut_run_is_taken_for_its_row(store: Store, inbox: int, tmp_path: Path) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    store.fill_bodies([(bare, letter(1))])
    path = store.path(bare)
    data = path.read_bytes()
    # As after a kill between the rename and the commit: the file is there, the row knows nothing of it.
    store.purge([bare])
    with store._site.database.writing() as connection:
        connection.execute("DELETE FROM recovery")
    (again,) = store.deliver_outlines([outline(inbox, 1)._replace(id=bare)])
    path.write_bytes(data)
    assert store.scan(inbox, force=True).moved == (again,)
    assert store.open_bytes(bare) == letter(1)
    assert found(store, "body:words") == [bare]
    assert store.check() == []
    assert not store.pending("work")


def test_another_size_under_the_same_header_is_told(store: Store, inbox: int) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    longer = letter(1) + b"One more line.\r\n"
    (done,) = store.fill_bodies([(bare, longer)])
    assert (done.outcome, done.kept) == (RESIZED, "")
    assert store.get([bare])[0].size == len(longer)
    assert store.open_bytes(bare) == longer


@pytest.mark.parametrize(
    "sent", [letter(9, body="Quite another."), letter(1, subject="Other", body="Something else.")]
)
def test_another_message_than_was_announced_is_kept_and_so_is_the_header(
    store: Store, inbox: int, sent: bytes
) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    (done,) = store.fill_bodies([(bare, sent)])
    assert done.outcome == CHANGED
    assert store.open_bytes(bare) == sent
    assert store.places([bare])[0].uid == 1
    (entry,) = store.recovery()
    assert (entry.id, entry.file_present, entry.pending) == (done.kept, True, False)
    kept = next((Path(store._site.tree.recovery)).iterdir()).read_bytes()
    assert kept.replace(b"\n", b"\r\n") == header(letter(1))


def test_a_header_written_another_way_is_the_same_message(store: Store, inbox: int) -> None:
    data = letter(1, extra="X-One: 1")
    (bare,) = store.deliver_outlines([outline(inbox, 1, data)])
    assert store.fill_bodies([(bare, data.replace(b"X-One", b"X-one"))])[0].outcome == FILLED


def test_headers_survive_a_rebuild_of_the_index(store: Store, inbox: int) -> None:
    data = letter(2, references=[7], extra=MIXED)
    ids = store.deliver_outlines([outline(inbox, 2, data, frame=FRAME), outline(inbox, 7)])
    before = store.get(ids)
    assert store.rebuild() == []
    assert store.get(ids) == before
    assert before[0].thread == before[1].thread
    assert found(store, "filename:report") == [ids[0]]


def test_headers_survive_the_salvage_of_a_database(
    tmp_path: Path, clock: Clock, store: Store, inbox: int
) -> None:
    ids = store.deliver_outlines([outline(inbox, 1), outline(inbox, 2, frame=FRAME)])
    store.deliver([remote(inbox, 3)])
    before = store.get(ids)
    store.close()
    (tmp_path / "data/mailcli.db.damaged").touch()
    with open_store(tmp_path, clock) as opened:
        assert opened.notices
        after = opened.get(ids)
        assert [a._replace(rid=0, thread="") for a in after] == [b._replace(rid=0, thread="") for b in before]
        assert opened.known_bytes(ids[0]) == header(letter(1))
        assert [i.uid for i in opened.lacking(inbox)] == [2, 1]
        opened.fill_bodies([(ids[0], letter(1))])
        assert opened.open_bytes(ids[0]) == letter(1)


def test_a_header_is_flagged_moved_and_pushed_like_a_message(store: Store, inbox: int, trash: int) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    store.set_flags([bare], frozenset({SEEN}))
    store.move([bare], trash)
    pending = store.pending("work")
    assert [(s.uid, s.add) for s in pending.stores] == [(1, frozenset({SEEN}))]
    assert [(m.uid, m.destination) for m in pending.moves] == [(1, trash)]
    store.apply(SyncChanges(bound=[Bound(bare, trash, 5, frozenset({SEEN, FLAGGED}))]))
    assert not store.pending("work")
    assert [i.uid for i in store.lacking(trash)] == [5]
    store.fill_bodies([(bare, letter(1))])
    assert store.path(bare).parent.parent.name == "Trash"


def test_a_header_is_not_moved_to_another_account(store: Store, inbox: int) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    store.account_key("home", "imap")
    there = store.ensure_folder("home", "INBOX")
    with pytest.raises(NotFound, match="not downloaded"):
        store.move([bare], there)
    assert store.places([bare])[0].folder == inbox
    assert not store.pending("work")


def test_a_purged_header_comes_back_while_the_server_has_it(store: Store, inbox: int) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1, letter(1, extra=MIXED), frame=FRAME)])
    before = store.get([bare])[0]
    store.purge([bare])
    assert [e.uid for e in store.pending("work").expunges] == [1]
    assert store.restore([bare]) == [bare]
    assert store.get([bare])[0]._replace(rid=0) == before._replace(rid=0)
    assert not store.pending("work")
    store.purge([bare])
    store.apply(SyncChanges(expunged=[bare]))
    with pytest.raises(NotFound, match="its body was never here"):
        store.restore([bare])


def test_what_is_left_of_a_purged_header_goes_with_its_recovery_entry(
    store: Store, inbox: int, clock: Clock
) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    store.purge([bare])
    store.apply(SyncChanges(expunged=[bare]))
    clock.now += 15 * 86400
    store.expire()
    with store._site.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM outline").get == 0


def test_a_header_gone_from_the_server_has_nothing_to_be_uploaded(
    store: Store, inbox: int, trash: int
) -> None:
    one, two = store.deliver_outlines([outline(inbox, 1), outline(inbox, 2)])
    store.move([one], trash)
    store.apply(SyncChanges(unbound=[one], gone=[GoneRow(two)]))
    assert store.count() == 0
    assert not store.pending("work")
    assert {e.id for e in store.recovery()} == {one, two}


def test_a_header_is_recognised_when_the_folder_is_numbered_anew(store: Store, inbox: int) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    assert store.fingerprints(inbox) == [Fingerprint(bare, 1, len(letter(1)), "m1@example.org", "", b"")]


def test_a_database_of_the_first_version_takes_headers(tmp_path: Path, clock: Clock) -> None:
    with open_store(tmp_path, clock) as old:
        old.account_key("work", "imap")
        inbox = old.ensure_folder("work", "INBOX")
        old.deliver([remote(inbox, 1)])
    as_first_version(tmp_path)
    with open_store(tmp_path, clock) as new:
        new.deliver_outlines([outline(inbox, 2)])
        assert new.status().schema == schema.VERSION
        assert new.count() == 2


def test_a_body_goes_over_the_file_of_a_run_that_was_cut_here(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    (bare,) = store.deliver_outlines([outline(inbox, 1)])
    seen: list[str] = []

    def leave(step: str, path: str) -> None:
        if step == "rename":
            seen.append(path)
            Path(path).write_bytes(b"half a message")
            disk.failpoint = None
            raise OSError(5, os.strerror(5), path)

    disk.failpoint = leave
    with pytest.raises(LocalIOError):
        store.fill_bodies([(bare, letter(1))])
    assert [p.name for p in files(tmp_path)] == [Path(seen[0]).name]
    assert store.fill_bodies([(bare, letter(1))])[0].outcome == FILLED
    assert store.open_bytes(bare) == letter(1)
    assert len(files(tmp_path)) == 1
