"""Where configuration, mail and state live (XDG Base Directory Specification).

Paths are texts here and wherever every run comes by: pathlib brings urllib and ipaddress along, 6 ms.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailcli.errors import ConfigError
from mailcli.model.record import NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

StrPath = str | os.PathLike[str]


class Paths(NamedTuple):
    """`config` is a file; `data` (mail, database) and `state` (locks, logs) are directories."""

    config: str
    data: str
    state: str


def paths(profile: StrPath | None, config: StrPath | None, environ: Mapping[str, str]) -> Paths:
    """The places for these choices; nothing is created.

    `profile` (`--profile`, else MAILCLI_PROFILE) puts all three under one directory; `config`
    (`--config`) replaces the file alone. Relative XDG values are ignored, as the specification
    says.
    """
    for option, value in (("--profile", profile), ("--config", config)):
        if value == "":  # not the usual one: a script's variable may not be set
            raise ConfigError(f"{option} is empty", hint="is the variable set that it comes from?")
    profile = profile or environ.get("MAILCLI_PROFILE")
    if profile:
        root = absolute(profile)
        found = Paths(f"{root}/config.toml", f"{root}/data", f"{root}/state")
    else:
        found = Paths(
            _xdg(environ, "XDG_CONFIG_HOME", ".config") + "/config.toml",
            _xdg(environ, "XDG_DATA_HOME", ".local/share"),
            _xdg(environ, "XDG_STATE_HOME", ".local/state"),
        )
    return found if config is None else found._replace(config=absolute(config))


def absolute(path: StrPath, beside: str | None = None) -> str:
    """The path from the root, counted from the directory `beside` (the current one); `~` is the home.
    What is written twice or for nothing (`//`, `/./`) is left out; `..` may cross a link, and stays."""
    path = os.path.join(beside or os.getcwd(), os.path.expanduser(path))
    return "/" + "/".join(level for level in path.split("/") if level not in ("", "."))


def _xdg(environ: Mapping[str, str], name: str, default: str) -> str:
    value = environ.get(name, "")
    if value.startswith("/"):
        return absolute(f"{value}/mailcli")
    return absolute(f"{_home(environ)}/{default}/mailcli")


def _home(environ: Mapping[str, str]) -> str:
    """HOME if it names a place (it may be missing, empty or relative), else what the system has noted."""
    home = environ.get("HOME", "")
    if home.startswith("/"):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        raise ConfigError("there is no home directory", hint="set HOME, or give --profile DIR") from None


def user_path(name: StrPath) -> Path:
    """A path as a person writes it: `~` and `~user` are home directories, where there is such a user."""
    from pathlib import Path

    # Path.expanduser raises for an unknown user; a shell takes such words as they are.
    return Path(os.path.expanduser(name))
