"""POP3 against a real Dovecot."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mailcli.app import changing
from mailcli.app.fetching import FetchRequest
from mailcli.errors import AuthenticationFailed, ConfigError
from tests.integration.conftest import Profile, message

DELETE = FetchRequest(leave="delete")


def filled(pop3: Profile, count: int = 10) -> Profile:
    pop3.server.fill(pop3.user, [message(f"m{n}") for n in range(count)])
    return pop3


def on_server(pop3: Profile) -> int:
    return len(pop3.server.messages(pop3.user))


def test_everything_arrives_once_and_stays_on_the_server(pop3: Profile) -> None:
    report = filled(pop3, 40).fetch()
    assert (report.new, report.gone) == (40, 0)
    assert {r.subject for r in pop3.rows()} == {f"m{n}" for n in range(40)}
    assert on_server(pop3) == 40
    again = pop3.fetch()
    assert (again.new, again.octets) == (0, 0)
    assert len(pop3.rows()) == 40


def test_messages_are_byte_for_byte_those_of_the_server(pop3: Profile) -> None:
    odd = b"Subject: odd\n\n.dot\n..two\n\xff\xe9\n\n\n"
    pop3.server.append(pop3.user, "INBOX", odd)
    pop3.fetch()
    (wire,) = pop3.server.messages(pop3.user).values()
    assert pop3.ctx.store.open_bytes(pop3.id("odd")) == wire


def test_delete_removes_what_was_delivered(pop3: Profile) -> None:
    report = filled(pop3, 5).fetch(DELETE)
    assert (report.new, report.gone) == (5, 5)
    assert on_server(pop3) == 0 and len(pop3.rows()) == 5


def test_delete_also_removes_what_an_earlier_run_kept(pop3: Profile) -> None:
    filled(pop3, 5).fetch()
    report = pop3.fetch(DELETE)
    assert (report.new, report.gone) == (0, 5)
    assert on_server(pop3) == 0 and len(pop3.rows()) == 5


def test_delete_after_days_counts_from_the_delivery(pop3: Profile) -> None:
    filled(pop3, 3).fetch()
    weekly = FetchRequest(leave="days", days=7)
    assert pop3.fetch(weekly).gone == 0
    before = pop3.ctx.clock
    pop3.ctx.clock = lambda: before() + 8 * 86400
    assert pop3.fetch(weekly).gone == 3
    assert on_server(pop3) == 0


def test_count_says_how_many_are_new_and_downloads_none(pop3: Profile) -> None:
    filled(pop3, 4)
    assert pop3.fetch(FetchRequest(count=True)).new == 4
    assert pop3.ctx.store.count() == 0


def test_a_limit_is_kept_and_the_next_run_goes_on(pop3: Profile) -> None:
    filled(pop3, 6)
    assert pop3.fetch(FetchRequest(limit=4)).new == 4
    assert pop3.fetch().new == 2
    assert len(pop3.rows()) == 6


def test_a_purged_message_is_deleted_on_the_server_at_the_next_fetch(pop3: Profile) -> None:
    filled(pop3, 3).fetch()
    changing.delete(pop3.ctx, [pop3.id("m1")], purge=True)
    assert on_server(pop3) == 3
    assert pop3.fetch().pushed == 1
    assert on_server(pop3) == 2
    assert pop3.fetch().new == 0
    assert {r.subject for r in pop3.rows()} == {"m0", "m2"}


def test_archive_and_delete_are_local(pop3: Profile) -> None:
    filled(pop3, 2).fetch()
    changing.archive(pop3.ctx, [pop3.id("m0")])
    changing.delete(pop3.ctx, [pop3.id("m1")])
    assert pop3.fetch().new == 0
    assert pop3.id("m0", "Archive") and pop3.id("m1", "Trash")
    assert on_server(pop3) == 2


def test_a_moved_mailbox_with_new_uidls_is_recognised_and_adopted_on_request(pop3: Profile) -> None:
    filled(pop3, 5).fetch()
    pop3.server.doveadm("mailbox", "update", "-u", pop3.user, "--uid-validity", "99", "INBOX")
    with pytest.raises(ConfigError, match="new UIDLs to 5 messages"):
        pop3.fetch()
    assert pop3.fetch(FetchRequest(adopt=True)).new == 0
    assert pop3.fetch().new == 0
    assert len(pop3.rows()) == 5


@pytest.mark.parametrize("disabled", ['"PIPELINING"', '"PIPELINING", "SASL"'])
def test_a_server_without_extensions_gives_the_same(
    make_profile: Callable[..., Profile], disabled: str
) -> None:
    pop3 = make_profile(protocol="pop3", incoming=f"disable = [{disabled}]")
    assert filled(pop3, 12).fetch(DELETE).new == 12
    assert on_server(pop3) == 0 and len(pop3.rows()) == 12


def test_starttls_downloads_as_well(make_profile: Callable[..., Profile]) -> None:
    pop3 = make_profile(protocol="pop3", tls="starttls")
    assert filled(pop3, 2).fetch().new == 2


def test_flags_moves_and_searches_are_those_of_any_account(pop3: Profile) -> None:
    filled(pop3, 3).fetch()
    changing.flag(pop3.ctx, [pop3.id("m0")], ["+flagged"])
    changing.move(pop3.ctx, [pop3.id("m1")], "Projects", create=True)
    assert pop3.fetch(DELETE).gone == 3
    assert pop3.fetch().new == 0
    assert {r.subject for r in pop3.rows("Projects")} == {"m1"}
    (flagged,) = [r.subject for r in pop3.rows() if "\\Flagged" in r.flags]
    assert flagged == "m0" and on_server(pop3) == 0


def test_a_purge_that_is_taken_back_before_the_fetch_deletes_nothing(pop3: Profile) -> None:
    filled(pop3, 2).fetch()
    purged = pop3.id("m0")
    changing.delete(pop3.ctx, [purged], purge=True)
    pop3.ctx.store.restore([purged])
    assert (pop3.fetch().pushed, on_server(pop3)) == (0, 2)
    assert len(pop3.rows()) == 2


def test_a_purge_that_is_taken_back_after_the_fetch_is_so_here_alone(pop3: Profile) -> None:
    filled(pop3, 2).fetch()
    purged = pop3.id("m0")
    changing.delete(pop3.ctx, [purged], purge=True)
    assert pop3.fetch().pushed == 1
    pop3.ctx.store.restore([purged])
    report = pop3.fetch()
    assert (report.new, report.pushed, on_server(pop3), len(pop3.rows())) == (0, 0, 1, 2)


def test_a_message_that_another_program_brought_and_took_ends_the_looking_for_it(pop3: Profile) -> None:
    """What the history does not name is looked for once; then nothing is left for a run to write."""
    filled(pop3, 2).fetch()
    store = pop3.ctx.store
    (pop3.directory / "data/mail/test/INBOX/new/foreign").write_bytes(message("foreign"))
    (inbox,) = [f.key for f in store.folders("test") if f.name == "INBOX"]
    (foreign,) = store.scan(inbox, force=True).adopted
    store.purge([foreign])
    assert store.pop3_unrecorded("test") == []
    pop3.fetch()
    assert store.pop3_unrecorded("test") is None
    pop3.fetch()
    assert store.pop3_settled("test")


def test_a_password_that_is_wrong_now_is_told_and_the_right_one_works_again(pop3: Profile) -> None:
    """What went right behind the login was all refused with it."""
    filled(pop3, 2).fetch()
    secret = pop3.directory / "test.password"
    right = secret.read_text()
    secret.write_text("wrong\n")
    for _ in range(2):  # once by what is known, once by what is asked
        pop3.ctx = pop3.open()
        with pytest.raises(AuthenticationFailed, match="did not accept the credentials"):
            pop3.fetch()
    secret.write_text(right)
    pop3.ctx = pop3.open()
    pop3.server.append(pop3.user, "INBOX", message("later"))
    assert pop3.fetch().new == 1
