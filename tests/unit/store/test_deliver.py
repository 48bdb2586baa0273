from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest

from mailcli.errors import LocalIOError
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.store import disk
from mailcli.store.store import Store
from mailcli.store.values import Arrival, Bound, SyncChanges
from mailcli.store.writer import Writer
from tests.support.letters import NOW, files, letter, litter, open_store, remote


def test_what_was_delivered_comes_back_octet_for_octet(store: Store, inbox: int) -> None:
    mails = [letter(1), b"A: b\n\nbare line feeds\n", b"A: b\r\n\r\nmixed\nends\r", b"", b"\xff\x00\r\n"]
    ids = store.deliver([Arrival(inbox, data) for data in mails])
    assert [store.open_bytes(i) for i in ids] == mails
    assert store.stored_bytes(ids[0]) == mails[0].replace(b"\r\n", b"\n")


def test_file_names_carry_the_identity(store: Store, inbox: int, tmp_path: Path) -> None:
    (unseen, seen, local) = store.deliver(
        [
            remote(inbox, 1, frozenset()),
            remote(inbox, 2, frozenset({SEEN, FLAGGED, "work"})),
            Arrival(inbox, letter(3), frozenset({SEEN}), NOW),
        ]
    )
    host = os.uname().nodename
    size = len(letter(1))
    path = store.path(unseen)
    assert path.parent.name == "new"
    assert path.name.startswith(f"{int(NOW) - 999}.{unseen}.{host},W={size},V=7,U=1,F=")
    assert ":" not in path.name
    assert store.path(seen).name.endswith(":2,FS")
    assert ",U=" not in store.path(local).name
    assert store.path(local).name.endswith(f",W={size}:2,S")


def test_everything_is_private(store: Store, inbox: int, tmp_path: Path) -> None:
    store.deliver([remote(inbox, 1)])
    for path in (tmp_path / "data").rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_a_message_of_the_server_is_stored_once(store: Store, inbox: int, tmp_path: Path) -> None:
    (first,) = store.deliver([remote(inbox, 1)])
    again = store.deliver([remote(inbox, 1), remote(inbox, 2)])
    assert again[0] == first
    assert len(files(tmp_path)) == 2
    assert store.count(inbox) == 2


def test_the_ids_of_a_delivery_are_there_for_what_belongs_with_it(store: Store, inbox: int) -> None:
    def also(writer: Writer) -> None:
        writer.put_setting("first", writer.ids[0])

    ids = store.deliver([remote(inbox, 1)], also=also)
    assert store.setting("first") == ids[0]


def test_an_error_in_what_belongs_with_it_undoes_the_delivery(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    def also(_: Writer) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        store.deliver([remote(inbox, 1)], also=also)
    assert (files(tmp_path), litter(tmp_path), store.count()) == ([], [], 0)


@pytest.mark.parametrize(
    ("step", "count"),
    [(step, count) for step in ("create", "write", "rename", "fsync directory") for count in (1, 3, 40)]
    + [("fsync", 1), ("fsync", 3), ("syncfs", 40)],
)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_nothing_and_says_where(
    store: Store, inbox: int, tmp_path: Path, step: str, number: int, count: int
) -> None:
    seen = []

    def fail(name: str, path: str) -> None:
        if name == step:
            seen.append(path)
            if len(seen) == min(count, 3) or step in ("syncfs", "fsync directory"):
                raise OSError(number, os.strerror(number), path)

    disk.failpoint = fail
    arrivals = [remote(inbox, n + 1) for n in range(count)]
    with pytest.raises(LocalIOError) as caught:
        store.deliver(arrivals)
    disk.failpoint = None
    assert caught.value.exit_code == 74
    assert str(tmp_path) in str(caught.value)
    assert (files(tmp_path), litter(tmp_path), store.count()) == ([], [], 0)
    assert len(store.deliver(arrivals)) == count


class Scanning:
    """Another process that scans and takes what it finds for its own, as soon as a file has its name.

    It is given a moment; if it must wait for the delivery, it goes on when that is over.
    """

    def __init__(self, root: Path, folder: int) -> None:
        self.adopted: list[str] = []
        self._thread = threading.Thread(target=self._scan, args=(root, folder))
        disk.failpoint = self._step

    def _step(self, name: str, path: str) -> None:
        if name == "fsync directory" and threading.current_thread() is not self._thread:
            disk.failpoint = None
            self._thread.start()
            self._thread.join(0.3)

    def _scan(self, root: Path, folder: int) -> None:
        with open_store(root) as store:
            self.adopted += store.scan(folder, force=True).adopted
            store.apply(SyncChanges(bound=[Bound(i, folder, 9, frozenset()) for i in self.adopted]))

    def end(self) -> list[str]:
        self._thread.join()
        return self.adopted


def test_a_scan_while_mail_is_delivered_adopts_nothing(store: Store, inbox: int, tmp_path: Path) -> None:
    """It would be uploaded, and then, with the row that is written over it, once more."""
    other = Scanning(tmp_path, inbox)
    (one,) = store.deliver([Arrival(inbox, letter(1))])
    assert other.end() == []
    assert [a.id for a in store.pending("work").appends] == [one]


def test_a_delivery_that_failed_takes_nothing_from_a_scan(store: Store, inbox: int, tmp_path: Path) -> None:
    """A row without its file would look as if the user had deleted the message."""

    def also(_: Writer) -> None:
        raise RuntimeError("no")

    other = Scanning(tmp_path, inbox)
    with pytest.raises(RuntimeError):
        store.deliver([remote(inbox, 1)], also=also)
    assert other.end() == []
    assert (files(tmp_path), store.count()) == ([], 0)


def test_a_symbolic_link_in_the_way_is_not_followed(store: Store, inbox: int, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    seen: list[str] = []

    def plant(name: str, path: str) -> None:
        if name == "create" and not seen:
            seen.append(path)
            Path(path).symlink_to(victim)

    disk.failpoint = plant
    with pytest.raises(LocalIOError):
        store.deliver([remote(inbox, 1)])
    assert victim.read_text() == "precious"


def test_the_hash_is_that_of_the_wire_form(store: Store, inbox: int) -> None:
    store.deliver([remote(inbox, 1)])
    assert store.fingerprints(inbox)[0].sha256 == hashlib.sha256(letter(1)).digest()


def test_mail_is_listed_under_its_date_unless_that_is_absurd(store: Store, inbox: int) -> None:
    dates = {
        "Mon, 13 Nov 2023 10:00:00 +0000": 1699869600,
        "Mon, 13 Nov 2034 10:00:00 +0000": int(NOW),
        "Mon, 13 Nov 1950 10:00:00 +0000": int(NOW),
        "nonsense": int(NOW),
        "": int(NOW),
    }
    ids = store.deliver([Arrival(inbox, letter(n, date=d), arrived=NOW) for n, d in enumerate(dates)])
    assert [s.when for s in store.get(ids)] == list(dates.values())


def test_an_arrival_time_far_in_the_future_is_now(store: Store, inbox: int) -> None:
    (one,) = store.deliver([Arrival(inbox, letter(1, date=""), arrived=1e15)])
    assert store.get([one])[0].when == int(NOW)


def test_a_folder_whose_disk_is_not_mounted_takes_no_mail(store: Store, inbox: int, tmp_path: Path) -> None:
    (tmp_path / "data/mail/work/.mailcli").unlink()
    with pytest.raises(LocalIOError, match=r"\.mailcli"):
        store.deliver([remote(inbox, 1)])
    with pytest.raises(LocalIOError, match=r"\.mailcli"):
        store.scan(inbox, force=True)


def test_a_given_id_is_kept(store: Store, inbox: int) -> None:
    (drawn,) = store.new_ids(1)
    assert store.deliver([Arrival(inbox, letter(1), id=drawn)]) == [drawn]


def test_nothing_delivered_is_no_error(store: Store, inbox: int) -> None:
    assert store.deliver([]) == []


def test_a_message_that_another_run_has_stored_meanwhile_is_there_once(
    tmp_path: Path, store: Store, inbox: int
) -> None:
    """POP3: the id is announced, the time of delivery and so the name of the file are each run's own."""
    (identity,) = store.new_ids(1)
    for seconds in (0, 1, 1):
        assert store.deliver([Arrival(inbox, letter(1), id=identity, arrived=NOW + seconds)]) == [identity]
    assert store.count() == 1
    assert len(files(Path(store._site.tree.root).parent)) == 1
    assert store.check() == []
    store.path(identity).unlink()
    assert store.deliver([Arrival(inbox, letter(1), id=identity, arrived=NOW + 2)]) == [identity]
    assert store.open_bytes(identity) == letter(1)
    assert store.count() == 1
