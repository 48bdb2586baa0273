"""Headers first, bodies later or on demand, against a real Dovecot."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import bodies, changing, exporting, listing, reading
from mailcli.app.context import Context
from mailcli.app.fetching import FetchRequest
from mailcli.errors import LocalIOError, NotFound, TryAgain, Unreachable
from mailcli.model.flags import FLAGGED
from mailcli.store import disk
from mailcli.store.store import Store
from mailcli.store.values import FolderState, Place
from mailcli.sync.imap.download import Incoming, Queue
from mailcli.sync.imap.downloading import Downloading
from tests.integration.conftest import Profile, message
from tests.support.proxy import Cut, Proxy

Make = Callable[..., Profile]
NO_OP_TURNS = 7
"""TLS, sign-in, the list of folders, good-bye: no folder was opened."""
LONG = "A line of a body that nobody asked for.\n" * 500

ATTACHED = b"""\
From: Alice Ng <alice@example.org>
To: bob@example.org
Subject: attached
Message-ID: <attached@example.org>
Date: Mon, 2 Nov 2015 10:00:00 +0100
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain

hello
--inner
Content-Type: text/html

<p>hello</p>
--inner--
--outer
Content-Type: application/pdf; name="=?utf-8?q?r=C3=A9sum=C3=A9.pdf?="
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf
Content-Transfer-Encoding: base64

JVBERi0xLjQK
--outer
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/mixed; boundary=deep

--deep
Content-Type: image/png; name=dot.png
Content-Disposition: attachment

x
--deep--
--outer--
"""


def headers(make_profile: Make, count: int = 3, settings: str = "", **words: object) -> Profile:
    """A profile that has fetched the headers of so many messages."""
    profile = make_profile(incoming=f'mode = "headers"\n{settings}', **words)
    profile.server.fill(profile.user, [message(f"m{n}", f"{LONG}end of {n}") for n in range(count)])
    assert profile.fetch().new == count
    return profile


def configure(profile: Profile, old: str, new: str) -> None:
    path = profile.directory / "config.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    profile.ctx.reload()


def lacking(profile: Profile, folder: str = "INBOX") -> set[str]:
    return {r.subject for r in profile.rows(folder) if r.remote_only}


def test_only_headers_travel(make_profile: Make) -> None:
    profile = make_profile()
    with Proxy(profile.server.imaps) as proxy:
        configure(profile, f"port = {profile.server.imaps}", f'port = {proxy.port}\nmode = "headers"')
        profile.server.fill(profile.user, [message(f"m{n}", LONG) for n in range(50)])
        profile.fetch()
        (traffic,) = proxy.take(1)
        again = profile.fetch()
    assert traffic.down < 50 * 2000 < 50 * len(LONG)
    assert len(lacking(profile)) == 50
    assert all(r.size > len(LONG) for r in profile.rows())
    assert (again.new, again.changed, again.octets) == (0, 0, 0)
    profile.in_step()


def test_attachments_are_known_before_they_are_here(make_profile: Make) -> None:
    profile = make_profile(incoming='mode = "headers"')
    whole = make_profile()
    for each in (profile, whole):
        each.server.append(each.user, "INBOX", ATTACHED)
        each.fetch()
    bare, full = profile.rows()[0], whole.rows()[0]
    assert (bare.remote_only, full.remote_only) == (True, False)
    assert bare.attachments == full.attachments > 0
    for query in ("filename:résumé.pdf", "mime:application/pdf", "filename:dot.png", "has:attachment"):
        found = [listing.search(p.ctx, [query]).rows for p in (profile, whole)]
        assert len(found[0]) == len(found[1]) == 1, query
    assert listing.search(profile.ctx, ["body:hello"]).rows == []


def test_a_body_is_fetched_when_it_is_read_and_kept(make_profile: Make) -> None:
    profile = headers(make_profile)
    id = profile.id("m1")
    assert "end of 1" in reading.read(profile.ctx, id).reading.text
    assert lacking(profile) == {"m0", "m2"}
    assert "end of 1" in reading.read(profile.open(offline=True), id).reading.text
    assert [r.id for r in listing.search(profile.ctx, ['body:"end of 1"']).rows] == [id]
    profile.fetch()
    profile.in_step()


def test_several_are_fetched_in_one_flight_a_folder(make_profile: Make) -> None:
    profile = headers(make_profile, 6)
    profile.server.append(profile.user, "Archive", message("old"))
    profile.fetch()
    ids = [r.id for folder in ("INBOX", "Archive") for r in profile.rows(folder)]
    with Proxy(profile.server.imaps, delay=0.02) as proxy:
        configure(profile, f"port = {profile.server.imaps}", f"port = {proxy.port}")
        bodies.bring(profile.ctx, ids[:1])
        (one,) = proxy.take(1)
        bodies.bring(profile.ctx, ids)
        (many,) = proxy.take(1)
    assert not lacking(profile) and not lacking(profile, "Archive")
    assert many.turns <= one.turns + 1


def test_a_body_that_is_not_to_be_kept_is_not(make_profile: Make) -> None:
    profile = headers(make_profile, settings="keep_bodies = false")
    id = profile.id("m1")
    assert "end of 1" in reading.read(profile.ctx, id).reading.text
    assert reading.raw(profile.ctx, id) == reading.raw(profile.ctx, id)
    assert len(lacking(profile)) == 3
    with pytest.raises(Unreachable, match="only on the server"):
        reading.read(profile.open(offline=True), id)


def test_without_a_network_the_error_names_the_message_and_the_header_is_there(make_profile: Make) -> None:
    profile = headers(make_profile)
    id = profile.id("m1")
    offline = profile.open(offline=True)
    with pytest.raises(Unreachable) as caught:
        reading.read(offline, id)
    assert f"the body of {id} is only on the server" in caught.value.message
    assert f"read --headers {id}" in caught.value.hint
    shown = reading.read(offline, id, header_will_do=True)
    assert ("Subject", "m1") in shown.reading.headers
    assert any(id in notice for notice in profile.notices)


def test_two_processes_that_read_the_same_message_store_it_once(make_profile: Make) -> None:
    profile = headers(make_profile, 1)
    id = profile.id("m0")
    contexts = [profile.open() for _ in range(4)]
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda c=c: texts.append(reading.read(c, id).reading.text)) for c in contexts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 4 and len(set(texts)) == 1
    files = [p for p in (profile.directory / "data/mail").rglob("*") if p.is_file() and f".{id}." in p.name]
    assert len(files) == 1
    assert profile.ctx.store.check() == []


def test_a_run_of_fetch_does_not_keep_a_body_from_being_read(make_profile: Make) -> None:
    profile = headers(make_profile, 1)
    with profile.ctx.store.lock_account("test"):
        assert "end of 0" in reading.read(profile.ctx, profile.id("m0")).reading.text


def test_from_headers_to_full_the_missing_bodies_come(make_profile: Make) -> None:
    profile = headers(make_profile, 5)
    ids = {r.id for r in profile.rows()}
    reading.read(profile.ctx, profile.id("m2"))
    configure(profile, 'mode = "headers"', 'mode = "full"')
    report = profile.fetch(FetchRequest(limit=3))
    assert (report.new, report.bodies) == (0, 3)
    assert lacking(profile) == {"m0"}  # the newest first
    report = profile.fetch()
    assert (report.new, report.bodies) == (0, 1)
    assert lacking(profile) == set()
    assert {r.id for r in profile.rows()} == ids
    assert profile.fetch().octets == 0
    profile.in_step()


def test_from_full_to_headers_nothing_is_thrown_away(make_profile: Make) -> None:
    profile = make_profile()
    profile.server.fill(profile.user, [message(f"m{n}") for n in range(3)])
    profile.fetch()
    configure(profile, "[accounts.test.imap]", '[accounts.test.imap]\nmode = "headers"')
    profile.server.append(profile.user, "INBOX", message("new"))
    profile.fetch()
    assert lacking(profile) == {"new"}


def test_large_messages_come_without_their_bodies(make_profile: Make) -> None:
    profile = make_profile(incoming='max_size = "5k"')
    profile.server.fill(profile.user, [message("small"), message("large", LONG)])
    assert profile.fetch().new == 2
    assert lacking(profile) == {"large"}
    assert profile.fetch().octets == 0
    configure(profile, '"5k"', '"1M"')
    assert profile.fetch().bodies == 1
    assert lacking(profile) == set()


def aged(profile: Profile, days: list[int]) -> None:
    for n in days:
        when = time.strftime('"%d-%b-%Y 12:00:00 +0000"', time.gmtime(time.time() - n * 86400))
        profile.server.append(profile.user, "INBOX", message(f"d{n}"), date=when)


def test_recent_messages_come_whole_and_of_the_others_the_headers(make_profile: Make) -> None:
    profile = make_profile(incoming='since = "30 days"')
    aged(profile, [400, 40, 20, 1])
    assert profile.fetch().new == 4
    assert lacking(profile) == {"d400", "d40"}
    assert profile.fetch().octets == 0
    configure(profile, "30 days", "3mo")
    assert profile.fetch().bodies == 1
    assert lacking(profile) == {"d400"}
    profile.in_step()


def test_older_messages_can_be_left_on_the_server(make_profile: Make) -> None:
    profile = make_profile(incoming='since = "30d"\nolder = "skip"')
    aged(profile, [400, 40, 20, 1])
    assert profile.fetch().new == 2
    assert {r.subject for r in profile.rows()} == {"d20", "d1"}
    with Proxy(profile.server.imaps, delay=0.02) as proxy:
        configure(profile, f"port = {profile.server.imaps}", f"port = {proxy.port}")
        assert profile.fetch().octets == 0
        assert proxy.take(1)[0].turns <= NO_OP_TURNS
        configure(profile, f"port = {proxy.port}", f"port = {profile.server.imaps}")
    with profile.server.connect(profile.user) as session:  # changes there of what was left out
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Flagged)")
        session.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        session.expunge()
    report = profile.fetch()
    assert (report.new, report.changed, report.gone) == (0, 0, 0)
    aged(profile, [2])
    assert profile.fetch().new == 1
    configure(profile, "skip", "headers")
    assert profile.fetch().new == 1
    assert lacking(profile) == {"d400"}
    (old,) = [r for r in profile.rows() if r.subject == "d400"]
    assert old.flags == {FLAGGED}
    profile.in_step()


def test_a_folder_may_have_an_extent_of_its_own(make_profile: Make) -> None:
    profile = make_profile(incoming='[accounts.test.imap.folder."Arch*"]\nmode = "headers"')
    profile.server.append(profile.user, "INBOX", message("here"))
    profile.server.append(profile.user, "Archive", message("there"))
    profile.fetch()
    assert (lacking(profile), lacking(profile, "Archive")) == (set(), {"there"})


def test_a_large_body_comes_in_pieces(make_profile: Make) -> None:
    profile = make_profile(incoming='max_size = "1M"')
    body = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n" * (9 << 14)
    profile.server.append(profile.user, "INBOX", message("huge", body))
    profile.fetch()
    assert lacking(profile) == {"huge"}
    (wire,) = profile.server.messages(profile.user).values()
    assert bodies.wire(profile.ctx, profile.id("huge")) == wire


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_cut_while_bodies_come_keeps_what_came(make_profile: Make, how: str) -> None:
    profile = headers(make_profile, 8)
    ids = [r.id for r in profile.rows()]
    with Proxy(profile.server.imaps, cut=Cut("server", 60_000, how)) as proxy:
        configure(profile, f"port = {profile.server.imaps}", f"port = {proxy.port}")
        bodies.bring(profile.ctx, ids)
        missing = lacking(profile)
        assert 0 < len(missing) < 8
        with pytest.raises(TryAgain, match="only on the server"):
            bodies.wire(profile.ctx, profile.id(missing.pop()))
        configure(profile, f"port = {proxy.port}", f"port = {profile.server.imaps}")
    profile.ctx.brought.clear()
    bodies.bring(profile.ctx, ids)
    assert lacking(profile) == set()
    assert profile.ctx.store.check() == []


def renumber(profile: Profile, folder: str = "INBOX") -> None:
    """The folder gets another UIDVALIDITY, and its messages other UIDs."""
    kept = list(profile.server.messages(profile.user, folder).values())
    maildir = profile.server.maildir(profile.user)
    for path in maildir.iterdir():
        if path.name.startswith("dovecot"):
            path.unlink()
    for sub in ("cur", "new"):
        for path in (maildir / sub).iterdir():
            path.unlink()
    stamp = maildir / "dovecot-uidlist"
    stamp.write_text("3 V1234567890 N1 G0123456789abcdef0123456789abcdef\n")
    shutil.chown(stamp, "mail", "mail")
    for data in reversed(kept):
        profile.server.append(profile.user, folder, data)


def test_a_uid_of_another_numbering_is_never_read(make_profile: Make) -> None:
    profile = headers(make_profile, 3)
    id = profile.id("m0")
    renumber(profile)
    with pytest.raises(TryAgain, match="renumbered") as caught:
        reading.read(profile.ctx, id)
    assert "mailcli fetch" in caught.value.hint
    assert len(lacking(profile)) == 3
    report = profile.fetch()
    assert (report.new, report.gone) == (0, 0)
    assert profile.id("m0") == id
    assert "end of 0" in reading.read(profile.ctx, id).reading.text
    profile.in_step()


def test_a_message_that_went_from_the_server_says_so(make_profile: Make) -> None:
    profile = headers(make_profile, 2)
    with profile.server.connect(profile.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        session.expunge()
    with pytest.raises(NotFound, match="does not have"):
        reading.read(profile.ctx, profile.id("m0"))
    assert "end of 1" in reading.read(profile.ctx, profile.id("m1")).reading.text


def test_a_purged_header_comes_back_while_the_server_has_it(make_profile: Make) -> None:
    profile = headers(make_profile, 2)
    id = profile.id("m0")
    offline = profile.open(offline=True)
    done = changing.delete(offline, [id], purge=True)
    assert "of 1 only the header was here" in done.summary
    offline.store.restore([id])
    profile.fetch()
    assert "end of 0" in reading.read(profile.ctx, id).reading.text
    bare = profile.id("m1")
    changing.delete(profile.ctx, [bare], purge=True)
    with pytest.raises(NotFound, match="its body was never here"):
        profile.ctx.store.restore([bare])
    profile.in_step()


def test_headers_are_flagged_and_moved_there_too(make_profile: Make) -> None:
    profile = headers(make_profile, 2)
    id = profile.id("m0")
    changing.flag(profile.ctx, [id], ["+flagged"])
    changing.move(profile.ctx, [id], "Archive")
    assert profile.server.flags(profile.user, "Archive") == {1: {"\\Flagged", "\\Seen"}}
    profile.fetch()
    assert profile.id("m0", "Archive") == id
    assert "end of 0" in reading.read(profile.ctx, id).reading.text
    profile.in_step()


def test_a_copy_takes_the_body_along(make_profile: Make) -> None:
    profile = headers(make_profile, 1)
    done = changing.copy(profile.ctx, [profile.id("m0")], "Archive")
    profile.fetch()
    assert b"end of 0" in profile.ctx.store.open_bytes(done.ids[0])
    profile.in_step()


def test_an_export_fetches_what_is_missing(make_profile: Make, tmp_path: Path) -> None:
    profile = headers(make_profile, 3)
    reading.read(profile.ctx, profile.id("m1"))
    offline: Context = profile.open(offline=True)
    done = exporting.export(offline, ["in:inbox"], tmp_path / "some.mbox")
    assert (done.messages, done.missing) == (1, 2)
    assert "--offline" in done.reason
    done = exporting.export(profile.ctx, ["in:inbox"], tmp_path / "all.mbox")
    assert (done.messages, done.missing) == (3, 0)


def test_a_body_of_another_message_is_kept_beside_the_header(
    make_profile: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = headers(make_profile, 1)
    id = profile.id("m0")
    other = message("other", "Quite another.").replace(b"\n", b"\r\n")
    fill = Store.fill_bodies
    monkeypatch.setattr(Store, "fill_bodies", lambda s, b: fill(s, [(i, other) for i, _ in b]))
    assert "Quite another." in reading.read(profile.ctx, id).reading.text
    assert any("sent another message than it had announced" in n for n in profile.notices)
    assert [e.reason for e in profile.ctx.store.recovery()] == ["header of a changed message"]


def test_what_was_left_out_of_an_old_numbering_is_forgotten(
    make_profile: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = make_profile(incoming='since = "30d"\nolder = "skip"')
    aged(profile, [400, 40, 20, 1])
    profile.fetch()
    profile.server.append(profile.user, "INBOX", message("new"))
    renumber(profile)  # now `new` has a UID that one of those had

    def cut(*_: object) -> None:
        raise Unreachable("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(Downloading, "run", cut)
        with pytest.raises(Unreachable):
            profile.fetch()
    profile.fetch()
    assert "new" in {r.subject for r in profile.rows()}


def test_a_folder_numbered_anew_between_two_looks_gives_no_wrong_body(
    make_profile: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = headers(make_profile, 2)
    id = profile.id("m0")
    places = Store.places

    def then_renumbered(store: Store, ids: list[str]) -> list[Place]:
        monkeypatch.undo()
        found = places(store, ids)
        renumber(profile)
        profile.fetch()
        return found

    monkeypatch.setattr(Store, "places", then_renumbered)
    with pytest.raises(TryAgain, match="renumbered"):
        reading.read(profile.ctx, id)
    assert profile.ctx.store.recovery() == []
    assert "end of 0" in reading.read(profile.ctx, id).reading.text


def test_a_dry_run_counts_what_would_come(make_profile: Make) -> None:
    profile = make_profile(incoming='since = "30d"\nolder = "skip"')
    profile.fetch()
    aged(profile, [400, 1])
    assert profile.fetch(FetchRequest(dry_run=True)).new == 1
    assert profile.rows() == []


def test_a_limit_counts_headers_and_bodies_alike(make_profile: Make) -> None:
    profile = make_profile(incoming='max_size = "5k"')
    profile.server.fill(profile.user, [message(f"m{n}", LONG if n % 2 else "") for n in range(6)])
    assert [profile.fetch(FetchRequest(limit=4)).new for _ in range(3)] == [4, 2, 0]
    assert len(lacking(profile)) == 3
    profile.in_step()


def test_a_body_that_did_not_come_is_asked_for_again(make_profile: Make) -> None:
    profile = headers(make_profile, 1)
    id = profile.id("m0")
    port = f"port = {profile.server.imaps}"
    configure(profile, port, "port = 1")
    bodies.bring(profile.ctx, [id])
    configure(profile, "port = 1", port)
    bodies.bring(profile.ctx, [id])
    assert b"end of 0" in bodies.wire(profile.ctx, id)


def test_a_structure_that_cannot_be_told_is_not_asked_for_twice() -> None:
    state = FolderState(uidvalidity=1)
    folder = Incoming(1, "INBOX", "INBOX", (), {}, state, complete=True, headers=[7])
    queue = Queue([folder])
    chunk = queue.take()
    assert chunk is not None and "BODYSTRUCTURE" in chunk.items
    queue.finished(chunk, [7])
    again = queue.take()
    assert again is not None and "BODYSTRUCTURE" not in again.items
    assert again.section == "BODY[HEADER]"


def test_a_full_disk_keeps_nobody_from_reading(make_profile: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = headers(make_profile, 1)
    id = profile.id("m0")

    def full(step: str, path: str) -> None:
        if step == "write":
            raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(disk, "failpoint", full)
    assert "end of 0" in reading.read(profile.ctx, id).reading.text
    assert any("not kept" in notice and "No space left" in notice for notice in profile.notices)
    with pytest.raises(LocalIOError):
        changing.copy(profile.ctx, [id], "Archive")
    monkeypatch.undo()
    assert lacking(profile) == {"m0"}
    assert profile.ctx.store.check() == []


def test_another_body_is_told_of_though_nothing_is_kept(
    make_profile: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = headers(make_profile, 1, settings="keep_bodies = false")
    other = b"Subject: other\r\n\r\nQuite another.\r\n"
    monkeypatch.setattr(Store, "header_bytes", lambda s, i: other[:18])
    reading.read(profile.ctx, profile.id("m0"))
    assert not any("another message" in n for n in profile.notices)  # the size is what was announced
    profile.ctx.brought.clear()
    summaries = Store.get
    monkeypatch.setattr(Store, "get", lambda s, i: [r._replace(size=7) for r in summaries(s, i)])
    reading.read(profile.ctx, profile.id("m0"))
    assert any("another message" in n for n in profile.notices)
