"""`search --server` against a real Dovecot, and Gmail's own search on a scripted server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import listing, searching
from tests.integration.conftest import Profile, message
from tests.security.scripted import Imap, Peer
from tests.support.program import Program

Make = Callable[..., Profile]
OLD = '" 1-Jan-2001 00:00:00 +0000"'


def found(profile: Profile | Peer, *words: str) -> set[str]:
    """Subjects of what a search with the servers finds; they all answered."""
    merged = searching.merged(profile.ctx, words)
    assert merged.errors == ()
    return {r.subject for r in listing.search(profile.ctx, merged.query).rows}


def here(profile: Profile | Peer, *words: str) -> set[str]:
    return {r.subject for r in listing.search(profile.ctx, words).rows}


def filled(make_profile: Make, incoming: str = "") -> Profile:
    profile = make_profile(incoming=incoming)
    profile.server.append(profile.user, "INBOX", message("one", "a zebra"))
    profile.server.append(profile.user, "INBOX", message("two", "a horse"))
    profile.server.append(profile.user, "Archive", message("three", "another zebra"))
    profile.fetch()
    return profile


def test_words_of_bodies_that_are_not_here_are_found_by_the_server(make_profile: Make) -> None:
    profile = filled(make_profile, 'mode = "headers"')
    assert here(profile, "zebra") == set()
    assert found(profile, "zebra") == {"one", "three"}
    assert found(profile, "zebra", "in:Archive") == {"three"}
    assert found(profile, "zebra", "subject:one") == {"one"}


def test_a_negation_is_held_against_what_the_server_found(make_profile: Make) -> None:
    profile = filled(make_profile, 'mode = "headers"')
    assert found(profile, "-zebra") == {"two"}
    profile.server.append(profile.user, "INBOX", message("four", "a zebra"))
    assert found(profile, "-zebra") == {"two"}
    assert profile.ctx.store.count() == 3


def test_where_all_mail_is_here_the_server_adds_nothing(make_profile: Make) -> None:
    profile = filled(make_profile)
    for words in (["zebra"], ["zebr*"], ["-zebra"], ["zebra", "OR", "horse"], ["bra"]):
        assert found(profile, *words) == here(profile, *words)


def test_mail_that_was_not_fetched_yet_is_found_and_completed_by_the_next_fetch(make_profile: Make) -> None:
    profile = filled(make_profile)
    profile.server.append(profile.user, "INBOX", message("four", "a zebra, late"))
    profile.server.append(profile.user, "INBOX", message("five", "a horse, late"))
    assert found(profile, "zebra", "late") == {"four"}
    (late,) = [r for r in profile.rows() if r.subject == "four"]
    assert late.remote_only
    report = profile.fetch()
    assert (report.new, report.bodies) == (1, 1)
    assert [r.id for r in profile.rows() if r.subject == "four"] == [late.id]
    profile.in_step()
    assert profile.ctx.store.check() == []
    assert (profile.fetch().new, profile.ctx.store.count()) == (0, 5)


def test_new_mail_that_a_search_brought_is_news_for_the_next_fetch(make_profile: Make) -> None:
    profile = make_profile(
        incoming='mode = "recent"\nolder = "skip"', settings='hooks = { new_mail = "true" }'
    )
    profile.server.append(profile.user, "INBOX", message("old", "a zebra"), date=OLD)
    profile.fetch()
    profile.server.append(profile.user, "INBOX", message("new", "a zebra"))
    assert found(profile, "zebra") == {"old", "new"}
    assert [row.subject for row in profile.fetch().arrived] == ["new"]
    assert profile.fetch().arrived == ()


def test_mail_that_is_left_out_here_is_found(make_profile: Make) -> None:
    profile = make_profile(incoming='mode = "recent"\nsince = "90d"\nolder = "skip"')
    profile.server.append(profile.user, "INBOX", message("old", "a zebra"), date=OLD)
    profile.server.append(profile.user, "INBOX", message("young", "a horse"))
    profile.fetch()
    assert {r.subject for r in profile.rows()} == {"young"}
    assert found(profile, "zebra") == {"old"}
    for _ in range(2):
        report = profile.fetch()
        assert (report.new, report.bodies, report.gone) == (0, 0, 0)
    assert {r.subject for r in profile.rows()} == {"old", "young"}


def test_no_more_than_the_newest_come(make_profile: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_BROUGHT", 2)
    profile = filled(make_profile)
    for n in range(4):
        profile.server.append(profile.user, "INBOX", message(f"late{n}", "a zebra"))
    assert found(profile, "zebra") == {"one", "three", "late2", "late3"}
    assert profile.notices == ["test: the server found 4 more; the newest 2 came"]


def test_one_account_that_is_away_is_named_and_the_others_answer(make_profile: Make) -> None:
    profile = filled(make_profile, 'mode = "headers"')
    with (profile.directory / "config.toml").open("a") as config:
        config.write(
            '\n[accounts.away]\nemail = "a@b.test"\npassword = { env = "NOWHERE" }\n'
            '[accounts.away.imap]\nhost = "127.0.0.1"\nport = 1\ntls = "none"\n'
        )
    done = Program(profile.directory).run("search", "--server", "zebra", environ={"NOWHERE": "x"})
    assert done.code == 75
    assert len(done.out.splitlines()) == 2
    assert len(done.err.splitlines()) == 1
    assert "away" in done.err and "127.0.0.1:1" in done.err


def test_gmail_is_asked_in_its_own_syntax(tmp_path: Path) -> None:
    with Imap() as server:
        server.capabilities = b"IMAP4rev1 UIDPLUS X-GM-EXT-1"
        peer = Peer(tmp_path, server)
        peer.fetch()
        found(peer, '"big launch"', "subject:m1")
        searches = sorted(line.split(b" ", 2)[2].strip() for line in server.heard if b"SEARCH" in line)
        assert searches == [b'SEARCH SUBJECT "m1"', b'SEARCH X-GM-RAW "\\"big launch\\""']
