from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest

from mailcli.errors import ConfigError, LocalIOError
from mailcli.store import disk, schema
from mailcli.store.database import Database
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import letter, open_store, remote


def test_the_file_is_what_it_says_it_is(store: Store, inbox: int, tmp_path: Path) -> None:
    database = apsw.Connection(str(tmp_path / "data/mailcli.db"))
    assert database.pragma("application_id") == schema.APPLICATION_ID
    assert database.pragma("user_version") == schema.VERSION
    assert database.pragma("page_size") == 8192
    assert database.pragma("journal_mode") == "wal"


def test_a_newer_schema_is_refused(store: Store, inbox: int, tmp_path: Path) -> None:
    store.close()
    database = apsw.Connection(str(tmp_path / "data/mailcli.db"))
    database.pragma("user_version", schema.VERSION + 1)
    database.close()
    with pytest.raises(ConfigError, match="newer mailcli") as caught:
        open_store(tmp_path)
    assert caught.value.hint


def test_reading_only_refuses_changes(store: Store, inbox: int, tmp_path: Path) -> None:
    with open_store(tmp_path, read_only=True) as reader:
        assert reader.count() == 0
        with pytest.raises(LocalIOError):
            reader.deliver([remote(inbox, 1)])


def test_a_mailbox_that_another_process_makes_is_seen(tmp_path: Path) -> None:
    with open_store(tmp_path) as reader:
        assert reader.count() == 0
        with open_store(tmp_path) as writer:
            key = writer.ensure_folder("local", "INBOX")
            writer.deliver([Arrival(key, letter(1))])
        assert reader.count() == 1


def test_changes_are_noticed_by_their_version(store: Store, inbox: int, tmp_path: Path) -> None:
    before = store.data_version()
    assert store.data_version() == before
    with open_store(tmp_path) as other:
        other.deliver([remote(inbox, 1)])
    assert store.data_version() != before


def test_every_thread_has_a_connection_of_its_own(store: Store, inbox: int) -> None:
    errors: list[BaseException] = []

    def work(start: int) -> None:
        try:
            for n in range(start, start + 5):
                store.deliver([remote(inbox, n)])
                store.summaries(folders=[inbox])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n * 100 + 1,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.count() == 20


def test_a_forked_child_opens_its_own_connection(store: Store, inbox: int, tmp_path: Path) -> None:
    store.deliver([remote(inbox, 1)])
    database = Database(str(tmp_path / "data/mailcli.db"), str(tmp_path / "lock"))
    inherited = database.connection()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if database.connection() is inherited:
                os._exit(3)
            store.deliver([remote(inbox, 2)])
            code = 0 if store.count() == 2 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.count() == 2
    assert store.check() == []


_READER = """
import sys
from pathlib import Path
from mailcli.store.store import Store
root = Path(sys.argv[1])
with Store(root / "data", root / "state") as store:
    for _ in sys.stdin:
        print(store.count(), len(store.summaries(folders=None, limit=50).rows), flush=True)
"""


def test_readers_never_wait_for_a_writer(
    store: Store, inbox: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are asked while it is about to commit, and have to answer before it goes on."""
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]

    def seen() -> set[str]:
        for reader in readers:
            print(file=reader.stdin, flush=True)
        return {reader.stdout.readline() for reader in readers if reader.stdout is not None}

    told: list[set[str]] = []
    monkeypatch.setattr(disk, "failpoint", lambda name, _: told.append(seen()) if name == "commit" else None)
    for start in range(1, 1000, 200):
        store.deliver([remote(inbox, n) for n in range(start, start + 200)])
    assert told == [{"0 0\n"}, *({f"{n} 50\n"} for n in range(200, 1000, 200))]
    assert seen() == {"1000 50\n"}
    for reader in readers:
        reader.communicate()
        assert reader.returncode == 0


def test_a_reader_waits_while_the_log_is_locked_for_a_moment(
    store: Store, inbox: int, tmp_path: Path
) -> None:
    store.close()
    locker = apsw.Connection(str(tmp_path / "data/mailcli.db"))
    locker.execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; DELETE FROM setting; COMMIT").fetchall()
    release = threading.Timer(0.3, locker.close)
    release.start()
    with open_store(tmp_path) as reader:
        assert reader.count() == 0
    release.join()


def test_opening_and_closing_beside_a_writer_is_never_busy(store: Store, inbox: int, tmp_path: Path) -> None:
    done = threading.Event()
    errors: list[BaseException] = []

    def open_and_close() -> None:
        try:
            while not done.is_set():
                with open_store(tmp_path) as other:
                    other.count()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=open_and_close) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(1, 40):
        with open_store(tmp_path) as writer:
            writer.deliver([remote(inbox, n)])
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.count() == 39
