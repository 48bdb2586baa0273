"""Where configuration, mail and state live (XDG Base Directory Specification)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
        root = profile.expanduser().absolute()
        found = Paths(root / "config.toml", root / "data", root / "state")
    else:
        found = Paths(
            _xdg(environ, "XDG_CONFIG_HOME", ".config") / "config.toml",
            _xdg(environ, "XDG_DATA_HOME", ".local/share"),
            _xdg(environ, "XDG_STATE_HOME", ".local/state"),
        )
    return found if config is None else found._replace(config=config.expanduser().absolute())


def _xdg(environ: Mapping[str, str], name: str, default: str) -> Path:
    value = environ.get(name, "")
    if value.startswith("/"):
        return Path(value) / "mailcli"
    home = environ.get("HOME") or str(Path.home())
    return Path(home) / default / "mailcli"
