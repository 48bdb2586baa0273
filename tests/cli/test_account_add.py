"""`account add`: by options, and by questions on a terminal."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailcli.accounts.discovery import Discovery
from mailcli.app import demonstration
from mailcli.cli import run
from mailcli.model.account import Endpoint
from tests.cli.calling import Called, printed, streams

TERMINAL = (True, True, True)
Call = Callable[..., Called]


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[list[str], list[str]]]:
    """Options that name alice's two servers, and bob's."""

    def named(endpoint: Endpoint | None) -> list[str]:
        assert endpoint is not None
        word = f"--{endpoint.protocol.value}"
        return [f"{word}-host", endpoint.host, f"{word}-port", str(endpoint.port), f"{word}-tls", "none"]

    with demonstration.world(time.time()) as world:
        alice, bob = (resident.account for resident in world.accounts)
        yield (
            [*named(alice.incoming), *named(alice.sending), "--user", "alice"],
            [*named(bob.incoming), *named(bob.sending), "--user", "bob"],
        )


@pytest.fixture
def mail(tmp_path: Path) -> Call:
    def calling(
        *argv: str,
        stdin: bytes = b"",
        terminals: tuple[bool, bool, bool] = (False, False, False),
        **environ: str,
    ) -> Called:
        base = {
            "MAILCLI_PROFILE": str(tmp_path / "profile"),
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
        }
        made = streams(stdin, terminals=terminals, environ={**base, "NO_COLOR": "1", **environ})
        code = run.main(["account", *argv], made)
        return Called(code, *printed(made))

    return calling


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.touch(mode=0o600)
    path.write_text("wonderland\n")
    return str(path)


def test_an_account_is_added_by_options_after_its_logins_were_tried(
    mail: Call, servers: tuple[list[str], list[str]], secret: str, tmp_path: Path
) -> None:
    done = mail(
        "add", "alice@valley.example", *servers[0], "--password-file", secret, "--full-name", "Alice Ng"
    )
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "account valley added"
    assert done.out.count("ok ") == 2
    (row,) = json.loads(mail("show", "--json").out)["data"]
    assert (row["name"], row["full_name"], row["default"]) == ("valley", "Alice Ng", True)
    written = (tmp_path / "profile" / "config.toml").read_text()
    assert "wonderland" not in written and secret in written


def test_nothing_is_written_when_a_login_fails_unless_unchecked(
    mail: Call, servers: tuple[list[str], list[str]], secret: str
) -> None:
    Path(secret).write_text("wrong")
    command = ["add", "alice@valley.example", "--name", "home", *servers[0], "--password-file", secret]
    done = mail(*command)
    assert (done.code, done.err.count("\n")) == (77, 1)
    assert mail("list").out == ""
    assert mail(*command, "--no-check").code == 0
    assert mail("list").out.startswith("home\talice@valley.example\tyes\timap://")
    assert mail(*command, "--no-check").code == 78, "the name is taken"


def test_a_password_comes_from_a_command_the_environment_or_stdin(
    mail: Call, servers: tuple[list[str], list[str]]
) -> None:
    bob = ["bob@valley.example", *servers[1]]
    assert mail("add", *bob, "--name", "a", "--password-command", "echo builder").code == 0
    assert mail("add", *bob, "--name", "b", "--password-env", "PW", PW="builder").code == 0
    done = mail("add", *bob, "--name", "c", "--password-stdin", stdin=b"builder\n")
    assert done.code == 0
    assert "kept in" in done.err, "without a keyring it is a file, and that is said"


@pytest.mark.parametrize(
    "options",
    [
        ["--imap-port", "993"],
        ["--imap-host", "a", "--pop3-host", "b"],
        ["--imap-host", "a", "--password-env", "X", "--password-file", "Y"],
        ["--imap-host", "a", "--password-env", "X", "--password-stdin"],
        ["--imap-host", "a", "--password-stdin"],
        ["--imap-host", "a", "--imap-tls", "perhaps"],
        ["--imap-host", "a", "--pop3-leave", "keep"],
        ["--pop3-host", "a", "--pop3-leave", "maybe"],
        ["--pop3-host", "a", "--pop3-leave", "0"],
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(mail: Call, options: list[str]) -> None:
    assert mail("add", "x@valley.example", *options).code == 2


def test_on_a_terminal_what_is_missing_is_asked(
    mail: Call, servers: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def typed(question: str) -> str:
        asked.append(question)
        return "wonderland"

    monkeypatch.setattr("getpass.getpass", typed)
    done = mail("add", "alice@valley.example", *servers[0], stdin=b"Alice\nn\n", terminals=TERMINAL)
    assert done.code == 0
    assert asked == ["Password of alice: "]
    assert "Your name" in done.err and "Fetch its mail now?" in done.err
    assert json.loads(mail("show", "--json").out)["data"][0]["full_name"] == "Alice"


def test_after_a_wrong_password_the_user_and_the_password_are_asked_again(
    mail: Call, servers: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["wrong", "wonderland"]
    monkeypatch.setattr("getpass.getpass", lambda _text: typed.pop(0))
    without_user = servers[0][: servers[0].index("--user")]
    done = mail("add", "alice@valley.example", *without_user, stdin=b"Alice\nalice\nn\n", terminals=TERMINAL)
    assert done.code == 0
    assert "did not accept the credentials" in done.err
    assert "User name [alice@valley.example]: " in done.err
    assert json.loads(mail("show", "--json").out)["data"][0]["incoming"]["user"] == "alice"


def test_an_empty_password_gives_up_and_nothing_is_written(
    mail: Call, servers: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = ["wrong", ""]
    monkeypatch.setattr("getpass.getpass", lambda _text: typed.pop(0))
    done = mail("add", "alice@valley.example", *servers[0], stdin=b"Alice\n", terminals=TERMINAL)
    assert done.code == 77
    assert mail("list").out == ""


def test_servers_that_do_not_answer_are_asked_again(
    mail: Call, servers: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Discovery(())
    monkeypatch.setattr("mailcli.app.accounts.discover", lambda *_words, **_options: nowhere)
    monkeypatch.setattr("getpass.getpass", lambda _text: "wonderland")
    answers = b"Alice\n127.0.0.1:1\n\ny\n127.0.0.1:1\n\nn\n"
    done = mail("add", "alice@valley.example", stdin=answers, terminals=TERMINAL)
    assert done.code == 75
    assert done.err.count("Name other servers?") == 2


def test_the_first_fetch_is_offered(
    mail: Call, servers: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda _text: "wonderland")
    done = mail("add", "alice@valley.example", *servers[0], stdin=b"Alice\ny\n", terminals=TERMINAL)
    assert "valley: 20 new" in done.out


def test_with_no_input_a_terminal_is_asked_nothing(mail: Call, servers: tuple[list[str], list[str]]) -> None:
    done = mail("add", "alice@valley.example", *servers[0], "--no-input", terminals=TERMINAL)
    assert done.code in (77, 78)
    assert "Your name" not in done.err and done.err.count("\n") == 1


def test_an_account_is_removed_with_its_mail(
    mail: Call, servers: tuple[list[str], list[str]], secret: str, tmp_path: Path
) -> None:
    mail("add", "alice@valley.example", *servers[0], "--password-file", secret)
    assert mail("remove", "valley", stdin=b"n\n", terminals=TERMINAL).code == 130
    assert mail("remove", "valley").code == 0
    assert mail("list").out == ""
    assert mail("remove", "valley").code == 66
    assert Path(secret).exists(), "a password file of the user's own stays"


@pytest.mark.parametrize(("word", "line"), [("delete", 'leave = "delete"'), ("14", "delete_after = 14")])
def test_what_pop3_leaves_on_the_server_is_an_option(
    mail: Call, servers: tuple[list[str], list[str]], tmp_path: Path, word: str, line: str
) -> None:
    bob = ["bob@valley.example", *servers[1], "--password-command", "echo builder"]
    assert mail("add", *bob, "--no-check", "--pop3-leave", word).code == 0
    assert line in (tmp_path / "profile" / "config.toml").read_text()


def test_on_a_terminal_it_is_asked_what_pop3_leaves_until_that_is_understood(
    mail: Call, servers: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    bob = ["bob@valley.example", *servers[1], "--password-command", "echo builder", "--full-name", "Bob"]
    done = mail("add", *bob, stdin=b"perhaps\n\nn\n", terminals=TERMINAL)
    assert done.code == 0
    assert done.err.count("delete it after DAYS (a number) [keep]: ") == 2
    assert "'perhaps' is neither keep nor delete nor a number of days" in done.err
    assert 'leave = "keep"' in (tmp_path / "profile" / "config.toml").read_text()
