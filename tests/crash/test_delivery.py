"""A delivery is killed at every step; what is run afterwards finds each message once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.model.flags import FLAGGED, SEEN
from mailcli.store import disk, site
from mailcli.store.along import Along
from mailcli.store.partial import Outline
from mailcli.store.store import Store
from mailcli.store.values import Arrival, FolderState, Pop3Row
from tests.support.letters import NOW, Clock, files, letter, litter, open_store, remote

COUNT = 3
MANY = 33  # enough for the other way of syncing


def _killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a forked child that is killed before its step-th step. False: it had fewer."""
    child = os.fork()
    if child == 0:
        try:
            import threading

            lock, count = threading.Lock(), 0

            def kill(name: str, path: str) -> None:
                nonlocal count
                with lock:
                    count += 1
                    if count == step:
                        os.kill(os.getpid(), signal.SIGKILL)
                        signal.pause()

            disk.failpoint = kill
            work()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def _mailbox(root: Path) -> int:
    with open_store(root) as store:
        store.account_key("work", "imap")
        key = store.ensure_folder("work", "INBOX")
        store.set_folder_state(key, FolderState(uidvalidity=7))
        return key


def _arrivals(key: int, count: int) -> list[Arrival]:
    kinds = [frozenset[str](), frozenset({SEEN}), frozenset({FLAGGED})]
    return [remote(key, n, kinds[n % 3]) for n in range(1, count + 1)]


def _fetch(store: Store, key: int, count: int) -> list[str]:
    """What a fetch does: look at the files, then download the UIDs that are not known."""
    store.scan(key)
    known = {a.uid for a in store.agreed(key)}
    missing = [a for a in _arrivals(key, count) if a.uid not in known]
    store.deliver(missing)
    return [a.id for a in store.agreed(key)]


def _whole(store: Store, root: Path, key: int, count: int) -> None:
    """Nothing lost, nothing doubled, and another run finds nothing to do."""
    agreed = store.agreed(key)
    assert [a.uid for a in agreed] == list(range(1, count + 1))
    assert [store.open_bytes(a.id) for a in agreed] == [letter(n) for n in range(1, count + 1)]
    assert [a.flags for a in agreed] == [a.flags for a in _arrivals(key, count)]
    assert store.count() == len(files(root)) == count
    assert len({a.id for a in agreed}) == count
    assert store.check() == []
    assert store.recovery() == []
    assert len({s.thread for s in store.summaries(folders=[key]).rows}) == count
    before = [p.name for p in files(root)]
    assert store.scan(key, force=True).adopted == ()
    assert [p.name for p in files(root)] == before


@pytest.mark.parametrize("count", [COUNT, MANY])
def test_a_delivery_killed_at_any_step_loses_and_doubles_nothing(tmp_path: Path, count: int) -> None:
    step = cuts = adopted = 0
    while True:
        # Of the many steps that are alike for each file, some will do.
        step += 1 if count == COUNT or step < 8 else 5
        root = tmp_path / str(step)
        key = _mailbox(root)

        def work(root: Path = root, key: int = key) -> None:
            with open_store(root) as store:
                store.deliver(_arrivals(key, count))

        if not _killed_at(step, work):
            break
        cuts += 1
        with open_store(root) as store:
            there = len(files(root))
            adopted += there > 0 and store.count() == 0
            ids = _fetch(store, key, count)
            _whole(store, root, key, count)
            assert _fetch(store, key, count) == ids
        with open_store(root, Clock()) as store:
            for path in litter(root):
                os.utime(path, (0, 0))
            store.expire()
        assert litter(root) == []
    assert cuts >= 16
    assert adopted > 1, "no cut fell between the renames and the commit: the test shows nothing"


@pytest.mark.parametrize("step", range(1, 5 * MANY, 11))
def test_a_run_killed_beside_its_worker_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The next run begins at once: the worker of the killed one may be in its transaction."""
    monkeypatch.setattr(site, "WORTH_A_WORKER", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    key = _mailbox(tmp_path)

    def work() -> None:
        with open_store(tmp_path) as store:
            store.expect(2 * MANY)
            arrivals = _arrivals(key, 2 * MANY)
            begun = [store.begin_delivery(some, Along()) for some in (arrivals[:MANY], arrivals[MANY:])]
            for delivery in begun:
                delivery.finish()

    _killed_at(step, work)
    with open_store(tmp_path) as store:
        ids = _fetch(store, key, 2 * MANY)
        assert _fetch(store, key, 2 * MANY) == ids
        _whole(store, tmp_path, key, 2 * MANY)


@pytest.mark.parametrize("second", range(1, 30, 4))
def test_a_second_cut_while_adopting_changes_nothing(tmp_path: Path, second: int) -> None:
    key = _mailbox(tmp_path)

    def work() -> None:
        with open_store(tmp_path) as store:
            _fetch(store, key, COUNT)

    at_commit = 0
    while _killed_at(at_commit := at_commit + 1, work) and len(files(tmp_path)) < COUNT:
        pass
    _killed_at(second, work)
    with open_store(tmp_path) as store:
        _fetch(store, key, COUNT)
        _whole(store, tmp_path, key, COUNT)


@pytest.mark.parametrize("look_first", [True, False])
def test_bodies_killed_on_their_way_to_their_headers_lose_and_double_nothing(
    tmp_path: Path, look_first: bool
) -> None:
    """`look_first`: the next run scans the folder; else the body is simply fetched again."""
    step = orphans = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        key = _mailbox(root)
        outlines = [
            Outline(key, letter(n).partition(b"\r\n\r\n")[0] + b"\r\n\r\n", len(letter(n)), uid=n)
            for n in range(1, COUNT + 1)
        ]
        with open_store(root) as store:
            ids = store.deliver_outlines([o._replace(arrived=NOW, on_server=True) for o in outlines])
        mails = [(i, letter(n)) for n, i in enumerate(ids, 1)]

        def work(root: Path = root, mails: list[tuple[str, bytes]] = mails) -> None:
            with open_store(root) as store:
                store.fill_bodies(mails)

        cut = _killed_at(step, work)
        with open_store(root) as store:
            orphans += bool(files(root)) and bool(store.lacking(key))
            if look_first:
                store.scan(key, force=True)
            store.fill_bodies(mails)
            assert [(a.id, a.uid) for a in store.agreed(key)] == [(i, n) for n, i in enumerate(ids, 1)]
            assert [store.open_bytes(i) for i, _ in mails] == [data for _, data in mails]
            assert store.count() == len(files(root)) == COUNT
            assert (store.check(), store.recovery()) == ([], [])
            assert not store.pending("work")
            assert store.scan(key, force=True).adopted == ()
        if not cut:
            break
    assert step > 10
    assert orphans > 1, "no cut fell between a rename and the commit: the test shows nothing"


def test_a_pop3_download_killed_at_any_step_is_not_repeated(tmp_path: Path) -> None:
    """Intent with an id, file, commit: after a cut the history knows what is here."""
    step = 0
    while True:
        step += 1
        root = tmp_path / str(step)
        with open_store(root) as store:
            store.account_key("pop", "pop3")
            key = store.ensure_folder("pop", "INBOX")

        def fetch(root: Path = root, key: int = key) -> None:
            with open_store(root) as store:
                store.scan(key)
                known = {k for k, row in store.pop3_known("pop").items() if row.state == "delivered"}
                wanted = [(f"u{n}", 0, n) for n in range(COUNT) if (f"u{n}", 0) not in known]
                drawn = store.new_ids(len(wanted))
                store.transact(
                    lambda w: w.pop3_record(
                        "pop",
                        [
                            Pop3Row(u, o, 9, "fetching", id=i)
                            for (u, o, _), i in zip(wanted, drawn, strict=True)
                        ],
                    )
                )
                store.deliver(
                    [Arrival(key, letter(n), id=i) for (_, _, n), i in zip(wanted, drawn, strict=True)],
                    also=lambda w: w.pop3_record(
                        "pop",
                        [
                            Pop3Row(u, o, 9, "delivered", id=i)
                            for (u, o, _), i in zip(wanted, w.ids, strict=True)
                        ],
                    ),
                )

        cut = _killed_at(step, fetch)
        fetch()
        with open_store(root) as store:
            rows = store.summaries(folders=[key]).rows
            assert sorted(r.subject for r in rows) == sorted(f"Letter {n}" for n in range(COUNT))
            assert {r.id for r in rows} == {row.id for row in store.pop3_known("pop").values()}
            assert store.check() == []
        if not cut:
            break
    assert step > 15
