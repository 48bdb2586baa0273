"""A worker that stores large deliveries changes nothing but the time they take, whatever befalls it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.errors import LocalIOError
from mailcli.model.flags import FLAGGED
from mailcli.store import disk, index, parsing, site, worker
from mailcli.store.along import Along
from mailcli.store.parsing import Filed
from mailcli.store.store import Store
from mailcli.store.values import Arrival, FolderState, Pop3Row
from tests.support.letters import NOW, files, letter, litter, open_store, remote

COUNT = 150


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(site, "WORTH_A_WORKER", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    yield
    disk.failpoint = None


def _arrivals(inbox: int, start: int = 1) -> list[Arrival]:
    return [remote(inbox, n) for n in range(start, start + COUNT)]


def _worker(store: Store) -> worker.Worker:
    store.expect(COUNT)
    hired = store._site.worker
    assert hired is not None
    return hired


def _whole(store: Store, inbox: int, count: int = COUNT) -> None:
    """Each message once, with its row, its file and its place in the index."""
    agreed = store.agreed(inbox)
    assert [a.uid for a in agreed] == list(range(1, count + 1))
    assert [store.open_bytes(a.id) for a in agreed] == [letter(n) for n in range(1, count + 1)]
    assert store.count() == count
    assert store.check() == []


def test_what_a_worker_stores_is_what_would_be_stored_here(tmp_path: Path, store: Store, inbox: int) -> None:
    with open_store(tmp_path / "here") as other:
        other.account_key("work", "imap")
        key = other.ensure_folder("work", "INBOX")
        other.deliver(_arrivals(key))
        here = other.summaries(folders=[key]).rows
    _worker(store)
    ids = store.begin_delivery(_arrivals(inbox), Along()).finish()
    _whole(store, inbox)
    assert [a.id for a in store.agreed(inbox)] == ids
    there = store.summaries(folders=[inbox]).rows
    assert [s._replace(id="", thread="", folder="") for s in there] == [
        s._replace(id="", thread="", folder="") for s in here
    ]


def test_what_goes_along_is_committed_with_the_mail(store: Store, inbox: int) -> None:
    _worker(store)
    store.account_key("pop", "pop3")
    state = FolderState(uidvalidity=7, uidnext=COUNT + 1, permanent_flags=frozenset({"\\*"}), synced_at=NOW)
    row = Pop3Row("uidl", 1, 10, "delivered", b"h", b"s", NOW, NOW, None, "abcdefgh")
    store.begin_delivery(_arrivals(inbox), Along([(inbox, state)], "pop", [row])).finish()
    assert store.folder_state(inbox) == state._replace(server_count=COUNT)
    assert store.pop3_known("pop") == {("uidl", 1): row}


def test_the_next_batch_may_be_begun_before_the_last_is_finished(store: Store, inbox: int) -> None:
    _worker(store)
    begun = [store.begin_delivery(_arrivals(inbox, 1 + n * COUNT), Along()) for n in range(3)]
    assert len({i for delivery in begun for i in delivery.finish()}) == 3 * COUNT
    _whole(store, inbox, 3 * COUNT)


def test_a_message_that_is_here_already_is_not_stored_again(store: Store, inbox: int) -> None:
    before = store.deliver(_arrivals(inbox)[10:20])
    _worker(store)
    ids = store.begin_delivery(_arrivals(inbox), Along()).finish()
    assert ids[10:20] == before
    _whole(store, inbox)


def test_a_worker_that_was_killed_costs_no_mail(store: Store, inbox: int) -> None:
    hired = _worker(store)
    os.kill(hired.pid, signal.SIGSTOP)
    begun = [store.begin_delivery(_arrivals(inbox, 1 + n * COUNT), Along()) for n in range(2)]
    os.kill(hired.pid, signal.SIGKILL)
    assert len({i for delivery in begun for i in delivery.finish()}) == 2 * COUNT
    _whole(store, inbox, 2 * COUNT)
    assert litter(Path(store._site.tree.root).parent) == []
    assert store._site.worker is None


CUT = """if 1:
    import os, sys
    sys.path[:] = {path!r}
    from mailcli.store import disk, serving
    def failpoint(name, path):
        WORK
    disk.failpoint = failpoint
    serving.serve(*sys.argv[1:])"""


@pytest.mark.parametrize("whole", [True, False], ids=["one sync", "each file"])
def test_a_file_has_its_name_once_it_is_durable_and_its_row_once_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store, inbox: int, whole: bool
) -> None:
    log = tmp_path / "steps"
    note = f"open({str(log)!r}, 'a').write(name + '\\n')"
    monkeypatch.setattr(worker, "_CODE", CUT.replace("WORK", note))
    store._site.tree.sync_whole = whole
    _worker(store)

    def noted(name: str, path: str) -> None:
        with open(log, "a") as file:
            file.write(f"{name}\n")

    disk.failpoint = noted
    store.begin_delivery(_arrivals(inbox), Along()).finish()
    steps = log.read_text().split("\n")
    made, named = steps.index("create"), steps.index("rename")
    assert steps[named:] == ["rename"] * COUNT + ["fsync directory", "commit", "committed", ""]
    assert steps[made:named].count("create") == COUNT
    assert steps[made:named].count("fsync") == (0 if whole else COUNT)
    assert steps[named - 1] == ("syncfs" if whole else "fsync")


@pytest.mark.parametrize("step", ["rename", "fsync directory", "commit", "committed"])
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "raise OSError(28, 'full', path)"])
def test_a_worker_cut_within_its_transaction_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store, inbox: int, step: str, end: str
) -> None:
    monkeypatch.setattr(worker, "_CODE", CUT.replace("WORK", f"if name == {step!r}: {end}"))
    _worker(store)
    before = len(files(Path(store._site.tree.root).parent))
    state = FolderState(uidvalidity=7, uidnext=COUNT + 1)
    ids = store.begin_delivery(_arrivals(inbox), Along([(inbox, state)])).finish()
    assert store._site.worker is None, "it was not cut"
    assert [a.id for a in store.agreed(inbox)] == ids
    _whole(store, inbox)
    assert store.folder_state(inbox) == state._replace(server_count=COUNT)
    assert len(files(Path(store._site.tree.root).parent)) == before + COUNT
    assert store.scan(inbox, force=True).adopted == ()


def test_what_happened_since_a_worker_died_that_had_committed_stays(
    monkeypatch: pytest.MonkeyPatch, store: Store, inbox: int
) -> None:
    cut = CUT.replace("WORK", "if name == 'committed': os.kill(os.getpid(), 9)")
    monkeypatch.setattr(worker, "_CODE", cut)
    hired = _worker(store)
    begun = store.begin_delivery(_arrivals(inbox), Along())
    hired._process.wait(30)
    agreed = store.agreed(inbox)
    store.set_flags([agreed[0].id], add=frozenset({FLAGGED}))
    assert begun.finish() == [a.id for a in agreed]
    assert FLAGGED in store.agreed(inbox)[0].flags
    _whole(store, inbox)


def test_what_others_adopt_of_a_batch_whose_worker_died_is_not_taken_for_all_of_it(
    monkeypatch: pytest.MonkeyPatch, store: Store, inbox: int
) -> None:
    """A scan found the files that had their names already, and the rest lies in tmp/ still."""
    work = "sys.argv.append(name); os.kill(os.getpid(), 9) if sys.argv.count('rename') == 10 else None"
    monkeypatch.setattr(worker, "_CODE", CUT.replace("WORK", work).replace("*sys.argv[1:]", "*sys.argv[1:4]"))
    hired = _worker(store)
    state = FolderState(uidvalidity=7, uidnext=COUNT + 1)
    begun = store.begin_delivery(_arrivals(inbox), Along([(inbox, state)]))
    hired._process.wait(30)
    assert len(store.scan(inbox, force=True).adopted) == 9
    assert set(begun.finish()) == {a.id for a in store.agreed(inbox)}
    _whole(store, inbox)
    assert store.folder_state(inbox) == state._replace(server_count=COUNT)
    assert litter(Path(store._site.tree.root).parent) == []


def test_a_worker_whose_run_is_gone_stores_nothing(tmp_path: Path, store: Store, inbox: int) -> None:
    """The next run may look at any moment, and would find what it has looked for in vain."""
    child = os.fork()
    if child == 0:
        try:
            with open_store(tmp_path) as mine:
                hired = _worker(mine)
                os.kill(hired.pid, signal.SIGSTOP)
                mine.begin_delivery(_arrivals(inbox), Along())
                Path(tmp_path / "worker").write_text(str(hired.pid))
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    orphan = int((tmp_path / "worker").read_text())
    descriptor = os.pidfd_open(orphan)
    os.kill(orphan, signal.SIGCONT)
    import select

    assert select.select([descriptor], [], [], 30)[0], "the worker goes on alone"
    os.close(descriptor)
    assert store.count() == 0


def test_a_disk_that_is_full_for_the_worker_and_for_us_is_told(store: Store, inbox: int) -> None:
    _worker(store)

    def fail(step: str, path: str) -> None:
        if step == "write":
            raise OSError(28, "No space left on device", path)

    disk.failpoint = fail
    with pytest.raises(LocalIOError, match="No space left"):
        store.begin_delivery(_arrivals(inbox), Along())
    disk.failpoint = None
    store.begin_delivery(_arrivals(inbox), Along()).finish()
    _whole(store, inbox)
    assert litter(Path(store._site.tree.root).parent) == []


def test_closing_the_store_ends_the_worker(store: Store, inbox: int) -> None:
    hired = _worker(store)
    store.begin_delivery(_arrivals(inbox), Along()).finish()
    store.close()
    assert hired._process.returncode == 0


def _text(n: int) -> bytes:
    return letter(n, references=[n - 1], body=f"Grüße {n} 日本語" * (n % 7))


def _filed(directory: Path) -> list[Filed]:
    for n in range(COUNT):
        (directory / str(n)).write_bytes(_text(n).replace(b"\r\n", b"\n"))
    return [Filed(str(directory / str(n)), len(_text(n))) for n in range(COUNT)]


def test_two_parse_as_one_does(tmp_path: Path, store: Store, inbox: int) -> None:
    letters = _filed(tmp_path)
    alone = [index.parse(_text(n)) for n in range(COUNT)]
    assert parsing.parse(None, letters) == alone
    for _ in range(3):
        assert parsing.parse(_worker(store), letters) == alone


def test_a_worker_that_dies_leaves_the_parsing_to_us(tmp_path: Path, store: Store, inbox: int) -> None:
    letters = _filed(tmp_path)
    hired = _worker(store)
    os.kill(hired.pid, signal.SIGSTOP)
    os.kill(hired.pid, signal.SIGKILL)
    assert parsing.parse(hired, letters) == [index.parse(_text(n)) for n in range(COUNT)]


def test_a_file_that_is_gone_is_told_and_the_others_are_parsed(
    tmp_path: Path, store: Store, inbox: int
) -> None:
    letters = _filed(tmp_path)
    Path(letters[3].path).unlink()
    with pytest.raises(FileNotFoundError):
        parsing.parse(_worker(store), letters)
    assert len(parsing.parse(_worker(store), letters[4:])) == COUNT - 4


def test_text_in_sixteen_bits_is_parsed_with_its_own_line_ends(tmp_path: Path) -> None:
    head = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-16le\r\n\r\n"
    data = head + "one\u0a0d two".encode("utf-16le") + b"\r\n"
    path = tmp_path / "one"
    path.write_bytes(data.replace(b"\r\n", b"\n"))
    assert parsing.parse_file(str(path), len(data)) == index.parse(data)
