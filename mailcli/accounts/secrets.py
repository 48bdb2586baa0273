"""Passwords, from where the configuration says they are. The only importer of keyring.

Nothing here ever asks a person: that is for the command line. What a command or a file gives is
used without its last newline. No message holds a secret, or what a password command printed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from mailcli.errors import ConfigError, TimedOut
from mailcli.model.account import Account, BearerToken, Endpoint, Password, Protocol, Secret, SecretSpec

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

T = TypeVar("T")

_COMMAND_LIMIT: Final = 30.0
_KEYRING_LIMIT: Final = 3.0
"""A locked collection whose prompter sits on another display blocks for ever."""

REMEDIES: Final = (
    'configure one of: password = { command = "…" }, password = { file = "…" } (mode 0600),'
    ' password = { credential = "…" } (systemd)'
)
SERVICE: Final = "mailcli"
"""The service under which the keyring holds our entries."""


class Secrets:
    """The secrets of all accounts; each is looked up once in a run.

    `environ` is where `env` and `credential` look, and what a command is given.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._known: dict[tuple[SecretSpec, str], Password] = {}
        self._lock = threading.Lock()

    def get(self, account: Account, endpoint: Endpoint) -> Secret:
        """The secret to sign in with. Raises ConfigError, TimedOut; messages name the account."""
        spec = endpoint.secret
        where = f"accounts.{account.name}.{endpoint.protocol.value}"
        if spec is None:
            raise ConfigError(f"{where} has no password", hint=REMEDIES)
        key = (spec, where if spec.kind == "keyring" else "")
        with self._lock:  # two connections of one account ask once
            if key not in self._known:
                self._known[key] = Password(self._read(spec, where, account, endpoint))
            known = self._known[key]
        # What an OAuth helper gives is a token, where the account says so.
        return BearerToken(known.text) if endpoint.auth in ("oauthbearer", "xoauth2") else known

    def text(self, account: Account, endpoint: Endpoint, spec: SecretSpec, what: str) -> str:
        """Another secret of an endpoint: `what` is its key in the configuration. Errors as `get`."""
        return self._read(
            spec, f"accounts.{account.name}.{endpoint.protocol.value}.{what}", account, endpoint
        )

    def forget(self) -> None:
        """Look everything up afresh from now on."""
        with self._lock:
            self._known.clear()

    def _read(self, spec: SecretSpec, where: str, account: Account, endpoint: Endpoint) -> str:
        if spec.kind == "keyring":
            text = self._from_keyring(spec.value or SERVICE, where, account, endpoint)
        elif spec.kind == "command":
            text = _from_command(spec.value, where, self._environ)
        elif spec.kind == "file":
            text = _from_file(os.path.expanduser(spec.value), where)
        elif spec.kind == "env":
            text = self._from_env(spec.value, where)
        else:
            text = self._from_credential(spec.value, where)
        if not text:
            raise ConfigError(f"{where}: the {spec.kind} gives an empty password", hint=REMEDIES)
        return text

    # -- environment and systemd

    def _from_env(self, name: str, where: str) -> str:
        value = self._environ.get(name)
        if value is None:
            raise ConfigError(f"{where}: the environment variable {name} is not set", hint=REMEDIES)
        return value

    def _from_credential(self, name: str, where: str) -> str:
        directory = self._environ.get("CREDENTIALS_DIRECTORY")
        if not directory:
            raise ConfigError(
                f"{where}: there is no systemd credential {name} (CREDENTIALS_DIRECTORY is not set)",
                hint="run it as a systemd service with LoadCredential= or LoadCredentialEncrypted=",
            )
        if "/" in name or name in (".", ".."):
            raise ConfigError(f"{where}: {name!r} is not the name of a systemd credential")
        try:
            with open(f"{directory}/{name}", "rb") as file:
                return _text(file.read(), where)
        except OSError as error:
            raise ConfigError(f"{where}: the systemd credential {name}: {error.strerror}") from error

    # -- the keyring

    def _from_keyring(self, service: str, where: str, account: Account, endpoint: Endpoint) -> str:
        """The entry of this server, else the one of the whole account."""

        def look(ring: KeyringBackend) -> str | None:
            own = ring.get_password(service, f"{account.name}/{endpoint.protocol.value}")
            return own or ring.get_password(service, account.name)

        found = self._in_keyring(look, where)
        if found is None:
            raise ConfigError(f"{where}: the keyring holds no password for {account.name}", hint=REMEDIES)
        return found

    def keyring_fault(self) -> str:
        """Why the desktop's keyring cannot be used; "" if it can."""
        try:
            self._in_keyring(lambda ring: None, "keyring")
        except (ConfigError, TimedOut) as error:
            return error.message
        return ""

    def store(self, entry: str, secret: Password, *, directory: Path) -> SecretSpec:
        """Keep a new secret: in the keyring where a real one works, else in a 0600 file under
        `directory`; the spec to configure says which.

        `entry` is the account's name, or NAME/smtp for a password that differs from the
        account's. Raises CannotCreate, LocalIOError.
        """
        self.forget()
        try:
            self._in_keyring(lambda ring: ring.set_password(SERVICE, entry, secret.text), "keyring")
        except (ConfigError, TimedOut):
            from mailcli.accounts.durable import replace_file

            path = directory / (entry.replace("/", "-") + ".password")
            replace_file(path, secret.text.encode("utf-8") + b"\n", backup=False)
            return SecretSpec("file", str(path))
        return SecretSpec("keyring")

    def remove(self, account: Account) -> None:
        """Forget our keyring entries of this account, if there are any. Never raises for a
        keyring that does not work."""
        specs = [e.secret for e in (account.incoming, account.sending) if e is not None]
        if any(spec is not None and spec == SecretSpec("keyring") for spec in specs):
            with contextlib.suppress(ConfigError, TimedOut):
                self._in_keyring(lambda ring: _delete(ring, account.name), "keyring")

    def _in_keyring(self, use: Callable[[KeyringBackend], T], where: str) -> T:
        """Run `use` on a real backend within three seconds. Raises ConfigError, TimedOut."""
        if not self._may_have_keyring():
            raise ConfigError(f"{where}: there is no keyring here (no desktop session)", hint=REMEDIES)
        outcome: list[T] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                outcome.append(use(_backend(where)))
            except BaseException as error:  # of a backend we know nothing about
                failure.append(error)

        worker = threading.Thread(target=run, name="keyring", daemon=True)
        worker.start()
        worker.join(_KEYRING_LIMIT)
        if failure:
            if isinstance(failure[0], ConfigError):
                raise failure[0]
            kind = type(failure[0]).__name__
            raise ConfigError(f"{where}: the keyring failed ({kind})", hint=REMEDIES) from failure[0]
        if not outcome:
            raise TimedOut(
                f"{where}: the keyring did not answer within {_KEYRING_LIMIT:g} seconds (is it locked?)",
                hint=f"unlock it; or {REMEDIES}",
            )
        return outcome[0]

    def _may_have_keyring(self) -> bool:
        """Whether looking is worth the import (60-107 ms), and cannot wait on a bus in vain."""
        return (
            sys.platform == "darwin"
            or bool(self._environ.get("DBUS_SESSION_BUS_ADDRESS"))
            or bool(self._environ.get("PYTHON_KEYRING_BACKEND"))
        )


def _backend(where: str) -> KeyringBackend:
    import keyring
    from keyring.backends import chainer, fail, null

    ring = keyring.get_keyring()
    if isinstance(ring, chainer.ChainerBackend) and not list(ring.backends):
        ring = fail.Keyring()  # type: ignore[no-untyped-call]
    if isinstance(ring, fail.Keyring | null.Keyring):
        raise ConfigError(f"{where}: there is no keyring that works here", hint=REMEDIES)
    return ring


def _delete(ring: KeyringBackend, name: str) -> None:
    from keyring.errors import PasswordDeleteError

    for entry in (name, *(f"{name}/{protocol.value}" for protocol in Protocol)):
        with contextlib.suppress(PasswordDeleteError):
            ring.delete_password(SERVICE, entry)


def _from_command(command: str, where: str, environ: Mapping[str, str]) -> str:
    import signal
    import subprocess

    # A shell line of the user's own, as git and ssh take them. It gets a process group, so that
    # what it has started ends with it.
    with subprocess.Popen(  # noqa: S603
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=dict(environ),
        process_group=0,
    ) as process:
        try:
            out, _ = process.communicate(timeout=_COMMAND_LIMIT)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(
                f"{where}: the password command did not end within {_COMMAND_LIMIT:g} seconds",
                hint=f"run it by hand: {command}",
            ) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    if process.returncode != 0:
        raise ConfigError(
            f"{where}: the password command failed with exit code {process.returncode}",
            hint=f"run it by hand: {command}",
        )
    return _text(out, where)


def _from_file(path: str, where: str) -> str:
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise ConfigError(
                    f"{where}: others may read the password file {path} (mode {mode & 0o777:04o})",
                    hint=f"chmod 600 {path}",
                )
            return _text(file.read(64 * 1024), where)
    except OSError as error:
        raise ConfigError(
            f"{where}: the password file {path} cannot be read: {error.strerror}",
            hint="check its path and its permissions",
        ) from error


def _text(data: bytes, where: str) -> str:
    """The first line, as text."""
    try:
        return data.split(b"\n", 1)[0].removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: the password is not UTF-8") from None  # the cause would show it
