"""The configuration file: what it gives, and how precisely it says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mailcli.accounts.config import Config, load, parse
from mailcli.accounts.lines import line_of
from mailcli.accounts.paths import Paths, paths
from mailcli.errors import ConfigError, LocalIOError, NotFound
from mailcli.model.account import (
    Account,
    Endpoint,
    FolderPolicy,
    Pop3Policy,
    Protocol,
    SecretSpec,
    Tls,
)
from mailcli.model.extent import BodyPolicy, Extent

FILE = Path("/home/alice/.config/mailcli/config.toml")
FULL = """
default_account = "home"

[accounts.work]
email = "alice@example.org"
full_name = "Alice Ng"
aliases = ["a.ng@example.org", "*@lists.example.org"]
user = "alice"
password = { command = "pass show work" }
ca_file = "ca.pem"
push = "manual"
save_sent = false

[accounts.work.special]
Trash = "Deleted Items"

[accounts.work.imap]
host = "imap.example.org"
tls = "starttls"
auth = "scram-sha-256"
pin = ["sha256:%s"]
folders = { include = ["*"], exclude = ["Spam"] }
connections = 4
disable = ["compress"]
mode = "full"

[accounts.work.smtp]
host = "smtp.example.org"
user = "a.ng"
password = { keyring = true }

[accounts.home]
email = "alice@home.example"

[accounts.home.pop3]
host = "127.0.0.1"
port = 1100
tls = "none"
delete_after = 14
max_size = 1000000
password = { file = "~/pw" }
""" % ("aB" * 32)


def read(text: str) -> Config:
    return parse(text.encode(), FILE)


def fault(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.exit_code == 78
    assert str(FILE) in caught.value.message
    return caught.value


def account(lines: str) -> str:
    return f'[accounts.a]\nemail = "a@b.test"\n{lines}\n'


def test_a_full_account_is_read_with_its_shared_defaults() -> None:
    assert read(FULL).account("work") == Account(
        name="work",
        email="alice@example.org",
        full_name="Alice Ng",
        aliases=("a.ng@example.org", "*@lists.example.org"),
        incoming=Endpoint(
            Protocol.IMAP,
            "imap.example.org",
            143,
            Tls.STARTTLS,
            "alice",
            "scram-sha-256",
            SecretSpec("command", "pass show work"),
            str(FILE.parent / "ca.pem"),
            ("sha256:" + "aB" * 32,),
            False,
            frozenset({"COMPRESS"}),
            4,
        ),
        sending=Endpoint(
            Protocol.SMTP,
            "smtp.example.org",
            465,
            Tls.IMPLICIT,
            "a.ng",
            "auto",
            SecretSpec("keyring"),
            str(FILE.parent / "ca.pem"),
        ),
        folders=FolderPolicy(("*",), ("Spam",)),
        push="manual",
        save_sent=False,
        special=(("Trash", "Deleted Items"),),
    )


def test_a_pop3_account_says_what_stays_on_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    home = read(FULL).account()
    assert home.name == "home"
    assert home.pop3 == Pop3Policy("days", 14, 1000000)
    assert home.sending is None
    assert home.incoming is not None
    assert home.incoming.user == "alice@home.example"
    assert home.incoming.secret == SecretSpec("file", "/home/alice/pw")


@pytest.mark.parametrize(
    ("tls", "ports"), [("implicit", (993, 465)), ("starttls", (143, 587)), ("none", (143, 587))]
)
def test_the_port_follows_from_the_kind_of_tls(tls: str, ports: tuple[int, int]) -> None:
    made = read(
        account(f'imap = {{ host = "h", tls = "{tls}" }}\nsmtp = {{ host = "h", tls = "{tls}" }}')
    ).account()
    assert made.incoming is not None
    assert made.sending is not None
    assert (made.incoming.port, made.sending.port) == ports


def test_passwords_default_to_the_keyring_but_for_a_plain_relay_and_auth_none() -> None:
    def sending(words: str) -> SecretSpec | None:
        made = read(account(f"smtp = {{ host = 'h', {words} }}")).account().sending
        assert made is not None
        return made.secret

    assert sending("tls = 'implicit'") == SecretSpec("keyring")
    assert sending("tls = 'none'") is None
    assert sending("tls = 'none', user = 'u'") == SecretSpec("keyring")
    assert sending("auth = 'none'") is None


def test_the_first_account_is_the_default_and_a_missing_file_has_none(tmp_path: Path) -> None:
    assert read(account("")).account().name == "a"
    empty = load(tmp_path / "config.toml")
    assert (empty.accounts, empty.default) == ({}, None)
    with pytest.raises(ConfigError) as caught:
        empty.account()
    assert "account add" in caught.value.hint
    with pytest.raises(LocalIOError):
        load(tmp_path)


def test_an_unknown_account_is_not_found_with_the_likely_one() -> None:
    with pytest.raises(NotFound) as caught:
        read(FULL).account("wrok")
    assert caught.value.exit_code == 66
    assert caught.value.hint == "did you mean 'work'?"


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        ("acounts = 1", 1, "unknown key 'acounts'", "did you mean 'accounts'?"),
        (account("emial = 'x'"), 3, "unknown key 'accounts.a.emial'", "did you mean 'email'?"),
        (
            account('\n# note\n[accounts.a.imap]\nhost = "h"\nprot = 993'),
            7,
            "unknown key 'accounts.a.imap.prot'",
            "did you mean 'port'?",
        ),
        (account('[accounts.a.imap]\nhost = "h"\nport = "993"'), 5, "must be a whole number, not a text", ""),
        (account('[accounts.a.imap]\nhost = "h"\nport = true'), 5, "not true or false", ""),
        (account('[accounts.a.imap]\nhost = "h"\nport = 70000'), 5, "70000 is not a port", ""),
        (account('[accounts.a.imap]\nhost = "h"\nport = 0'), 5, "at least 1", ""),
        (
            account('[accounts.a.imap]\nhost = "h"\ntls = "startls"'),
            5,
            "must be one of",
            "did you mean 'starttls'?",
        ),
        (account("[accounts.a.imap]\nport = 1"), 3, "accounts.a.imap has no `host`", ""),
        (account('[accounts.a.imap]\nhost = "https://h/"'), 4, "is not a host name", ""),
        (account('[accounts.a.imap]\nhost = "h"\npin = ["md5:00"]'), 5, "sha256:HEX", ""),
        (account('[accounts.a.imap]\nhost = "h"\nauth = "none"'), 5, "only for smtp", ""),
        (
            account('[accounts.a.imap]\nhost = "h"\nfolders = { exlude = [] }'),
            5,
            "exlude",
            "did you mean 'exclude'?",
        ),
        (account('aliases = "x@y"'), 3, "must be a list of texts, not a text", ""),
        (account("aliases = [1]"), 3, "must be a list of texts, not a list", ""),
        (account('full_name = "a\\nb"'), 3, "control character", ""),
        (account("save_sent = 1"), 3, "must be true or false, not a number", ""),
        (account("special = { Junk = 'x' }"), 3, "unknown key", ""),
        (account("imap = 3"), 3, "must be a table", ""),
        (account('password = "hunter2"'), 3, "does not stand in the configuration", "say where it is"),
        (account("password = { comand = 'x' }"), 3, "comand", "did you mean 'command'?"),
        (account("password = { command = 'x', env = 'y' }"), 3, "must name one of", ""),
        (account("password = { keyring = false }"), 3, "must be true", ""),
        (account("password = { env = '' }"), 3, "not empty", ""),
        (
            account('imap = { host = "h" }\n[accounts.a.pop3]\nhost = "h"'),
            4,
            "both imap and pop3",
            "one incoming",
        ),
        (
            account('[accounts.a.pop3]\nhost = "h"\nleave = "delete"\ndelete_after = 3'),
            6,
            "both `leave` and `delete_after`",
            "",
        ),
        ("[accounts.a]\nfull_name = 'x'", 1, "no `email`", ""),
        ('[accounts.a]\nemail = "a b@c"', 2, "is not an address", ""),
        ('[accounts."a b"]\nemail = "a@c"', 1, "letters, digits", ""),
        ('[accounts.local]\nemail = "a@c"', 1, "reserved", ""),
        ('default_account = "x"\n' + account(""), 1, "there is no account 'x'", ""),
    ],
)
def test_a_fault_names_its_line_and_the_likely_word(text: str, line: int, words: str, hint: str) -> None:
    error = fault(text)
    assert f"line {line}:" in error.message
    assert words in error.message
    assert hint in error.hint


def test_a_password_in_the_file_is_not_repeated_in_the_error() -> None:
    error = fault(account('password = "hunter2"'))
    assert "hunter2" not in error.message + error.hint


def test_invalid_toml_and_invalid_utf_8_name_their_line() -> None:
    assert "line 2: " in fault("[accounts.a]\nemail = alice@b\n").message
    assert (
        "at the end of the file" in fault('[accounts.a]\nemail = "x').message
        or "line 2" in fault('[accounts.a]\nemail = "x').message
    )
    with pytest.raises(ConfigError, match="line 3: the file is not UTF-8"):
        parse(b"a = 1\n\nb = '\xff'\n", FILE)


def test_lines_are_found_in_dotted_and_quoted_keys() -> None:
    text = 'x = 1\naccounts.a.imap.host = "h"\n[accounts."b.c"]\n"email" = "x"\n'
    assert line_of(text, ("accounts", "a", "imap", "host")) == 2
    assert line_of(text, ("accounts", "b.c", "email")) == 4
    assert line_of(text, ("nowhere",)) == 0


def test_a_secret_s_place_is_all_that_an_account_knows() -> None:
    assert "pass show" in repr(read(FULL).account("work"))  # the command, never what it prints


def test_reading_the_configuration_imports_nothing_slow() -> None:
    code = "import sys, mailcli.accounts.config; print([m for m in sys.modules if m in sys.argv])"
    slow = ["tomlkit", "keyring", "ssl", "socket", "dns", "subprocess", "threading", "difflib", "email"]
    out = subprocess.run(
        [sys.executable, "-c", code, *slow], capture_output=True, text=True, check=True
    ).stdout
    assert out == "[]\n"


def test_places_follow_xdg_and_the_profile(tmp_path: Path) -> None:
    home = {"HOME": "/home/alice"}
    base = "/home/alice"
    assert paths(None, None, home) == Paths(
        f"{base}/.config/mailcli/config.toml", f"{base}/.local/share/mailcli", f"{base}/.local/state/mailcli"
    )
    xdg = home | {"XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "relative", "XDG_STATE_HOME": "/s"}
    assert paths(None, None, xdg) == Paths(
        "/c/mailcli/config.toml", f"{base}/.local/share/mailcli", "/s/mailcli"
    )
    profile = Paths(f"{tmp_path}/config.toml", f"{tmp_path}/data", f"{tmp_path}/state")
    assert paths(tmp_path, None, home) == profile
    assert paths(None, None, home | {"MAILCLI_PROFILE": str(tmp_path)}) == profile
    assert paths(tmp_path, Path("/x.toml"), home) == profile._replace(config="/x.toml")


def test_a_place_counts_from_the_current_directory_and_keeps_dots_that_may_cross_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/alice")
    assert paths("./a//b/../c/", None, {}).data == f"{tmp_path}/a/b/../c/data"
    assert paths("~/mail", "x.toml", {})[:2] == (f"{tmp_path}/x.toml", "/home/alice/mail/data")


def partial(lines: str) -> str:
    return f'[accounts.work]\nemail = "a@example.org"\n[accounts.work.imap]\nhost = "h"\n{lines}\n'


def test_an_account_says_how_much_of_its_mail_is_downloaded() -> None:
    said = partial(
        'mode = "headers"\nmax_size = "10M"\nkeep_bodies = false\n'
        '[accounts.work.imap.folder.INBOX]\nmode = "full"\nmax_size = 5000\n'
        '[accounts.work.imap.folder."[Gmail]/*"]\nsince = "3 months"\nolder = "skip"'
    )
    bodies = parse(said.encode(), FILE).accounts["work"].bodies
    assert bodies.usual == Extent("headers", max_size=10 << 20)
    assert bodies.of("Lists/x") == bodies.usual
    assert bodies.of("INBOX") == Extent("full", max_size=5000)
    assert bodies.of("[Gmail]/Sent") == Extent("recent", "3 months", 10 << 20, "skip")
    assert not bodies.keep


def test_without_a_word_everything_is_downloaded() -> None:
    assert parse(partial("").encode(), FILE).accounts["work"].bodies == BodyPolicy()


@pytest.mark.parametrize(
    ("lines", "line", "said", "hint"),
    [
        ('mode = "header"', 5, "imap.mode must be one of full, headers, recent", "'headers'"),
        ('since = "soon"', 5, 'imap.since: "soon" is no date', "90d"),
        ('since = "2999-01-01"', 5, "not in the past", "90d"),
        ('mode = "full"\nsince = "90d"', 6, 'imap.since is for mode = "recent"', ""),
        ('older = "skip"', 5, 'imap.older is for mode = "recent", and mode is "full"', ""),
        ('max_size = "ten"', 5, 'imap.max_size must be a number of octets, or a text such as "10M"', ""),
        ("max_size = 0", 5, "imap.max_size must be at least 1", ""),
        ('[accounts.work.imap.folder."[Gmail]/*"]\nmod = "full"', 6, "unknown key", "'mode'"),
        ('[accounts.work.imap.folder]\nINBOX = "full"', 6, "folder.INBOX must be a table", "PATTERN"),
        ('folder = "INBOX"', 5, "imap.folder must be a table", ""),
        ('[accounts.work.imap.folder."A"]\nmode = "full"\n'
         '[accounts.work.imap.folder."B"]\nsince = "x"', 8, "folder.B.since", "90d"),
    ],
)  # fmt: skip
def test_a_fault_in_what_is_downloaded_is_named(lines: str, line: int, said: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(partial(lines).encode(), FILE)
    assert f"line {line}:" in caught.value.message
    assert said in caught.value.message
    assert hint in caught.value.hint
