"""A helper that parses large deliveries changes nothing but the time they take."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from mailcli.store import parsing
from mailcli.store.parsing import Letter, Parser
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from tests.support.letters import NOW, letter

COUNT = 150


@pytest.fixture(autouse=True)
def _hired_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_WORTH_IT", 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def _letters(directory: Path) -> list[Letter]:
    letters = []
    for n in range(COUNT):
        data = letter(n, references=[n - 1], body=f"Grüße {n} 日本語" * (n % 7))
        path = directory / str(n)
        path.write_bytes(data.replace(b"\r\n", b"\n"))
        letters.append(Letter(data, str(path)))
    return letters


def _parse(parser: Parser, letters: list[Letter]) -> list[object]:
    with parser.begin(letters) as batch:
        for n in range(len(letters)):
            batch.wrote(n + 1)
        return list(batch.parsed())


def test_two_parse_as_one_does(tmp_path: Path) -> None:
    from mailcli.store import index

    letters = _letters(tmp_path)
    parser = Parser()
    try:
        for _ in range(3):
            assert _parse(parser, letters) == [index.parse(one.data) for one in letters]
        assert parser._helper is not None
    finally:
        parser.close()


def test_a_helper_that_cannot_read_a_file_leaves_it_to_us(tmp_path: Path) -> None:
    letters = _letters(tmp_path)
    for one in letters[:40]:
        Path(one.path).unlink()
    parser = Parser()
    try:
        assert None not in _parse(parser, letters)
    finally:
        parser.close()


def test_a_killed_helper_costs_no_mail(store: Store, inbox: int) -> None:
    arrivals = [Arrival(inbox, letter(n), arrived=NOW) for n in range(COUNT)]
    store.deliver(arrivals)
    helper = store._site.parser._helper
    assert helper is not None
    os.kill(helper.pid, signal.SIGKILL)
    store.deliver(arrivals)
    store.deliver(arrivals)
    assert store._site.parser._helper is None
    assert store.count() == 3 * COUNT
    assert store.check() == []
    helper.wait()


def test_closing_the_store_ends_the_helper(store: Store, inbox: int) -> None:
    store.deliver([Arrival(inbox, letter(n), arrived=NOW) for n in range(COUNT)])
    helper = store._site.parser._helper
    assert helper is not None
    store.close()
    assert helper.returncode == 0


def test_a_failing_delivery_leaves_a_helper_that_still_answers_right(store: Store, inbox: int) -> None:
    from mailcli.errors import LocalIOError
    from mailcli.store import disk

    arrivals = [Arrival(inbox, letter(n), arrived=NOW) for n in range(COUNT)]
    store.deliver(arrivals)
    count = 0

    def fail(step: str, path: str) -> None:
        nonlocal count
        count += step == "write"
        if count == 100:
            raise OSError(28, "No space left on device", path)

    disk.failpoint = fail
    with pytest.raises(LocalIOError):
        store.deliver(arrivals)
    disk.failpoint = None
    store.deliver(arrivals)
    assert store.count() == 2 * COUNT
    assert store.check() == []
    assert len({s.subject for s in store.summaries(folders=[inbox]).rows}) == COUNT
