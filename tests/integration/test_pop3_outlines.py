"""POP3 messages too large to come whole: listed by their headers, whole when they are read."""

from __future__ import annotations

import errno
import os

import pytest

from mailcli.app import bodies, changing, undoing
from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest
from mailcli.errors import LocalIOError, MailcliError, NotFound, ServerRefused, TryAgain
from mailcli.model.message import Summary
from mailcli.store import disk, history
from mailcli.store.writer import Writer
from tests.integration.conftest import MakeBox, Profile, message
from tests.support.maildrop import Mail, letter
from tests.support.pop3_box import DELETE, Box

SMALL = Mail("s", letter("small"))
LARGE = Mail("l", letter("large", body="the end\r\n.dot\r\n" + "x" * 9000))
LIMIT = "max_size = 5000"


@pytest.fixture
def box(make_box: MakeBox) -> Box:
    """A maildrop with a large message and a small one, of which the header and the whole are here."""
    made = make_box([LARGE, SMALL], LIMIT)
    assert made.fetch().new == 2
    assert made.drop.retrieved == ["s"]
    return made


def rows(ctx: Context) -> dict[str, Summary]:
    keys = [folder.key for folder in ctx.store.folders("box")]
    return {row.subject: row for row in ctx.store.summaries(folders=keys).rows}


def large(ctx: Context) -> Summary:
    return rows(ctx)["large"]


def listed(box: Box) -> dict[str, Summary]:
    ctx = box.context()
    try:
        return rows(ctx)
    finally:
        ctx.close()


def read(box: Box) -> bytes:
    ctx = box.context()
    try:
        return bodies.wire(ctx, large(ctx).id)
    finally:
        ctx.close()


def test_large_messages_are_listed_by_their_headers_and_stay_on_the_server(box: Box) -> None:
    assert box.states() == {("l", 1): "outlined", ("s", 1): "delivered"}
    row = listed(box)["large"]
    assert (row.remote_only, row.size, row.folder) == (True, len(LARGE.data), "INBOX")
    assert (box.fetch().new, box.drop.count("TOP"), box.drop.retrieved) == (0, 0, [])
    assert [m.uidl for m in box.drop.mail] == ["l", "s"] and box.notices == []


def test_a_message_whose_body_is_not_here_is_never_deleted_on_the_server(box: Box) -> None:
    box.now += 300 * 86400
    assert box.fetch(FetchRequest(leave="days", days=7)).gone == 1
    assert box.fetch(DELETE).gone == 0
    assert box.drop.mail == [LARGE]


def test_reading_brings_the_body_and_keeps_it(box: Box) -> None:
    box.drop.retrieved.clear()
    assert read(box) == LARGE.data
    assert box.drop.retrieved == ["l"] and box.states()["l", 1] == "delivered"
    box.drop.says["AUTH"] = b"-ERR gone\r\n"
    assert read(box) == LARGE.data
    del box.drop.says["AUTH"]
    assert (box.fetch().new, box.drop.retrieved) == (0, [])
    assert box.drop.mail == [LARGE, SMALL]


def test_once_the_body_is_here_the_server_may_delete_it(box: Box) -> None:
    assert box.fetch(DELETE).gone == 1
    assert box.fetch(DELETE).gone == 0, "the listing is looked at, and found unchanged"
    read(box)
    assert box.fetch(DELETE).gone == 1
    assert box.drop.mail == [] and read(box) == LARGE.data


def test_the_days_of_delete_after_count_from_the_body(box: Box) -> None:
    weekly = FetchRequest(leave="days", days=7)
    box.now += 30 * 86400
    assert box.fetch(weekly).gone == 1
    read(box)
    box.now += 6 * 86400
    assert box.fetch(weekly).gone == 0
    box.now += 2 * 86400
    assert box.fetch(weekly).gone == 1


def test_a_message_is_found_by_its_uidl_when_its_number_is_another(box: Box) -> None:
    box.drop.mail = [Mail("n", letter("news")), SMALL, LARGE]
    assert read(box) == LARGE.data


def test_a_header_whose_line_in_the_history_was_lost_is_recognised(box: Box) -> None:
    def lose(writer: Writer) -> None:
        writer.pop3_forget("box", [("l", 1)])
        history.note_unrecorded(writer.connection, "box")  # as after a salvage

    with box.store as store:
        store.transact(lose)
    assert box.fetch().new == 0
    assert box.subjects() == ["large", "small"] and box.states()["l", 1] == "outlined"
    assert read(box) == LARGE.data
    assert (box.fetch().new, box.drop.retrieved) == (0, [])


def test_rules_and_headers_of_large_messages_need_one_top_of_each(make_box: MakeBox) -> None:
    box = make_box([LARGE, SMALL], f'{LIMIT}\nskip = "subject:nothing"')
    assert box.fetch().new == 2
    assert box.drop.count("TOP") == 2
    assert box.states() == {("l", 1): "outlined", ("s", 1): "delivered"}


def test_the_second_of_two_with_one_uidl_is_told_by_its_header(make_box: MakeBox) -> None:
    two = [Mail("same", letter(f"m{n}", body=f"{n}" * 9000)) for n in range(2)]
    box = make_box(two, LIMIT)
    box.fetch()
    box.drop.mail = [two[1]]
    ctx = box.context()
    assert bodies.wire(ctx, rows(ctx)["m1"].id) == two[1].data
    with pytest.raises(NotFound, match="does not list the message any more"):
        bodies.wire(ctx, rows(ctx)["m0"].id)
    ctx.close()


def test_without_uidl_the_header_names_it(make_box: MakeBox) -> None:
    box = make_box([LARGE, SMALL], LIMIT)
    box.drop.lacks = {"UIDL"}
    assert box.fetch().new == 2
    box.drop.mail = [SMALL, LARGE]
    assert read(box) == LARGE.data


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (b"-ERR corrupt\r\n", ServerRefused, "did not give the body of .*: corrupt"),
        (b"-ERR [SYS/TEMP] busy\r\n", TryAgain, "did not give the body of .*: busy"),
        (b"", MailcliError, "is only on the server: "),
    ],
)
def test_a_body_that_does_not_come_says_why(
    box: Box, answer: bytes, kind: type[MailcliError], told: str
) -> None:
    box.drop.says["RETR"] = answer
    with pytest.raises(kind, match=told):
        read(box)
    del box.drop.says["RETR"]
    assert read(box) == LARGE.data


def test_a_message_that_has_gone_from_the_server_says_so(box: Box) -> None:
    box.drop.mail = [SMALL]
    with pytest.raises(NotFound, match="does not list the message any more"):
        read(box)
    assert box.fetch().new == 0
    assert "large" in box.subjects()


def test_a_pause_between_logins_is_kept_by_reading_too(make_box: MakeBox) -> None:
    box = make_box([LARGE], LIMIT)
    box.drop.offers.append(b"LOGIN-DELAY 900")
    box.fetch()
    with pytest.raises(TryAgain, match="900 seconds between two logins"):
        read(box)
    box.now += 901
    assert read(box) == LARGE.data


def test_a_larger_limit_brings_what_is_missing(box: Box) -> None:
    before = {subject: row.id for subject, row in listed(box).items()}
    box.set("max_size = '1M'")
    report = box.fetch(DELETE)
    assert (report.new, report.bodies, report.gone, box.drop.retrieved) == (0, 1, 2, ["l"])
    assert {subject: row.id for subject, row in listed(box).items()} == before
    assert box.drop.mail == [] and read(box) == LARGE.data


def test_a_body_that_a_fetch_cannot_get_leaves_the_header_as_it_is(box: Box) -> None:
    box.set("")
    box.drop.says["RETR"] = b"-ERR not now\r\n"
    assert isinstance(box.report(DELETE).error, TryAgain)
    assert box.states()["l", 1] == "outlined"
    del box.drop.says["RETR"]
    report = box.fetch(DELETE)
    assert (report.new, report.bodies, report.gone, len(box.subjects())) == (0, 1, 1, 2)


@pytest.mark.parametrize("step", ["write", "fsync", "rename"])
def test_a_body_that_cannot_be_stored_is_not_deleted_on_the_server(
    box: Box, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    box.set("")

    def full(name: str, path: str) -> None:
        if name == step and "/mail/" in path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(disk, "failpoint", full)
    assert isinstance(box.report(DELETE).error, LocalIOError)
    assert read(box) == LARGE.data, "reading goes on, although nothing can be kept"
    monkeypatch.setattr(disk, "failpoint", None)
    assert LARGE in box.drop.mail and box.states()["l", 1] == "outlined"
    assert box.fetch(DELETE).bodies == 1
    assert box.drop.mail == []


def test_a_purge_deletes_it_on_the_server_and_says_what_is_lost(box: Box) -> None:
    ctx = box.context()
    identity = large(ctx).id
    done = changing.delete(ctx, [identity], purge=True)
    assert "of 1 only the header was here" in done.summary
    undoing.undo(ctx)
    assert large(ctx).remote_only
    ctx.close()
    assert box.fetch().gone == 0 and read(box) == LARGE.data
    box.set("max_size = 50")
    ctx = box.context()
    changing.delete(ctx, [identity], purge=True)
    ctx.close()
    report = box.fetch()
    assert (report.gone, report.pushed, box.drop.mail) == (1, 1, [SMALL])
    assert box.fetch().new == 0 and box.subjects() == ["small"]


def test_what_was_purged_is_not_fetched_first(box: Box) -> None:
    ctx = box.context()
    changing.delete(ctx, [large(ctx).id], purge=True)
    ctx.close()
    box.set("")
    report = box.fetch()
    assert (report.bodies, report.pushed, box.drop.retrieved, box.drop.mail) == (0, 1, [], [SMALL])
    ctx = box.context()
    with pytest.raises(NotFound, match="nothing of this is left to bring back"):
        undoing.undo(ctx)
    ctx.close()


def test_it_is_moved_and_flagged_like_any_other(box: Box) -> None:
    ctx = box.context()
    identity = large(ctx).id
    changing.flag(ctx, [identity], ["+flagged"])
    changing.archive(ctx, [identity])
    ctx.close()
    assert box.fetch(DELETE).gone == 1
    assert read(box) == LARGE.data
    ctx = box.context()
    assert large(ctx).folder == "Archive" and "\\Flagged" in large(ctx).flags
    undoing.undo(ctx)
    assert large(ctx).folder == "INBOX"
    ctx.close()
    assert box.fetch(DELETE).gone == 1


def test_an_index_made_anew_keeps_it(box: Box) -> None:
    with box.store as store:
        store.rebuild()
    assert box.fetch(DELETE).gone == 1
    assert read(box) == LARGE.data


def test_rules_over_the_header_go_before_the_size(make_box: MakeBox) -> None:
    mail = [LARGE, Mail("x", letter("spam", body="x" * 9000)), Mail("y", letter("news", body="y" * 9000))]
    box = make_box(mail, f"{LIMIT}\ndiscard = 'subject:spam'\nskip = 'subject:news'")
    report = box.fetch()
    assert (report.new, report.gone, box.subjects()) == (1, 1, ["large"])
    assert [m.uidl for m in box.drop.mail] == ["l", "y"] and box.drop.retrieved == []


def test_a_server_without_top_keeps_what_is_large(make_box: MakeBox) -> None:
    box = make_box([LARGE, SMALL], LIMIT)
    box.drop.lacks = {"TOP"}
    assert box.fetch(DELETE).new == 1
    assert box.notices == ["box: a message is larger than max_size, and left on the server"]
    assert (box.fetch(DELETE).new, box.drop.mail, len(box.notices)) == (0, [LARGE], 1)
    box.set("")
    assert box.fetch(DELETE).new == 1


def test_count_and_limit_take_headers_for_messages(make_box: MakeBox) -> None:
    box = make_box([Mail(f"{n}", letter(f"m{n}", body="x" * 9000)) for n in range(5)], LIMIT)
    assert box.fetch(FetchRequest(count=True)).new == 5
    assert box.fetch(FetchRequest(limit=3)).new == 3
    assert box.fetch(FetchRequest(count=True)).new == 2
    assert box.fetch().new == 2 and len(box.subjects()) == 5


def test_a_moved_mailbox_is_recognised_by_the_headers(box: Box) -> None:
    box.drop.mail = [m._replace(uidl=f"new {m.uidl}") for m in box.drop.mail]
    assert box.fetch(FetchRequest(adopt=True)).new == 0
    assert len(box.subjects()) == 2 and read(box) == LARGE.data


def test_a_real_server_gives_header_and_body(pop3: Profile) -> None:
    pop3.server.append(pop3.user, "INBOX", message("big", "a line\n.\n..\n" * 900))
    config = pop3.directory / "config.toml"
    config.write_text(
        config.read_text().replace("[accounts.test.pop3]", '[accounts.test.pop3]\nmax_size = "5k"')
    )
    ctx = pop3.ctx = pop3.open()
    assert pop3.fetch(DELETE).new == 1
    (row,) = pop3.rows()
    assert row.remote_only
    (wire,) = pop3.server.messages(pop3.user).values()
    assert bodies.wire(ctx, row.id) == wire
    assert pop3.fetch(DELETE).gone == 1
    assert pop3.server.messages(pop3.user) == {}


def test_a_server_that_deletes_what_it_gave_is_left_without_a_quit_if_nothing_was_kept(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = make_box([LARGE], LIMIT)
    box.drop.offers.append(b"EXPIRE 0")
    box.fetch()
    monkeypatch.setattr(disk, "failpoint", _full)
    box.drop.heard.clear()
    assert read(box) == LARGE.data
    monkeypatch.setattr(disk, "failpoint", None)
    box.drop.settled()
    assert (box.drop.count("RETR"), box.drop.count("QUIT")) == (1, 0)


def _full(step: str, path: str) -> None:
    if step == "write" and "/mail/" in path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
