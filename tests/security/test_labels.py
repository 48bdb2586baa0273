"""Servers that have one message in several folders: Gmail with its labels, and OBJECTID (RFC 8474)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from mailcli.app import bodies as app_bodies
from mailcli.app import changing, undoing
from mailcli.model.flags import FLAGGED, SEEN
from mailcli.wire.imap.uidset import UidSet
from tests.security.gmail import ALL, INBOX, TRASH, Gmail, Objects
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
    return sum(len(UidSet.parse(line.split()[3])) for line in asked)


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


def test_another_message_under_the_name_of_one_that_is_gone_is_not_taken_for_it(
    tmp_path: Path, server: Gmail
) -> None:
    first = server.arrive(letter("one"), INBOX)
    peer = Peer(tmp_path, server)
    peer.fetch()
    identity = one(peer, "INBOX")
    second = server.arrive(letter("another"), WORK)
    server.unlabel(first, INBOX)
    honest = server._object
    server._object = lambda number: honest(first if number == second else number)  # type: ignore[method-assign]
    report = peer.fetch()
    assert (report.error, report.new, report.gone) == (None, 1, 1)
    assert subjects(peer, "Work") == ["another"]
    assert [entry.id for entry in peer.store.recovery()] == [identity]


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


def test_a_body_that_was_left_out_is_taken_from_another_folder(tmp_path: Path, server: Gmail) -> None:
    peer = Peer(tmp_path, server)
    config = (tmp_path / "config.toml").read_text()
    headers = '[accounts.test.imap.folder.Work]\nmode = "headers"\n'
    (tmp_path / "config.toml").write_text(config + headers)
    peer.ctx.reload()
    for subject in ("read", "fetched"):
        number = server.arrive(letter(subject), WORK)
        server.label(number, INBOX)
    report = peer.fetch()
    assert (report.error, report.new, bodies(server)) == (None, 4, 2)
    rows = {r.subject: r for r in peer.store.summaries(folders=None).rows if r.remote_only}
    assert set(rows) == {"read", "fetched"}
    assert app_bodies.wire(peer.ctx, rows["read"].id) == letter("read")
    assert not any(b"AUTHENTICATE" in line for line in server.heard)
    (tmp_path / "config.toml").write_text(config)
    peer.ctx.reload()
    report = peer.fetch()
    assert (report.error, report.bodies, bodies(server)) == (None, 1, 0)
    assert peer.store.open_bytes(rows["fetched"].id) == letter("fetched")


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


# -- archiving on Gmail ---------------------------------------------------------------------------


@pytest.fixture
def archived(tmp_path: Path, gmail: Gmail) -> tuple[Peer, str, int]:
    """A peer whose one message of the inbox, which has another label too, was archived: its id and number."""
    number = gmail.arrive(letter("one"), INBOX, WORK)
    gmail.arrive(letter("old"))
    peer = Peer(tmp_path, gmail)
    peer.fetch()
    identity = one(peer, "INBOX")
    done = changing.archive(peer.ctx, [identity])
    assert (done.ids, done.pushed) == ((identity,), True)
    return peer, identity, number


def test_archiving_takes_a_message_out_of_the_inbox_and_of_no_other_label(
    gmail: Gmail, archived: tuple[Peer, str, int]
) -> None:
    peer, _, number = archived
    assert gmail.labels(number) == {WORK, ALL}
    assert subjects(peer, "INBOX") == []
    assert (subjects(peer, "Archive"), subjects(peer, "Work")) == (["one"], ["one"])
    assert b"Archive" not in gmail.boxes
    for _ in range(2):
        gmail.heard.clear()
        report = peer.fetch()
        assert (report.error, report[2:6]) == (None, (0, 0, 0, 0))
        assert not any(b"BODY" in line for line in gmail.heard)
    assert not any(b" SELECT " in line for line in gmail.heard)


def test_all_mail_is_not_opened_while_nothing_of_it_is_here(tmp_path: Path, gmail: Gmail) -> None:
    gmail.arrive(letter("old"))
    peer = Peer(tmp_path, gmail)
    assert [peer.fetch(dry_run=True).new, peer.fetch().new, peer.fetch(full=True).new] == [0, 0, 0]
    assert not any(b"SELECT" in line and b"All Mail" in line for line in gmail.heard)


def test_a_message_is_archived_by_its_copy_under_another_label(tmp_path: Path, gmail: Gmail) -> None:
    number = gmail.arrive(letter("one"), INBOX, WORK)
    peer = Peer(tmp_path, gmail)
    peer.fetch()
    changing.archive(peer.ctx, [one(peer, "Work")])
    assert gmail.labels(number) == {WORK, ALL}
    assert subjects(peer, "Work") == ["one"]
    done = changing.archive(peer.ctx, [one(peer, "Work")])
    assert (done.ids, done.summary) == ((), "already in Archive")
    assert gmail.labels(number) == {WORK, ALL}


def test_of_all_mail_only_what_is_here_is_kept_in_step(gmail: Gmail, archived: tuple[Peer, str, int]) -> None:
    peer, identity, number = archived
    gmail.heard.clear()
    gmail.flag(number, b"\\Seen")
    report = peer.fetch()
    assert (report.error, report.new) == (None, 0)
    assert peer.store.get([identity])[0].flags == {SEEN}
    changing.flag(peer.ctx, [identity], ["+flagged"])
    assert gmail.flags[number] == {b"\\Seen", b"\\Flagged"}
    opened = [line for line in gmail.heard if b"All Mail" in line or b" FETCH " in line]
    assert not any(b"1:*" in after for before, after in pairwise(opened) if b"All Mail" in before)
    gmail.arrive(letter("new"))
    bodies(gmail)
    assert (peer.fetch().new, bodies(gmail)) == (0, 0)
    for box in gmail.labels(number):
        gmail.unlabel(number, box)
    report = peer.fetch()
    assert (report.error, report.gone, subjects(peer, "Archive")) == (None, 2, [])


def test_archiving_is_undone(gmail: Gmail, archived: tuple[Peer, str, int]) -> None:
    peer, identity, number = archived
    undoing.undo(peer.ctx)
    assert gmail.labels(number) == {INBOX, WORK, ALL}
    assert one(peer, "INBOX") == identity
    report = peer.fetch()
    assert (report.error, report[2:6]) == (None, (0, 0, 0, 0))


def test_an_archiving_whose_answer_was_lost_is_found_by_its_name(tmp_path: Path, gmail: Gmail) -> None:
    number = gmail.arrive(letter("one"), INBOX)
    for n in range(5):
        gmail.arrive(letter(f"other {n}"))
    gmail.arrive(letter("first"), INBOX)
    peer = Peer(tmp_path, gmail)
    peer.fetch()
    changing.archive(
        peer.ctx, [r.id for r in peer.store.summaries(folders=None).rows if r.subject == "first"]
    )
    peer.fetch()

    def move(server: object, tag: bytes, arguments: bytes) -> bytes:
        gmail.honest("MOVE", tag, arguments)
        return b"%T OK done, and no word of where\r\n"

    peer.says(MOVE=move)
    identity = one(peer, "INBOX")
    changing.archive(peer.ctx, [identity])
    assert not any(b"HEADER.FIELDS" in line for line in gmail.heard)
    assert (gmail.labels(number), subjects(peer, "Archive")) == ({ALL}, ["first", "one"])
    assert not peer.store.pending("test")
    report = peer.fetch()
    assert (report.error, report[2:6]) == (None, (0, 0, 0, 0))


def test_deleting_moves_to_trash_and_takes_every_label(tmp_path: Path, gmail: Gmail) -> None:
    number = gmail.arrive(letter("one"), INBOX, WORK)
    peer = Peer(tmp_path, gmail)
    peer.fetch()
    identity = one(peer, "INBOX")
    changing.delete(peer.ctx, [identity])
    assert gmail.labels(number) == {TRASH}
    bodies(gmail)
    report = peer.fetch()
    assert (report.error, report.new, report.gone, bodies(gmail)) == (None, 0, 1, 0)
    assert (one(peer, "Trash"), subjects(peer, "Work")) == (identity, [])


def test_all_mail_takes_part_where_it_is_named(tmp_path: Path, gmail: Gmail) -> None:
    number = gmail.arrive(letter("one"), INBOX)
    gmail.arrive(letter("old"))
    peer = Peer(tmp_path, gmail)
    with (tmp_path / "config.toml").open("a") as config:
        config.write('folders = { include = ["*", "[Gmail]/All Mail"] }\n')
    peer.ctx.reload()
    report = peer.fetch()
    assert (report.error, report.new, bodies(gmail)) == (None, 3, 2)
    identity = one(peer, "INBOX")
    changing.archive(peer.ctx, [identity])
    assert gmail.labels(number) == {ALL}
    bodies(gmail)
    for _ in range(2):
        report = peer.fetch()
        assert (report.error, report.new, report.gone, bodies(gmail)) == (None, 0, 0, 0)
    assert subjects(peer, "Archive") == ["old", "one"]
    assert identity in peer.store.ids()
