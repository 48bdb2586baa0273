"""The configuration file: read, checked strictly, and made into accounts.

Every fault is a ConfigError that names the file, the line and, for a misspelt key, the likely one.
Nothing here is slow: `list` reads the configuration at every start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mailcli.accounts import plain
from mailcli.accounts.extents import body_policy
from mailcli.accounts.faults import EDIT, Faults, did_you_mean
from mailcli.accounts.fields import TABLES
from mailcli.accounts.maildrops import pop3_policy
from mailcli.accounts.paths import StrPath, absolute
from mailcli.accounts.servers import Servers
from mailcli.errors import ConfigError, LocalIOError, NotFound
from mailcli.model.account import (
    LOCAL,
    Account,
    Composing,
    FolderPolicy,
    Hooks,
    Protocol,
    SyncPolicy,
)
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

_WATCH_INTERVAL = {"imap": 300, "pop3": 600}  # POP3 signs in anew for every look


class Config(NamedTuple):
    """What the configuration says. `default` is the account used when none is named (None: there
    is no account); `settings` holds the program's own settings, every one with its default."""

    path: str
    accounts: Mapping[str, Account]
    default: str | None
    settings: Mapping[str, Any]

    @property
    def hook_timeout(self) -> float:
        """Seconds that a hook, or the command of `watch --exec`, may take."""
        return float(self.settings.get("hook_timeout", 60))

    @property
    def reader_watches(self) -> bool:
        """Whether new mail appears in the reader by itself."""
        return bool(self.settings.get("reader_watches", True))

    @property
    def reminds(self) -> bool:
        """Whether to warn of a forgotten attachment."""
        return bool(self.settings.get("attachment_reminder", True))

    @property
    def aliases(self) -> Mapping[str, str]:
        """Short names for addresses, and what they stand for."""
        held: Mapping[str, str] = self.settings.get("aliases", {})
        return held

    @property
    def index_attachments(self) -> bool:
        """Whether a fetch reads the text of attachments at its end."""
        return bool(self.settings.get("index_attachments", False))

    @property
    def queries(self) -> Mapping[str, str]:
        """Saved queries by name."""
        held: Mapping[str, str] = self.settings.get("queries", {})
        return held

    @property
    def alias_files(self) -> list[str]:
        """Files of mailx or mutt with more of them."""
        beside = os.path.dirname(self.path)
        return [absolute(name, beside) for name in self.settings.get("alias_files", ())]

    def account(self, name: str | None = None) -> Account:
        """The account of this name, or the default one. Raises NotFound, ConfigError."""
        if name is None:
            if self.default is None:
                raise self.lacking("there is no account yet")
            return self.accounts[self.default]
        found = self.accounts.get(name)
        if found is None:
            hint = did_you_mean(name, self.accounts) or "`mailcli account list` shows the accounts"
            raise NotFound(f"there is no account {name!r}", hint=hint)
        return found

    def lacking(self, message: str) -> ConfigError:
        """The error of a command that finds no account to work with: names the file, since another
        HOME or profile has another."""
        why = "names none" if os.path.exists(self.path) else "does not exist"
        hint = "mailcli account add ADDRESS, or try mailcli demo"
        return ConfigError(f"{message}: {self.path} {why}", hint=hint)


def load(path: StrPath) -> Config:
    """Read and check the file; a missing one is an empty Config.

    Raises ConfigError for a fault in it, LocalIOError if it cannot be read.
    """
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except FileNotFoundError:
        return Config(path, {}, None, {})
    except OSError as error:
        raise LocalIOError(
            f"the configuration {path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    if mode & stat.S_IWOTH:
        # It names commands that are run and servers that are given passwords.
        raise ConfigError(f"anybody may write to the configuration {path}", hint=f"chmod go-w {path}")
    return parse(data, path)


def parse(data: bytes, path: StrPath) -> Config:
    """Check the text of a configuration file; `path` is named in errors. Raises ConfigError."""
    path = os.fspath(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: the file is not UTF-8", hint=EDIT) from error
    read = plain.read(text)
    return _Reader(path, text).config(_tables(text, path) if read is None else read)


def _tables(text: str, path: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        from mailcli.accounts.lines import place_of

        raise ConfigError(f"{path}{place_of(str(error))}", hint=EDIT) from error


def unfit_name(name: str) -> str:
    """Why this cannot be the name of an account ("" if it can)."""
    if name in (LOCAL, "all"):
        return "the name is reserved"
    plain = name.replace(".", "").replace("_", "").replace("-", "")
    if not (plain.isascii() and plain.isalnum() and name[0].isalnum() and len(name) <= 64):
        return "a name is made of letters, digits, . _ and -"
    return ""


def is_address(text: str) -> bool:
    """Whether this may be the bare address of an account: local@domain, nothing around it."""
    local, _, domain = text.partition("@")
    bad = any(c.isspace() or not c.isprintable() or c in '<>,;:"()' for c in text)
    return bool(local and domain) and "@" not in domain and not bad


class _Reader:
    """Turns tables into values."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._faults = Faults(path, text)
        self.fault = self._faults.fault

    def config(self, read: dict[str, Any]) -> Config:
        self._faults.check((), read, TABLES["root"])
        accounts: dict[str, Account] = {}
        for name, table in read.get("accounts", {}).items():
            where = ("accounts", name)
            if not isinstance(table, dict):
                raise self.fault(where, f"accounts.{name} must be a table: [accounts.{name}]")
            why = unfit_name(name)
            if why:
                raise self.fault(where, f"account {name!r}: {why}")
            accounts[name] = self.account(name, table, read)
        default = read.get("default_account")
        if default is None:
            default = next(iter(accounts), None)
        elif default not in accounts:
            hint = did_you_mean(default, accounts)
            raise self.fault(("default_account",), f"default_account: there is no account {default!r}", hint)
        settings = {
            "hook_timeout": read.get("hooks", {}).get("timeout", 60),
            "reader_watches": read.get("reader", {}).get("watch", True),
            "attachment_reminder": read.get("attachment_reminder", True),
            "aliases": read.get("aliases", {}),
            "queries": read.get("queries", {}),
            "index_attachments": read.get("index_attachments", False),
            "alias_files": read.get("alias_files", ("~/.mailrc",)),
        }
        return Config(self.path, accounts, default, settings)

    def account(self, name: str, table: dict[str, Any], root: dict[str, Any]) -> Account:
        at = ("accounts", name)
        self._faults.check(at, table, TABLES["account"])
        if "email" not in table:
            raise self.fault(at, f"accounts.{name} has no `email`")
        email = table["email"]
        if not is_address(email):
            raise self.fault((*at, "email"), f"accounts.{name}.email: {email!r} is not an address")
        if "imap" in table and "pop3" in table:
            raise self.fault(
                (*at, "pop3"),
                f"accounts.{name} has both imap and pop3",
                "one account has one incoming server",
            )
        incoming = sending = None
        servers = Servers(self.path, self.fault)
        for protocol in (Protocol.IMAP, Protocol.POP3):
            if protocol.value in table:
                incoming = servers.endpoint(at, table, protocol)
        if "smtp" in table:
            sending = servers.endpoint(at, table, Protocol.SMTP)
        imap = table.get("imap", {})
        folders = imap.get("folders", {})
        hooks = {**root.get("hooks", {}), **table.get("hooks", {})}
        return Account(
            name=name,
            email=email,
            full_name=table.get("full_name", ""),
            aliases=tuple(table.get("aliases", ())),
            incoming=incoming,
            sending=sending,
            folders=FolderPolicy(
                tuple(folders.get("include", ("*",))),
                tuple(folders.get("exclude", ())),
                folders.get("subscribed", False),
            ),
            sync=SyncPolicy(imap.get("sync", "both"), imap.get("delete", "trash")),
            pop3=pop3_policy((*at, "pop3"), table.get("pop3", {}), self.fault),
            push=table.get("push", "auto"),
            save_sent=table.get("save_sent", True),
            bodies=body_policy((*at, "imap"), table.get("imap", {}), self.fault),
            special=tuple(table.get("special", {}).items()),
            hooks=Hooks(hooks.get("new_mail", ""), hooks.get("after_fetch", "")),
            composing=self.composing(at, table),
            watch_interval=float(
                table.get("watch_interval")
                or root.get("watch_interval")
                or _WATCH_INTERVAL["pop3" if "pop3" in table else "imap"]
            ),
        )

    def composing(self, at: tuple[str, ...], table: dict[str, Any]) -> Composing:
        signature: str | Path = table.get("signature", "")
        if "signature_file" in table:
            if signature:
                fault = f"{'.'.join(at)} has both signature and signature_file"
                raise self.fault((*at, "signature_file"), fault, "keep one of them")
            from pathlib import Path

            signature = Path(absolute(table["signature_file"], os.path.dirname(self.path)))
        return Composing(
            signature,
            table.get("signature_place") == "above",
            table.get("flowed", False),
            tuple(table.get("send_to", ())),
        )
