"""Fixtures of all tests. Servers start when the first test asks for them, one set per process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.support.dovecot import Dovecot
    from tests.support.postfix import Postfix

# No law fails because a machine is slow, and none by the luck of the draw in somebody else's change:
# HYPOTHESIS_PROFILE=exploring draws new examples in each run.
_SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("exploring", **_SLOW)  # type: ignore[arg-type]
settings.register_profile("repeatable", derandomize=True, **_SLOW)  # type: ignore[arg-type]
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """A running Dovecot; see tests/support/dovecot.py. Take a user of your own for each test."""
    from tests.support import daemons
    from tests.support.dovecot import Dovecot

    if not (shutil.which("dovecot") or Path("/usr/sbin/dovecot").exists()):
        pytest.fail("dovecot is not installed: run `make test`, or install dovecot-imapd and -pop3d")
    directory = daemons.work_directory("mc-")
    server = Dovecot(directory)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postfix(dovecot: Dovecot) -> Iterator[Postfix]:
    """A running Postfix in front of `dovecot`; see tests/support/postfix.py."""
    from tests.support import daemons
    from tests.support.postfix import Postfix

    if os.getuid() != 0:
        pytest.skip("Postfix can be started by root only")
    directory = daemons.work_directory("mp-")
    server = Postfix(directory, dovecot)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def mail_user(dovecot: Dovecot) -> tuple[str, str]:
    """(name, password) of a user with an empty mailbox."""
    return dovecot.user()


@pytest.fixture
def account_toml() -> Callable[..., Path]:
    """The function that adds an account to a profile; see tests/support/profiles.py."""
    from tests.support.profiles import account_toml

    return account_toml
