"""A run over many folders: the round trips it takes, and what its stages hold to whatever is cut."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mailcli.app import changing
from mailcli.app.fetching import FetchRequest
from mailcli.errors import MailcliError, TryAgain
from mailcli.store.along import Along
from mailcli.store.deliver import Delivery
from mailcli.store.store import Store
from mailcli.store.values import Arrival
from mailcli.sync import intake
from mailcli.sync.imap import compression, connections, download, downloading, retrieval
from mailcli.wire.imap import commands
from tests.integration.conftest import Profile, message
from tests.support import daemons
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml
from tests.support.proxy import Proxy, Traffic


@pytest.fixture
def over_proxy(make_profile: Callable[..., Profile], dovecot: Dovecot) -> Any:
    """(proxy, profile): the profile's server is behind a proxy that counts."""
    with Proxy(dovecot.imaps, delay=0.005) as proxy:  # so that what is one flight is seen as one
        yield proxy, make_profile(incoming_port=proxy.port)


def turns(proxy: Proxy, profile: Profile, request: FetchRequest | None = None) -> int:
    """The turns of one run."""
    profile.fetch(request)
    (traffic,) = proxy.take(1)
    assert isinstance(traffic, Traffic)
    return traffic.turns


def fill_folders(profile: Profile, count: int, each: int = 3, start: int = 0) -> None:
    for folder in range(start, start + count):
        profile.server.fill(
            profile.user, [message(f"f{folder} m{n}") for n in range(each)], f"Folder {folder:02}"
        )


# -- round trips -----------------------------------------------------------------------------------


def test_nothing_new_takes_one_flight_for_one_folder_and_for_forty(over_proxy: Any) -> None:
    proxy, profile = over_proxy
    profile.server.fill(profile.user, [message("one")])
    turns(proxy, profile)
    for_one = turns(proxy, profile)
    fill_folders(profile, 40)
    turns(proxy, profile)
    assert turns(proxy, profile) == for_one


def test_the_first_synchronisation_of_forty_folders_takes_a_handful_of_turns_more_than_of_one(
    over_proxy: Any, make_profile: Callable[..., Profile]
) -> None:
    proxy, profile = over_proxy
    profile.server.fill(profile.user, [message("one")])
    first, nothing_new = turns(proxy, profile), turns(proxy, profile)
    assert first == nothing_new + 2  # what is new, and the messages
    other = make_profile(incoming_port=proxy.port)
    fill_folders(other, 40)
    # What is asked for ahead of the answers is refilled a few times, not for each folder.
    assert turns(proxy, other) <= first + 5
    other.in_step()


def test_changes_in_many_folders_take_the_flights_of_one(over_proxy: Any) -> None:
    proxy, profile = over_proxy
    fill_folders(profile, 6, each=4)
    turns(proxy, profile)
    nothing_new = turns(proxy, profile)
    for folders, gone, flagged in ((1, "1", "3"), (6, "2", "4")):
        for number in range(folders):
            with profile.server.connect(profile.user) as session:
                session.select(f'"Folder {number:02}"')
                session.uid("STORE", flagged, "+FLAGS", "(\\Flagged)")
                session.uid("STORE", gone, "+FLAGS", "(\\Deleted)")
                session.expunge()
        assert turns(proxy, profile) == nothing_new + 1
    profile.in_step()


def test_a_flag_set_here_is_pushed_without_a_list_of_all_folders(over_proxy: Any) -> None:
    proxy, profile = over_proxy
    fill_folders(profile, 5)
    profile.server.fill(profile.user, [message("one")])
    turns(proxy, profile)
    nothing_new = turns(proxy, profile)
    assert changing.flag(profile.ctx, [profile.id("one")], ["+flagged"]).pushed
    (traffic,) = proxy.take(1)
    assert traffic.turns == nothing_new + 1  # the folder, and the flag: no list
    assert "\\Flagged" in profile.server.flags(profile.user)[1]
    profile.fetch()
    profile.in_step()


def test_a_push_to_a_folder_that_is_gone_from_the_server_stays_queued_and_says_so(imap: Profile) -> None:
    imap.server.append(imap.user, "Work", message("one"))
    imap.fetch()
    with imap.server.connect(imap.user) as session:
        session.delete("Work")
    done = changing.flag(imap.ctx, [imap.id("one", "Work")], ["+flagged"])
    assert not done.pushed
    assert "Work" in " ".join(imap.notices)


# -- one folder's trouble is its own -----------------------------------------------------------------


def refused(monkeypatch: pytest.MonkeyPatch, mailbox: str, to: str = "there is none") -> None:
    """Let the program ask for another mailbox where it means this one: the server says NO."""
    for module in ("mailcli.sync.imap.delta", "mailcli.sync.imap.retrieval"):
        monkeypatch.setattr(f"{module}.imap", _Renaming(mailbox, to))


class _Renaming:
    """The commands of IMAP, but a SELECT of one mailbox is that of another."""

    def __init__(self, mailbox: str, to: str) -> None:
        self._mailbox, self._to = mailbox, to

    def __getattr__(self, name: str) -> Any:
        return getattr(commands, name)

    def Select(self, mailbox: str, *more: Any, **words: Any) -> commands.Select:  # noqa: N802
        return commands.Select(self._to if mailbox == self._mailbox else mailbox, *more, **words)


def test_a_folder_that_cannot_be_opened_keeps_no_other_from_its_mail(
    imap: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_folders(imap, 4)
    with monkeypatch.context() as patch:
        refused(patch, "Folder 01")
        with pytest.raises(TryAgain, match="refused SELECT"):
            imap.fetch()
    assert [len(imap.rows(f"Folder {n:02}")) for n in range(4)] == [3, 0, 3, 3]
    imap.fetch()
    imap.in_step()


def test_a_count_that_disagrees_is_settled_by_asking_which_messages_there_are(
    make_profile: Callable[..., Profile],
) -> None:
    """With CONDSTORE alone nobody tells what was expunged: only the count shows it."""
    imap = make_profile(incoming='disable = ["QRESYNC"]')
    fill_folders(imap, 3)
    imap.fetch()
    for folder in ("Folder 00", "Folder 02"):
        with imap.server.connect(imap.user) as session:
            session.select(f'"{folder}"')
            session.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
            session.expunge()
    assert imap.fetch().gone == 2
    imap.in_step()


# -- several connections -----------------------------------------------------------------------------


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks, and as many connections as are allowed, at once."""
    monkeypatch.setattr(download, "CHUNK_MESSAGES", 5)
    monkeypatch.setattr(retrieval, "IN_FLIGHT_MOST", 2)
    monkeypatch.setattr(connections, "WORTH_MESSAGES", 1)
    monkeypatch.setattr(connections, "PACE", 0.0)
    monkeypatch.setattr(connections, "IDLE", -1.0)
    monkeypatch.setattr(connections, "BUSY", float("inf"))


@pytest.fixture
def helped(eager: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first connection fetches nothing until another has: names of those that fetched."""
    fetched: list[str] = []
    receive = retrieval.Retrieval._receive

    def watched(self: retrieval.Retrieval, flying: Any) -> None:
        receive(self, flying)
        fetched.append(threading.current_thread().name)
        if threading.current_thread().name != "download":
            other.wait(5)
        else:
            other.set()

    other = threading.Event()
    monkeypatch.setattr(retrieval.Retrieval, "_receive", watched)
    return fetched


def test_a_second_connection_takes_its_share_of_several_folders(
    make_profile: Callable[..., Profile], helped: list[str]
) -> None:
    imap = make_profile(incoming="connections = 2")
    fill_folders(imap, 6, each=12)
    assert imap.fetch().new == 72
    assert "download" in helped
    imap.in_step()


def test_what_a_dying_connection_leaves_is_fetched_by_the_first(
    make_profile: Callable[..., Profile], eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap = make_profile(incoming="connections = 2")
    fill_folders(imap, 6, each=12)
    receive = retrieval.Retrieval._receive
    died: list[int] = []

    def dying(self: retrieval.Retrieval, flying: Any) -> None:
        if threading.current_thread().name == "download":
            died.append(len(flying.wanted))
            gone.set()
            self.server.pump.close()
            raise TryAgain("the line is dead")
        receive(self, flying)
        gone.wait(5)

    gone = threading.Event()
    monkeypatch.setattr(retrieval.Retrieval, "_receive", dying)
    assert imap.fetch().new == 72
    assert died
    imap.in_step()


def test_a_refused_connection_is_not_asked_for_again_for_a_while(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    refused = threading.Event()
    fetch, receive = connections.Connections._fetch, retrieval.Retrieval._receive

    def watched(self: connections.Connections, *given: Any) -> None:
        tried.append(1)
        fetch(self, *given)
        refused.set()

    def patient(self: retrieval.Retrieval, flying: Any) -> None:
        receive(self, flying)
        refused.wait(5)

    monkeypatch.setattr(connections.Connections, "_fetch", watched)
    monkeypatch.setattr(retrieval.Retrieval, "_receive", patient)
    directory = daemons.work_directory("mc-")
    server = Dovecot(directory, extra="mail_max_userip_connections = 1\n")
    try:
        user, password = server.start().user()
        account_toml(tmp_path / user, server, user, password, incoming="connections = 3")
        imap = Profile(tmp_path / user, server, user)
        for start in (0, 4):
            fill_folders(imap, 4, each=12, start=start)
            assert imap.fetch().new == 48
        assert len(tried) == 1
        imap.close()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


def test_uids_of_another_uidvalidity_are_never_taken_on_another_connection(
    make_profile: Callable[..., Profile], helped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    imap = make_profile(incoming="connections = 2")
    fill_folders(imap, 2, each=12)
    send = retrieval.Retrieval._send_next

    def renumbered(self: retrieval.Retrieval) -> bool:
        if threading.current_thread().name == "download" and not done:
            done.append(1)
            for folder in ("Folder 00", "Folder 01"):
                imap.server.doveadm("mailbox", "update", "-u", imap.user, "--uid-validity", "77", folder)
        return send(self)

    done: list[int] = []
    monkeypatch.setattr(retrieval.Retrieval, "_send_next", renumbered)
    with pytest.raises(TryAgain, match="renumbered"):
        imap.fetch()
    imap.fetch()
    imap.in_step()


# -- cut, and gone on with -----------------------------------------------------------------------------


def test_what_had_arrived_before_a_cut_is_not_fetched_again(
    imap: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cursor of a folder stays where it was until all of it is durable."""
    monkeypatch.setattr(download, "CHUNK_MESSAGES", 5)
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 5)
    fill_folders(imap, 3, each=10)
    begin, batches = Store.begin_delivery, []

    def full(store: Store, arrivals: Sequence[Arrival], along: Along) -> Delivery:
        batches.append(len(arrivals))
        if len(batches) == 4:
            raise TryAgain("cut")
        return begin(store, arrivals, along)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "begin_delivery", full)
        with pytest.raises(MailcliError, match="cut"):
            imap.fetch()
    assert [len(imap.rows(f"Folder {n:02}")) for n in range(3)] == [10, 5, 0]
    ended = {r.name for r in imap.ctx.store.sync_folders("test") if r.state.uidnext}
    assert "Folder 00" in ended
    assert not ended & {"Folder 01", "Folder 02"}
    assert imap.fetch().new == 15
    imap.in_step()


def test_a_folder_whose_mail_is_all_here_is_not_opened_again_after_a_cut(
    imap: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_MESSAGES", 4)
    fill_folders(imap, 3, each=4)
    begin, batches = Store.begin_delivery, []

    def full(store: Store, arrivals: Sequence[Arrival], along: Along) -> Delivery:
        batches.append(len(arrivals))
        if len(batches) == 3:
            raise TryAgain("cut")
        return begin(store, arrivals, along)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "begin_delivery", full)
        with pytest.raises(MailcliError, match="cut"):
            imap.fetch()
    done = {r.name for r in imap.ctx.store.sync_folders("test") if r.state.uidnext}
    assert {"Folder 00", "Folder 01"} <= done
    assert "Folder 02" not in done


# -- compression ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "compressed"), [("always", True), ("never", False), ("auto", False)])
def test_compression_is_as_the_account_wants_it(
    make_profile: Callable[..., Profile],
    dovecot: Dovecot,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    compressed: bool,
) -> None:
    with Proxy(dovecot.imaps) as proxy:
        imap = make_profile(incoming_port=proxy.port, incoming=f'compress = "{policy}"')
        text = "the same words again and again\n" * 2000
        imap.server.fill(imap.user, [message(f"m{n}", text) for n in range(20)])
        imap.fetch()
        (traffic,) = proxy.take(1)
    octets = 20 * len(text)
    assert (traffic.down < octets / 4) == compressed
    imap.in_step()


def test_a_line_measured_as_slow_is_compressed_from_the_next_run_on(
    make_profile: Callable[..., Profile], dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compression, "PAYS_BELOW", 10**12)
    monkeypatch.setattr(compression, "TELLING", 1000)
    text = "the same words again and again\n" * 2000
    with Proxy(dovecot.imaps) as proxy:
        imap = make_profile(incoming_port=proxy.port)
        down = []
        for folder in ("A", "B"):
            imap.server.fill(imap.user, [message(f"m{n}", text) for n in range(20)], folder)
            imap.fetch()
            (traffic,) = proxy.take(1)
            down.append(traffic.down)
    assert down[1] < down[0] / 4
    imap.in_step()


def test_progress_counts_the_octets_of_all_folders(imap: Profile) -> None:
    fill_folders(imap, 3, each=2)
    steps: list[Any] = []
    imap.ctx.progress = steps.append
    report = imap.fetch()
    assert steps[-1].octets == steps[-1].of_octets == report.octets > 0
    assert {step.phase for step in steps} >= {"Folder 00", "Folder 01", "Folder 02"}
    assert downloading.Progress("x", 1, 2, 3, 4)._fields[0] == "folder"
