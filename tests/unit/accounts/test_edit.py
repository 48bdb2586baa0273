"""Changing the configuration: nothing of the user's is lost, nothing unsound is written."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mailcli.accounts import durable, edit
from mailcli.accounts.config import load
from mailcli.accounts.fields import TABLES
from mailcli.accounts.schema import schema
from mailcli.errors import CannotCreate, ConfigError, LocalIOError, NotFound, UsageError

HAND_MADE = """# Alice's mail

default_account = "home" # mostly

[accounts.home]   # the old one
email = "alice@home.example"
  [accounts.home.pop3]
  host = "pop.home.example"   # do not touch
"""
WORK = {
    "email": "alice@example.org",
    "password": {"command": 'pass "show" work'},
    "imap": {"host": "imap.example.org", "tls": "implicit", "folders": {"exclude": ["Spam"]}},
    "smtp": {"host": "smtp.example.org", "port": 2525, "tls": "starttls"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "config.toml"
    made.write_text(HAND_MADE)
    return made


def test_an_account_is_appended_and_all_else_stays_as_it_was(path: Path) -> None:
    edit.add_account(path, "work", WORK)
    text = path.read_text()
    assert text.startswith(HAND_MADE)
    assert '\n\n[accounts.work]\nemail = "alice@example.org"\n' in text
    config = load(path)
    assert config.default == "home"
    work = config.account("work")
    assert work.sending is not None
    assert work.sending.port == 2525
    assert work.folders.exclude == ("Spam",)


def test_the_first_account_makes_the_file_and_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    edit.add_account(path, "work", WORK)
    assert path.read_text().startswith('default_account = "work"\n\n[accounts.work]\n')
    assert load(path).default == "work"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_adding_and_removing_gives_the_file_back(path: Path) -> None:
    edit.add_account(path, "work", WORK)
    edit.remove_account(path, "work")
    assert path.read_text().rstrip("\n") == HAND_MADE.rstrip("\n")


def test_removing_the_default_account_makes_another_the_default(path: Path) -> None:
    edit.add_account(path, "work", WORK)
    edit.remove_account(path, "home")
    assert load(path).default == "work"
    edit.remove_account(path, "work")
    assert load(path).accounts == {}
    assert "# Alice's mail" in path.read_text()
    with pytest.raises(NotFound):
        edit.remove_account(path, "work")


def test_a_name_that_is_taken_is_refused(path: Path) -> None:
    with pytest.raises(ConfigError, match="already"):
        edit.add_account(path, "home", WORK)
    assert path.read_text() == HAND_MADE


@pytest.mark.parametrize(
    ("key", "word", "value"),
    [
        ("accounts.home.pop3.port", "1995", 1995),
        ("accounts.home.full_name", "Alice Ng", "Alice Ng"),
        ("accounts.home.save_sent", "no", False),
        ("accounts.home.aliases", "a@b.c, d@e.f", ["a@b.c", "d@e.f"]),
        ("accounts.home.pop3.password", "command=pass a=b", {"command": "pass a=b"}),
        ("accounts.home.password", "keyring", {"keyring": True}),
        ("accounts.home.special.Trash", "Deleted Items", "Deleted Items"),
        ("accounts.home.smtp.host", "smtp.home.example", "smtp.home.example"),
    ],
)
def test_a_setting_takes_the_meaning_its_key_has(path: Path, key: str, word: str, value: object) -> None:
    edit.set_value(path, key, word)
    assert edit.get_value(path, key) == value
    text = path.read_text()
    assert "# do not touch" in text
    assert "# the old one" in text
    load(path)


def test_a_setting_can_be_removed(path: Path) -> None:
    edit.set_value(path, "accounts.home.full_name", "A")
    edit.set_value(path, "accounts.home.full_name", None)
    with pytest.raises(NotFound):
        edit.get_value(path, "accounts.home.full_name")
    with pytest.raises(NotFound):
        edit.set_value(path, "accounts.home.imap.port", None)


def test_the_default_account_can_be_set_where_it_was_not(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[accounts.a]\nemail = "a@b.c"\n[accounts.b]\nemail = "b@b.c"\n')
    edit.set_value(path, "default_account", "b")
    assert load(path).default == "b"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# about a\n[accounts.a]\n", 'default_account = "a"\n\n# about a\n[accounts.a]\n'),
        ("# mine\n\n[accounts.a]\n", '# mine\n\ndefault_account = "a"\n\n[accounts.a]\n'),
    ],
)
def test_a_new_key_goes_below_the_comment_that_opens_the_file(
    tmp_path: Path, before: str, after: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before + 'email = "a@b.c"\n')
    edit.set_value(path, "default_account", "a")
    assert path.read_text() == after + 'email = "a@b.c"\n'


@pytest.mark.parametrize(
    ("key", "word", "expected"),
    [
        ("accounts.home.pop3.prot", "1", UsageError),
        ("accounts.home.pop3", "x", UsageError),
        ("accounts.home.pop3.port", "many", UsageError),
        ("accounts.home.save_sent", "perhaps", UsageError),
        ("accounts.home.password", "hunter2", UsageError),
        ("not a key", "1", UsageError),
        ("default_account", "nobody", ConfigError),
        ("accounts.home.imap.host", "h", ConfigError),  # beside pop3
        ("accounts.home.pop3.port", "70000", ConfigError),
        ("accounts.home.email", "", ConfigError),
    ],
)
def test_an_unsound_change_is_refused_and_nothing_is_written(
    path: Path, key: str, word: str, expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        edit.set_value(path, key, word)
    assert path.read_text() == HAND_MADE
    assert "hunter2" not in str(caught.value)


def test_a_broken_file_is_reported_and_not_overwritten(path: Path) -> None:
    path.write_text("[accounts\n")
    with pytest.raises(ConfigError, match="line 1"):
        edit.add_account(path, "work", WORK)
    assert path.read_text() == "[accounts\n"


def test_the_old_file_is_kept_as_bak_and_no_temporary_stays(path: Path) -> None:
    edit.set_value(path, "accounts.home.full_name", "A")
    assert (path.parent / "config.toml.bak").read_text() == HAND_MADE
    assert sorted(p.name for p in path.parent.iterdir()) == ["config.toml", "config.toml.bak"]


def test_a_symbolic_link_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    edit.set_value(link, "accounts.home.full_name", "A")
    assert link.is_symlink()
    assert "full_name" in path.read_text()


def test_a_failure_to_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LocalIOError, match="No space left"):
        edit.set_value(path, "accounts.home.full_name", "A")
    assert path.read_text() == HAND_MADE
    assert [p.name for p in path.parent.iterdir()] == ["config.toml"]


def test_a_directory_that_cannot_be_made_is_said(path: Path) -> None:
    with pytest.raises(CannotCreate):
        durable.replace_file(path / "below" / "file", b"")


def test_the_file_is_on_disk_before_it_is_in_place_and_the_directory_after(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.rename

    def note_fsync(descriptor: int) -> None:
        done.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    real = Path.replace

    def note_replace(self: Path, target: Path) -> Path:
        done.append(f"-> {Path(target).name}")
        return real(self, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "replace", note_replace)
    durable.replace_file(path, b"new")
    assert done == ["file", "-> config.toml.bak", "-> config.toml", "directory"]
    assert replace is os.rename


def test_the_schema_describes_every_key() -> None:
    published = schema()
    account = published["properties"]["accounts"]["additionalProperties"]
    for table, fields in (("imap", TABLES["imap"]), ("pop3", TABLES["pop3"]), ("smtp", TABLES["smtp"])):
        assert set(account["properties"][table]["properties"]) == set(fields)
        assert account["properties"][table]["additionalProperties"] is False
    assert all(field.about for fields in TABLES.values() for field in fields.values())
