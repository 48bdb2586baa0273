"""Undoing changes that a real server knows of, and changes it never heard of."""

from __future__ import annotations

import pytest

from mailcli.app import changing, folders, undoing
from mailcli.app.fetching import FetchRequest, fetch
from mailcli.app.undoing import Undone
from mailcli.errors import NotFound, TryAgain
from mailcli.model.flags import FLAGGED, SEEN
from tests.integration.conftest import Profile, message
from tests.support.profiles import account_toml


def filled(profile: Profile, count: int = 3) -> Profile:
    profile.server.fill(profile.user, [message(f"m{n}") for n in range(count)])
    profile.fetch()
    return profile


def undo(profile: Profile, token: str = "") -> Undone:
    done = undoing.undo(profile.ctx, token)
    assert done is not None
    return done


def redo(profile: Profile) -> Undone:
    done = undoing.redo(profile.ctx)
    assert done is not None
    return done


def subjects(profile: Profile, folder: str = "INBOX") -> set[str]:
    return {r.subject for r in profile.rows(folder)}


def test_a_move_is_undone_and_done_again_on_the_server_at_once(imap: Profile) -> None:
    filled(imap)
    done = changing.archive(imap.ctx, [imap.id("m0"), imap.id("m1")])
    assert len(imap.server.messages(imap.user, "Archive")) == 2
    assert undo(imap).pushed
    assert len(imap.server.messages(imap.user, "Archive")) == 0
    assert len(imap.server.messages(imap.user)) == 3
    assert redo(imap).entry.token == done.undo
    assert len(imap.server.messages(imap.user, "Archive")) == 2
    imap.fetch()
    imap.in_step()


def test_spam_is_undone_with_its_keyword_and_ham_too(imap: Profile) -> None:
    filled(imap)
    before = imap.server.flags(imap.user)
    spam = imap.ctx.store.find_folder("test", "Spam").name
    changing.spam(imap.ctx, [imap.id("m0")])
    assert "$Junk" in next(iter(imap.server.flags(imap.user, spam).values()))
    changing.ham(imap.ctx, [imap.id("m0", "Spam")])
    undo(imap)
    assert next(iter(imap.server.flags(imap.user, spam).values())) >= {"$Junk"}
    undo(imap)
    assert sorted(imap.server.flags(imap.user).values(), key=sorted) == sorted(before.values(), key=sorted)
    imap.fetch()
    imap.in_step()


def test_flags_are_undone_on_the_server_without_those_set_there_since(imap: Profile) -> None:
    filled(imap, 1)
    changing.flag(imap.ctx, [imap.id("m0")], ["+flagged", "+work"])
    (uid,) = imap.server.flags(imap.user)
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", str(uid), "+FLAGS", "(\\Seen)")
    undo(imap)
    imap.fetch()
    assert imap.server.flags(imap.user)[uid] == {SEEN}
    imap.in_step()


def test_a_purge_is_undone_by_uploading_the_same_bytes_with_the_same_flags(imap: Profile) -> None:
    filled(imap)
    gone = imap.id("m1")
    changing.flag(imap.ctx, [gone], ["+flagged", "+work"])
    before, flags = imap.server.messages(imap.user), imap.server.flags(imap.user)
    changing.delete(imap.ctx, [gone], purge=True)
    (uid,) = before.keys() - imap.server.messages(imap.user).keys()
    done = undo(imap)
    assert done.pushed and done.ids == (gone,)
    after = imap.server.messages(imap.user)
    (new,) = after.keys() - before.keys()
    assert after[new] == before[uid]
    assert imap.server.flags(imap.user)[new] == flags[uid]
    assert imap.fetch().new == 0
    imap.in_step()
    redo(imap)
    assert new not in imap.server.messages(imap.user)


def test_a_change_undone_before_any_push_is_never_heard_of(imap: Profile) -> None:
    filled(imap)
    before = imap.server.messages(imap.user), imap.server.flags(imap.user)
    offline = imap.open(offline=True)
    ids = [imap.id("m0"), imap.id("m1")]
    changing.delete(offline, ids)
    changing.delete(offline, [imap.id("m2")], purge=True)
    changing.flag(offline, ids, ["+flagged"])
    changing.copy(offline, ids, "Archive")
    for _ in range(4):
        done = undoing.undo(offline)
        assert done is not None and not done.pushed
    assert not imap.ctx.store.pending("test")
    assert imap.fetch().pushed == 0
    assert (imap.server.messages(imap.user), imap.server.flags(imap.user)) == before
    assert len(imap.server.messages(imap.user, "Archive")) == 0
    imap.in_step()


def test_undoing_while_the_server_is_away_is_queued(imap: Profile) -> None:
    filled(imap)
    changing.archive(imap.ctx, [imap.id("m0")])
    config = imap.directory / "config.toml"
    good = config.read_text()
    config.write_text(good.replace(f"port = {imap.server.imaps}", "port = 1"))
    imap.ctx.reload()
    done = undo(imap)
    assert not done.pushed and "queued for the server" in imap.notices[-1]
    assert subjects(imap) == {"m0", "m1", "m2"}
    config.write_text(good)
    imap.ctx.reload()
    assert imap.fetch().pushed == 1
    assert len(imap.server.messages(imap.user, "Archive")) == 0
    imap.in_step()


def test_undoing_while_a_fetch_runs_is_done_here_and_queued(imap: Profile) -> None:
    filled(imap)
    before = sorted(imap.server.messages(imap.user).values())
    changing.delete(imap.open(offline=True), [imap.id("m0")], purge=True)
    with imap.ctx.store.lock_account("test"):
        done = undo(imap)
    assert not done.pushed and "a fetch is running" in imap.notices[-1]
    assert subjects(imap) == {"m0", "m1", "m2"}
    assert imap.fetch().new == 0
    assert sorted(imap.server.messages(imap.user).values()) == before
    imap.in_step()


def test_a_deleted_folder_comes_back_with_its_mail_on_the_server_too(imap: Profile) -> None:
    filled(imap)
    folders.create(imap.ctx, "Old")
    changing.move(imap.ctx, [imap.id("m0"), imap.id("m1")], "Old")
    bodies = sorted(imap.server.messages(imap.user, "Old").values())
    done = folders.delete(imap.ctx, "Old")
    assert "Old" not in imap.server.doveadm("mailbox", "list", "-u", imap.user).split()
    assert undo(imap, done.undo).pushed
    assert sorted(imap.server.messages(imap.user, "Old").values()) == bodies
    imap.fetch()
    imap.in_step()
    redo(imap)
    assert "Old" not in imap.server.doveadm("mailbox", "list", "-u", imap.user).split()


def test_an_empty_folder_is_created_renamed_and_deleted_and_all_is_undone(imap: Profile) -> None:
    filled(imap, 1)

    def there() -> set[str]:
        return set(imap.server.doveadm("mailbox", "list", "-u", imap.user).split())

    before = there()
    folders.create(imap.ctx, "One")
    folders.subscribe(imap.ctx, "One", wanted=False)
    undo(imap)
    imap.fetch()
    assert imap.ctx.store.folder("test", "One").subscribed
    folders.rename(imap.ctx, "One", "Two")
    folders.delete(imap.ctx, "Two")
    assert there() == before
    undo(imap)
    assert there() == before | {"Two"}
    undo(imap)
    assert there() == before | {"One"}
    undo(imap)
    assert there() == before
    imap.fetch()
    imap.in_step()
    for names in ({"One"}, {"Two"}, set()):
        redo(imap)
        assert there() == before | names
    imap.fetch()
    imap.in_step()


def test_a_folder_is_not_deleted_with_mail_that_was_never_here(imap: Profile) -> None:
    filled(imap, 1)
    folders.create(imap.ctx, "Lists")
    imap.fetch()
    imap.server.append(imap.user, "Lists", message("new"))
    for act in (lambda: undo(imap), lambda: folders.delete(imap.ctx, "Lists")):
        with pytest.raises(
            TryAgain, match=r"Lists is not deleted: .* has more mail in it \(1\) than is here \(0\)"
        ):
            act()
    assert len(imap.server.messages(imap.user, "Lists")) == 1
    imap.fetch()
    assert undo(imap).left == 1
    folders.delete(imap.ctx, "Lists")
    undo(imap)
    assert len(imap.server.messages(imap.user, "Lists")) == 1


def test_what_the_server_lost_is_brought_back_and_uploaded(imap: Profile) -> None:
    filled(imap)
    body = next(iter(imap.server.messages(imap.user).values()))
    with imap.server.connect(imap.user) as session:
        session.select("INBOX")
        session.uid("STORE", "1", "+FLAGS", "(\\Deleted)")
        session.expunge()
    assert imap.fetch().gone == 1
    (entry,) = undoing.log(imap.ctx)
    assert entry.by_sync and entry.kept == 1 and entry.accounts == ("test",)
    assert undoing.undo(imap.ctx) is None
    assert imap.notices[-1] == "nothing to undo"
    undo(imap, entry.token)
    assert body in imap.server.messages(imap.user).values()
    imap.fetch()
    imap.in_step()


def test_what_was_moved_on_the_server_since_is_left(imap: Profile) -> None:
    filled(imap)
    changing.archive(imap.ctx, [imap.id("m0"), imap.id("m1")])
    moved = imap.id("m0", "Archive")
    changing.flag(imap.ctx, [imap.id("m2")], ["+flagged"])
    changing.move(imap.ctx, [moved], "Trash")
    archived = undoing.log(imap.ctx)[2]
    done = undo(imap, archived.token)
    assert (done.left, len(done.ids)) == (1, 1)
    assert done.remark == "1 of 2 had been changed since and was left"
    assert subjects(imap, "Trash") == {"m0"}
    assert FLAGGED in next(r for r in imap.rows() if r.subject == "m2").flags
    imap.fetch()
    imap.in_step()


def test_a_pop3_purge_is_undone_before_the_dele_and_after_it(pop3: Profile) -> None:
    filled(pop3)
    offline = pop3.open(offline=True)
    first = pop3.id("m0")
    wire = pop3.ctx.store.open_bytes(first)
    changing.delete(offline, [first], purge=True)
    undo(pop3)
    pop3.fetch()
    assert len(pop3.server.messages(pop3.user)) == 3
    changing.delete(offline, [first], purge=True)
    pop3.fetch()
    assert len(pop3.server.messages(pop3.user)) == 2
    undo(pop3)
    assert pop3.ctx.store.open_bytes(first) == wire
    assert pop3.fetch().new == 0
    assert subjects(pop3) == {"m0", "m1", "m2"}


def test_a_message_moved_to_another_account_comes_back_to_its_server(imap: Profile) -> None:
    filled(imap, 1)
    user, password = imap.server.user()
    account_toml(imap.directory, imap.server, user, password, name="other")
    imap.ctx.reload()
    assert [r.error for r in fetch(imap.ctx, FetchRequest())] == [None, None]
    changing.move(imap.ctx, [imap.id("m0")], "other:INBOX")
    assert len(imap.server.messages(user)) == 1
    assert len(imap.server.messages(imap.user)) == 0
    undo(imap)
    assert len(imap.server.messages(imap.user)) == 1
    assert len(imap.server.messages(user)) == 0
    redo(imap)
    assert len(imap.server.messages(imap.user)) == 0
    assert len(imap.server.messages(user)) == 1


def test_mail_that_is_nowhere_any_more_is_said_with_66(imap: Profile) -> None:
    filled(imap, 1)
    changing.delete(imap.ctx, [imap.id("m0")], purge=True)
    for file in (imap.directory / "data/recovery").iterdir():
        file.unlink()
    with pytest.raises(NotFound, match="nothing of this is left to bring back: delete 1 message for good"):
        undoing.undo(imap.ctx)
