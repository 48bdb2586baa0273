"""Where configuration, mail and state are kept."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from mailcli.accounts.paths import paths, user_path
from mailcli.errors import ConfigError


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_a_home_that_names_no_place_is_the_one_the_system_has_noted(environ: dict[str, str]) -> None:
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert paths(None, None, environ).data == f"{home}/.local/share/mailcli"


@pytest.mark.parametrize(("profile", "config"), [("", None), (None, "")])
def test_an_empty_place_is_not_the_usual_one(profile: str | None, config: str | None) -> None:
    """A script's variable that is not set."""
    with pytest.raises(ConfigError, match="is empty") as raised:
        paths(profile, config, {"HOME": "/home/ann"})
    assert raised.value.exit_code == 78
    home = paths(None, None, {"HOME": "/home/ann", "MAILCLI_PROFILE": ""})
    assert home.config.startswith("/home/ann/.config")


def test_a_user_the_system_does_not_know_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number of its own."""
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 7)
    with pytest.raises(ConfigError, match="no home directory") as raised:
        paths(None, None, {})
    assert "--profile DIR" in raised.value.hint


def test_home_directories_are_expanded_where_there_are_such_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert user_path("~/letter.md") == Path("/home/ann/letter.md")
    assert user_path("~there_is_no_such_user/letter.md") == Path("~there_is_no_such_user/letter.md")
    assert user_path("plain/letter.md") == Path("plain/letter.md")
