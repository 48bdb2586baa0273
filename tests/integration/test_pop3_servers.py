"""POP3 servers as they are: without UIDL, with two of the same, in pieces, out of patience."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from mailcli.app import changing
from mailcli.app.fetching import FetchRequest
from mailcli.errors import AuthenticationFailed, ConfigError, RemoteProtocolError, TryAgain, Unreachable
from mailcli.store.maildrop import Listing
from mailcli.store.store import Store
from tests.integration.conftest import MakeBox
from tests.support.maildrop import PASSWORD, Mail, letter
from tests.support.pop3_box import DELETE

# -- deletion and its order ----------------------------------------------------------------------


def test_dele_is_never_sent_before_the_message_is_durable_and_recorded(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailcli.sync.intake.BATCH_MESSAGES", 5)
    monkeypatch.setattr("mailcli.sync.intake.WAITING_MESSAGES", 10)
    monkeypatch.setattr("mailcli.sync.pop3.retr.WINDOW", 4)
    box = make_box(60)
    seen: list[tuple[str, bool]] = []

    def at_dele(uidl: str) -> None:
        reading = Store(box.directory / "data", box.directory / "state", read_only=True)
        with reading as store:
            row = store.pop3_known("box")[uidl, 1]
            seen.append((row.state, store.path(row.id).exists() if row.state == "delivered" else False))

    box.drop.at_dele = at_dele
    assert box.fetch(DELETE).gone == 60
    assert seen == [("delivered", True)] * 60
    verbs = [line.split(" ")[0] for line in box.drop.heard]
    assert verbs.index("DELE") < len(verbs) - 1 - verbs[::-1].index("RETR"), "they travel with the RETRs"


def test_a_quit_without_an_answer_is_resolved_by_the_next_listing(make_box: MakeBox) -> None:
    box = make_box(3)
    box.drop.says["QUIT"] = b""  # it closes, and keeps everything
    with pytest.raises(TryAgain, match="whether 3 messages were deleted is not known"):
        box.fetch(DELETE)
    del box.drop.says["QUIT"]
    report = box.fetch(DELETE)
    assert (report.new, report.gone, box.drop.retrieved) == (0, 3, [])
    assert box.drop.mail == [] and len(box.subjects()) == 3


def test_a_quit_that_did_delete_without_saying_so_is_no_trouble(make_box: MakeBox) -> None:
    box = make_box(3)
    box.drop.says["QUIT"] = lambda _: box.drop.mail.clear() or b""  # type: ignore[func-returns-value]
    assert isinstance(box.report(DELETE).error, TryAgain)
    del box.drop.says["QUIT"]
    report = box.fetch(DELETE)
    assert (report.new, report.gone) == (0, 0) and len(box.subjects()) == 3


def test_a_quit_that_is_refused_is_told(make_box: MakeBox) -> None:
    box = make_box(2)
    box.drop.says["QUIT"] = b"-ERR some messages were not removed\r\n"
    with pytest.raises(TryAgain, match="did not delete: some messages"):
        box.fetch(DELETE)
    assert set(box.states().values()) == {"delivered"}


# -- one UIDL, several messages ------------------------------------------------------------------


def test_messages_that_share_a_uidl_all_come_once(make_box: MakeBox) -> None:
    box = make_box([Mail("same", letter("one")), Mail("same", letter("two")), Mail("other", letter("three"))])
    assert box.fetch().new == 3
    assert box.fetch().new == 0
    assert box.drop.count("TOP") == 0, "an unchanged maildrop needs no look at its headers"
    assert box.subjects() == ["one", "three", "two"]


def test_the_second_of_two_is_not_deleted_for_the_first(make_box: MakeBox) -> None:
    box = make_box([Mail("same", letter("one")), Mail("same", letter("two"))])
    box.drop.says["RETR"] = lambda words: b"-ERR not now\r\n" if words == "2" else None
    with pytest.raises(TryAgain, match="did not give message 2: not now"):
        box.fetch(DELETE)
    assert [m.data for m in box.drop.mail] == [letter("two")]
    del box.drop.says["RETR"]
    report = box.fetch(DELETE)
    assert (report.new, report.gone) == (1, 1)
    assert box.subjects() == ["one", "two"] and box.drop.mail == []


@pytest.mark.parametrize("lacks", [set(), {"TOP"}])
def test_a_uidl_that_is_used_again_brings_the_new_message(make_box: MakeBox, lacks: set[str]) -> None:
    box = make_box([Mail("1", letter("first"))])
    box.drop.lacks = lacks
    box.fetch(DELETE)
    box.drop.mail = [Mail("1", letter("later"))]
    assert box.fetch(DELETE).new == 1
    assert box.subjects() == ["first", "later"]


@pytest.mark.parametrize("lacks", [set(), {"TOP"}])
def test_what_is_listed_again_after_its_deletion_is_deleted_again_and_not_doubled(
    make_box: MakeBox, lacks: set[str]
) -> None:
    box = make_box(2)
    box.drop.lacks = lacks
    before = list(box.drop.mail)
    box.fetch(DELETE)
    box.drop.mail = before
    report = box.fetch(DELETE)
    assert (report.new, report.gone) == (0, 2)
    assert len(box.subjects()) == 2


def test_a_known_uidl_of_another_size_is_looked_at(make_box: MakeBox) -> None:
    box = make_box([Mail("1", letter("small"))])
    box.fetch()
    box.drop.mail = [Mail("1", letter("large", body="x" * 5000))]
    assert box.fetch().new == 1
    assert box.fetch().new == 0
    assert box.subjects() == ["large", "small"]


# -- servers that lack something -----------------------------------------------------------------


def test_without_uidl_messages_are_known_by_header_and_size(make_box: MakeBox) -> None:
    box = make_box([Mail("a", letter("one")), Mail("b", letter("two")), Mail("c", letter("two"))])
    box.drop.lacks = {"UIDL"}
    assert box.fetch().new == 3
    box.drop.mail.append(Mail("d", letter("three")))
    assert (box.fetch().new, box.drop.retrieved) == (1, ["d"])
    assert box.fetch(DELETE).gone == 4


def test_with_neither_uidl_nor_top_content_tells_what_is_new(make_box: MakeBox) -> None:
    box = make_box([Mail("a", letter("one")), Mail("b", letter("two")), Mail("c", letter("two"))])
    box.drop.lacks = {"UIDL", "TOP"}
    assert box.fetch().new == 3
    assert any('leave = "delete"' in notice for notice in box.notices)
    box.drop.mail.insert(0, Mail("d", letter("three")))
    assert box.fetch().new == 1
    assert box.subjects() == ["one", "three", "two", "two"]
    report = box.fetch(DELETE)
    assert (report.new, report.gone, box.drop.mail) == (0, 4, [])


def test_a_message_without_a_name_is_not_skipped_for_one_that_had_its_number(make_box: MakeBox) -> None:
    box = make_box([Mail("a", letter("large", body="x" * 9000)), Mail("b", letter("two"))], "max_size = 5000")
    box.drop.lacks = {"UIDL", "TOP"}
    assert box.fetch().new == 1
    box.drop.mail[0] = Mail("c", letter("small"))
    assert box.fetch().new == 1
    assert box.subjects() == ["small", "two"]


@pytest.mark.parametrize("lacks", [{"CAPA"}, {"CAPA", "UIDL"}, {"CAPA", "UIDL", "TOP"}, {"UTF8"}])
def test_an_old_server_gives_the_same_one_command_at_a_time(make_box: MakeBox, lacks: set[str]) -> None:
    box = make_box(5)
    box.drop.lacks = lacks | {"AUTH"}
    box.drop.offers = [b"UIDL", b"TOP", b"USER", b"UTF8"]
    assert box.fetch(DELETE).new == 5
    assert box.drop.mail == [] and len(box.subjects()) == 5
    assert box.fetch(DELETE).new == 0


def test_a_message_that_cannot_be_given_does_not_stop_the_others(make_box: MakeBox) -> None:
    box = make_box(4)
    box.drop.says["RETR"] = lambda words: b"-ERR corrupt\r\n" if words == "2" else None
    report = box.report(DELETE)
    assert isinstance(report.error, TryAgain) and report.new == 3
    assert box.states()["u1", 1] == "failed" and [m.uidl for m in box.drop.mail] == ["u1"]


def test_the_end_of_the_connection_within_a_message_discards_it(make_box: MakeBox) -> None:
    box = make_box(4)
    box.drop.offers.remove(b"PIPELINING")
    half = b"+OK\r\n" + letter("m2")[:-9]

    def cut(words: str) -> bytes | None:
        if words == "3":
            box.drop._held[-1].sendall(half)
            return b""
        return None

    box.drop.says["RETR"] = cut
    assert isinstance(box.report(DELETE).error, Unreachable)
    assert box.subjects() == ["m0", "m1"] and len(box.drop.mail) == 4
    del box.drop.says["RETR"]
    assert box.fetch(DELETE).new == 2
    assert len(box.subjects()) == 4 and box.drop.mail == []


# -- sessions ------------------------------------------------------------------------------------


def test_a_session_brings_no_more_than_its_size_and_another_follows(make_box: MakeBox) -> None:
    box = make_box(7, "session_size = 3")
    assert box.fetch(DELETE).new == 7
    assert box.drop.sessions == 3 and box.drop.mail == []


def test_a_limit_goes_over_the_sessions(make_box: MakeBox) -> None:
    box = make_box(7, "session_size = 3")
    assert box.fetch(FetchRequest(limit=4)).new == 4
    assert box.drop.sessions == 2
    assert box.fetch().new == 3


def test_a_session_of_failures_is_not_repeated_for_ever(make_box: MakeBox) -> None:
    box = make_box(5, "session_size = 2")
    box.drop.says["RETR"] = b"-ERR no\r\n"
    assert isinstance(box.report().error, TryAgain)
    assert box.drop.sessions == 1


def test_gmail_is_asked_until_nothing_is_new(make_box: MakeBox) -> None:
    box = make_box(7)
    box.drop.greeting = b"+OK Gpop ready for requests from 192.0.2.1 x1mb\r\n"
    box.drop.piece = 3
    assert box.fetch().new == 7
    assert box.drop.sessions == 4 and len(box.subjects()) == 7


def test_a_login_delay_is_kept(make_box: MakeBox) -> None:
    box = make_box(3, "session_size = 2")
    box.drop.offers.append(b"LOGIN-DELAY 900")
    assert box.fetch().new == 2
    assert "no second login now" in box.notices[-1]
    box.now += 600
    assert box.fetch().new == 0
    assert box.drop.heard == [] and "900 seconds between two logins; 301 are left" in box.notices[-1]
    with pytest.raises(TryAgain, match="900 seconds between two logins"):
        box.fetch(FetchRequest(count=True))
    box.now += 301
    assert box.fetch().new == 1
    box.now -= 10 * 365 * 86400
    box.fetch()
    assert box.drop.count("AUTH") == 1, "a clock that was set back keeps nobody waiting"


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ({"AUTH": b"-ERR [LOGIN-DELAY] wait\r\n"}, TryAgain),
        ({"AUTH": b"-ERR [IN-USE] another session\r\n"}, TryAgain),
        ({"AUTH": b"-ERR [SYS/TEMP] database\r\n"}, TryAgain),
        ({"AUTH": b"-ERR [AUTH] no\r\n"}, AuthenticationFailed),
        ({"LIST": b"-ERR [SYS/TEMP] index\r\n"}, TryAgain),
        ({"UIDL": b"-ERR [SYS/TEMP] index\r\n"}, TryAgain),
        ({"UIDL": b"-ERR internal error\r\n"}, TryAgain),
        ({"UIDL": b"gibberish\r\n"}, RemoteProtocolError),
    ],
)
def test_the_servers_reason_decides_whether_to_come_again(
    make_box: MakeBox, says: dict[str, bytes], kind: type[Exception]
) -> None:
    box = make_box(2)
    box.drop.says.update(says)
    assert isinstance(box.report(DELETE).error, kind)
    assert len(box.drop.mail) == 2 and box.subjects() == []


def test_apop_is_used_on_request_only(make_box: MakeBox) -> None:
    box = make_box(1)
    box.fetch()
    assert box.drop.count("APOP") == 0
    box.set('auth = "apop"')
    box.fetch()
    assert f"APOP bob {box.drop.apop(PASSWORD)}" in box.drop.heard and box.drop.count("AUTH") == 0


def test_utf8_is_asked_for_before_signing_in(make_box: MakeBox) -> None:
    box = make_box([Mail("u", letter("Grüße"))])
    box.drop.offers.append(b"UTF8 USER")
    box.fetch()
    assert box.drop.heard.index("UTF8") < box.drop.heard.index("AUTH")
    assert box.subjects() == ["Grüße"]


def test_a_server_that_keeps_nothing_is_warned_of_and_not_left_with_a_loss(make_box: MakeBox) -> None:
    box = make_box(2, 'deliver = "pipe:exit 1"')
    box.drop.offers.append(b"EXPIRE 0")
    assert isinstance(box.report().error, TryAgain)
    assert "EXPIRE 0" in box.notices[0]
    assert box.drop.count("QUIT") == 0, "QUIT would delete what was downloaded"


# -- rules ---------------------------------------------------------------------------------------


def test_large_messages_stay_on_the_server_with_a_notice(make_box: MakeBox) -> None:
    box = make_box(
        [Mail("a", letter("small")), Mail("b", letter("large", body="x" * 9000))],
        'max_size = 5000\nlarge = "skip"',
    )
    assert (box.fetch(DELETE).new, len(box.drop.mail)) == (1, 1)
    assert box.notices == ["box: a message is larger than max_size, and left on the server"]
    assert box.fetch(DELETE).new == 0
    assert len(box.notices) == 1, "said once"
    box.set("max_size = 50000")
    assert box.fetch(DELETE).new == 1


@pytest.mark.parametrize("deliver", ["maildir:there", "mbox:there", "pipe:cat >/dev/null"])
def test_other_places_than_a_folder_get_no_headers_of_large_messages(make_box: MakeBox, deliver: str) -> None:
    mail = [Mail("a", letter("small")), Mail("b", letter("large", body="x" * 9000))]
    box = make_box(mail, f'max_size = 5000\ndeliver = "{deliver}"')
    assert (box.fetch(DELETE).new, [m.uidl for m in box.drop.mail]) == (1, ["b"])
    assert "left on the server" in box.notices[0]


NEWS = [
    Mail("a", letter("hello")),
    Mail("b", letter("weekly news", "List-Id: <news.example.com>", sender="news@example.com")),
    Mail("c", letter("win money", sender="spam@example.net")),
]


@pytest.mark.parametrize("lacks", [set(), {"TOP"}])
def test_a_query_over_the_header_skips_and_another_discards(make_box: MakeBox, lacks: set[str]) -> None:
    box = make_box(
        NEWS, "skip = 'list:news.example.com'\ndiscard = 'from:spam@example.net subject:\"win money\"'"
    )
    box.drop.lacks = lacks
    report = box.fetch()
    assert (report.new, report.gone, box.subjects()) == (1, 1, ["hello"])
    assert [m.uidl for m in box.drop.mail] == ["a", "b"]
    if not lacks:
        assert box.drop.retrieved == ["a"]
    assert box.fetch().new == 0
    assert box.drop.retrieved == [] and box.drop.count("TOP") == 0, "judged once"
    box.set("")
    assert box.fetch().new == 1


def test_count_goes_by_the_rules_and_writes_nothing(make_box: MakeBox) -> None:
    box = make_box(NEWS, "discard = 'from:spam'")
    assert box.fetch(FetchRequest(count=True)).new == 2
    assert len(box.drop.mail) == 3 and box.states() == {}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("skip = 'body:secret'", "accounts.box.pop3.skip: body: cannot be known before the download"),
        ("discard = 'from:('", "accounts.box.pop3.discard: "),
    ],
)
def test_a_rule_that_a_header_cannot_answer_is_told_before_anything_is_done(
    make_box: MakeBox, rule: str, told: str
) -> None:
    box = make_box(1, rule)
    with pytest.raises(ConfigError, match=told):
        box.fetch()
    assert box.drop.heard == []


# -- the mailbox and the clock -------------------------------------------------------------------


def test_a_purge_is_carried_out_whatever_the_mode(make_box: MakeBox) -> None:
    box = make_box(3)
    box.fetch()
    ctx = box.context()
    key = ctx.store.find_folder("box", "INBOX").key
    (purged,) = [row.id for row in ctx.store.summaries(folders=[key]).rows if row.subject == "m1"]
    changing.delete(ctx, [purged], purge=True)
    ctx.close()
    report = box.fetch(FetchRequest(leave="days", days=30))
    assert (report.pushed, report.gone, [m.uidl for m in box.drop.mail]) == (1, 1, ["u0", "u2"])


@pytest.mark.parametrize("years", [10, -10])
def test_a_clock_that_jumps_deletes_nothing_by_age(make_box: MakeBox, years: int) -> None:
    box = make_box(2)
    weekly = FetchRequest(leave="days", days=7)
    right = box.now
    box.fetch(weekly)
    box.now = right + years * 365 * 86400
    assert box.fetch(weekly).gone == 0
    box.now = right + 6 * 86400
    assert box.fetch(weekly).gone == 0
    box.now = right + 8 * 86400
    assert box.fetch(weekly).gone == 2
    assert len(box.subjects()) == 2


def test_a_moved_mailbox_without_top_is_recognised_by_its_content(make_box: MakeBox) -> None:
    box = make_box(3)
    box.fetch()
    box.drop.lacks = {"TOP"}
    box.drop.mail = [m._replace(uidl=f"new {m.uidl}") for m in box.drop.mail]
    assert box.fetch().new == 0
    assert box.fetch().new == 0 and box.drop.retrieved == []
    assert len(box.subjects()) == 3


def test_the_history_is_kept_for_thirty_days(make_box: MakeBox) -> None:
    box = make_box(1)
    box.fetch()
    mail, box.drop.mail = box.drop.mail, [Mail("z", letter("other"))]
    box.fetch()
    box.now += 29 * 86400
    box.drop.mail = [*mail, *box.drop.mail]
    assert box.fetch().new == 0
    box.drop.mail = box.drop.mail[1:]
    box.fetch()
    box.now += 31 * 86400
    box.fetch()
    assert ("u0", 1) not in box.states()


# -- nothing new ---------------------------------------------------------------------------------


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The accounts whose listing is compared from now on."""
    read: list[str] = []
    listing = Store.pop3_listing

    def noted(self: Store, name: str) -> AbstractContextManager[Listing]:
        read.append(name)
        return listing(self, name)

    monkeypatch.setattr(Store, "pop3_listing", noted)
    return read


def test_an_unchanged_listing_is_not_compared_again(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = make_box(3)
    box.fetch()
    read = looked_at(monkeypatch)
    assert box.fetch().new == 0
    assert read == []
    box.drop.mail.append(Mail("u9", letter("new")))
    assert box.fetch().new == 1 and read == ["box"]


def test_an_unchanged_listing_hides_nothing_that_is_to_be_done(make_box: MakeBox) -> None:
    box = make_box(4)
    box.drop.says["RETR"] = lambda words: b"-ERR not now\r\n" if words == "4" else None
    box.report()
    del box.drop.says["RETR"]
    assert box.fetch().new == 1, "what failed"
    box.fetch()
    assert box.fetch(FetchRequest(leave="days", days=7)).gone == 0
    box.now += 8 * 86400
    assert box.fetch(FetchRequest(leave="days", days=7)).gone == 4, "what has become old"
    box.drop.mail = [Mail("v1", letter("v1")), Mail("v2", letter("v2"))]
    box.fetch()
    box.fetch()
    box.drop.says["DELE"] = lambda words: b"-ERR not now\r\n" if words == "1" else None
    box.report(DELETE)
    del box.drop.says["DELE"]
    assert box.fetch(DELETE).gone == 1, "what another mode is to delete"
    box.drop.mail = [Mail("v3", letter("v3", body="x" * 500))]
    box.set('max_size = 400\nlarge = "skip"')
    assert (box.fetch().new, box.fetch().new) == (0, 0)
    box.set("")
    assert box.fetch().new == 1, "what other rules let in"


def test_an_account_that_was_removed_and_added_again_gets_everything(make_box: MakeBox) -> None:
    box = make_box(3, "skip = 'subject:m0'")
    box.drop.offers.append(b"LOGIN-DELAY 900")
    assert (box.fetch().new, len(box.subjects())) == (2, 2)
    with box.store as store:
        store.remove_account("box")
    assert (box.fetch().new, len(box.subjects())) == (2, 2)


# -- what is remembered of a server ----------------------------------------------------------------


def test_capabilities_are_asked_for_once_a_day(make_box: MakeBox) -> None:
    box = make_box(1)
    asked = []
    for hours in (0, 1, 22, 2, 1):
        box.now += hours * 3600
        box.fetch()
        asked.append(box.drop.count("CAPA"))
    assert asked == [1, 0, 0, 1, 0]


def test_a_clock_set_back_has_them_asked_for_again(make_box: MakeBox) -> None:
    box = make_box(1)
    box.fetch()
    box.now -= 365 * 86400
    assert box.fetch().new == 0 and box.drop.count("CAPA") == 1


def test_another_user_of_the_server_is_asked_for_anew(make_box: MakeBox) -> None:
    box = make_box(1)
    box.fetch()
    box.set('auth = "user"')
    box.fetch()
    assert box.drop.count("CAPA") == 1


def test_after_a_failure_the_capabilities_are_asked_for_again(make_box: MakeBox) -> None:
    box = make_box(1)
    box.fetch()
    box.drop.says["LIST"] = b"-ERR [SYS/TEMP] later\r\n"
    assert isinstance(box.report().error, TryAgain)
    del box.drop.says["LIST"]
    box.fetch()
    assert box.drop.count("CAPA") == 1


def test_tables_asked_for_behind_the_login_are_asked_for_once(make_box: MakeBox) -> None:
    box = make_box(2)
    box.drop.greeting = b"+OK Dovecot ready.\r\n"
    box.fetch()
    box.drop.mail.append(Mail("u9", letter("new")))
    assert box.fetch().new == 1
    assert box.drop.heard == ["AUTH", "UIDL", "LIST", "RETR 3", "QUIT"]
    assert box.fetch(DELETE).gone == 3
    assert box.drop.count("UIDL") == 1


def test_a_server_that_has_lost_pipelining_is_found_out(make_box: MakeBox) -> None:
    box = make_box(2)
    box.drop.greeting = b"+OK Dovecot ready.\r\n"
    box.fetch()
    box.drop.mail.append(Mail("u9", letter("new")))
    box.drop.says["UIDL"] = b""  # what came behind the login makes it hang up
    assert isinstance(box.report().error, Unreachable)
    del box.drop.says["UIDL"]
    box.drop.offers.remove(b"PIPELINING")
    assert box.fetch().new == 1
    assert box.drop.heard.index("AUTH") > box.drop.heard.index("CAPA")


def test_without_uidl_another_message_of_the_same_size_is_new(make_box: MakeBox) -> None:
    box = make_box([Mail("a", letter("one"))])
    box.drop.lacks.add("UIDL")
    assert box.fetch().new == 1
    box.drop.mail = [Mail("b", letter("two"))]
    assert box.fetch().new == 1
    assert box.subjects() == ["one", "two"]


# -- tables that disagree --------------------------------------------------------------------------


def test_a_message_that_uidl_leaves_out_is_known_by_its_header(make_box: MakeBox) -> None:
    box = make_box(3)
    box.drop.says["UIDL"] = b"+OK\r\n1 u0\r\n2\r\n3 u2\r\n.\r\n"
    assert box.fetch().new == 3
    assert box.fetch().new == 0 and box.drop.retrieved == [] and box.notices == []
    assert box.fetch(DELETE).gone == 3


def test_messages_without_any_name_are_told_and_left_there(make_box: MakeBox) -> None:
    box = make_box(3)
    box.drop.says["UIDL"] = b"+OK\r\n1 u0\r\n.\r\n"
    box.drop.lacks.add("TOP")
    for new in (1, 0):
        assert box.fetch().new == new
        assert "counts 3 messages and has no name for 2 of them" in box.notices.pop()
    del box.drop.says["UIDL"]
    assert box.fetch().new == 2
    assert box.notices == []


def test_a_server_that_counts_otherwise_is_no_reason_to_fail(make_box: MakeBox) -> None:
    box = make_box(2)
    box.drop.says["STAT"] = b"+OK 1 10\r\n"
    assert box.fetch().new == 2
    box.drop.says["STAT"] = b"-ERR what?\r\n"
    assert (box.fetch().new, box.notices) == (0, [])
