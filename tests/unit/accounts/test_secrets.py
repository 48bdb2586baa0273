"""Secrets: each kind of place, its failures in plain words, and never a secret in a message."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import pytest
from keyring.backends import fail, null
from keyring.errors import PasswordDeleteError

from mailcli.accounts import secrets as module
from mailcli.accounts.secrets import Secrets
from mailcli.errors import ConfigError, TimedOut
from mailcli.model.account import Account, Endpoint, Password, Protocol, SecretSpec, Tls

ENVIRON = {"PATH": "/usr/bin:/bin", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}


def account(kind: str, value: str = "", protocol: Protocol = Protocol.IMAP) -> tuple[Account, Endpoint]:
    endpoint = Endpoint(protocol, "h", 1, Tls.IMPLICIT, "alice", secret=SecretSpec(kind, value))
    return Account("work", "a@b.c", "", (), endpoint, None), endpoint


def get(kind: str, value: str = "", environ: dict[str, str] | None = None) -> str:
    found = Secrets(ENVIRON if environ is None else environ).get(*account(kind, value))
    assert isinstance(found, Password)
    return found.text


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 9

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        try:
            del self.held[service, username]
        except KeyError:
            raise PasswordDeleteError from None


@pytest.fixture
def ring() -> Iterator[Ring]:
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def test_a_command_gives_its_first_line() -> None:
    assert get("command", "printf 'sécret  \\nlogin: alice\\n'") == "sécret  "


def test_a_command_sees_the_environment_it_was_given_and_no_terminal() -> None:
    assert get("command", 'test -z "$EXTRA" && cat && echo "$PATH"') == "/usr/bin:/bin"


def test_a_failing_command_is_told_by_its_exit_code_and_not_by_its_output() -> None:
    with pytest.raises(ConfigError, match="exit code 3") as caught:
        get("command", "echo hunter2; echo hunter2 >&2; exit 3")
    assert caught.value.exit_code == 78
    assert "hunter2" not in caught.value.message
    assert "accounts.work.imap" in caught.value.message


def test_a_command_that_hangs_is_ended_with_all_it_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_COMMAND_LIMIT", 0.2)
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reading = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(TimedOut, match=r"within 0\.2 seconds"):
        get("command", f"exec 3>{alive}; echo begun >&3; sleep 1000 & sleep 1000")
    os.set_blocking(reading, True)
    with os.fdopen(reading) as pipe:
        assert pipe.read() in ("begun\n", "")  # its end: nobody holds the other any more


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_gives_its_first_line(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pw"
    path.write_text("secret\r\n")
    path.chmod(mode)
    assert get("file", str(path)) == "secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pw"
    path.write_text("secret\n")
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        get("file", str(path))
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_missing_file_an_unset_variable_and_an_empty_secret_are_configuration_errors(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        get("file", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="variable PW is not set"):
        get("env", "PW")
    with pytest.raises(ConfigError, match="empty password"):
        get("command", "true")


def test_a_variable_is_taken_as_it_is() -> None:
    assert get("env", "PW", {"PW": "se cret "}) == "se cret "


def test_a_systemd_credential_is_a_file_of_the_unit(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("secret\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert get("credential", "mail", environ) == "secret"
    with pytest.raises(ConfigError, match="No such file"):
        get("credential", "other", environ)
    with pytest.raises(ConfigError, match="not the name"):
        get("credential", "../mail", environ)
    with pytest.raises(ConfigError, match="CREDENTIALS_DIRECTORY"):
        get("credential", "mail", {})


def test_a_password_that_is_not_text_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = tmp_path / "pw"
    path.write_bytes(b"hunter\xff\n")
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        get("file", str(path))
    assert "hunter\\" not in "".join(traceback.format_exception(caught.value))


def test_a_secret_is_looked_up_once_in_a_run(tmp_path: Path) -> None:
    secrets = Secrets(ENVIRON)
    asked = account("command", f"echo x >> {tmp_path}/log; echo secret")
    for _ in range(3):
        secrets.get(*asked)
    assert (tmp_path / "log").read_text() == "x\n"


def test_the_keyring_holds_one_entry_for_an_account_or_one_for_a_server(ring: Ring) -> None:
    ring.held["mailcli", "work"] = "both"
    ring.held["mailcli", "work/smtp"] = "sending"
    secrets = Secrets(ENVIRON)
    assert secrets.get(*account("keyring")) == Password("both")
    assert secrets.get(*account("keyring", protocol=Protocol.SMTP)) == Password("sending")


def test_a_new_secret_goes_into_the_keyring_and_comes_out_again(ring: Ring, tmp_path: Path) -> None:
    secrets = Secrets(ENVIRON)
    assert secrets.store("work", Password("s"), directory=tmp_path) == SecretSpec("keyring")
    assert secrets.get(*account("keyring")) == Password("s")
    secrets.remove(account("keyring")[0])
    assert ring.held == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_without_a_real_keyring_a_new_secret_goes_into_a_private_file(
    ring: Ring, tmp_path: Path, backend: type[keyring.backend.KeyringBackend]
) -> None:
    keyring.set_keyring(backend())
    spec = Secrets(ENVIRON).store("work/smtp", Password("s"), directory=tmp_path / "secrets")
    path = tmp_path / "secrets" / "work-smtp.password"
    assert spec == SecretSpec("file", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "s\n"
    with pytest.raises(ConfigError) as caught:
        get("keyring")
    for remedy in ("command", "file", "credential"):
        assert remedy in caught.value.hint


def test_under_cron_the_keyring_is_not_even_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # importing it would fail
    with pytest.raises(ConfigError, match="no desktop session"):
        get("keyring", environ={"HOME": "/root"})
    assert "no keyring" in Secrets({}).keyring_fault()


def test_a_keyring_that_never_answers_is_given_up(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEYRING_LIMIT", 0.1)
    released = threading.Event()
    monkeypatch.setattr(ring, "get_password", lambda *_: released.wait())
    with pytest.raises(TimedOut, match="locked"):
        get("keyring")
    released.set()


def test_a_keyring_that_breaks_is_reported_by_kind_only(ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*words: str) -> str:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(ring, "get_password", explode)
    with pytest.raises(ConfigError, match="RuntimeError") as caught:
        get("keyring")
    assert "hunter2" not in caught.value.message


def test_an_empty_keyring_says_so(ring: Ring) -> None:
    with pytest.raises(ConfigError, match="holds no password for work"):
        get("keyring")
    assert Secrets(ENVIRON).keyring_fault() == ""
