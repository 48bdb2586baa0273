"""Where configuration, mail and state live (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mailcli.errors import ConfigError
from mailcli.model.record import NamedTuple


class Paths(NamedTuple):
    """`config` is a file; `data` (mail, database) and `state` (locks, logs) are directories."""

    config: Path
    data: Path
    state: Path


def paths(profile: Path | None, config: Path | None, environ: Mapping[str, str]) -> Paths:
    """The places for these choices; nothing is created.

    `profile` (`--profile`, else MAILCLI_PROFILE) puts all three under one directory; `config`
    (`--config`) replaces the file alone. Relative XDG values are ignored, as the specification
    says.
    """
    if profile is None and environ.get("MAILCLI_PROFILE"):
        profile = Path(environ["MAILCLI_PROFILE"])
    if profile is not None:
        root = user_path(profile).absolute()
        found = Paths(root / "config.toml", root / "data", root / "state")
    else:
        found = Paths(
            _xdg(environ, "XDG_CONFIG_HOME", ".config") / "config.toml",
            _xdg(environ, "XDG_DATA_HOME", ".local/share"),
            _xdg(environ, "XDG_STATE_HOME", ".local/state"),
        )
    return found if config is None else found._replace(config=user_path(config).absolute())


def _xdg(environ: Mapping[str, str], name: str, default: str) -> Path:
    value = environ.get(name, "")
    if value.startswith("/"):
        return Path(value) / "mailcli"
    return Path(_home(environ)) / default / "mailcli"


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


def user_path(name: str | Path) -> Path:
    """A path as a person writes it: `~` and `~user` are home directories, where there is such a user."""
    # Path.expanduser raises for an unknown user; a shell takes such words as they are.
    return Path(os.path.expanduser(name))  # noqa: PTH111
