"""Servers that have one message in several folders: Gmail with its labels, and OBJECTID (RFC 8474)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailcli.model.flags import FLAGGED, SEEN
from tests.security.gmail import ALL, INBOX, Gmail, Objects
from tests.security.scripted import Peer, letter

WORK = b"Work"


@pytest.fixture(params=[Gmail, Objects], ids=["gmail", "objectid"])
def server(request: pytest.FixtureRequest) -> Iterator[Gmail]:
    with request.param(labels=[WORK, b"Play"]) as server:
        yield server


@pytest.fixture
def gmail() -> Iterator[Gmail]:
    with Gmail(labels=[WORK]) as server:
        yield server


def bodies(server: Gmail) -> int:
    """How many whole messages it was asked for since the last call, in FETCHes of some."""
    asked = [line for line in server.heard if b"BODY.PEEK[]" in line]
    server.heard.clear()
    return sum(len(server._chosen(line.split()[3])) for line in asked)


def subjects(peer: Peer, folder: str) -> list[str]:
    key = peer.store.find_folder("test", folder).key
    return sorted(row.subject for row in peer.store.summaries(folders=[key]).rows)


def one(peer: Peer, folder: str) -> str:
    key = peer.store.find_folder("test", folder).key
    (row,) = peer.store.summaries(folders=[key]).rows
    return row.id


def test_a_message_with_several_labels_is_downloaded_once(tmp_path: Path, server: Gmail) -> None:
    server.arrive(letter("both"), INBOX, WORK, b"Play")
    server.arrive(letter("work"), WORK)
    peer = Peer(tmp_path, server)
    report = peer.fetch()
    assert (report.error, report.new, bodies(server)) == (None, 4, 2)
    assert subjects(peer, "INBOX") == ["both"]
    assert subjects(peer, "Work") == ["both", "work"]
    for row in peer.store.summaries(folders=None).rows:
        assert peer.store.open_bytes(row.id) == letter(row.subject)
    report = peer.fetch()
    assert (report.new, report.changed, report.gone, bodies(server)) == (0, 0, 0, 0)
    assert not any(b" FETCH " in line for line in server.heard)


def test_a_label_added_later_costs_no_download(tmp_path: Path, server: Gmail) -> None:
    number = server.arrive(letter("one"), INBOX)
    server.flag(number, b"\\Seen")
    peer = Peer(tmp_path, server)
    peer.fetch()
    bodies(server)
    server.label(number, WORK)
    server.flag(number, b"\\Flagged")
    report = peer.fetch()
    assert (report.error, report.new, bodies(server)) == (None, 1, 0)
    for folder in ("INBOX", "Work"):
        (row,) = peer.store.get([one(peer, folder)])
        assert row.flags == {SEEN, FLAGGED}
        assert peer.store.open_bytes(row.id) == letter("one")
    assert peer.fetch()[2:6] == (0, 0, 0, 0)


def test_a_message_moved_by_another_client_keeps_its_id(tmp_path: Path, server: Gmail) -> None:
    number = server.arrive(letter("one"), INBOX)
    peer = Peer(tmp_path, server)
    peer.fetch()
    bodies(server)
    identity = one(peer, "INBOX")
    peer.store.set_flags([identity], frozenset({FLAGGED}))
    server.unlabel(number, INBOX)
    server.label(number, WORK)
    server.flag(number, b"\\Seen")
    (plan,) = [p for p in peer.fetch(dry_run=True).plan if any(p[1:])]
    assert plan == ("Work", 0, 1, 0, 0)
    report = peer.fetch()
    assert (report.error, report.new, report.changed, report.gone, bodies(server)) == (None, 0, 1, 0, 0)
    assert one(peer, "Work") == identity
    assert peer.store.recovery() == []
    assert peer.store.get([identity])[0].flags == {SEEN, FLAGGED}
    peer.fetch()
    assert server.flags[number] == {b"\\Seen", b"\\Flagged"}
    assert not peer.store.pending("test")


def test_a_body_that_did_not_come_is_downloaded_from_the_other_folder(tmp_path: Path, server: Gmail) -> None:
    number = server.arrive(letter("one"), INBOX, WORK)
    peer = Peer(tmp_path, server)
    honest = server.honest

    def refuse(name: str, tag: bytes, arguments: bytes) -> bytes:
        if name == "FETCH" and b"BODY.PEEK[]" in arguments and server.open == INBOX:
            return tag + b" NO [UNAVAILABLE] not now\r\n"
        return honest(name, tag, arguments)

    server.honest = refuse  # type: ignore[method-assign]
    for _ in range(4):
        peer.fetch()
    assert subjects(peer, "INBOX") == []
    assert subjects(peer, "Work") == ["one"]
    server.honest = honest  # type: ignore[method-assign]
    bodies(server)
    report = peer.fetch(full=True)
    assert (report.error, report.new, bodies(server)) == (None, 1, 0)
    assert server.labels(number) == {INBOX, WORK, ALL}


def test_another_size_under_the_same_name_is_downloaded(tmp_path: Path, server: Gmail) -> None:
    """A name that the server gives to two messages is no reason to show one in place of the other."""
    first = server.arrive(letter("one"), INBOX)
    peer = Peer(tmp_path, server)
    peer.fetch()
    second = server.arrive(letter("another"), WORK)
    honest = server._object
    server._object = lambda number: honest(first if number == second else number)  # type: ignore[method-assign]
    peer.fetch()
    assert subjects(peer, "Work") == ["another"]


def test_a_copy_that_was_cut_is_made_by_the_next_run(
    tmp_path: Path, server: Gmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mailcli.sync.imap.objects import Shared

    server.arrive(letter("old"), WORK)
    peer = Peer(tmp_path, server)
    peer.fetch()
    server.arrive(letter("one"), INBOX, WORK)
    with monkeypatch.context() as patch:
        patch.setattr(Shared, "place", lambda self: 0)
        peer.fetch()
    assert subjects(peer, "Work") == ["old"]
    bodies(server)
    server.boxes[WORK].pop(1)  # the count is right again, and CONDSTORE alone need not tell of an expunge
    report = peer.fetch()
    assert (report.error, report.new, report.gone, bodies(server)) == (None, 1, 1, 0)
    assert subjects(peer, "Work") == ["one"]


def test_a_folder_numbered_anew_is_recognised_by_object_ids(tmp_path: Path, server: Gmail) -> None:
    """Two messages that are alike in all else keep their own flags and ids."""
    numbers = [server.arrive(letter("same"), INBOX) for _ in range(2)]
    peer = Peer(tmp_path, server)
    peer.fetch()
    bodies(server)
    server.flag(numbers[1], b"\\Flagged")
    peer.fetch()
    key = peer.store.find_folder("test", "INBOX").key
    (flagged,) = [r.id for r in peer.store.summaries(folders=[key]).rows if r.flags]
    server.uidvalidity = 900
    server.boxes[INBOX] = {41: numbers[1], 42: numbers[0]}
    server.uidnexts[INBOX] = 43
    report = peer.fetch()
    assert (report.error, report.new, report.gone, bodies(server)) == (None, 0, 0, 0)
    assert {m.id: m.uid for m in peer.store.agreed(key)}[flagged] == 41
    assert [r.id for r in peer.store.summaries(folders=[key]).rows if r.flags] == [flagged]
