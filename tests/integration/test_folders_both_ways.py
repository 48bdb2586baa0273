"""Folders made, renamed and deleted on either side, and what servers call them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.app import changing, folders
from mailcli.app.fetching import FetchRequest
from mailcli.errors import NotFound, UsageError
from mailcli.model.account import FolderPolicy
from mailcli.store.values import Arrival
from mailcli.sync.imap.folders import Found, to_server, to_user, wanted
from mailcli.sync.imap.push import Push
from mailcli.wire.imap import commands
from tests.integration.conftest import Profile, message
from tests.security.scripted import Imap, Peer, Scripted, after
from tests.support import daemons
from tests.support.dovecot import Dovecot
from tests.support.profiles import account_toml


def names(imap: Profile) -> set[str]:
    usual = {"INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"}
    return {f.name for f in imap.ctx.store.folders("test")} - usual


def filled(imap: Profile, *folders: str) -> Profile:
    for folder in folders:
        for n in range(3):
            imap.server.append(imap.user, folder, message(f"{folder} {n}"))
    imap.fetch()
    return imap


def test_a_folder_that_is_asked_for_and_nowhere_is_an_error(imap: Profile) -> None:
    filled(imap, "Work")
    imap.server.append(imap.user, "Work", message("new"))
    with pytest.raises(NotFound, match="Wrok") as raised:
        imap.fetch(FetchRequest(folders=["Wrok"]))
    assert raised.value.exit_code == 66
    assert imap.fetch(FetchRequest(folders=["work", "trash"])).new == 1


# -- renamed and deleted there ------------------------------------------------------------------


def test_a_folder_renamed_on_the_server_is_renamed_here_and_nothing_comes_again(imap: Profile) -> None:
    filled(imap, "Work", "Work/Old", "Other")
    before = {r.id for f in ("Work", "Work/Old") for r in imap.rows(f)}
    with imap.server.connect(imap.user) as session:
        session.rename("Work", "Job")
    report = imap.fetch()
    assert (report.new, report.gone, report.octets) == (0, 0, 0)
    assert names(imap) == {"Job", "Job/Old", "Other"}
    assert {r.id for f in ("Job", "Job/Old") for r in imap.rows(f)} == before
    imap.in_step()


def test_what_is_pending_survives_a_rename_on_the_server(imap: Profile) -> None:
    filled(imap, "Work")
    imap.ctx.store.set_flags([imap.id("Work 1", "Work")], frozenset({"\\Flagged"}))
    imap.ctx.store.move([imap.id("Work 2", "Work")], imap.ctx.store.find_folder("test", "Archive").key)
    with imap.server.connect(imap.user) as session:
        session.rename("Work", "Job")
    imap.fetch()
    imap.fetch()
    assert "\\Flagged" in imap.server.flags(imap.user, "Job")[2]
    assert len(imap.server.messages(imap.user, "Archive")) == 1
    imap.in_step()


def test_two_folders_alike_are_never_taken_for_each_other(imap: Profile) -> None:
    """Numbers that two folders have in common prove nothing: then it is a deletion and a new folder."""
    filled(imap, "One", "Two")
    for folder in ("One", "Two"):
        imap.server.doveadm("mailbox", "update", "-u", imap.user, "--uid-validity", "77", folder)
    imap.fetch()
    with imap.server.connect(imap.user) as session:
        session.rename("One", "Uno")
        session.rename("Two", "Due")
    imap.fetch()
    assert {r.subject for r in imap.rows("Uno")} == {"One 0", "One 1", "One 2"}
    assert {r.subject for r in imap.rows("Due")} == {"Two 0", "Two 1", "Two 2"}
    imap.in_step()


def test_a_folder_deleted_on_the_server_goes_to_recovery(imap: Profile) -> None:
    filled(imap, "Work")
    with imap.server.connect(imap.user) as session:
        session.delete("Work")
    assert imap.fetch().gone == 3
    assert names(imap) == set()
    assert len([e for e in imap.ctx.store.recovery() if e.file_present]) == 3


def test_a_folder_deleted_there_gives_back_what_was_moved_out_of_it(imap: Profile) -> None:
    filled(imap, "Work")
    kept = imap.id("Work 1", "Work")
    imap.ctx.store.move([kept], imap.ctx.store.find_folder("test", "Archive").key)
    with imap.server.connect(imap.user) as session:
        session.delete("Work")
    imap.fetch()
    imap.fetch()
    assert imap.id("Work 1", "Archive") == kept
    assert len(imap.server.messages(imap.user, "Archive")) == 1
    imap.in_step()


# -- made here ----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [None, b"%T NO [USEATTR] not that\r\n"], ids=["taken", "refused"])
def test_a_special_folder_made_by_us_says_so_to_the_server(tmp_path: Path, answer: bytes | None) -> None:
    with Imap({"CREATE": after(answer)}) as server:
        server.capabilities += b" SPECIAL-USE CREATE-SPECIAL-USE"
        peer = Peer(tmp_path, server)
        peer.fetch()
        peer.store.ensure_folder("test", "Kept", special="Archive")
        peer.fetch()
    created = [line.partition(b" ")[2] for line in server.heard if b"CREATE" in line]
    plain = [b'CREATE "Kept"\r\n'] if answer else []
    assert created == [b'CREATE "Kept" (USE (\\Archive))\r\n', *plain]


def test_a_rename_is_known_by_the_mailbox_id_alone(tmp_path: Path) -> None:
    """RFC 8474: even an empty folder, and one whose other numbers changed meanwhile."""

    def status(server: Scripted, tag: bytes, arguments: bytes) -> bytes:
        name, _, _ = arguments.rpartition(b" (")
        if name.strip(b'"') not in server.folders:  # type: ignore[attr-defined]
            return b"%T NO [NONEXISTENT] no such folder\r\n"
        identity = b"F-inbox" if b"INBOX" in name else b"F-work"
        facts = b"MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7 MAILBOXID (%s)" % identity
        return b"* STATUS %s (%s)\r\n%%T OK done\r\n" % (name, facts)

    with Imap({"STATUS": status}, folders=[b"INBOX", b"Work"]) as server:
        server.capabilities += b" OBJECTID"
        peer = Peer(tmp_path, server)
        peer.fetch()
        key = peer.store.find_folder("test", "Work").key
        server.folders = [b"INBOX", b"Job"]
        server.says["LIST"] = after(None, b"%T OK done\r\n")
        report = peer.fetch()
        assert (report.error, report.new, report.gone) == (None, 0, 0)
        assert peer.store.find_folder("test", "Job").key == key


def test_a_move_into_a_folder_the_server_has_lost_makes_it_again(
    imap: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TRYCREATE. Nothing else can be meant by a folder that was listed a moment ago."""
    filled(imap, "Work", "Kept")
    tried: list[str] = []
    honest = Push._try

    def late(push: Push, folder: int, command: commands.Move) -> object:
        with imap.server.connect(imap.user) as session:
            session.delete("Kept")
        tried.append(command.mailbox)
        return honest(push, folder, command)

    imap.ctx.store.move([imap.id("Work 1", "Work")], imap.ctx.store.find_folder("test", "Kept").key)
    with monkeypatch.context() as patch:
        patch.setattr(Push, "_try", late)
        imap.fetch()
    assert tried == ["Kept"]
    assert len(imap.server.messages(imap.user, "Kept")) == 1
    imap.fetch()
    imap.in_step()


def test_an_account_that_only_pulls_changes_nothing_there(make_profile: Callable[..., Profile]) -> None:
    imap = filled(make_profile(incoming='sync = "pull"'), "Work")
    seen = imap.server.flags(imap.user, "Work")
    changing.flag(imap.ctx, [imap.id("Work 0", "Work")], ["+flagged"])
    changing.move(imap.ctx, [imap.id("Work 1", "Work")], "Archive")
    changing.delete(imap.ctx, [imap.id("Work 2", "Work")], purge=True)
    changing.copy(imap.ctx, [imap.id("Work 0", "Work")], "Archive")
    drafts = imap.ctx.store.find_folder("test", "Drafts").key
    imap.ctx.store.deliver([Arrival(drafts, b"Subject: mine\r\n\r\nx\r\n")])
    folders.create(imap.ctx, "Mine")
    with pytest.raises(UsageError, match="pull"):
        folders.rename(imap.ctx, "Work", "Job")
    imap.server.append(imap.user, "Work", message("new"))
    for request in (FetchRequest(), FetchRequest(), FetchRequest(full=True)):
        report = imap.fetch(request)
        assert (report.pushed, report.changed, report.gone) == (0, 0, 0)
    assert {uid: f for uid, f in imap.server.flags(imap.user, "Work").items() if uid < 4} == seen
    assert imap.server.messages(imap.user, "Archive") == {}
    assert imap.server.messages(imap.user, "Drafts") == {}
    assert imap.id("mine", "Drafts")
    assert {r.subject for r in imap.rows("Work")} == {"Work 0", "new"}
    assert "\\Flagged" in imap.rows("Work")[0].flags | imap.rows("Work")[1].flags
    assert imap.id("Work 1", "Archive")
    with imap.server.connect(imap.user) as session:
        assert b"Mine" not in b"".join(session.list()[1])  # type: ignore[arg-type]


# -- what servers call them ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def courier() -> Iterator[Dovecot]:
    """Namespaces as Courier has them: `INBOX.` before one's own folders, and a public one."""
    directory = daemons.work_directory("mn-")
    extra = f"""
namespace inbox {{
  prefix = INBOX.
  separator = .
}}
namespace public {{
  type = public
  prefix = Public.
  separator = .
  location = maildir:{directory}/public:INDEX=~/public:CONTROL=~/public
  subscriptions = yes
  list = yes
}}
"""
    server = Dovecot(directory, extra=extra)
    for name in (".Team", ".News"):
        for sub in ("cur", "new", "tmp"):
            made = directory / "public" / name / sub
            made.mkdir(parents=True)
            shutil.chown(made, "mail", "mail")
        shutil.chown(made.parent, "mail", "mail")
    shutil.chown(directory / "public", "mail", "mail")
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def prefixed(courier: Dovecot, tmp_path: Path) -> Iterator[Profile]:
    user, password = courier.user()
    account_toml(tmp_path / user, courier, user, password)
    profile = Profile(tmp_path / user, courier, user)
    yield profile
    profile.close()


def test_the_prefix_of_the_personal_namespace_is_not_shown(prefixed: Profile) -> None:
    prefixed.server.append(prefixed.user, "INBOX.Work.Old", message("one"))
    prefixed.fetch()
    assert names(prefixed) == {"Work", "Work/Old"} or names(prefixed) == {"Work/Old"}
    folders.create(prefixed.ctx, "Projects/New")
    prefixed.fetch()
    changing.move(prefixed.ctx, [prefixed.id("one", "Work/Old")], "Projects/New")
    assert len(prefixed.server.messages(prefixed.user, "INBOX.Projects.New")) == 1
    changing.delete(prefixed.ctx, [prefixed.id("one", "Projects/New")])
    assert len(prefixed.server.messages(prefixed.user, "INBOX.Trash")) == 1
    folders.rename(prefixed.ctx, "Projects/New", "Projects/Done")
    report = prefixed.fetch()
    assert (report.new, report.gone) == (0, 0)
    assert "Projects/Done" in names(prefixed)


def test_shared_folders_are_taken_only_when_subscribed(prefixed: Profile) -> None:
    prefixed.fetch()
    assert not {n for n in names(prefixed) if n.startswith("Public")}
    with prefixed.server.connect(prefixed.user) as session:
        session.subscribe("Public.Team")
    prefixed.fetch()
    assert {n for n in names(prefixed) if n.startswith("Public")} == {"Public/Team"}


def test_only_subscribed_folders_where_that_is_wanted(make_profile: Callable[..., Profile]) -> None:
    imap = make_profile(incoming="folders = { subscribed = true }")
    filled(imap, "Work", "Other")
    assert names(imap) == set()
    with imap.server.connect(imap.user) as session:
        session.subscribe("Work")
    imap.fetch()
    assert names(imap) == {"Work"}


@pytest.mark.parametrize(
    ("mailbox", "delimiter", "name"),
    [
        ("INBOX", ".", "INBOX"),
        ("inbox", "INBOX.", "INBOX"),
        ("INBOX.Sent.2024", "INBOX.", "Sent/2024"),
        ("INBOX.INBOX.x", "INBOX.", "INBOX/x"),
        ("Public.Team", ".", "Public/Team"),
        ("a/b.c", ".", "a\u2215b/c"),
        ("INBOX.a/b", "INBOX.", "a\u2215b"),
        ("flat/name", "", "flat\u2215name"),
        ("~ben/Mail", "/", "~ben/Mail"),
    ],
)
def test_names_of_server_and_user_turn_into_each_other(mailbox: str, delimiter: str, name: str) -> None:
    assert to_user(mailbox, delimiter) == name
    back = to_server(name, delimiter)
    assert back == ("INBOX" if mailbox == "inbox" else mailbox) or not delimiter


def found(name: str, *, subscribed: bool = False, foreign: bool = False) -> Found:
    return Found(name, name, "/", "", True, subscribed, None, foreign)


@pytest.mark.parametrize(
    ("policy", "folder", "taken"),
    [
        (FolderPolicy(), found("a/b"), True),
        (FolderPolicy(("INBOX", "Work/*")), found("Work/a/b"), True),
        (FolderPolicy(("INBOX", "Work/**")), found("Work/a/b"), True),
        (FolderPolicy(("INBOX", "Work/*")), found("Work"), False),
        (FolderPolicy(("**/Old",)), found("Old"), True),
        (FolderPolicy(("**/Old",)), found("a/b/Old"), True),
        (FolderPolicy(("**/Old",)), found("VeryOld"), False),
        (FolderPolicy(exclude=("Lists/**",)), found("Lists/x"), False),
        (FolderPolicy(exclude=("[Gmail]/*",)), found("Gmail"), True),
        (FolderPolicy(subscribed=True), found("a"), False),
        (FolderPolicy(subscribed=True), found("a", subscribed=True), True),
        (FolderPolicy(subscribed=True), found("INBOX"), True),
        (FolderPolicy(), found("Public/Team", foreign=True), False),
        (FolderPolicy(), found("Public/Team", foreign=True, subscribed=True), True),
        (FolderPolicy(("*", "Public/Team")), found("Public/Team", foreign=True), True),
    ],
)
def test_patterns_and_subscriptions_choose_folders(policy: FolderPolicy, folder: Found, taken: bool) -> None:
    assert wanted(folder, policy, ()) is taken
