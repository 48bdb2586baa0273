"""Other programs in the Maildir, by the file operations that mutt, neomutt, mu and rm do, and the server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mailcli.app import changing
from mailcli.app.fetching import FetchRequest
from mailcli.errors import LocalIOError
from mailcli.model.flags import ANSWERED, FLAGGED, SEEN
from mailcli.net.pump import Pump
from mailcli.wire.imap import commands
from tests.integration.conftest import Profile, message


def filled(imap: Profile, count: int = 3) -> Profile:
    imap.server.fill(imap.user, [message(f"m{n}") for n in range(count)])
    imap.fetch()
    return imap


def directory(imap: Profile, folder: str) -> Path:
    return imap.directory / "data/mail/test" / folder


def path(imap: Profile, subject: str, folder: str = "INBOX") -> Path:
    return imap.ctx.store.path(imap.id(subject, folder))


def as_mutt_saves(source: Path, folder: Path, letters: str = "S") -> None:
    """A copy under a name of its own, with the headers mutt puts in; then the original is removed."""
    head, _, body = source.read_bytes().partition(b"\n\n")
    inserted = head + b"\nStatus: RO\nContent-Length: %d\nLines: 1\n\n" % len(body) + body
    temporary = folder / "tmp" / f"1700000000.R{os.urandom(4).hex()}.host"
    temporary.write_bytes(inserted)
    temporary.rename(folder / "cur" / f"{temporary.name}:2,{letters}")


def subjects(imap: Profile, folder: str) -> list[str]:
    """What the server has there."""
    found = imap.server.messages(imap.user, folder).values()
    return sorted(m.partition(b"Subject: ")[2].split(b"\r\n")[0].decode() for m in found)


def sent(patch: pytest.MonkeyPatch, kind: type) -> list[commands.Command]:
    """Every command of a kind that is sent from now on."""
    seen: list[commands.Command] = []
    send = Pump.send

    def noting(pump: Pump, *given: commands.Command) -> list[int]:  # type: ignore[type-arg]
        seen.extend(c for c in given if isinstance(c, kind))
        return send(pump, *given)

    patch.setattr(Pump, "send", noting)
    return seen


def test_flags_set_by_another_program_reach_the_server(imap: Profile) -> None:
    filled(imap)
    file = path(imap, "m1")
    file.rename(file.parent.parent / "cur" / (file.name.partition(":")[0] + ":2,FRS"))
    assert imap.fetch().pushed == 1
    assert imap.server.flags(imap.user)[2] == {SEEN, FLAGGED, ANSWERED}
    imap.in_step()


def test_a_file_dropped_into_new_is_uploaded(imap: Profile) -> None:
    filled(imap)
    (directory(imap, "INBOX") / "new" / "1700000000.M1P2.host").write_bytes(message("dropped"))
    imap.fetch()
    assert subjects(imap, "INBOX") == ["dropped", "m0", "m1", "m2"]
    imap.in_step()


@pytest.mark.parametrize("disabled", ["", '"MOVE"', '"MOVE", "UIDPLUS"'])
@pytest.mark.parametrize("target", ["Archive", "Trash"])  # before and after INBOX's own turn
def test_a_message_saved_to_another_folder_is_moved_and_never_uploaded(
    make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch, target: str, disabled: str
) -> None:
    imap = filled(make_profile(incoming=f"disable = [{disabled}]"))
    kept = imap.id("m1")
    file = path(imap, "m1")
    as_mutt_saves(file, directory(imap, target))
    file.unlink()
    uploads = sent(monkeypatch, commands.Append)
    imap.fetch()
    assert uploads == []
    assert imap.id("m1", target) == kept
    assert subjects(imap, target) == ["m1"]
    assert subjects(imap, "INBOX") == ["m0", "m2"]
    assert b"Content-Length" not in imap.ctx.store.open_bytes(kept)
    imap.in_step()
    again = imap.fetch()
    assert (again.new, again.changed, again.gone, again.pushed) == (0, 0, 0, 0)


def test_a_file_renamed_into_another_folder_is_moved(imap: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(imap)
    kept = imap.id("m1")
    file = path(imap, "m1")
    file.rename(directory(imap, "Archive") / "cur" / file.name)
    uploads = sent(monkeypatch, commands.Append)
    imap.fetch()
    assert uploads == []
    assert imap.id("m1", "Archive") == kept
    imap.in_step()


def test_a_copy_by_another_program_is_a_message_of_its_own(imap: Profile) -> None:
    filled(imap)
    as_mutt_saves(path(imap, "m1"), directory(imap, "Archive"))
    imap.fetch()
    assert subjects(imap, "Archive") == ["m1"]
    assert subjects(imap, "INBOX") == ["m0", "m1", "m2"]
    imap.in_step()


def test_a_folder_made_by_another_program_is_made_on_the_server(imap: Profile) -> None:
    filled(imap)
    kept = imap.id("m1")
    for sub in ("cur", "new", "tmp"):
        (directory(imap, "Projects/2024") / sub).mkdir(parents=True)
    file = path(imap, "m1")
    as_mutt_saves(file, directory(imap, "Projects/2024"))
    file.unlink()
    imap.fetch()
    assert subjects(imap, "Projects/2024") == ["m1"]
    assert imap.id("m1", "Projects/2024") == kept
    imap.in_step()


def test_a_directory_renamed_by_another_program_moves_its_messages(
    imap: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap.server.append(imap.user, "Work", message("w"))
    filled(imap)
    kept = imap.id("w", "Work")
    directory(imap, "Work").rename(directory(imap, "Job"))
    uploads = sent(monkeypatch, commands.Append)
    imap.fetch()
    assert uploads == []
    assert imap.id("w", "Job") == kept
    assert subjects(imap, "Job") == ["w"]
    imap.in_step()


def test_what_a_deleted_folder_left_is_not_made_again(imap: Profile) -> None:
    imap.server.append(imap.user, "Work", message("w"))
    filled(imap)
    (directory(imap, "Work") / "cur" / ".junk").write_bytes(b"x")
    with imap.server.connect(imap.user) as session:
        session.delete("Work")
    imap.fetch()
    imap.fetch()
    assert "Work" not in {f.name for f in imap.ctx.store.folders("test")}


def test_a_deletion_by_another_program_moves_to_trash_and_keeps_the_id(imap: Profile) -> None:
    filled(imap)
    gone = imap.id("m1")
    path(imap, "m1").unlink()
    imap.fetch()
    assert subjects(imap, "INBOX") == ["m0", "m2"]
    assert subjects(imap, "Trash") == ["m1"]
    assert imap.id("m1", "Trash") == gone
    assert b"Subject: m1" in imap.ctx.store.open_bytes(gone)
    imap.in_step()


def test_a_flag_not_pushed_yet_survives_the_way_to_trash(imap: Profile) -> None:
    filled(imap)
    imap.ctx.store.set_flags([imap.id("m1")], frozenset({"work"}))
    path(imap, "m1").unlink()
    imap.fetch()
    assert "work" in imap.server.flags(imap.user, "Trash")[1]
    imap.in_step()


def test_a_deletion_from_trash_expunges(imap: Profile) -> None:
    filled(imap)
    changing.delete(imap.ctx, [imap.id("m1")])
    path(imap, "m1", "Trash").unlink()
    imap.fetch()
    assert subjects(imap, "Trash") == []
    imap.in_step()


def test_the_policy_expunge_leaves_no_copy_in_trash(make_profile: Callable[..., Profile]) -> None:
    imap = filled(make_profile(incoming='delete = "expunge"'))
    path(imap, "m1").unlink()
    imap.fetch()
    assert (subjects(imap, "INBOX"), subjects(imap, "Trash")) == (["m0", "m2"], [])
    imap.in_step()


@pytest.mark.parametrize("policy", ['delete = "nothing"', 'sync = "pull"'])
def test_what_the_server_is_to_keep_stays_there_and_does_not_come_back(
    make_profile: Callable[..., Profile], policy: str
) -> None:
    imap = filled(make_profile(incoming=policy))
    path(imap, "m1").unlink()
    for request in (FetchRequest(), FetchRequest(), FetchRequest(full=True)):
        assert imap.fetch(request).new == 0
        assert {r.subject for r in imap.rows()} == {"m0", "m2"}
        assert subjects(imap, "INBOX") == ["m0", "m1", "m2"]
        assert subjects(imap, "Trash") == []


def test_what_was_hidden_stays_hidden_when_the_policy_changes(make_profile: Callable[..., Profile]) -> None:
    """`nothing` was what was meant when it was deleted."""
    imap = filled(make_profile(incoming='delete = "nothing"'))
    path(imap, "m1").unlink()
    imap.fetch()
    config = imap.directory / "config.toml"
    config.write_text(config.read_text().replace('"nothing"', '"expunge"'))
    imap.ctx.reload()
    assert imap.fetch().pushed == 0
    assert subjects(imap, "INBOX") == ["m0", "m1", "m2"]
    assert {r.subject for r in imap.rows()} == {"m0", "m2"}


@pytest.mark.parametrize(
    ("policy", "summary", "inbox"),
    [
        ("trash", "1 message moved to Trash", ["m0", "m2"]),
        ("expunge", "1 message removed for good", ["m0", "m2"]),
        ("nothing", "1 message removed for good", ["m0", "m1", "m2"]),
    ],
)
def test_delete_does_on_the_server_what_the_policy_says(
    make_profile: Callable[..., Profile], policy: str, summary: str, inbox: list[str]
) -> None:
    imap = filled(make_profile(incoming=f'delete = "{policy}"'))
    assert changing.delete(imap.ctx, [imap.id("m1")]).summary == summary
    imap.fetch()
    assert subjects(imap, "INBOX") == inbox
    assert subjects(imap, "Trash") == (["m1"] if policy == "trash" else [])
    assert {r.subject for r in imap.rows()} == {"m0", "m2"}
    assert imap.fetch().new == 0


def test_a_dry_run_says_what_would_be_done_by_folder_and_touches_nothing(imap: Profile) -> None:
    assert imap.fetch(FetchRequest(dry_run=True)).new == 0
    filled(imap)
    imap.server.append(imap.user, "Fresh", message("f"))
    imap.server.append(imap.user, "INBOX", message("new"))
    imap.ctx.store.set_flags([imap.id("m0")], frozenset({FLAGGED}))
    imap.ctx.store.move([imap.id("m1")], imap.ctx.store.find_folder("test", "Archive").key)
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "3", "+FLAGS", "(\\Deleted)")
        session.expunge()
    before = imap.server.flags(imap.user)
    report = imap.fetch(FetchRequest(dry_run=True))
    plans = {p.name: tuple(p[1:]) for p in report.plan if any(p[1:])}
    assert plans == {"INBOX": (1, 0, 1, 2), "Fresh": (1, 0, 0, 0)}
    assert (report.new, report.gone, report.pushed) == (2, 1, 2)
    assert imap.server.flags(imap.user) == before
    assert {r.subject for r in imap.rows()} == {"m0", "m2"}
    done = imap.fetch()
    assert (done.new, done.gone, done.pushed) == (2, 1, 2)
    imap.in_step()


def test_a_mass_deletion_waits_until_it_is_confirmed(imap: Profile) -> None:
    filled(imap, 60)
    for row in imap.rows()[:51]:
        imap.ctx.store.path(row.id).unlink()
    for _ in range(2):
        imap.notices.clear()
        assert imap.fetch().gone == 0
        assert len(imap.server.messages(imap.user)) == 60
        (notice,) = imap.notices
        assert "51 of 60 messages of INBOX" in notice
        assert "mailcli fetch test --confirm-deletes" in notice
    imap.fetch(FetchRequest(confirm_deletes=True))
    assert len(imap.server.messages(imap.user)) == 9
    assert len(imap.server.messages(imap.user, "Trash")) == 51
    imap.in_step()


def test_what_a_mass_deletion_took_comes_back_with_full(imap: Profile) -> None:
    filled(imap, 60)
    before = {r.id: r.subject for r in imap.rows()}
    shutil.rmtree(directory(imap, "INBOX") / "cur")
    shutil.rmtree(directory(imap, "INBOX") / "new")
    imap.fetch()
    imap.fetch(FetchRequest(full=True))
    assert {r.id: r.subject for r in imap.rows()} == before
    assert all(imap.ctx.store.open_bytes(i) for i in before)
    imap.in_step()


@pytest.mark.parametrize("what", ["", "cur"])
def test_a_folder_whose_directories_are_gone_waits_even_if_it_was_small(imap: Profile, what: str) -> None:
    filled(imap, 2)
    shutil.rmtree(directory(imap, "INBOX") / what)
    imap.fetch()
    assert len(imap.server.messages(imap.user)) == 2
    assert "2 of 2 messages of INBOX" in imap.notices[-1]


def test_a_mailbox_that_is_not_mounted_ends_the_run_and_deletes_nothing(imap: Profile) -> None:
    filled(imap)
    tree = directory(imap, "")
    tree.rename(tree.parent / "elsewhere")
    tree.mkdir()
    with pytest.raises(LocalIOError, match="is not the mailbox it was"):
        imap.fetch()
    assert subjects(imap, "INBOX") == ["m0", "m1", "m2"]
    tree.rmdir()
    (tree.parent / "elsewhere").rename(tree)
    assert imap.fetch().gone == 0
    imap.in_step()


def test_a_pop3_message_removed_by_another_program_is_not_downloaded_again(pop3: Profile) -> None:
    filled(pop3)
    path(pop3, "m1").unlink()
    for _ in range(2):
        assert pop3.fetch().new == 0
        assert {r.subject for r in pop3.rows()} == {"m0", "m2"}
    assert len(pop3.server.messages(pop3.user)) == 3
