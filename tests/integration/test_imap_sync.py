"""IMAP both ways against a real Dovecot."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mailcli.app import changing, folders
from mailcli.app.fetching import FetchRequest
from mailcli.errors import NotFound, ServerRefused
from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.net.pump import Pump
from mailcli.sync.imap import server
from mailcli.wire.imap import commands
from mailcli.wire.imap.events import Event
from tests.integration.conftest import Profile, message


def filled(imap: Profile, count: int = 10) -> Profile:
    imap.server.fill(imap.user, [message(f"m{n}") for n in range(count)])
    imap.fetch()
    return imap


def test_everything_arrives_once_and_the_second_run_transfers_nothing(imap: Profile) -> None:
    filled(imap, 30)
    assert {r.subject for r in imap.rows()} == {f"m{n}" for n in range(30)}
    again = imap.fetch()
    assert (again.new, again.changed, again.gone, again.pushed, again.octets) == (0, 0, 0, 0, 0)
    imap.in_step()


def test_a_message_is_byte_for_byte_what_the_server_has(imap: Profile) -> None:
    odd = b"Subject: odd\nMessage-ID: <odd@x>\n\nbare \x00\xff bytes \xe9\n\n\n"
    imap.server.append(imap.user, "INBOX", odd.replace(b"\x00", b""))
    imap.fetch()
    (wire,) = imap.server.messages(imap.user).values()
    assert imap.ctx.store.open_bytes(imap.id("odd")) == wire


def test_flags_are_merged_flag_by_flag(imap: Profile) -> None:
    filled(imap, 2)
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Answered)")
        session.uid("STORE", "1", "-FLAGS", "(\\Seen)")
    imap.ctx.store.set_flags([imap.id("m0")], frozenset({FLAGGED, "work"}))
    imap.fetch()
    assert imap.server.flags(imap.user)[1] == {ANSWERED, FLAGGED, "work"}
    imap.in_step()


def test_what_was_deleted_on_the_server_goes_to_recovery_here(imap: Profile) -> None:
    filled(imap, 3)
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
        session.expunge()
    assert imap.fetch().gone == 1
    assert {r.subject for r in imap.rows()} == {"m0", "m2"}
    assert [e.size for e in imap.ctx.store.recovery() if e.file_present]
    imap.in_step()


def test_delete_moves_to_trash_on_the_server_at_once(imap: Profile) -> None:
    filled(imap, 3)
    done = changing.delete(imap.ctx, [imap.id("m1")])
    assert done.pushed and done.summary == "1 message moved to Trash"
    assert len(imap.server.messages(imap.user, "Trash")) == 1
    imap.fetch()
    imap.in_step()


def test_the_id_stays_through_a_move(imap: Profile) -> None:
    filled(imap, 2)
    kept = imap.id("m0")
    changing.move(imap.ctx, [kept], "Archive")
    imap.fetch()
    assert imap.id("m0", "Archive") == kept


def test_purge_expunges_there_and_keeps_a_copy_in_recovery(imap: Profile) -> None:
    filled(imap, 2)
    gone = imap.id("m0")
    changing.delete(imap.ctx, [gone], purge=True)
    assert len(imap.server.messages(imap.user)) == 1
    assert gone in {e.id for e in imap.ctx.store.recovery()}
    imap.fetch()
    imap.in_step()


def test_a_purge_gives_way_to_a_flag_set_on_the_server_since(imap: Profile) -> None:
    filled(imap, 1)
    imap.ctx.store.purge([imap.id("m0")])
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Flagged)")
    imap.fetch()
    assert len(imap.server.messages(imap.user)) == 1
    assert FLAGGED in imap.rows()[0].flags
    imap.in_step()


def test_a_copy_is_made_by_the_server_and_bound_to_its_own_id(imap: Profile) -> None:
    filled(imap, 2)
    done = changing.copy(imap.ctx, [imap.id("m0")], "Archive")
    assert imap.id("m0", "Archive") == done.ids[0]
    imap.fetch()
    imap.in_step()


def test_a_moved_message_deleted_on_the_server_is_uploaded_again(imap: Profile) -> None:
    filled(imap, 2)
    archive = imap.ctx.store.find_folder("test", "Archive").key
    imap.ctx.store.move([imap.id("m0")], archive)
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        session.expunge()
    imap.fetch()
    imap.fetch()
    assert len(imap.server.messages(imap.user, "Archive")) == 1
    imap.in_step()


def test_offline_changes_wait_for_the_next_fetch(imap: Profile) -> None:
    filled(imap, 2)
    offline = imap.open(offline=True)
    assert not changing.flag(offline, [imap.id("m0")], ["+flagged", "-seen"]).pushed
    assert imap.server.flags(imap.user)[1] == {SEEN}
    imap.fetch()
    assert imap.server.flags(imap.user)[1] == {FLAGGED}


def test_folders_are_created_renamed_and_deleted_on_the_server(imap: Profile) -> None:
    imap.fetch()
    folders.create(imap.ctx, "Projects/Résumé & co")
    imap.fetch()
    imap.server.append(imap.user, "INBOX", message("one"))
    imap.fetch()
    changing.move(imap.ctx, [imap.id("one")], "Projects/Résumé & co")
    folders.rename(imap.ctx, "Projects/Résumé & co", "Projects/done")
    imap.fetch()
    imap.in_step()
    assert imap.id("one", "Projects/done")
    folders.delete(imap.ctx, "Projects/done")
    imap.fetch()
    with pytest.raises(NotFound):
        imap.ctx.store.find_folder("test", "Projects/done")
    assert len(imap.ctx.store.recovery()) == 1


def test_a_new_uidvalidity_rebinds_and_downloads_nothing(imap: Profile) -> None:
    filled(imap, 5)
    ids = {r.id for r in imap.rows()}
    imap.server.doveadm("mailbox", "update", "-u", imap.user, "--uid-validity", "77", "INBOX")
    report = imap.fetch()
    assert (report.new, report.gone, report.octets) == (0, 0, 0)
    assert {r.id for r in imap.rows()} == ids
    imap.in_step()


def test_a_purge_never_reaches_another_message_through_a_new_uidvalidity(imap: Profile) -> None:
    for subject in ("a", "b", "c"):
        imap.server.append(imap.user, "Work", message(subject))
    imap.fetch()
    imap.ctx.store.purge([imap.id("a", "Work")])
    with imap.server.connect(imap.user) as session:
        session.delete("Work")
        session.create("Work")
    for subject in ("b", "c"):
        imap.server.append(imap.user, "Work", message(subject))
    assert 1 in imap.server.flags(imap.user, "Work")
    imap.fetch()
    imap.fetch()
    assert len(imap.server.messages(imap.user, "Work")) == 2
    assert {r.subject for r in imap.rows("Work")} == {"b", "c"}
    imap.in_step()


def test_a_copy_is_never_made_of_what_an_old_uid_names_now(imap: Profile) -> None:
    for subject in ("a", "b"):
        imap.server.append(imap.user, "Work", message(subject))
    imap.fetch()
    archive = imap.ctx.store.find_folder("test", "Archive").key
    imap.ctx.store.copy([imap.id("a", "Work")], archive)
    with imap.server.connect(imap.user) as session:
        session.delete("Work")
        session.create("Work")
    for subject in ("b", "a"):
        imap.server.append(imap.user, "Work", message(subject))
    imap.fetch()
    imap.fetch()
    (copied,) = imap.server.messages(imap.user, "Archive").values()
    assert b"Subject: a\r\n" in copied
    imap.in_step()


def test_a_limit_takes_the_newest_and_the_next_run_the_rest(imap: Profile) -> None:
    imap.server.fill(imap.user, [message(f"m{n}") for n in range(10)])
    assert imap.fetch(FetchRequest(limit=3)).new == 3
    assert {r.subject for r in imap.rows()} == {"m9", "m8", "m7"}
    assert imap.fetch().new == 7
    imap.in_step()


def test_a_dry_run_says_what_would_come_and_touches_nothing(imap: Profile) -> None:
    imap.fetch()
    imap.server.append(imap.user, "INBOX", message("one"))
    assert imap.fetch(FetchRequest(dry_run=True)).new == 1
    assert imap.rows() == []
    assert imap.fetch().new == 1


def test_two_copies_of_one_message_are_two_messages(imap: Profile) -> None:
    for _ in range(2):
        imap.server.append(imap.user, "INBOX", message("twin"))
    imap.fetch()
    assert len(imap.rows()) == 2
    imap.in_step()


def test_a_large_message_comes_in_pieces(imap: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    from mailcli.sync.imap import download

    monkeypatch.setattr(download, "PIECE", 1000)
    imap.server.append(imap.user, "INBOX", message("large", "x" * 70 + "\n" + "line of text\n" * 1000))
    imap.fetch()
    (wire,) = imap.server.messages(imap.user).values()
    assert imap.ctx.store.open_bytes(imap.id("large")) == wire


@pytest.mark.parametrize(
    "disabled", ["QRESYNC", "QRESYNC CONDSTORE", "QRESYNC CONDSTORE MOVE UIDPLUS LIST-STATUS"]
)
def test_a_server_without_extensions_comes_to_the_same_end(make_profile, disabled: str) -> None:  # type: ignore[no-untyped-def]
    words = ", ".join(f'"{w}"' for w in disabled.split())
    imap: Profile = make_profile(incoming=f"disable = [{words}]")
    filled(imap, 6)
    changing.flag(imap.ctx, [imap.id("m0")], ["+flagged"])
    changing.delete(imap.ctx, [imap.id("m1")])
    changing.copy(imap.ctx, [imap.id("m2")], "Archive")
    changing.delete(imap.ctx, [imap.id("m3")], purge=True)
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "5", "+FLAGS", "(\\Deleted)")
        session.uid("STORE", "6", "-FLAGS", "(\\Seen)")
        session.expunge()
    imap.server.append(imap.user, "INBOX", message("new"))
    report = imap.fetch()
    assert (report.new, report.gone) == (1, 1)
    imap.in_step()
    assert len(imap.server.messages(imap.user, "Trash")) == 1
    again = imap.fetch()
    assert (again.new, again.changed, again.gone, again.pushed) == (0, 0, 0, 0)


@pytest.mark.parametrize("disabled", [(), ("MOVE",)])
def test_a_move_refused_half_way_doubles_nothing(
    make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch, disabled: tuple[str, ...]
) -> None:
    """A long set goes in several commands; what the first of them did is done."""
    imap = filled(make_profile(incoming=f"disable = {json.dumps(disabled)}"), 5)
    ids = [imap.id(f"m{n}") for n in (0, 2, 4)]
    target = imap.ctx.store.ensure_folder("test", "Archive")
    imap.fetch()
    imap.ctx.store.move(ids, target)
    monkeypatch.setattr(server, "SET_OCTETS", 1)  # a command for each message
    with monkeypatch.context() as patch:
        refuse_the_second_move(patch)
        with pytest.raises(ServerRefused):
            imap.fetch()
    imap.fetch()
    assert [imap.id(f"m{n}", "Archive") for n in (0, 2, 4)] == ids
    assert len(imap.server.messages(imap.user, "Archive")) == 3
    assert len(imap.server.messages(imap.user)) == 2
    imap.in_step()


def refuse_the_second_move(patch: pytest.MonkeyPatch) -> None:
    """Name what can be no mailbox in the second MOVE or COPY: the server says NO."""
    sent = 0
    send = Pump.send

    def wrong(pump: Pump[commands.Command, Event], *given: commands.Command) -> list[int]:
        nonlocal sent
        (first, *rest) = given
        if isinstance(first, commands.Move | commands.Copy):
            sent += 1
            if sent == 2:
                first = first._replace(mailbox="no//name")
        return send(pump, first, *rest)

    patch.setattr(Pump, "send", wrong)
