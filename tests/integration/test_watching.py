"""Watching accounts on a real Dovecot: what is noticed, and what survives."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailcli.app import changing, fetching
from mailcli.app import lookout as lookout_module
from mailcli.app.fetching import FetchReport
from mailcli.app.lookout import Ended, Fetched, Lookout, Lost, Report, Watching
from mailcli.app.suspension import Suspension
from mailcli.app.watching import Arrived
from mailcli.errors import AuthenticationFailed
from mailcli.model.flags import FLAGGED
from mailcli.sync.imap import folders
from mailcli.sync.imap import watch as watch_module
from mailcli.sync.imap.folders import Found
from mailcli.sync.imap.server import Server
from tests.integration.conftest import Profile, message
from tests.integration.watched import FAST, Watched
from tests.support import daemons
from tests.support.dovecot import Dovecot
from tests.support.program import wait_until
from tests.support.proxy import Cut, Proxy

IDLE = 'disable = ["NOTIFY"]'
POLL = 'disable = ["NOTIFY", "IDLE"]'
WAYS = {"notify": "", "idle": IDLE, "poll": POLL}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def profile_for(make_profile: Callable[..., Profile], way: str, interval: int = 1) -> Profile:
    """A fetched profile with one message here and there, whose server tells in this way."""
    profile = make_profile(incoming=WAYS[way], settings=f"watch_interval = {interval}")
    profile.server.append(profile.user, "INBOX", message("old"))
    profile.fetch()
    return profile


def test_new_mail_in_the_inbox_and_elsewhere_is_told_once(
    make_profile: Callable[..., Profile], way: str
) -> None:
    profile = profile_for(make_profile, way)
    with Watched(profile.open()) as watched:
        assert watched.until(Watching).way == way
        profile.server.append(profile.user, "INBOX", message("one"))
        watched.until_subjects("one")
        profile.server.append(profile.user, "Lists/x", message("two"))
        watched.until_subjects("one", "two")
    profile.in_step()


def test_idle_tells_of_the_inbox_without_asking(make_profile: Callable[..., Profile]) -> None:
    profile = profile_for(make_profile, "idle", interval=3600)
    with Watched(profile.open()) as watched:
        watched.until(Watching)
        for n in range(3):
            profile.server.append(profile.user, "INBOX", message(f"m{n}"))
            wait_until(lambda n=n: len(watched.subjects) == n + 1)  # type: ignore[misc]
        assert watched.subjects == ["m0", "m1", "m2"]


def test_a_flag_changed_elsewhere_appears_here(make_profile: Callable[..., Profile], way: str) -> None:
    profile = profile_for(make_profile, way)
    with Watched(profile.open()) as watched:
        watched.until(Watching)
        with profile.server.connect(profile.user) as session:
            session.select("INBOX")
            session.uid("STORE", "1", "+FLAGS", "(\\Flagged)")
        wait_until(lambda: FLAGGED in profile.rows()[0].flags)
        assert watched.subjects == []


def test_a_change_made_here_is_pushed(make_profile: Callable[..., Profile], way: str) -> None:
    profile = profile_for(make_profile, way, interval=3600)
    with Watched(profile.open()) as watched:
        watched.until(Watching)
        changing.flag(profile.ctx.without_network(), [profile.id("old")], ["+flagged"])
        wait_until(lambda: FLAGGED in profile.server.flags(profile.user)[1])
        assert watched.subjects == []


def test_mail_between_the_look_at_the_counters_and_idle_is_not_missed(
    make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = profile_for(make_profile, "idle", interval=3600)
    looked: list[int] = []

    def discover(server: Server, special: object = ()) -> list[Found]:
        found = original(server, special)  # type: ignore[arg-type]
        if not looked:
            looked.append(profile.server.append(profile.user, "INBOX", message("in between")))
        return found

    original = folders.discover
    monkeypatch.setattr(watch_module, "discover", discover)
    with Watched(profile.open()) as watched:
        watched.until_subjects("in between")


def test_what_waited_on_the_server_is_new_and_what_was_here_is_not(imap: Profile) -> None:
    imap.server.append(imap.user, "INBOX", message("here"))
    imap.fetch()
    imap.server.append(imap.user, "INBOX", message("waiting"))
    with Watched(imap.open()) as watched:
        watched.until(Watching)
        watched.until_subjects("waiting")


def test_the_first_download_of_an_account_is_no_news(imap: Profile) -> None:
    for n in range(3):
        imap.server.append(imap.user, "INBOX", message(f"m{n}"), date='"01-Jan-2020 10:00:00 +0000"')
    with Watched(imap.open()) as watched:
        watched.until(Watching)
        imap.server.append(imap.user, "INBOX", message("news"))
        watched.until_subjects("news")
    assert len(imap.rows()) == 4


def test_mail_that_a_fetch_of_another_process_brought_is_told_once(
    make_profile: Callable[..., Profile],
) -> None:
    profile = profile_for(make_profile, "poll", interval=3600)
    with Watched(profile.open()) as watched:
        watched.until(Watching)
        profile.server.append(profile.user, "INBOX", message("by cron"))
        profile.fetch()
        watched.until_subjects("by cron")
        profile.server.append(profile.user, "INBOX", message("by cron too"))
        profile.fetch()
        watched.until_subjects("by cron", "by cron too")


def test_while_another_fetch_holds_the_lock_the_watch_waits_for_it(
    make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = profile_for(make_profile, "notify")
    tried: list[FetchReport] = []

    def fetch_account(*words: Any, **more: Any) -> FetchReport:
        tried.append(fetching.fetch_account(*words, **more))
        return tried[-1]

    monkeypatch.setattr(lookout_module, "fetch_account", fetch_account)
    with Watched(profile.open()) as watched:
        watched.until(Watching)
        with profile.ctx.store.lock_account("test"):
            profile.server.append(profile.user, "INBOX", message("held up"))
            wait_until(lambda: len([report for report in tried if report.locked]) > 1)
        watched.until_subjects("held up")
        assert not watched.all(Lost)


def test_a_burst_of_mail_is_one_fetch(make_profile: Callable[..., Profile]) -> None:
    profile = profile_for(make_profile, "notify")
    with Watched(profile.open(), FAST._replace(quiet=2.0, longest=60.0)) as watched:
        watched.until(Watching)
        before = len(watched.all(Fetched))
        with profile.server.connect(profile.user) as session:
            for n in range(5):
                profile.server.append_to(session, "INBOX", message(f"m{n}"))
        watched.until(Arrived)
        assert len(watched.subjects) == 5 and len(watched.all(Fetched)) == before + 1


# ---- what goes wrong


@pytest.fixture
def own_dovecot() -> Iterator[Dovecot]:
    server = Dovecot(daemons.work_directory("mw-"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.mark.parametrize("incoming", [WAYS["notify"], IDLE])
def test_a_server_that_is_started_again_is_watched_again_and_fetched_first(
    own_dovecot: Dovecot, tmp_path: Path, incoming: str
) -> None:
    from tests.support.profiles import account_toml

    user, password = own_dovecot.user()
    account_toml(tmp_path, own_dovecot, user, password, incoming=incoming)
    profile = Profile(tmp_path, own_dovecot, user)
    own_dovecot.append(user, "INBOX", message("old"))
    profile.fetch()
    try:
        with Watched(profile.open()) as watched:
            watched.until(Watching)
            own_dovecot.stop()
            lost = watched.until(Lost)
            assert lost.error.exit_code == 75 and not lost.refused and lost.error.message.startswith("test: ")
            place = own_dovecot.maildir(user) / "new/1.down.test"
            place.write_bytes(message("while it was down"))
            own_dovecot._give(place)
            own_dovecot.start()
            watched.until(Watching, 2)
            watched.until_subjects("while it was down")
            own_dovecot.append(user, "INBOX", message("afterwards"))
            watched.until_subjects("while it was down", "afterwards")
    finally:
        profile.close()


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_connection_that_breaks_is_made_again(
    make_profile: Callable[..., Profile], dovecot: Dovecot, how: str
) -> None:
    with Proxy(dovecot.imaps, cut=Cut("server", 12_000, how)) as proxy:
        profile = make_profile(incoming_port=proxy.port)
        with Watched(profile.open()) as watched:
            watched.until(Watching)
            subjects: list[str] = []
            while not watched.all(Lost):
                subjects.append(f"m{len(subjects)}")
                profile.server.append(profile.user, "INBOX", message(subjects[-1], "x" * 3000))
                wait_until(lambda: watched.all(Lost) or len(watched.subjects) == len(subjects))
            watched.until(Watching, 2)
            wait_until(lambda: len(watched.subjects) >= len(subjects))
            assert sorted(watched.subjects) == sorted(subjects)


def test_a_wrong_password_is_told_and_tried_again_only_after_the_long_pause(
    make_profile: Callable[..., Profile],
) -> None:
    profile = make_profile()
    secret = profile.directory / "test.password"
    right = secret.read_text()
    secret.write_text("wrong\n")
    with Watched(profile.open(), FAST._replace(refused=0.5)) as watched:
        lost = watched.until(Lost)
        assert lost.refused and lost.pause == 0.5 and isinstance(lost.error, AuthenticationFailed)
        secret.write_text(right)
        watched.until(Watching)


def test_a_machine_that_slept_connects_again_at_once(make_profile: Callable[..., Profile]) -> None:
    profile = profile_for(make_profile, "idle", interval=3600)
    told: queue.SimpleQueue[Report] = queue.SimpleQueue()
    clock = [0.0]
    ctx = profile.open()
    _ = ctx.store, ctx.cancel, ctx.secrets
    lookout = Lookout(
        ctx,
        ctx.config.account("test"),
        told.put,
        timing=FAST._replace(first=3600.0),
        suspension=Suspension(lambda: 0.0, (lambda: clock[0],)),
    )
    lookout.thread.start()
    try:
        assert isinstance(told.get(timeout=20), Fetched)
        assert isinstance(told.get(timeout=20), Watching)
        clock[0] += 3600.0
        assert isinstance(told.get(timeout=20), Fetched)  # nothing new was noticed: it began anew
    finally:
        ctx.cancel.cancel()
        lookout.thread.join(10)
    while not isinstance(told.get(timeout=20), Ended):
        pass
    assert threading.active_count() < 50


# ---- POP3


def test_pop3_is_asked_every_interval(make_profile: Callable[..., Profile]) -> None:
    profile = make_profile(protocol="pop3", settings="watch_interval = 1")
    profile.server.append(profile.user, "INBOX", message("old"))
    profile.fetch()
    with Watched(profile.open()) as watched:
        assert watched.until(Watching).way == "poll"
        profile.server.append(profile.user, "INBOX", message("one"))
        watched.until_subjects("one")
        profile.server.append(profile.user, "INBOX", message("two"))
        watched.until_subjects("one", "two")
