"""Pushes cut in the middle, on servers with and without MOVE and UIDPLUS: whatever the server had done
by then is found by looking, and nothing is lost, doubled, or made up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.app.fetching import FetchRequest
from mailcli.errors import MailcliError
from mailcli.store.values import Arrival
from tests.integration.conftest import Profile, message
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml
from tests.support.proxy import Cut, Proxy

CUTS = 6  # a direction

LACKING = pytest.mark.parametrize(
    "disabled",
    ["", '"MOVE"', '"UIDPLUS"', '"MOVE", "UIDPLUS"'],
    ids=["all", "no MOVE", "no UIDPLUS", "neither"],
)


@pytest.fixture
def lacking(tmp_path: Path, dovecot: Dovecot, disabled: str) -> Iterator[tuple[Profile, Proxy]]:
    """A profile that reaches the server by a proxy, and knows nothing of some extensions."""
    user, password = dovecot.user()
    with Proxy(dovecot.imap) as proxy:
        account_toml(
            tmp_path / user,
            dovecot,
            user,
            password,
            tls="none",
            incoming_port=proxy.port,
            incoming=f"disable = [{disabled}]",
        )
        profile = Profile(tmp_path / user, dovecot, user)
        yield profile, proxy
        profile.close()


class Mailbox:
    """Rounds of changes, and what both sides must hold after each: subjects by folder."""

    def __init__(self, imap: Profile) -> None:
        self.imap = imap
        self.store = imap.ctx.store
        self.round = 0
        self.expected: dict[str, set[str]] = {"INBOX": set(), "Archive": set()}
        self.keys = {name: self.store.find_folder("test", name).key for name in self.expected}

    def change(self) -> None:
        """One message to append, one with no Message-ID; last round's are moved, and one copied."""
        self.round += 1
        old = [r.id for r in self.imap.rows() if r.subject in (f"a{self.round - 1}", f"b{self.round - 1}")]
        self.store.move(old, self.keys["Archive"])
        moved = {s for s in self.expected["INBOX"] if s[1:] == str(self.round - 1)}
        self.expected["INBOX"] -= moved
        self.expected["Archive"] |= moved
        plain = message(f"a{self.round}")
        bare = b"From: x@example.org\nSubject: b%d\n\nno id\n" % self.round
        arrivals = [Arrival(self.keys["INBOX"], m.replace(b"\n", b"\r\n")) for m in (plain, bare)]
        self.store.deliver(arrivals)
        self.expected["INBOX"] |= {f"a{self.round}", f"b{self.round}"}

    def check(self) -> None:
        for folder, subjects in self.expected.items():
            found = [
                m.partition(b"Subject: ")[2].split(b"\r\n")[0].decode()
                for m in self.imap.server.messages(self.imap.user, folder).values()
            ]
            assert sorted(found) == sorted(subjects), (self.round, folder)
            assert sorted(r.subject for r in self.imap.rows(folder)) == sorted(subjects)
        self.imap.in_step()


@LACKING
def test_a_push_cut_anywhere_ends_as_if_it_had_not_been(lacking: tuple[Profile, Proxy]) -> None:
    imap, proxy = lacking
    imap.fetch()
    mailbox = Mailbox(imap)
    mailbox.change()
    imap.fetch()
    mailbox.change()
    proxy.take(2)
    imap.fetch()
    (whole,) = proxy.take(1)
    mailbox.check()
    for side, octets in (("client", whole.up), ("server", whole.down)):
        for n in range(1, CUTS + 1):
            mailbox.change()
            proxy.cut = Cut(side, octets * n // (CUTS + 1), "rst")
            with contextlib.suppress(MailcliError):
                imap.fetch()
            proxy.cut = None
            imap.fetch()
            imap.fetch()
            mailbox.check()
    again = imap.fetch()
    assert (again.new, again.changed, again.gone, again.pushed) == (0, 0, 0, 0)


@pytest.mark.parametrize("disabled", ['"UIDPLUS"'])
def test_what_cannot_be_expunged_alone_stays_hidden_until_somebody_expunges(
    lacking: tuple[Profile, Proxy],
) -> None:
    """EXPUNGE would take another's \\Deleted message with it."""
    imap, _ = lacking
    imap.server.fill(imap.user, [message(f"m{n}") for n in range(4)])
    imap.fetch()
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
    gone = imap.id("m1")
    imap.ctx.store.purge([gone])
    for request in (FetchRequest(), FetchRequest(), FetchRequest(full=True)):
        report = imap.fetch(request)
        assert (report.new, report.gone, report.pushed) == (0, 0, 0)
        assert {r.subject for r in imap.rows()} == {"m0", "m2", "m3"}
        assert set(imap.server.messages(imap.user)) == {1, 2, 3, 4}
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "-FLAGS", "(\\Deleted)")
    imap.fetch()
    assert set(imap.server.messages(imap.user)) == {1, 3, 4}
    imap.in_step()


@pytest.mark.parametrize("disabled", ['"MOVE", "UIDPLUS"'])
def test_the_original_of_a_move_that_has_to_stay_is_not_doubled(lacking: tuple[Profile, Proxy]) -> None:
    imap, _ = lacking
    imap.server.fill(imap.user, [message(f"m{n}") for n in range(3)])
    imap.fetch()
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
    imap.ctx.store.move([imap.id("m1")], imap.ctx.store.find_folder("test", "Archive").key)
    for request in (FetchRequest(), FetchRequest(), FetchRequest(full=True)):
        assert imap.fetch(request).new == 0
        assert {r.subject for r in imap.rows()} == {"m0", "m2"}
        assert {r.subject for r in imap.rows("Archive")} == {"m1"}
    assert len(imap.server.messages(imap.user, "Archive")) == 1


def test_an_expunge_cut_after_deleted_was_set_is_done_by_the_next_run(
    make_profile: Callable[..., Profile],
) -> None:
    """Our own \\Deleted is no wish of somebody else to keep the message."""
    imap = make_profile()
    imap.server.fill(imap.user, [message(f"m{n}") for n in range(2)])
    imap.fetch()
    imap.ctx.store.purge([imap.id("m0")])
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
    imap.fetch()
    assert set(imap.server.messages(imap.user)) == {2}
    imap.in_step()


@pytest.mark.parametrize("disabled", [""])
def test_a_message_whose_line_ends_the_server_changed_is_found_again(
    lacking: tuple[Profile, Proxy],
) -> None:
    """Dovecot stores bare LF as CRLF: the size differs, so the content decides."""
    imap, proxy = lacking
    imap.fetch()
    proxy.take(1)
    inbox = imap.ctx.store.find_folder("test", "INBOX").key
    mixed = b"Subject: mixed\r\nMessage-ID: <mixed@x>\r\n\r\none\ntwo\r\nthree\n" + b"line\n" * 400
    imap.fetch()
    (quiet,) = proxy.take(1)
    imap.ctx.store.deliver([Arrival(inbox, mixed)])
    # Everything is said, and the answer to the APPEND does not come.
    proxy.cut = Cut("client", quiet.up + len(mixed) + 60, "rst")
    with contextlib.suppress(MailcliError):
        imap.fetch()
    proxy.cut = None
    imap.fetch()
    imap.fetch()
    assert len(imap.server.messages(imap.user)) == 1
    assert len(imap.rows()) == 1
