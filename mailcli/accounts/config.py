"""The configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mailcli.errors import ConfigError, NotFound
from mailcli.model.account import Account


class Config(NamedTuple):
    """What the configuration says. `default` is the account used when none is named (None: there
    is no account); `settings` holds the program's own settings, every one with its default."""

    path: Path
    accounts: Mapping[str, Account]
    default: str | None
    settings: Mapping[str, Any]

    def account(self, name: str | None = None) -> Account:
        """The account of this name, or the default one. Raises NotFound, ConfigError."""
        if name is None:
            if self.default is None:
                raise ConfigError("there is no account yet", hint="`mailcli account add ADDRESS` makes one")
            return self.accounts[self.default]
        found = self.accounts.get(name)
        if found is None:
            raise NotFound(f"there is no account {name!r}")
        return found


def load(path: Path) -> Config:
    """Read and check the file; a missing one is an empty Config. Raises ConfigError."""
    return Config(path, {}, None, {})
